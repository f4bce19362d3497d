/* waits.c -- which threads and suspended stacks wait for what cannot come.
 *
 *            no root: put off
 *   WAITING -----------------> an object of its wait is reached ------> marked
 *      ^                 '---> a word leads to its frames ------------> marked
 *      '-- ordinary cycles     neither, when nothing changes: LEAKED -> noted, marked
 *
 * A wait names the objects that alone can end it. If nothing that runs, or may yet
 * run, can get hold of one of them, it lasts for ever: reachability decides, as in
 * Go's goroutineleak profile (Saioc et al., Dynamic partial deadlock detection and
 * recovery via garbage collection, 2025).
 *
 * The search is a full cycle. Stacks that wait are left out when roots are marked,
 * with registers, thread-local storage and the array of objects, which lies on
 * them. One is marked as soon as one of its objects is, and may lead to those of
 * others; so on until nothing changes. What can be got hold of without a reference
 * (trace/revive.c) counts then, and after that words that point to the frames of a
 * stack: a running thread may go through a structure there to the object. In the
 * end all are marked, so the cycle frees what any other would.
 *
 * W1  Outside of such a cycle no stack is put off: others cost a test for each.
 * W2  Nothing that could wake is overlooked. What is not known counts as reached:
 *     an object that is none of the collector's, a wait within two others, a
 *     thread on a signal stack, on one that it did not announce, or about to
 *     switch.
 * W3  A thread that has been woken and not come to the end of its wait looks the
 *     same, and may hold the last reference. So what is found is only suspected:
 *     each thread has to be seen asleep in that same wait afterwards, or else the
 *     search is repeated, with those that were not counting as running
 *     (waits_found.c).
 *
 * Locking: the heap lock, world stopped. Those of a stack are written by what runs
 * on it.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/waits.h"

#include "os/module.h"
#include "os/vm.h"
#include "trace/revive.h"
#include "trace/workers.h"

#define WORD_ROUNDS_MAX 16 /* each reads the heap; W2 for those still left */

static struct gcxi_waiters waiters;

/* ---- Beginning and ending ---- */

/* A stop may come at any point: what is counted is there. */
void gcxi_wait_begin(struct gcxi_mutator *self, const struct gcxi_wait *wait)
{
    struct gcxi_waits *waits = &self->stacks.current->waits;
    if (waits->depth < GCXI_WAITS_MAX)
        waits->open[waits->depth] = *wait;
    waits->depth++;
    gcxi_store_relaxed(&waits->serial, waits->serial + 1);
}

bool gcxi_wait_end(struct gcxi_mutator *self)
{
    struct gcxi_waits *waits = &self->stacks.current->waits;
    if (waits->depth == 0)
        return false;
    waits->depth--;
    gcxi_store_relaxed(&waits->serial, waits->serial + 1);
    return true;
}

/* ---- Putting off ---- */

static bool waits_on(const struct gcx_stack *stack)
{
    const struct gcxi_waits *waits = &stack->waits;
    return waits->depth != 0 && waits->depth <= GCXI_WAITS_MAX && !waits->is_doubted;
}

/* W2. */
static bool thread_waits(const struct gcxi_mutator *mutator)
{
    const struct gcxi_suspend *s = &mutator->suspend;
    const struct gcx_stack *stack = mutator->stacks.current;
    return s->alt_hi == 0 && s->sp >= stack->lo && s->sp < stack->hi && waits_on(stack);
}

static void lower_to(uintptr_t lo, uintptr_t hi, void *arg)
{
    struct gcxi_waiter *waiter = arg;
    (void)hi;
    if (lo > waiter->own_lo && lo < waiter->own_hi)
        waiter->own_hi = lo;
}

/* Above the frames of a thread's own stack may lie its thread-local storage with
 * the descriptor, to which the C library has pointers, and the program's
 * arguments. */
static void find_frames(struct gcxi_waiter *waiter)
{
    waiter->frames_lo = gcxi_wait_of(waiter)->frames_lo;
    waiter->frames_hi = waiter->stack->hi;
    if (waiter->thread == NULL)
        return;
    const struct gcx_stack *own = &waiter->thread->stacks.own;
    bool is_on_own = waiter->stack == own;
    waiter->own_lo = is_on_own ? waiter->frames_lo : own->sp;
    waiter->own_hi = gcxi_stack_frames_hi(own->lo, own->hi);
    gcxi_module_thread_storage(waiter->thread->thread_pointer, lower_to, waiter);
    if (is_on_own)
        waiter->frames_hi = waiter->own_hi;
}

static void put_off(struct gcx_stack *stack, struct gcxi_mutator *thread)
{
    struct gcxi_waiter *waiter = &waiters.list[waiters.count++];
    *waiter = (struct gcxi_waiter){.stack = stack, .thread = thread};
    find_frames(waiter);
    stack->waits.is_put_off = true;
}

static void count_suspended(struct gcx_stack *stack, void *arg)
{
    *(size_t *)arg += waits_on(stack);
}

static void put_off_suspended(struct gcx_stack *stack, void *arg)
{
    (void)arg;
    if (waits_on(stack))
        put_off(stack, NULL);
}

static size_t count_waiting(const struct gcxi_mutator *self)
{
    size_t count = 0;
    for (struct gcxi_mutator *m = gcxi_mutators_next(NULL); m != NULL; m = gcxi_mutators_next(m))
        count += m != self && thread_waits(m);
    gcxi_stacks_each_suspended(count_suspended, &count);
    return count;
}

void gcxi_waits_put_off_stw(struct gcxi_mutator *self)
{
    size_t count = count_waiting(self);
    waiters = (struct gcxi_waiters){.mapped_bytes = count * sizeof *waiters.list};
    if (count == 0)
        return;
    waiters.list = gcxi_vm_map(waiters.mapped_bytes);
    if (waiters.list == NULL)
        return;
    for (struct gcxi_mutator *m = gcxi_mutators_next(NULL); m != NULL; m = gcxi_mutators_next(m))
        if (m != self && thread_waits(m))
            put_off(m->stacks.current, m);
    gcxi_stacks_each_suspended(put_off_suspended, NULL);
    waiters.left = waiters.count;
}

/* ---- Resolving ---- */

void gcxi_waiter_mark_stw(struct gcxi_marker *m, struct gcxi_waiters *w, struct gcxi_waiter *waiter)
{
    waiter->is_out = true;
    waiter->stack->waits.is_put_off = false;
    w->left--;
    if (waiter->thread != NULL)
        gcxi_mutator_mark_stw(m, waiter->thread);
    else
        gcxi_stack_mark_suspended_stw(m, waiter->stack);
}

GCXI_NO_SANITIZE bool gcxi_wait_can_end(const struct gcxi_wait *wait)
{
    for (size_t i = 0; i < wait->count; i++)
        if (wait->objects[i] != NULL)
            return true;
    return false;
}

/* What is none of the collector's objects may be anywhere. */
static bool may_be_held(const void *object)
{
    uint32_t slot;
    const struct gcxi_block *block = gcxi_find_slot((uintptr_t)object, &slot);
    return block == NULL || gcxi_mark_is_kept(block->marks[slot]) ||
           !gcxi_slot_is_object(block, slot);
}

GCXI_NO_SANITIZE static bool may_be_ended(const struct gcxi_wait *wait)
{
    for (size_t i = 0; i < wait->count; i++)
        if (wait->objects[i] != NULL && may_be_held(wait->objects[i]))
            return true;
    return false;
}

static bool reach_by_objects(struct gcxi_marker *m)
{
    size_t left = waiters.left;
    for (size_t i = 0; i < waiters.count; i++)
        if (!waiters.list[i].is_out && may_be_ended(gcxi_wait_of(&waiters.list[i])))
            gcxi_waiter_mark_stw(m, &waiters, &waiters.list[i]);
    return waiters.left != left;
}

void gcxi_waiters_mark_all_stw(struct gcxi_marker *m, struct gcxi_waiters *w,
                               bool only_what_can_end)
{
    for (size_t i = 0; i < w->count; i++)
        if (!w->list[i].is_out &&
            (!only_what_can_end || gcxi_wait_can_end(gcxi_wait_of(&w->list[i]))))
            gcxi_waiter_mark_stw(m, w, &w->list[i]);
}

static void mark_rest(struct gcxi_marker *m, bool only_what_can_end)
{
    gcxi_waiters_mark_all_stw(m, &waiters, only_what_can_end);
    gcxi_workers_drain(gcxi_feed_nothing);
}

/* True if something has changed. */
static bool reach_more(struct gcxi_marker *m, unsigned *word_rounds)
{
    bool has_changed = reach_by_objects(m);
    if (!has_changed && waiters.left != 0)
        has_changed = gcxi_revive(m);
    if (!has_changed && waiters.left != 0 && *word_rounds < WORD_ROUNDS_MAX) {
        has_changed = gcxi_waiters_reach_by_word_stw(m, &waiters);
        ++*word_rounds;
    }
    gcxi_workers_drain(gcxi_feed_nothing);
    return has_changed;
}

void gcxi_waits_resolve_stw(struct gcxi_marker *m)
{
    unsigned word_rounds = 0;
    while (waiters.left != 0 && reach_more(m, &word_rounds))
        ;
    if (word_rounds == WORD_ROUNDS_MAX)
        mark_rest(m, true);
    gcxi_leaks_note_stw(&waiters);
    mark_rest(m, false);
    if (waiters.list != NULL)
        gcxi_vm_unmap(waiters.list, waiters.mapped_bytes);
    waiters = (struct gcxi_waiters){0};
}
