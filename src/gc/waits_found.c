/* waits_found.c -- what a search has found, and whether it still stands.
 *
 * The list is mapped with the world stopped, in one piece: the entries, and for
 * each the objects of its wait and the return addresses of its frames. These come
 * from frame records; a program without them shows the caller of gcx_wait_begin.
 * The objects are a root range, for a thread may end while it is told of.
 *
 * F1  A thread on the list that sleeps in the same wait later on, as the system
 *     and its count of waits say, slept in it or was about to when it was searched:
 *     W3 in waits.c. While the heap lock is held no stop is under way and none is
 *     waited for, so that it does not sleep for one.
 *
 * Locking: the heap lock; the list belongs to the thread that has claimed the search.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/atomic.h"
#include "gc/tracked.h"
#include "gc/waits.h"
#include "os/vm.h"

#define DEPTH_MAX 64u

struct gcxi_leaks_found gcxi_leaks_found;

static struct gcxi_mutator *searcher; /* heap lock */

/* ---- Noting ---- */

/* A record is read only where it lies in the frames, above the last. */
GCXI_NO_SANITIZE static size_t walk(const struct gcxi_waiter *waiter, void **pcs)
{
    const struct gcxi_wait *wait = gcxi_wait_of(waiter);
    uintptr_t frame = wait->record;
    size_t depth = 1;
    pcs[0] = (void *)wait->pc;
    while (depth < DEPTH_MAX && frame % sizeof frame == 0 && frame >= waiter->frames_lo &&
           frame + 2 * sizeof frame <= waiter->frames_hi) {
        const uintptr_t *record = (const uintptr_t *)frame;
        if (record[1] < 4096)
            break;
        pcs[depth++] = (void *)record[1];
        if (record[0] <= frame)
            break;
        frame = record[0];
    }
    return depth;
}

GCXI_NO_SANITIZE static void copy_objects(struct gcxi_leaked *leaked, const struct gcxi_wait *wait)
{
    leaked->object_count = wait->count;
    for (size_t i = 0; i < wait->count; i++)
        leaked->objects[i] = wait->objects[i];
}

static void **note(const struct gcxi_waiter *waiter, void **words)
{
    struct gcxi_leaked *leaked = &gcxi_leaks_found.list[gcxi_leaks_found.count++];
    const struct gcxi_mutator *thread = waiter->thread;
    *leaked = (struct gcxi_leaked){
        .stack = waiter->stack,
        .serial = waiter->stack->waits.serial,
        .tid = thread != NULL ? thread->suspend.tid : 0,
        .is_own = thread != NULL && waiter->stack == &thread->stacks.own,
        .is_settled = thread == NULL,
        .objects = words,
    };
    copy_objects(leaked, gcxi_wait_of(waiter));
    leaked->frames = words + leaked->object_count;
    leaked->depth = walk(waiter, leaked->frames);
    return leaked->frames + leaked->depth;
}

static bool map_list(const struct gcxi_waiters *w)
{
    struct gcxi_leaks_found *found = &gcxi_leaks_found;
    size_t words = 0, list_bytes = w->left * sizeof *found->list;
    for (size_t i = 0; i < w->count; i++)
        if (!w->list[i].is_out)
            words += gcxi_wait_of(&w->list[i])->count + DEPTH_MAX;
    found->mapped_bytes = list_bytes + words * sizeof(void *);
    found->list = gcxi_vm_map(found->mapped_bytes);
    if (found->list == NULL)
        return false;
    found->words_lo = (uintptr_t)found->list + list_bytes;
    found->words_hi = found->words_lo + words * sizeof(void *);
    if (gcxi_tracked_add_root(found->words_lo, found->words_hi) == 0)
        return true;
    gcxi_vm_unmap(found->list, found->mapped_bytes);
    found->list = NULL;
    return false;
}

void gcxi_leaks_note_stw(const struct gcxi_waiters *w)
{
    gcxi_leaks_found = (struct gcxi_leaks_found){.has_cycle = true};
    gcxi_leaks_found.is_complete = w->list != NULL || w->mapped_bytes == 0;
    if (w->left == 0)
        return;
    gcxi_leaks_found.is_complete = map_list(w);
    if (!gcxi_leaks_found.is_complete)
        return;
    void **words = (void **)gcxi_leaks_found.words_lo;
    for (size_t i = 0; i < w->count; i++)
        if (!w->list[i].is_out)
            words = note(&w->list[i], words);
}

/* ---- The claim ---- */

static void drop_locked(void)
{
    struct gcxi_leaks_found *found = &gcxi_leaks_found;
    if (found->list != NULL) {
        gcxi_tracked_remove_root(found->words_lo, found->words_hi);
        gcxi_vm_unmap(found->list, found->mapped_bytes);
    }
    *found = (struct gcxi_leaks_found){0};
}

void gcxi_leaks_drop(struct gcxi_mutator *self)
{
    gcxi_mutator_lock_heap(self);
    drop_locked();
    gcxi_mutator_unlock_heap();
}

static void forget_doubt(struct gcx_stack *stack, void *arg)
{
    (void)arg;
    stack->waits.is_doubted = false;
}

static void forget_doubts(void)
{
    for (struct gcxi_mutator *m = gcxi_mutators_next(NULL); m != NULL; m = gcxi_mutators_next(m)) {
        m->stacks.own.waits.is_doubted = false;
        m->stacks.current->waits.is_doubted = false;
    }
    gcxi_stacks_each_suspended(forget_doubt, NULL);
}

bool gcxi_leaks_claim(struct gcxi_mutator *self)
{
    gcxi_mutator_lock_heap(self);
    bool is_free = searcher == NULL;
    if (is_free) {
        searcher = self;
        forget_doubts();
    }
    gcxi_mutator_unlock_heap();
    return is_free;
}

void gcxi_leaks_release(struct gcxi_mutator *self)
{
    gcxi_mutator_lock_heap(self);
    drop_locked();
    searcher = NULL;
    gcxi_mutator_unlock_heap();
}

void gcxi_leaks_reset_after_fork(void)
{
    if (searcher == NULL || searcher == gcxi_mutator_self())
        return;
    drop_locked();
    searcher = NULL;
}

/* ---- Asleep? ---- */

/* The thread that has that number, or NULL. Heap lock. */
static struct gcxi_mutator *find_thread(int tid)
{
    struct gcxi_mutator *m = gcxi_mutators_next(NULL);
    while (m != NULL && m->suspend.tid != tid)
        m = gcxi_mutators_next(m);
    return m;
}

static bool is_in_wait(const struct gcxi_leaked *leaked, struct gcxi_mutator *m)
{
    return m != NULL && gcxi_load_relaxed(&m->stacks.current) == leaked->stack &&
           gcxi_load_relaxed(&leaked->stack->waits.serial) == leaked->serial;
}

/* It may wait for the collector, but in a blocking section of the program's. */
static bool may_settle(const struct gcxi_mutator *m)
{
    uint32_t state = gcxi_load_seq_cst(&m->suspend.state);
    return state == GCXI_RUNNING ||
           (state == GCXI_BLOCKED && gcxi_load_relaxed(&m->blocking_depth) != 0);
}

/* F1. The activity first: what it is, it still is when the rest is looked at, or
 * the thread has gone on. */
static enum gcxi_leaks_state look_at(struct gcxi_leaked *leaked)
{
    struct gcxi_mutator *m = find_thread(leaked->tid);
    char activity = m != NULL ? gcxi_suspend_activity(&m->suspend) : 'X';
    if (activity == '\0')
        return GCXI_LEAKS_UNKNOWABLE;
    if (!is_in_wait(leaked, m))
        return GCXI_LEAKS_GONE_ON;
    leaked->is_settled = activity == 'S' && may_settle(m);
    return leaked->is_settled ? GCXI_LEAKS_SETTLED : GCXI_LEAKS_AWAKE;
}

enum gcxi_leaks_state gcxi_leaks_look(struct gcxi_mutator *self)
{
    enum gcxi_leaks_state worst = GCXI_LEAKS_SETTLED;
    gcxi_mutator_lock_heap(self);
    for (size_t i = 0; i < gcxi_leaks_found.count; i++) {
        struct gcxi_leaked *leaked = &gcxi_leaks_found.list[i];
        enum gcxi_leaks_state state = leaked->is_settled ? GCXI_LEAKS_SETTLED : look_at(leaked);
        worst = state > worst ? state : worst;
    }
    gcxi_mutator_unlock_heap();
    return worst;
}

void gcxi_leaks_doubt(struct gcxi_mutator *self)
{
    gcxi_mutator_lock_heap(self);
    for (size_t i = 0; i < gcxi_leaks_found.count; i++) {
        struct gcxi_leaked *leaked = &gcxi_leaks_found.list[i];
        if (!leaked->is_settled && is_in_wait(leaked, find_thread(leaked->tid)))
            leaked->stack->waits.is_doubted = true;
    }
    gcxi_mutator_unlock_heap();
}
