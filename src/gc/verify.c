/* verify.c -- the invariants of the file heads, checked over the whole heap.
 *
 *   H1, H3  a pointer from an old object never leads to a free slot of the
 *           scanned kinds' graph: what an old object points to is an object
 *   H4      young ranges only in blocks whose young byte is set
 *   L1      an owned block's young range lies within its slots
 *   S1      free spans carry their length at both ends
 *   R3      no owned block and no noscan block is armed
 *
 * The check of pointers is exact only where nothing is conservative, so a word
 * that leads to a free slot is not an error by itself; the model test decides
 * about lost objects.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/verify.h"

#include "gc/gc.h"
#include "heap/kind.h"
#include "heap/space.h"

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

static void verify_zone(enum gcxi_zone_index zone, const char *when)
{
    uint32_t end = gcxi_zone_end(zone);
    for (uint32_t unit = gcxi_zone_first(zone); unit < end;) {
        const struct gcxi_block *block = &gcxi_map.blocks[unit];
        require(block->state != GCXI_UNIT_NONE, "S2", when, unit);
        if (block->state == GCXI_SPAN_FREE)
            verify_free_span(block, when);
        else
            verify_block(block, when);
        unit += block->units;
    }
}

void gcxi_verify_stw(const char *when)
{
    if (!GCXI_CHECKED && !gcxi_gc.settings.is_checked)
        return;
    verify_zone(GCXI_ZONE_SCAN, when);
    verify_zone(GCXI_ZONE_NOSCAN, when);
}
