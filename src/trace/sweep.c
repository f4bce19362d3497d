/* sweep.c -- the census after marking.
 *
 * The slots themselves are swept lazily, by the lanes that want them
 * (heap/lane.h). What is left for the pause is to count the mark bytes of the
 * blocks, 32 at a time, and to sort the blocks:
 *
 *   owned by a lane      stays there; what is live in it is old now
 *   nothing live         back to the free spans
 *   enough free slots    listed for allocation
 *   else                 used until a later cycle finds room in it; slots
 *                        released by hand are found by heap/recycle.h
 *
 * After a full cycle the lists are made anew, so that a block stands on one at
 * most once.
 *
 * All workers count, before one of them sorts: where something has died in most of 4 GB
 * there are 130 MB of mark bytes to read, which took 9 to 10 ms of a stop.
 *
 * SPDX-License-Identifier: MIT */
#include "trace/sweep.h"

#include <string.h>

#include "heap/kind.h"
#include "heap/lane.h"
#include "heap/marks.h"
#include "heap/recycle.h"
#include "heap/space.h"
#include "os/vm.h"
#include "trace/workers.h"

#define COUNT_UNITS 64u  /* looked at together */
#define COUNT_BLOCKS 64u /* by a worker at a time */

/* What a census counts. */
static struct {
    uint32_t *live;             /* per unit where a block begins; NULL: there was no memory */
    const uint8_t *interesting; /* units */
    const struct gcxi_sweep_policy *policy;
    uint32_t next[GCXI_ZONES]; /* atomic */
    uint32_t end[GCXI_ZONES];
} counts;

static bool has_room(const struct gcxi_block *block, uint32_t live,
                     const struct gcxi_sweep_policy *policy)
{
    uint32_t share =
        gcxi_kind_is_untracked(block->kind) ? policy->noscan_share : policy->scan_share;
    return (uint64_t)(block->slots - live) * share >= block->slots;
}

static uint32_t count_live(const struct gcxi_block *block)
{
    uint32_t live = gcxi_marks_count(block->marks, block->slots, gcxi_map.epoch);
    if (GCXI_UNLIKELY(gcxi_map.epoch_kept != gcxi_map.epoch))
        live += gcxi_marks_count(block->marks, block->slots, gcxi_map.epoch_kept);
    return live;
}

/* Where nothing has died the last count holds: to count costs 140 ns a block, which
 * is most of what a census takes. */
static uint32_t live_now(const struct gcxi_block *block, const struct gcxi_sweep_policy *policy)
{
    if (policy->open == NULL || policy->open[gcxi_block_unit(block)] != 0)
        return count_live(block);
    GCXI_ASSERT(count_live(block) == block->live);
    return block->live;
}

/* How many blocks? */
static size_t count_units(uint32_t unit, uint32_t end)
{
    size_t blocks = 0;
    for (; unit < end; unit++) {
        const struct gcxi_block *block = &gcxi_map.blocks[unit];
        if (counts.interesting[unit] == 0 || block->head_back != 0)
            continue;
        counts.live[unit] = live_now(block, counts.policy);
        blocks++;
    }
    return blocks;
}

static bool next_units(uint32_t *unit, uint32_t *end)
{
    for (unsigned zone = 0; zone < GCXI_ZONES; zone++) {
        *unit = gcxi_add_relaxed(&counts.next[zone], COUNT_UNITS);
        *end = (uint32_t)gcxi_min(*unit + COUNT_UNITS, counts.end[zone]);
        if (*unit < *end)
            return true;
    }
    return false;
}

/* Counts in some blocks; false if none is left. Units that are not interesting take no
 * time, and are nothing that helpers are called for. */
static bool feed_counts(struct gcxi_marker *m)
{
    size_t blocks = 0;
    uint32_t unit, end;
    (void)m;
    while (blocks < COUNT_BLOCKS && next_units(&unit, &end))
        blocks += count_units(unit, end);
    return blocks != 0;
}

static void count(const uint8_t *interesting, const struct gcxi_sweep_policy *policy)
{
    if (counts.live == NULL)
        counts.live = gcxi_vm_map(((size_t)gcxi_map.units + 1) * sizeof *counts.live);
    if (counts.live == NULL)
        return;
    counts.interesting = interesting;
    counts.policy = policy;
    for (unsigned zone = 0; zone < GCXI_ZONES; zone++) {
        counts.next[zone] = gcxi_zone_first((enum gcxi_zone_index)zone);
        counts.end[zone] = gcxi_zone_end((enum gcxi_zone_index)zone);
    }
    gcxi_workers_drain(feed_counts);
}

static uint32_t live_counted(const struct gcxi_block *block, const struct gcxi_sweep_policy *policy)
{
    if (counts.live == NULL)
        return live_now(block, policy);
    uint32_t live = counts.live[gcxi_block_unit(block)];
    GCXI_ASSERT(live == live_now(block, policy));
    return live;
}

static void census_block(struct gcxi_block *block, const struct gcxi_sweep_policy *policy,
                         struct gcxi_census *census)
{
    uint32_t live = live_counted(block, policy);
    census->live_bytes += live * block->slot_bytes;
    census->live_before += block->live * block->slot_bytes;
    block->live = live;
    gcxi_block_set_young(block, false);
    if (block->state == GCXI_BLOCK_OWNED) {
        gcxi_recycle_visit(block);
        return;
    }
    block->young_lo = block->young_hi = 0;
    if (live == 0) {
        census->freed_blocks++;
        gcxi_block_destroy(block);
    } else if (block->state == GCXI_BLOCK_USED && has_room(block, live, policy)) {
        census->avail_bytes += (block->slots - live) * block->slot_bytes;
        gcxi_avail_push(block);
    } else if (block->state == GCXI_BLOCK_USED) {
        gcxi_recycle_visit(block);
    }
}

static void census_zone(enum gcxi_zone_index zone, const uint8_t *interesting,
                        const struct gcxi_sweep_policy *policy, struct gcxi_census *census)
{
    uint32_t end = gcxi_zone_end(zone);
    uint32_t unit = gcxi_zone_first(zone);
    while (unit < end) {
        const uint8_t *found = memchr(interesting + unit, 1, end - unit);
        if (found == NULL)
            return;
        unit = (uint32_t)(found - interesting);
        struct gcxi_block *block = &gcxi_map.blocks[unit];
        unit += block->units;
        if (interesting == gcxi_map.used && block->state == GCXI_BLOCK_AVAIL)
            block->state = GCXI_BLOCK_USED;
        census_block(block, policy, census);
    }
}

void gcxi_sweep_census(bool is_minor, const struct gcxi_sweep_policy *policy,
                       struct gcxi_census *census)
{
    const uint8_t *interesting = is_minor ? gcxi_map.young : gcxi_map.used;
    memset(census, 0, sizeof *census);
    if (!is_minor)
        gcxi_avail_reset();
    gcxi_recycle_before_census(is_minor);
    count(interesting, policy);
    census_zone(GCXI_ZONE_SCAN, interesting, policy, census);
    census_zone(GCXI_ZONE_NOSCAN, interesting, policy, census);
}
