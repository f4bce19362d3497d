/* waits.h -- waits that only certain objects can end, and those that nothing will.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_WAITS_H
#define GCXI_GC_WAITS_H

#include "gc/mutator.h"

/* Opens a wait on the stack that the calling thread runs on. In a critical
 * section. */
void gcxi_wait_begin(struct gcxi_mutator *self, const struct gcxi_wait *wait);

/* Ends the last. False if none is open. */
bool gcxi_wait_end(struct gcxi_mutator *self);

/* ---- Within a cycle that looks for leaks (gc/cycle.c) ---- */

/* Before the roots are marked: stacks that wait are put off, but for that of the
 * thread that collects. World stopped. */
void gcxi_waits_put_off_stw(struct gcxi_mutator *self);

/* After what the other roots lead to is marked: marks every stack that may go on,
 * notes those that cannot, and marks these as well. World stopped. */
void gcxi_waits_resolve_stw(struct gcxi_marker *m);

/* Of the stacks put off, in any order; the memory is the list's. */
struct gcxi_waiter {
    struct gcx_stack *stack;
    struct gcxi_mutator *thread; /* that waits there; NULL: suspended */
    uintptr_t frames_lo, frames_hi;
    uintptr_t own_lo, own_hi; /* frames of the thread's own stack */
    bool is_out;              /* it is put off no longer */
};

struct gcxi_waiters {
    struct gcxi_waiter *list;
    size_t count; /* of which some may be out */
    size_t left;
    size_t mapped_bytes;
};

/* The wait that is open on a stack put off. */
GCXI_INLINE const struct gcxi_wait *gcxi_wait_of(const struct gcxi_waiter *waiter)
{
    const struct gcxi_waits *waits = &waiter->stack->waits;
    return &waits->open[waits->depth - 1];
}

/* Takes it out and marks what it holds. Drains nothing. World stopped. */
void gcxi_waiter_mark_stw(struct gcxi_marker *m, struct gcxi_waiters *w,
                          struct gcxi_waiter *waiter);

/* As that for all that are left, or for those of them that something can end. */
void gcxi_waiters_mark_all_stw(struct gcxi_marker *m, struct gcxi_waiters *w,
                               bool only_what_can_end);

/* Takes out those that a word of a root, of another stack or of a marked object
 * leads to: an address of their frames or of their record (waits_word.c). False
 * if there are none; then, without memory, all that can end are taken out. */
bool gcxi_waiters_reach_by_word_stw(struct gcxi_marker *m, struct gcxi_waiters *w);

/* Some object could end the wait. */
bool gcxi_wait_can_end(const struct gcxi_wait *wait);

/* ---- What was found (waits_found.c) ---- */

struct gcxi_leaked {
    struct gcx_stack *stack;
    uint32_t serial; /* of the wait */
    int tid;         /* 0: suspended */
    bool is_own;     /* the stack is the thread's own */
    bool is_settled; /* its thread was seen asleep in the wait */
    bool has_gone_on;
    size_t object_count;
    size_t depth;
    void **objects; /* copies, and roots until the list is dropped */
    void **frames;
};

struct gcxi_leaks_found {
    struct gcxi_leaked *list;
    size_t count;
    size_t mapped_bytes;
    uintptr_t words_lo, words_hi;
    bool is_complete; /* the cycle ran, and had memory for the list */
    bool has_cycle;   /* the cycle ran */
};

/* Of the last such cycle; belongs to the thread that has claimed the search. */
extern struct gcxi_leaks_found gcxi_leaks_found;

/* Lists what is left. World stopped. */
void gcxi_leaks_note_stw(const struct gcxi_waiters *w);

/* One search at a time: false if another thread's is under way. Both in a
 * critical section, without the heap lock. */
bool gcxi_leaks_claim(struct gcxi_mutator *self);
void gcxi_leaks_release(struct gcxi_mutator *self);

/* Empties the list. In a critical section, without the heap lock. */
void gcxi_leaks_drop(struct gcxi_mutator *self);

/* Looks once whether the threads on the list are asleep in their waits. */
enum gcxi_leaks_state {
    GCXI_LEAKS_SETTLED,   /* all are */
    GCXI_LEAKS_AWAKE,     /* some are not yet */
    GCXI_LEAKS_GONE_ON,   /* some have left theirs: the search has to be repeated */
    GCXI_LEAKS_UNKNOWABLE /* the system does not tell */
};
enum gcxi_leaks_state gcxi_leaks_look(struct gcxi_mutator *self);

/* Those that are still awake count as running until the claim ends. */
void gcxi_leaks_doubt(struct gcxi_mutator *self);

void gcxi_leaks_reset_after_fork(void);

#endif
