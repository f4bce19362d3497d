/* mark_words.h -- from words to entries of the mark stack, and from those to mark bytes.
 *
 * Part of trace/mark.c, which says what is marked when (M1 to M8): what is here is inlined
 * into its loops. Words are pushed by the filter, one byte per unit.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_TRACE_MARK_WORDS_H
#define GCXI_TRACE_MARK_WORDS_H

#include "base/atomic.h"
#include "heap/block.h"
#include "heap/space.h"
#include "trace/mark.h"

#define WORD_BYTES sizeof(uintptr_t)
#define SLICE_WORDS 128u /* of an object, or of a range, at a time */
#define QUIET_AHEAD 1024 /* bytes; 0: 11 % slower, 512: 35 %, 2048: as fast */

/* What the loop reads for every word, where the compiler can see that no store
 * through a pointer changes it. */
struct mark_view {
    uintptr_t base;
    uintptr_t units;
    uintptr_t noscan_from; /* an address */
    const struct gcxi_block *blocks;
    const uint8_t *filter;
    uint8_t epoch; /* what is marked gets it */
    uint8_t epoch_before;
    uint8_t epoch_other; /* marked as well */
};

GCXI_INLINE struct mark_view mark_view(const struct gcxi_marker *m)
{
    struct mark_view view = {
        .base = gcxi_map.base,
        .units = gcxi_map.units,
        .noscan_from = gcxi_unit_addr(gcxi_map.noscan_first),
        .blocks = gcxi_map.blocks,
        .filter = m->filter,
        .epoch = gcxi_map.epoch_kept,
        .epoch_before = gcxi_map.epoch_before,
        .epoch_other = gcxi_map.epoch,
    };
    if (m->is_beside)
        view.epoch = gcxi_map.epoch;
    return view;
}

/* Room for n more entries at sp, or the overflow flag is set. */
GCXI_INLINE bool mark_room(struct gcxi_marker *m, const uintptr_t *sp, size_t n)
{
    if (GCXI_LIKELY((size_t)(m->limit - sp) >= n))
        return true;
    m->overflowed = true;
    return false;
}

GCXI_INLINE uintptr_t *mark_push_range(struct gcxi_marker *m, uintptr_t *sp, uintptr_t lo,
                                       uintptr_t hi)
{
    if (lo >= hi || !mark_room(m, sp, 2))
        return sp;
    sp[0] = hi;
    sp[1] = lo | GCXI_RANGE_TAG;
    return sp + 2;
}

/* Stores the word and keeps it if the filter says so. Hot. */
GCXI_INLINE uintptr_t *mark_push_word(const struct mark_view *view, uintptr_t *sp, uintptr_t word)
{
    uintptr_t unit = (word - view->base) >> GCXI_LG_UNIT;
    unit = unit < view->units ? unit : view->units;
    *sp = word;
    return sp + view->filter[unit];
}

/* At most a slice of words, one at least. Hot: a subtraction, a shift, a
 * minimum, a load, a store, an add per word. */
GCXI_NO_SANITIZE GCXI_INLINE uintptr_t *mark_push_words(struct gcxi_marker *m,
                                                        const struct mark_view *view, uintptr_t *sp,
                                                        uintptr_t lo, uintptr_t hi)
{
    if (!mark_room(m, sp, SLICE_WORDS + 1))
        return sp;
    do {
        sp = mark_push_word(view, sp, *(const uintptr_t *)lo);
        lo += WORD_BYTES;
    } while (lo < hi);
    return sp;
}

/* 1 if words into the unit of this one matter. */
GCXI_INLINE uint8_t mark_matters(const struct mark_view *view, uintptr_t word)
{
    uintptr_t unit = (word - view->base) >> GCXI_LG_UNIT;
    return view->filter[unit < view->units ? unit : view->units];
}

/* The same where most words point into the heap and few pass the filter, as in
 * old objects during a minor cycle: as fast as memory can be read. For the 150 MB
 * that a minor cycle of churn reads two workers took 6.8 ms with a look at the
 * filter for each word, 5.0 so. */
GCXI_NO_SANITIZE GCXI_INLINE uintptr_t *mark_push_quiet_words(struct gcxi_marker *m,
                                                              const struct mark_view *view,
                                                              uintptr_t *sp, uintptr_t lo,
                                                              uintptr_t hi)
{
    const struct gcxi_young_span young[GCXI_ZONES] = {m->young[0], m->young[1]};
    const uintptr_t read_to = m->read_to;
    for (; hi - lo >= GCXI_QUIET_WORDS * WORD_BYTES; lo += GCXI_QUIET_WORDS * WORD_BYTES) {
        __builtin_prefetch((const void *)gcxi_min(lo + QUIET_AHEAD, read_to));
        if (gcxi_may_be_young(young, lo))
            sp = mark_push_words(m, view, sp, lo, lo + GCXI_QUIET_WORDS * WORD_BYTES);
    }
    return lo < hi ? mark_push_words(m, view, sp, lo, hi) : sp;
}

/* Prefetches the block entry of a word that will be staged soon. The word may
 * be anything, for a prefetch never faults. Hot. */
GCXI_INLINE void mark_peek(const struct mark_view *view, uintptr_t word)
{
    uintptr_t unit = (word - view->base) >> GCXI_LG_UNIT;
    uintptr_t entry = (uintptr_t)view->blocks + unit * sizeof(struct gcxi_block);
    __builtin_prefetch((const void *)entry);
}

/* The mark byte and the block of what a word that passed the filter leads to. A word
 * past the last slot of its block leads to a mark byte that is never an object's (H5);
 * one past the end of a large object, in its last unit, leads to the object. Hot. */
GCXI_INLINE uint8_t *mark_byte(const struct mark_view *view, uintptr_t word,
                               const struct gcxi_block **block)
{
    uintptr_t unit = (word - view->base) >> GCXI_LG_UNIT;
    unit -= view->blocks[unit].head_back;
    *block = &view->blocks[unit];
    return (*block)->marks + gcxi_block_slot(*block, word - (view->base + (unit << GCXI_LG_UNIT)));
}

/* Whether what a mark byte other than the epoch says is an object by H1. */
GCXI_INLINE bool mark_is_due(const struct mark_view *view, const struct gcxi_block *block,
                             uint32_t slot, uint8_t mark, bool is_beside)
{
    return mark == view->epoch_before ||
           (!is_beside && mark != view->epoch_other && gcxi_slot_is_young(block, slot, mark));
}

/* A word of a range: of static data, or of a large object. It lies that far from the
 * heap's base, within the heap. What holds no pointers, and has nobody waiting for it
 * (M8), is marked at once: there is nothing to wait for but its mark byte, and the
 * processor waits for those of several words. */
GCXI_NO_SANITIZE GCXI_INLINE uintptr_t *mark_range_word(const struct mark_view *view, uintptr_t *sp,
                                                        uintptr_t offset)
{
    uintptr_t unit = offset >> GCXI_LG_UNIT;
    const struct gcxi_block *block = &view->blocks[unit];
    if (view->filter[unit] == 0)
        return sp;
    if (GCXI_UNLIKELY(block->scan != GCXI_SCAN_NOTHING || block->head_back != 0)) {
        *sp = view->base + offset;
        return sp + 1;
    }
    uint32_t slot = gcxi_block_slot(block, offset % GCXI_UNIT);
    uint8_t *byte = &block->marks[slot], mark = *byte;
    if (mark != view->epoch && mark_is_due(view, block, slot, mark, false))
        *byte = view->epoch;
    return sp;
}

/* The first four words from lo on of which one leads into the heap; if there are none,
 * the end of those that are four, before hi. Four words without one cost four
 * subtractions and compares. */
GCXI_NO_SANITIZE GCXI_INLINE uintptr_t mark_next_four(uintptr_t lo, uintptr_t hi, uintptr_t base,
                                                      uintptr_t bytes)
{
    for (; hi - lo >= 4 * WORD_BYTES; lo += 4 * WORD_BYTES) {
        const uintptr_t *word = (const uintptr_t *)lo;
        if (word[0] - base < bytes || word[1] - base < bytes || word[2] - base < bytes ||
            word[3] - base < bytes)
            break;
    }
    return lo;
}

#endif
