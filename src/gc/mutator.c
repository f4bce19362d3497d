/* mutator.c -- registering threads, stopping them, scanning their stacks.
 *
 * A thread registers with its first allocation, or at creation where thread
 * creation passes through the library; a destructor of thread-specific data
 * unregisters it, as late as the C library allows, because destructors of
 * other libraries may still allocate. A thread that vanishes without one is
 * noticed when it cannot be signalled.
 *
 * T1  A registered thread's record is on the list from before it can hold an
 *     object until after it has handed its blocks back.
 * T2  While the world is stopped no mutator but the collecting one is RUNNING,
 *     and none can register, since both need the heap lock.
 *
 * Locking: the heap lock for the list and the totals.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/mutator.h"

#include <errno.h>
#include <pthread.h>

#include "base/delay.h"
#include "heap/kind.h"
#include "heap/meta.h"
#include "heap/space.h"
#include "os/module.h"
#include "os/stack.h"

__thread struct gcx_detail_runs gcx_detail_runs __attribute__((tls_model("initial-exec")));

/* Destructors run in rounds, at most PTHREAD_DESTRUCTOR_ITERATIONS of them:
 * ours waits until the last but one. */
#define EXIT_ROUNDS 3

static __thread int exit_rounds __attribute__((tls_model("initial-exec")));
static pthread_key_t exit_key;

static struct {
    struct gcxi_mutator *first;
    struct gcxi_handoff handoffs; /* ring */
    uint64_t threads;
    uint64_t past_alloc_bytes; /* of threads that have gone */
    uint64_t past_alloc_slots;
} mutators = {.handoffs = {&mutators.handoffs, &mutators.handoffs, NULL, NULL}};

/* ---- Registration ---- */

static void exit_destructor(void *value)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (self == NULL)
        return;
    if (++exit_rounds < EXIT_ROUNDS)
        pthread_setspecific(exit_key, value);
    else
        gcxi_mutator_unregister(self);
}

int gcxi_mutator_init(void)
{
    return pthread_key_create(&exit_key, exit_destructor);
}

struct gcxi_mutator *gcxi_mutator_register(void)
{
    uintptr_t lo, hi;
    struct gcxi_mutator *self = gcxi_meta_alloc(sizeof *self);
    if (self == NULL || gcxi_stack_bounds(&lo, &hi) != 0) {
        if (self != NULL)
            gcxi_meta_free(self, sizeof *self);
        errno = ENOMEM;
        return NULL;
    }
    self->local.fast = &gcx_detail_runs;
    self->thread_pointer = gcxi_module_thread_pointer();
    pthread_setspecific(exit_key, self);
    gcxi_lock(&gcxi_heap_lock);
    gcxi_suspend_attach(&self->suspend, lo, hi);
    gcxi_stacks_attach(&self->stacks, lo, hi);
    self->next = mutators.first;
    mutators.first = self;
    gcxi_add_relaxed(&mutators.threads, 1);
    gcxi_unlock(&gcxi_heap_lock);
    return self;
}

/* Takes the record off the list. Heap lock. */
static void mutator_forget(struct gcxi_mutator *mutator)
{
    struct gcxi_mutator **link = &mutators.first;
    while (*link != mutator)
        link = &(*link)->next;
    *link = mutator->next;
    gcxi_stacks_detach(&mutator->stacks);
    uint64_t unused_bytes = 0, unused_slots = 0;
    gcxi_local_unused(&mutator->local, &unused_bytes, &unused_slots);
    mutators.past_alloc_bytes += mutator->local.alloc_bytes - unused_bytes;
    mutators.past_alloc_slots += mutator->local.alloc_slots - unused_slots;
    gcxi_scopes_fini(&mutator->scopes);
    gcxi_sub_relaxed(&mutators.threads, 1);
}

/* A thread that ends inside a callback may have taken others as well. */
static void mutator_return_hooks(struct gcxi_mutator *self)
{
    gcxi_lock(&gcxi_side_lock);
    gcxi_hooks_return_locked(&self->hooks);
    gcxi_unlock(&gcxi_side_lock);
}

void gcxi_mutator_unregister(struct gcxi_mutator *self)
{
    gcxi_critical_enter(&self->suspend);
    mutator_return_hooks(self);
    gcxi_mutator_lock_heap(self);
    mutator_forget(self);
    gcxi_local_retire(&self->local);
    gcxi_suspend_detach();
    gcxi_unlock(&gcxi_heap_lock);
    pthread_setspecific(exit_key, NULL);
    gcxi_meta_free(self, sizeof *self);
}

void gcxi_mutator_set_own_stack(struct gcxi_mutator *self, uintptr_t lo, uintptr_t hi)
{
    self->suspend.stack_lo = self->stacks.own.lo = lo;
    self->suspend.stack_hi = self->stacks.own.hi = hi;
}

/* ---- The heap lock ---- */

struct gcxi_lock gcxi_loader_lock = GCXI_LOCK_INIT(GCXI_RANK_LOADER);

/* Whoever gets the lock is not being stopped: a stop is asked for under it. */
static void wait_for_heap(uintptr_t sp, void *arg)
{
    struct gcxi_mutator *self = arg;
    gcxi_suspend_block(&self->suspend, sp);
    gcxi_lock(&gcxi_heap_lock);
    gcxi_suspend_unblock_collector(&self->suspend);
}

void gcxi_mutator_lock_heap(struct gcxi_mutator *self)
{
    GCXI_ASSERT(self->suspend.critical != 0);
    if (gcxi_lock_try(&gcxi_heap_lock))
        return;
    gcxi_stack_with_registers(wait_for_heap, self);
}

static void wait_for_both(uintptr_t sp, void *arg)
{
    struct gcxi_mutator *self = arg;
    gcxi_suspend_block(&self->suspend, sp);
    gcxi_lock(&gcxi_loader_lock);
    gcxi_lock(&gcxi_heap_lock);
    gcxi_suspend_unblock_collector(&self->suspend);
}

void gcxi_mutator_lock_for_fork(struct gcxi_mutator *self)
{
    GCXI_ASSERT(self->suspend.critical != 0);
    gcxi_stack_with_registers(wait_for_both, self);
}

void gcxi_mutator_unlock_heap(void)
{
    gcxi_unlock(&gcxi_heap_lock);
}

/* ---- Stopping ---- */

/* A thread that ended without its destructor: its runs lie in memory that is
 * gone, so the blocks are given up as they are. */
static void mutator_bury(struct gcxi_mutator *dead)
{
    gcxi_report("thread %d ended without unregistering", dead->suspend.tid);
    for (unsigned kind = 0; kind < gcxi_kind_count; kind++)
        for (unsigned i = 0; dead->local.lanes[kind] != NULL && i < GCXI_CLASSES; i++)
            dead->local.lanes[kind][i].run = &dead->local.lanes[kind][i].own_run;
    mutator_forget(dead);
    gcxi_local_retire(&dead->local);
}

/* Once for each thread, and each time it is found anew. */
static void report_refusal(struct gcxi_mutator *m)
{
    char name[GCXI_THREAD_NAME_BYTES];
    gcxi_suspend_name(m->suspend.tid, name);
    if (!m->is_reported)
        gcxi_report("thread %d (%s) blocks signal %d, so nothing can be collected until it "
                    "unblocks it: see gcx_blocking_begin and docs/guide-linking.md",
                    m->suspend.tid, name, gcxi_suspend_signal());
    m->is_reported = true;
}

bool gcxi_mutators_stop(struct gcxi_mutator *self)
{
    bool have_stopped = true;
    for (struct gcxi_mutator *m = mutators.first; m != NULL; m = m->next) {
        m->is_stopped = m != self && gcxi_suspend_request(&m->suspend);
        gcxi_delay(GCXI_EDGE_STOP);
    }
    for (struct gcxi_mutator *m = mutators.first, *next; m != NULL && have_stopped; m = next) {
        next = m->next;
        if (m == self)
            continue;
        enum gcxi_suspend_result result =
            m->is_stopped ? gcxi_suspend_await(&m->suspend) : GCXI_SUSPEND_GONE;
        have_stopped = result != GCXI_SUSPEND_REFUSED;
        if (result == GCXI_SUSPEND_GONE)
            mutator_bury(m);
        else if (result == GCXI_SUSPEND_REFUSED)
            report_refusal(m);
        else
            m->is_reported = false;
    }
    return have_stopped;
}

void gcxi_mutators_start(struct gcxi_mutator *self)
{
    for (struct gcxi_mutator *m = mutators.first; m != NULL; m = m->next)
        if (m != self) {
            gcxi_suspend_release(&m->suspend);
            gcxi_delay(GCXI_EDGE_START);
        }
}

unsigned gcxi_mutators_flush_stw(void)
{
    unsigned count = 0;
    for (struct gcxi_mutator *m = mutators.first; m != NULL; m = m->next) {
        count += m->local.alloc_bytes != m->flushed_bytes;
        m->flushed_bytes = m->local.alloc_bytes;
        gcxi_local_flush_stw(&m->local);
    }
    for (struct gcxi_mutator *m = mutators.first; m != NULL; m = m->next)
        m->scopes.voids++;
    return count;
}

void gcxi_mutators_restart_stw(void)
{
    for (struct gcxi_mutator *m = mutators.first; m != NULL; m = m->next)
        gcxi_local_restart_stw(&m->local);
}

struct gcxi_mutator *gcxi_mutators_next(const struct gcxi_mutator *mutator)
{
    return mutator != NULL ? mutator->next : mutators.first;
}

/* ---- Roots ---- */

/* P1: registers, stacks, thread-local storage. On an alternate signal stack the
 * place where the ordinary one was left is not known. False as of
 * gcxi_stacks_visit_thread_stw. */
bool gcxi_mutator_visit_stw(struct gcxi_mutator *mutator, gcxi_stack_visitor *visit, void *arg)
{
    const struct gcxi_suspend *s = &mutator->suspend;
    uintptr_t sp = s->sp;
    if (s->alt_hi != 0) {
        visit(sp, s->alt_hi, arg);
        sp = 0;
    }
    bool is_known = gcxi_stacks_visit_thread_stw(&mutator->stacks, sp, visit, arg);
    visit((uintptr_t)s->saved, (uintptr_t)s->saved + s->saved_bytes, arg);
    gcxi_module_thread_storage(mutator->thread_pointer, visit, arg);
    return is_known;
}

static bool is_put_off(const struct gcxi_mutator *mutator)
{
    return mutator->stacks.current->waits.is_put_off;
}

void gcxi_mutators_visit_stw(gcxi_stack_visitor *visit, void *arg, bool with_callbacks)
{
    for (struct gcxi_mutator *m = mutators.first; m != NULL; m = m->next)
        if (!is_put_off(m) && !gcxi_mutator_visit_stw(m, visit, arg))
            visit((uintptr_t)&m->suspend.sp, (uintptr_t)(&m->suspend.sp + 1), arg);
    gcxi_stacks_visit_suspended_stw(visit, arg, with_callbacks);
    for (const struct gcxi_handoff *h = mutators.handoffs.next; h != &mutators.handoffs;
         h = h->next)
        visit((uintptr_t)&h->arg, (uintptr_t)(&h->arg + 1), arg);
}

struct mark_context {
    struct gcxi_marker *m;
    const struct gcxi_mutator *mutator;
};

/* A range of stack or thread-local storage, which on most systems is the top
 * of the stack: all of it but the thread's runs, whose ends are addresses of
 * whatever object comes next and would keep it alive. */
static void mark_thread_range(uintptr_t lo, uintptr_t hi, void *arg)
{
    const struct mark_context *context = arg;
    uintptr_t hole_lo = (uintptr_t)context->mutator->local.fast;
    uintptr_t hole_hi = hole_lo + sizeof *context->mutator->local.fast;
    if (hole_lo < hi && hole_hi > lo) {
        gcxi_mark_stack_range(context->m, lo, hole_lo);
        lo = hole_hi;
    }
    gcxi_mark_stack_range(context->m, lo, hi);
}

static void report_lost(struct gcxi_mutator *mutator)
{
    if (!mutator->is_lost)
        gcxi_report("thread %d runs on a stack that it did not announce: "
                    "see gcx_stack_register and gcx_stack_switch",
                    mutator->suspend.tid);
    mutator->is_lost = true;
}

void gcxi_mutator_mark_stw(struct gcxi_marker *m, struct gcxi_mutator *mutator)
{
    struct mark_context context = {m, mutator};
    if (!gcxi_mutator_visit_stw(mutator, mark_thread_range, &context))
        report_lost(mutator);
}

/* Of the mutator after the one that has t; of the first for NULL. */
static struct gcxi_thread_stacks *next_stacks(struct gcxi_thread_stacks *t)
{
    struct gcxi_mutator *m = mutators.first;
    if (t != NULL)
        m = ((struct gcxi_mutator *)(void *)((char *)t - offsetof(struct gcxi_mutator, stacks)))
                ->next;
    return m != NULL ? &m->stacks : NULL;
}

void gcxi_mutators_mark_stw(struct gcxi_marker *m, bool is_minor)
{
    for (struct gcxi_mutator *mutator = mutators.first; mutator != NULL; mutator = mutator->next)
        if (!mutator->holds_nothing && !is_put_off(mutator))
            gcxi_mutator_mark_stw(m, mutator);
    gcxi_stacks_mark_stw(m, is_minor, next_stacks);
    for (const struct gcxi_handoff *h = mutators.handoffs.next; h != &mutators.handoffs;
         h = h->next)
        gcxi_mark_stack_range(m, (uintptr_t)&h->arg, (uintptr_t)(&h->arg + 1));
}

/* ---- Handing over ---- */

struct gcxi_handoff *gcxi_handoff_create(void *(*start)(void *), void *arg)
{
    struct gcxi_handoff *handoff = gcxi_meta_alloc(sizeof *handoff);
    if (handoff == NULL)
        return NULL;
    handoff->start = start;
    handoff->arg = arg;
    handoff->next = mutators.handoffs.next;
    handoff->prev = &mutators.handoffs;
    handoff->next->prev = handoff;
    mutators.handoffs.next = handoff;
    return handoff;
}

void gcxi_handoff_drop(struct gcxi_handoff *handoff)
{
    handoff->prev->next = handoff->next;
    handoff->next->prev = handoff->prev;
    gcxi_meta_free(handoff, sizeof *handoff);
}

/* ---- Counting ---- */

unsigned gcxi_mutators_of_program_stw(void)
{
    unsigned threads = 0;
    for (const struct gcxi_mutator *m = mutators.first; m != NULL; m = m->next)
        threads += !m->is_own;
    return threads;
}

void gcxi_mutators_count(uint64_t *alloc_bytes, uint64_t *alloc_slots, uint64_t *threads)
{
    uint64_t unused_bytes = 0, unused_slots = 0;
    *alloc_bytes = mutators.past_alloc_bytes;
    *alloc_slots = mutators.past_alloc_slots;
    *threads = gcxi_load_relaxed(&mutators.threads);
    for (const struct gcxi_mutator *m = mutators.first; m != NULL; m = m->next) {
        *alloc_slots += gcxi_load_acquire(&m->local.alloc_slots); /* lane_next_run */
        *alloc_bytes += gcxi_load_relaxed(&m->local.alloc_bytes);
        gcxi_local_unused(&m->local, &unused_bytes, &unused_slots);
    }
    *alloc_bytes -= unused_bytes;
    *alloc_slots -= unused_slots;
}

void gcxi_mutators_reset_after_fork(void)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    for (struct gcxi_mutator *m = mutators.first, *next; m != NULL; m = next) {
        next = m->next;
        if (m != self) {
            m->suspend.requested = 0;
            mutator_forget(m);
            gcxi_local_retire(&m->local);
        }
    }
    if (self == NULL)
        return;
    self->hooks.called = self->hooks.count = 0;
    gcxi_suspend_reset_after_fork(&self->suspend);
}
