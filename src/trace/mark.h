/* mark.h -- from words to marked objects.
 *
 * A marker takes words, finds the objects they point into, sets their mark
 * bytes to the epoch and goes on with the words inside. One marker per worker;
 * the world is stopped, but for the marker of gc/concurrent.c.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_TRACE_MARK_H
#define GCXI_TRACE_MARK_H

#include <string.h>

#include "base/base.h"
#include "heap/block.h"
#include "heap/space.h"
#include "trace/quiet.h"

#define GCXI_BATCH 16u /* words staged together; see mark.c */

/* In the second entry of a range on a mark stack. */
#define GCXI_RANGE_TAG ((uintptr_t)1 << 63)

struct gcxi_staged {
    uint8_t *mark;
    const struct gcxi_block *block;
};

struct gcxi_marker {
    uintptr_t *base; /* [base, sp): words and ranges still to be looked at */
    uintptr_t *sp;
    uintptr_t *limit;
    uintptr_t *stack;                         /* its bottom; base moves up when the oldest */
                                              /* entries are given to other workers        */
    const uint8_t *filter;                    /* per unit, 1: words into it matter in this cycle */
    uint8_t *put_off;                         /* beside the program, per block's first unit: M6 */
    struct gcxi_young_span young[GCXI_ZONES]; /* per zone, of the filter; if is_narrow */
    struct gcxi_staged staged[2][GCXI_BATCH];
    uint32_t staged_count[2];
    uint32_t newest;   /* of the two batches: the one staged last */
    uintptr_t read_to; /* of old objects, nothing past it is read soon */
    uintptr_t shown;   /* object that special.c showed last in this cycle */
    bool overflowed;   /* entries were dropped: marked objects left unscanned */
    bool is_minor;
    bool is_narrow;              /* the filter leaves out most units */
    uint32_t range_words;        /* that led to the heap, in the batch under way */
    bool is_beside;              /* the program runs meanwhile: M5, M6 */
} __attribute__((aligned(128))); /* no line of it is shared with another worker's */

/* Maps the mark stack. 0, or -1 with ENOMEM. */
int gcxi_marker_init(struct gcxi_marker *m, size_t stack_bytes);

/* Prepares for a cycle: young objects only, or all. */
void gcxi_marker_begin(struct gcxi_marker *m, bool is_minor);

/* Of a full cycle that found most marked: words into units that are 0 in that filter
 * do not matter. */
void gcxi_marker_narrow(struct gcxi_marker *m, const uint8_t *filter);

/* Prepares for marking beside the program what is old, in the units where the
 * filter is 1. In put_off, all 0, the blocks get 1 of which marked objects were
 * not scanned. */
void gcxi_marker_begin_beside(struct gcxi_marker *m, const uint8_t *filter, uint8_t *put_off);

/* Prepares a helper for the phase of the cycle that first has begun. */
void gcxi_marker_join(struct gcxi_marker *m, const struct gcxi_marker *first);

/* World stopped: scans all marked objects of a block. */
void gcxi_mark_block(struct gcxi_marker *m, const struct gcxi_block *block);

/* Looks at every aligned word of [lo, hi); nothing is marked until drained. */
void gcxi_mark_range(struct gcxi_marker *m, uintptr_t lo, uintptr_t hi);

/* As gcxi_mark_range, but reads the words now, in an old object: few of them
 * pass the filter of a minor cycle, and in a full one few lead to what is not
 * marked. Returns how many did. Drains when the stack fills up. */
size_t gcxi_mark_old_range(struct gcxi_marker *m, uintptr_t lo, uintptr_t hi);

/* As gcxi_mark_range; a word also counts if it is the address one past the end
 * of an object. For stacks and registers. */
void gcxi_mark_stack_range(struct gcxi_marker *m, uintptr_t lo, uintptr_t hi);

/* Marks the object in that slot and remembers to scan it, unless marked. */
void gcxi_mark_slot(struct gcxi_marker *m, struct gcxi_block *block, uint32_t slot);

/* Looks at what the object in that slot holds, whether it is marked or not. */
void gcxi_mark_contents(struct gcxi_marker *m, const struct gcxi_block *block, uint32_t slot);

/* Works until nothing is left or, if max_batches is not 0, that many batches
 * were taken from the stack. True if nothing is left. Gives work to others that
 * are hungry (workers.h). */
bool gcxi_mark_drain(struct gcxi_marker *m, uint32_t max_batches);

/* Brings what drain has staged back to the stack, so that all that is left lies
 * in [base, sp). */
void gcxi_mark_settle(struct gcxi_marker *m);

/* Copies about n of the entries at the top of others, from which the caller
 * takes them, never half of a range; m has room. Returns how many. */
GCXI_INLINE size_t gcxi_mark_push_top(struct gcxi_marker *m, const uintptr_t *entries, size_t count,
                                      size_t n)
{
    n = gcxi_min(count, n);
    if (n < count && (entries[count - n] & GCXI_RANGE_TAG) != 0)
        n++;
    memcpy(m->sp, entries + count - n, n * sizeof *entries);
    m->sp += n;
    return n;
}

/* Scans what was dropped when a mark stack was full: every marked object of
 * the heap again, until none is missing. */
void gcxi_mark_recover(struct gcxi_marker *m);

#endif
