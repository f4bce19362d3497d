/* idle.c -- see idle.h.
 *
 * SPDX-License-Identifier: MIT */
#include "heap/idle.h"

#include "heap/chain.h"

/* As a lane does with its block when it takes the next. It stays young, so that
 * the next census looks at it. */
static void give_back(struct gcxi_lane *lane)
{
    struct gcxi_block *block = lane->block;
    uintptr_t cur = lane->run->cur;
    if (lane->limit != 0)
        gcxi_store_relaxed(&block->young_hi, gcxi_block_slot(block, cur - gcxi_block_addr(block)));
    gcxi_store_relaxed(&block->state, GCXI_BLOCK_USED);
    gcxi_store_release(&block->owner, NULL);
    lane->block = NULL;
    lane->run->end = 0;
    gcxi_store_relaxed(&lane->run->cur, 0);
    gcxi_store_relaxed(&lane->limit, 0);
}

static void look(struct gcxi_lane *lane)
{
    uintptr_t cur = lane->run->cur;
    if (lane->block == NULL || gcxi_lane_is_chained(lane))
        return;
    if (cur == lane->idle_cur && gcxi_load_relaxed(&lane->block->live) == 0)
        give_back(lane);
    lane->idle_cur = cur;
}

void gcxi_idle_look(struct gcxi_local *local, uint64_t cycles)
{
    if (local->looked_at_cycle == cycles)
        return;
    local->looked_at_cycle = cycles;
    for (unsigned kind = 0; kind < GCXI_KINDS_MAX; kind++)
        for (unsigned i = 0; local->lanes[kind] != NULL && i < GCXI_CLASSES; i++)
            look(&local->lanes[kind][i]);
}
