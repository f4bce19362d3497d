/* promote.c -- see promote.h.
 *
 * No root is read, and no old object: so nothing is known of the garbage among the
 * young. But none of what a cycle leaves needs more. Afterwards nothing is young, so no
 * old object points at a young one (C4), whatever was written before; what tracking of
 * writes tells of later is too much and never too little (os/dirty.h). Between the stops
 * of a full cycle they get the epoch before, as other survivors do (N6).
 *
 * SPDX-License-Identifier: MIT */
#include "trace/promote.h"

#include "heap/block.h"
#include "heap/space.h"

static void promote_block(struct gcxi_block *block)
{
    /* From now on tracking may make page tables for what nobody has touched. */
    if (gcxi_block_is_large(block) && block->is_untouched == GCXI_UNTOUCHED)
        block->is_untouched = GCXI_MARKED_UNTOUCHED;
    for (uint32_t slot = block->young_lo; slot < block->young_hi; slot++) {
        uint8_t *mark = &block->marks[slot];
        if (*mark != GCXI_MARK_FREED && !gcxi_mark_is_old(*mark))
            *mark = gcxi_map.epoch_kept;
    }
}

static void promote_zone(enum gcxi_zone_index zone)
{
    uint32_t end = gcxi_zone_end(zone), lo = gcxi_zone_first(zone), hi;
    for (; gcxi_next_run(gcxi_map.young, 1, &lo, &hi, end); lo = hi)
        for (uint32_t unit = lo; unit < hi; unit += gcxi_map.blocks[unit].units)
            promote_block(&gcxi_map.blocks[unit]);
}

void gcxi_promote_all_stw(void)
{
    promote_zone(GCXI_ZONE_SCAN);
    promote_zone(GCXI_ZONE_NOSCAN);
}
