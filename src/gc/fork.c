/* fork.c -- see fork.h.
 *
 * The parent takes the heap lock around fork, so the child never inherits a
 * heap in the middle of a change, and the lock before it, so that no cycle is
 * inside the dynamic loader, whose lock the C library does not give back in a
 * child. (One that forks while another thread is in dlopen cannot collect in
 * the child.) The child drops the threads it does not have,
 * mark workers among them, and replaces page tracking, which the kernel does
 * not hand on.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/fork.h"

#include <pthread.h>

#include "gc/check.h"
#include "gc/concurrent.h"
#include "gc/keeper.h"
#include "gc/mutator.h"
#include "gc/remember.h"
#include "gc/retained.h"
#include "gc/runner.h"
#include "gc/scope_report.h"
#include "gc/tracked.h"
#include "gc/waits.h"
#include "heap/meta.h"
#include "heap/side.h"
#include "heap/space.h"
#include "trace/hook.h"
#include "trace/workers.h"

static void before_fork(void)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (self == NULL) {
        gcxi_lock(&gcxi_loader_lock);
        gcxi_lock(&gcxi_heap_lock);
        gcxi_lock(&gcxi_side_lock);
        return;
    }
    gcxi_critical_enter(&self->suspend);
    gcxi_mutator_lock_for_fork(self);
    gcxi_lock(&gcxi_side_lock);
}

static void after_fork_in_parent(void)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    gcxi_unlock(&gcxi_side_lock);
    gcxi_unlock(&gcxi_heap_lock);
    gcxi_unlock(&gcxi_loader_lock);
    if (self != NULL)
        gcxi_critical_leave(&self->suspend);
}

static void after_fork_in_child(void)
{
    gcxi_lock_reset_after_fork(&gcxi_heap_lock);
    gcxi_lock_reset_after_fork(&gcxi_loader_lock);
    gcxi_meta_reset_after_fork();
    gcxi_side_reset_after_fork();
    gcxi_workers_reset_after_fork();
    gcxi_mutators_reset_after_fork();
    gcxi_leaks_reset_after_fork();
    gcxi_retained_reset_after_fork();
    gcxi_scope_report_reset_after_fork();
    gcxi_hooks_reset_after_fork();
    gcxi_runner_reset_after_fork();
    gcxi_keeper_reset_after_fork();
    gcxi_concurrent_reset_after_fork();
    gcxi_remember_reset_after_fork();
    gcxi_tracked_reset_after_fork();
    gcxi_check_reset_after_fork();
}

void gcxi_fork_init(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}
