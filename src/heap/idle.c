/* idle.c -- see idle.h.
 *
 * SPDX-License-Identifier: MIT */
#include "heap/idle.h"

#include "heap/chain.h"

static void look(struct gcxi_local *local, struct gcxi_lane *lane)
{
    uintptr_t cur = lane->run->cur;
    if (lane->block == NULL || gcxi_lane_is_chained(lane))
        return;
    if (cur == lane->idle_cur && gcxi_load_relaxed(&lane->block->live) == 0) {
        gcxi_local_uncount_run(local, lane);
        gcxi_lane_release_block(lane);
    }
    lane->idle_cur = cur;
}

void gcxi_idle_look(struct gcxi_local *local, uint64_t cycles)
{
    if (local->looked_at_cycle == cycles)
        return;
    local->looked_at_cycle = cycles;
    for (unsigned kind = 0; kind < GCXI_KINDS_MAX; kind++)
        for (unsigned i = 0; local->lanes[kind] != NULL && i < GCXI_CLASSES; i++)
            look(local, &local->lanes[kind][i]);
}
