/* runner.c -- calling cleanups and finalizers, never inside an allocation.
 *
 * A cycle makes hooks ready. They are called by a thread of the library, that
 * is started when the first are needed, or by whoever calls
 * gcx_run_finalizers. Either takes a batch at a time, so that the lock costs
 * nothing; two may work at once. A batch is an array: a list would make each
 * call wait for the hook before.
 *
 * U1  What a thread has taken hangs on its record, not on its stack: a callback
 *     that leaves by longjmp or by an exception loses only itself. The rest is
 *     called by the thread's next run, or handed back when the thread ends.
 * U2  Before a callback is called its hook is empty; object and argument are on
 *     the caller's stack.
 *
 * Rejected: to join the thread at exit. A callback may wait for something that
 * the exiting thread holds.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/runner.h"

#include <pthread.h>

#include "gc/gc.h"
#include "gc/own_thread.h"
#include "os/futex.h"

static struct {
    uint32_t is_running;       /* 1: the thread exists */
    uint32_t seq;              /* futex: moves when hooks have become ready */
    void (*notify)(void *arg); /* heap lock to set */
    void *notify_arg;
} runner;

/* ---- Calling ---- */

/* Hooks that this thread may call; false if there are none. */
static bool take_some(struct gcxi_mutator *self)
{
    gcxi_critical_enter(&self->suspend);
    gcxi_lock(&gcxi_side_lock);
    gcxi_hooks_take_locked(&self->hooks);
    gcxi_unlock(&gcxi_side_lock);
    gcxi_critical_leave(&self->suspend);
    return self->hooks.count != 0;
}

/* U1, U2. */
static void call_next(struct gcxi_hook_batch *batch)
{
    struct gcxi_hook *hook = batch->hooks[batch->called++];
    struct gcxi_hook due = *hook;
    gcxi_hook_clear(hook);
    if (gcxi_hook_type(&due) == GCXI_HOOK_FINALIZER)
        due.finalizer((void *)gcxi_hook_object(&due), due.arg);
    else
        due.cleanup(due.arg);
}

/* A callback may do the same: what is taken changes under the caller. */
size_t gcxi_runner_run(void)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    size_t called = 0;
    do
        for (; self->hooks.called < self->hooks.count; called++)
            call_next(&self->hooks);
    while (take_some(self));
    return called;
}

/* ---- The library's thread ---- */

/* A callback may end the thread. */
static void thread_ended(void *arg)
{
    (void)arg;
    gcxi_store_release(&runner.is_running, 0);
}

static void *thread_main(void *arg)
{
    (void)arg;
    pthread_cleanup_push(thread_ended, NULL);
    struct gcxi_mutator *self = gcxi_own_thread_begin(false);
    while (self != NULL) {
        uint32_t seq = gcxi_load_acquire(&runner.seq);
        if (gcxi_runner_run() == 0)
            gcxi_own_thread_wait(self, &runner.seq, seq, 0);
    }
    pthread_cleanup_pop(1);
    return NULL;
}

void gcxi_runner_start_thread(void)
{
    if (gcxi_load_relaxed(&gcxi_hooks.used) == 0 || gcxi_gc.settings.runs_on_demand ||
        gcxi_load_relaxed(&runner.is_running) != 0 ||
        gcxi_exchange_acq_rel(&runner.is_running, 1) != 0)
        return;
    if (gcxi_own_thread_create(thread_main, NULL) != 0)
        gcxi_store_release(&runner.is_running, 0);
}

void gcxi_runner_wake(void)
{
    if (gcxi_load_relaxed(&gcxi_hooks.ready_count) == 0)
        return;
    gcxi_add_acq_rel(&runner.seq, 1);
    gcxi_futex_wake(&runner.seq, 1);
    if (runner.notify != NULL)
        runner.notify(runner.notify_arg);
}

void gcxi_runner_set_notifier(void (*notify)(void *arg), void *arg)
{
    runner.notify_arg = arg;
    runner.notify = notify;
}

void gcxi_runner_reset_after_fork(void)
{
    runner.is_running = 0;
}
