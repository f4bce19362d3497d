/* verify.c -- the invariants of the file heads, checked over the whole heap.
 *
 *   H1      the units of a block lead back to its first, and count as used
 *   H4      young ranges only in blocks whose young byte is set
 *   H5      the mark byte behind the last slot is 0
 *   L1      an owned block's young range lies within its slots
 *   S1      free spans carry their length at both ends
 *   R3      no owned block and no noscan block is armed
 *   C2, M2  when all is marked, no word of a kept object leads to an object that
 *           is not kept; in a minor cycle that is R1 (R7 between the stops of a
 *           full one), in the second stop of a full one N4, and where digests are
 *           used D2 and D3
 *   V1      then no word of a clean page of static data leads to an object that is not
 *           kept
 *   X1      then no word of the library's data that is no root leads to one either
 *   N1      between those stops mark bytes are 0, FREED or at most the epoch, and
 *           the epoch before is another
 *   N2      no unit that was in use at the last stop has gone, and in those that
 *           were not no slot is marked
 *   N6      a minor cycle between the stops leaves as many slots marked
 *   N7      in units that are closed and not young no slot is old and not marked
 *
 * N3 shows as N1 and N2 of what was allocated. N5 and D1 are assertions where they
 * are relied on, and D4 is a probability. The check of C2 reads the words that the
 * marker should have read, so it is exact, though words may be no pointers: what
 * looks like one keeps its object. But once memory was given back by hand a dead
 * object that counts as old may lead to what lies there now, and there is no check.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/verify.h"

#include "gc/concurrent.h"
#include "gc/gc.h"
#include "gc/statics.h"
#include "heap/kind.h"
#include "heap/marks.h"
#include "heap/space.h"
#include "os/module.h"

/* Of larger heaps single bytes and words are checked only around full cycles that
 * marked beside the program. */
#define THOROUGH_BYTES ((GCXI_STRESS ? 4 : 1) * GCXI_MIB)

static uint64_t marked_before; /* N6 */

static bool is_checked(void)
{
    return GCXI_CHECKED || gcxi_gc.settings.is_checked;
}

static bool is_small(void)
{
    return gcxi_gc.totals.live_bytes <= THOROUGH_BYTES;
}

static void require(bool condition, const char *invariant, const char *when, uint32_t unit)
{
    if (GCXI_LIKELY(condition))
        return;
    gcxi_report("invariant %s broken %s: unit %u, state %u, kind %u", invariant, when, unit,
                gcxi_map.blocks[unit].state, gcxi_map.blocks[unit].kind);
    gcxi_panic(__FILE__, __LINE__, invariant);
}

static void verify_block(const struct gcxi_block *block, const char *when)
{
    uint32_t unit = gcxi_block_unit(block);
    bool is_owned = block->state == GCXI_BLOCK_OWNED;
    bool is_young = gcxi_map.young[unit] != 0;
    require(block->young_lo <= block->young_hi && block->young_hi <= block->slots, "L1", when,
            unit);
    require(is_young || block->young_lo == block->young_hi, "H4", when, unit);
    require(is_owned == (block->owner != NULL), "L1", when, unit);
    require(!is_owned || is_young, "H4", when, unit);
    require(gcxi_block_is_large(block) || block->marks[block->slots] == GCXI_MARK_NONE, "H5", when,
            unit);
    require(gcxi_map.armed[unit] == 0 || (!is_owned && !gcxi_kind_is_untracked(block->kind)), "R3",
            when, unit);
    for (uint32_t i = 0; i < block->units; i++) {
        require(block[i].head_back == i, "H1", when, unit + i);
        require(gcxi_map.used[unit + i] == 1, "H1", when, unit + i);
        require(gcxi_map.young[unit + i] == gcxi_map.young[unit], "H4", when, unit + i);
    }
}

static void verify_free_span(const struct gcxi_block *first, const char *when)
{
    const struct gcxi_block *last = first + first->units - 1;
    uint32_t unit = gcxi_block_unit(first);
    require(last->state == GCXI_SPAN_FREE && last->head_back == first->units - 1, "S1", when, unit);
    for (uint32_t i = 0; i < first->units; i++)
        require(gcxi_map.used[unit + i] == 0 && gcxi_map.young[unit + i] == 0, "S1", when,
                unit + i);
}

/* ---- Between the stops of a full cycle ---- */

/* N1, N2, N7. The marker may be running. */
static void verify_marks(const struct gcxi_block *block, const char *when)
{
    uint32_t unit = gcxi_block_unit(block);
    bool is_known = gcxi_concurrent_knows(unit);
    bool is_open =
        gcxi_map.young[unit] != 0 || gcxi_load_relaxed(&gcxi_concurrent_open_stw()[unit]) != 0;
    for (uint32_t i = 0; i < block->slots; i++) {
        uint8_t mark = gcxi_load_relaxed(&block->marks[i]);
        require(mark <= gcxi_map.epoch || mark == GCXI_MARK_FREED, "N1", when, unit);
        require(is_known || mark != gcxi_map.epoch, "N2", when, unit);
        require(is_open || mark != gcxi_map.epoch_before, "N7", when, unit);
    }
}

/* N2. */
static void verify_gone(enum gcxi_zone_index zone, const char *when)
{
    uint32_t end = gcxi_zone_end(zone);
    for (uint32_t unit = gcxi_zone_first(zone); unit < end; unit++)
        require(gcxi_map.used[unit] != 0 || !gcxi_concurrent_knows(unit), "N2", when, unit);
}

static void verify_under_way(const char *when)
{
    require(gcxi_map.epoch != gcxi_map.epoch_before, "N1", when, 0);
    verify_gone(GCXI_ZONE_SCAN, when);
    verify_gone(GCXI_ZONE_NOSCAN, when);
}

static uint64_t count_marked(enum gcxi_zone_index zone)
{
    uint64_t count = 0;
    uint32_t end = gcxi_zone_end(zone);
    for (uint32_t unit = gcxi_zone_first(zone); (unit = gcxi_next_used(unit, end)) < end;) {
        const struct gcxi_block *block = &gcxi_map.blocks[unit];
        count += gcxi_marks_count(block->marks, block->slots, gcxi_map.epoch);
        unit += block->units;
    }
    return count;
}

static uint64_t count_all_marked(void)
{
    return count_marked(GCXI_ZONE_SCAN) + count_marked(GCXI_ZONE_NOSCAN);
}

void gcxi_verify_between_begin_stw(void)
{
    marked_before = GCXI_CHECKED ? count_all_marked() : 0;
}

void gcxi_verify_between_end_stw(void)
{
    require(!GCXI_CHECKED || count_all_marked() == marked_before, "N6", "after the census", 0);
}

/* ---- When all is marked ---- */

static bool leads_to_lost(uintptr_t word)
{
    uint32_t unit = gcxi_addr_unit(word);
    if (gcxi_map.used[unit] == 0)
        return false;
    const struct gcxi_block *block = gcxi_unit_block(unit);
    uint32_t slot = gcxi_block_slot(block, word - gcxi_block_addr(block));
    return slot < block->slots && gcxi_slot_is_object(block, slot) &&
           !gcxi_mark_is_kept(block->marks[slot]);
}

static void verify_word(uintptr_t word, uint32_t from, const char *invariant)
{
    require(!leads_to_lost(word), invariant, "after marking", from);
}

GCXI_NO_SANITIZE static void verify_words(uintptr_t lo, uintptr_t hi, uint32_t from,
                                          const char *invariant)
{
    for (; lo < hi; lo += sizeof(uintptr_t))
        verify_word(*(const uintptr_t *)lo, from, invariant);
}

GCXI_NO_SANITIZE static void verify_pointers(uintptr_t lo, uintptr_t hi,
                                             const struct gcxi_kind_info *info, uint32_t from,
                                             const char *invariant)
{
    for (; lo < hi; lo += info->element_bytes)
        for (uint32_t i = 0; i < info->offset_count && lo + info->offsets[i] < hi; i++)
            verify_word(*(const uintptr_t *)(lo + info->offsets[i]), from, invariant);
}

/* Of references, and of what the program traces, only trace/special.c knows. */
static void verify_kept(const struct gcxi_block *block, uint32_t slot, const char *invariant)
{
    uintptr_t lo = gcxi_slot_addr(block, slot), hi = lo + block->slot_bytes;
    uint32_t unit = gcxi_block_unit(block);
    if (block->kind >= GCXI_KINDS && gcxi_kinds[block->kind]->trace == NULL)
        verify_pointers(lo, hi, gcxi_kinds[block->kind], unit, invariant);
    else if (block->kind == GCXI_SCAN || block->kind == GCXI_LOOSE || block->kind == GCXI_SCOPED ||
             block->kind == GCXI_ROOT)
        verify_words(lo, hi, unit, invariant);
}

/* Of static data most words need not have been read in this cycle, and few lead into
 * the heap. */
GCXI_NO_SANITIZE static void verify_static(uintptr_t lo, uintptr_t hi)
{
    uintptr_t base = gcxi_map.base, bytes = (uintptr_t)gcxi_map.units << GCXI_LG_UNIT;
    for (; lo < hi; lo += sizeof(uintptr_t)) {
        uintptr_t word = *(const uintptr_t *)lo;
        if (GCXI_UNLIKELY(word - base < bytes))
            require(!leads_to_lost(word) || !gcxi_statics_is_clean_stw(lo), "V1", "after marking",
                    0);
    }
}

/* X1. */
static void verify_excluded(void)
{
    const struct gcxi_range *ranges;
    for (size_t n = gcxi_module_excluded(&ranges); n > 0; n--, ranges++)
        verify_words(gcxi_align_up(ranges->lo, sizeof(uintptr_t)),
                     gcxi_align_down(ranges->hi, sizeof(uintptr_t)), 0, "X1");
}

static const char *invariant_of_marking(bool is_second_stop)
{
    if (is_second_stop)
        return "N4";
    if (gcxi_map.epoch_kept != gcxi_map.epoch)
        return "R7";
    return "C2";
}

void gcxi_verify_marked_stw(bool is_second_stop)
{
    if (!GCXI_CHECKED || gcxi_has_released)
        return;
    gcxi_statics_visit_armed_stw(verify_static);
    verify_excluded();
    if (!is_second_stop && !is_small())
        return;
    const char *invariant = invariant_of_marking(is_second_stop);
    uint32_t end = gcxi_zone_end(GCXI_ZONE_SCAN);
    for (uint32_t unit = gcxi_zone_first(GCXI_ZONE_SCAN);
         (unit = gcxi_next_used(unit, end)) < end;) {
        const struct gcxi_block *block = &gcxi_map.blocks[unit];
        for (uint32_t slot = 0; slot < block->slots; slot++)
            if (gcxi_mark_is_kept(block->marks[slot]))
                verify_kept(block, slot, invariant);
        unit += block->units;
    }
}

/* ---- All of it ---- */

static void verify_zone(enum gcxi_zone_index zone, bool is_thorough, const char *when)
{
    uint32_t end = gcxi_zone_end(zone);
    for (uint32_t unit = gcxi_zone_first(zone); unit < end;) {
        const struct gcxi_block *block = &gcxi_map.blocks[unit];
        require(block->state != GCXI_UNIT_NONE, "S2", when, unit);
        if (block->state == GCXI_SPAN_FREE)
            verify_free_span(block, when);
        else
            verify_block(block, when);
        if (block->state != GCXI_SPAN_FREE && is_thorough)
            verify_marks(block, when);
        unit += block->units;
    }
}

void gcxi_verify_stw(const char *when)
{
    if (!is_checked())
        return;
    bool is_under_way = gcxi_concurrent_is_under_way();
    require(is_under_way || gcxi_map.epoch == gcxi_map.epoch_before, "N1", when, 0);
    if (is_under_way)
        verify_under_way(when);
    verify_zone(GCXI_ZONE_SCAN, is_under_way && is_small(), when);
    verify_zone(GCXI_ZONE_NOSCAN, is_under_way && is_small(), when);
}
