/* lane.c -- see lane.h for the picture and the invariants.
 *
 * SPDX-License-Identifier: MIT */
#include "heap/lane.h"

#include <string.h>

#include "base/atomic.h"
#include "heap/chain.h"
#include "heap/kind.h"
#include "heap/marks.h"
#include "heap/meta.h"
#include "heap/recycle.h"
#include "heap/sample.h"
#include "heap/space.h"
#include "os/module.h"

/* Zeroed ahead of use: small beside a first-level cache. What scopes use comes round
 * again while it is in the second-level cache: there fewer calls count for more. */
#define READY_BYTES (2 * GCXI_KIB)
#define READY_SCOPED_BYTES (8 * GCXI_KIB)

bool gcxi_lane_one_slot;
size_t gcxi_lane_ready_bytes = READY_BYTES;
void (*gcxi_lane_on_ready)(uintptr_t addr, size_t bytes);

/* Blocks of the library's own kinds with free slots that nobody owns. Under
 * the heap lock. */
static uint32_t own_avail[GCXI_KINDS][GCXI_CLASSES];

/* Numbers only. */
void gcxi_lane_init(void)
{
    gcxi_module_exclude_bytes(&own_avail, sizeof own_avail);
}

/* ---- Lanes ---- */

static struct gcx_detail_run *fast_run(struct gcxi_local *local, enum gcxi_kind kind,
                                       unsigned class_index)
{
    if (class_index >= GCXI_EXACT_CLASSES)
        return NULL;
    switch (kind) {
    case GCXI_SCAN:
        return &local->fast->scan[class_index];
    case GCXI_LOOSE:
        return &local->fast->loose[class_index];
    case GCXI_NOSCAN:
        return &local->fast->noscan[class_index];
    case GCXI_SCOPED:
        return &local->fast->scoped[class_index];
    default:
        return NULL;
    }
}

struct gcxi_lane *gcxi_local_lane(struct gcxi_local *local, enum gcxi_kind kind,
                                  unsigned class_index)
{
    if (local->lanes[kind] != NULL)
        return &local->lanes[kind][class_index];
    struct gcxi_lane *lanes = gcxi_meta_alloc(GCXI_CLASSES * sizeof *lanes);
    if (lanes == NULL)
        return NULL;
    for (unsigned i = 0; i < GCXI_CLASSES; i++) {
        struct gcx_detail_run *run = fast_run(local, kind, i);
        lanes[i].run = run != NULL ? run : &lanes[i].own_run;
        lanes[i].slot_bytes = (uint32_t)gcxi_class_bytes(i);
        lanes[i].kind = (uint8_t)kind;
        lanes[i].class_index = (uint8_t)i;
        lanes[i].chained = &local->chained[kind == GCXI_SCOPED_NOSCAN];
    }
    gcxi_store_release(&local->lanes[kind], lanes); /* gcxi_local_unused */
    return &lanes[class_index];
}

/* ---- Runs ---- */

static bool kind_is_zeroed(enum gcxi_kind kind)
{
    return !gcxi_kind_is_noscan(kind);
}

/* Moves end towards limit, zeroing what it passes. */
static GCXI_NOINLINE void lane_make_part_ready(struct gcxi_local *local, struct gcxi_lane *lane)
{
    struct gcx_detail_run *run = lane->run;
    size_t slot_bytes = lane->block->slot_bytes;
    size_t left = lane->limit - run->end;
    if (gcxi_lane_one_slot)
        left = slot_bytes;
    bool needs_zero = kind_is_zeroed((enum gcxi_kind)lane->kind) && lane->block->needs_zero;
    size_t most = gcxi_lane_is_chained(lane) ? READY_SCOPED_BYTES : gcxi_lane_ready_bytes;
    if (needs_zero && left > most)
        left = gcxi_max(most - most % slot_bytes, slot_bytes);
    if (GCXI_UNLIKELY(gcxi_sampler_is_on()))
        left = gcxi_sample_piece(local, lane, left);
    if (GCXI_UNLIKELY(gcxi_lane_on_ready != NULL))
        gcxi_lane_on_ready(run->end, left);
    if (needs_zero)
        memset((void *)run->end, 0, left);
    run->end += left;
}

GCXI_INLINE void lane_make_ready(struct gcxi_local *local, struct gcxi_lane *lane)
{
    bool is_watched = gcxi_lane_one_slot || gcxi_sampler_is_on() || gcxi_lane_on_ready != NULL;
    if (GCXI_LIKELY(gcxi_kind_is_noscan(lane->kind) && !is_watched))
        lane->run->end = lane->limit;
    else
        lane_make_part_ready(local, lane);
}

void gcxi_local_count(struct gcxi_local *local, size_t bytes, uint32_t slots)
{
    gcxi_store_relaxed(&local->alloc_bytes, local->alloc_bytes + bytes);
    gcxi_store_release(&local->alloc_slots, local->alloc_slots + slots); /* mutators_count */
}

void gcxi_local_uncount_run(struct gcxi_local *local, const struct gcxi_lane *lane)
{
    size_t unused = lane->limit - lane->run->cur;
    gcxi_store_relaxed(&local->alloc_bytes, local->alloc_bytes - unused);
    gcxi_store_release(&local->alloc_slots, local->alloc_slots - unused / lane->slot_bytes);
}

/* Reserves the next run of free slots of the block. */
GCXI_INLINE bool lane_next_run(struct gcxi_local *local, struct gcxi_lane *lane)
{
    struct gcxi_block *block = lane->block;
    uint32_t slots = block->slots, lo;
    uint32_t hi = gcxi_marks_take_run(block->marks, block->young_hi, slots, gcxi_map.epoch,
                                      gcxi_map.epoch_before, &lo);
    if (lo == slots)
        return false;
    gcxi_acquire_bytes(); /* another thread has released some of them and read them before */
    struct gcx_detail_run *run = lane->run;
    size_t bytes = (hi - lo) * block->slot_bytes;
    uintptr_t addr = gcxi_slot_addr(block, lo);
    gcxi_store_relaxed(&lane->limit, addr + bytes);
    gcxi_store_relaxed(&run->cur, addr);
    run->end = addr;
    gcxi_store_release(&block->young_hi, hi); /* is_behind_search: after the marks */
    gcxi_local_count(local, bytes, hi - lo);
    return true;
}

static GCXI_NOINLINE bool lane_next_run_of_chain(struct gcxi_local *local, struct gcxi_lane *lane)
{
    while (gcxi_chain_advance(lane))
        if (lane->run->end != lane->limit || lane_next_run(local, lane))
            return true;
    return false;
}

bool gcxi_lane_refill(struct gcxi_local *local, struct gcxi_lane *lane)
{
    if (lane->block == NULL || (lane->run->end == lane->limit && !lane_next_run(local, lane) &&
                                !lane_next_run_of_chain(local, lane)))
        return false;
    lane_make_ready(local, lane);
    return true;
}

/* ---- Blocks ---- */

static uint32_t *avail_of(unsigned kind)
{
    return kind < GCXI_KINDS ? own_avail[kind] : gcxi_kinds[kind]->avail;
}

void gcxi_avail_push(struct gcxi_block *block)
{
    uint32_t *list = &avail_of(block->kind)[block->class_index];
    block->state = GCXI_BLOCK_AVAIL;
    block->next = *list;
    *list = gcxi_block_unit(block);
}

void gcxi_avail_reset(void)
{
    for (unsigned kind = 0; kind < gcxi_kind_count; kind++)
        memset(avail_of(kind), 0, sizeof own_avail[0]);
}

static struct gcxi_block *avail_pop(enum gcxi_kind kind, unsigned class_index)
{
    uint32_t *list = &avail_of(kind)[class_index];
    if (*list == 0)
        return NULL;
    struct gcxi_block *block = &gcxi_map.blocks[*list];
    *list = block->next;
    block->needs_zero = 1;
    gcxi_space_disarm(gcxi_block_unit(block), block->units);
    return block;
}

static uint32_t lane_slot(const struct gcxi_lane *lane, uintptr_t addr)
{
    return gcxi_block_slot(lane->block, addr - gcxi_block_addr(lane->block));
}

void gcxi_lane_release_block(struct gcxi_lane *lane)
{
    struct gcxi_block *block = lane->block;
    if (block == NULL)
        return;
    gcxi_chain_dissolve(lane);
    lane->chain = NULL;
    if (lane->limit != 0)
        gcxi_store_relaxed(&block->young_hi, lane_slot(lane, lane->run->cur));
    gcxi_store_relaxed(&block->state, GCXI_BLOCK_USED);
    gcxi_store_release(&block->owner, NULL);
    lane->block = NULL;
    lane->run->end = 0;
    gcxi_store_relaxed(&lane->run->cur, 0);
    gcxi_store_relaxed(&lane->limit, 0);
}

bool gcxi_lane_next_block(struct gcxi_lane *lane, size_t *fresh_bytes)
{
    if (!gcxi_lane_is_chained(lane))
        gcxi_lane_release_block(lane);
    struct gcxi_block *block = avail_pop((enum gcxi_kind)lane->kind, lane->class_index);
    if (block == NULL)
        block = gcxi_block_create((enum gcxi_kind)lane->kind, lane->class_index);
    if (block == NULL)
        return false;
    gcxi_store_relaxed(&block->state, GCXI_BLOCK_OWNED);
    gcxi_store_release(&block->owner, lane);
    gcxi_block_set_young(block, true);
    if (gcxi_lane_is_chained(lane))
        gcxi_chain_append(lane, block);
    else
        lane->block = block;
    *fresh_bytes += (block->slots - gcxi_load_relaxed(&block->live)) * block->slot_bytes;
    return true;
}

/* ---- All lanes of a mutator ---- */

static void local_each_lane(struct gcxi_local *local, void (*visit)(struct gcxi_lane *lane))
{
    for (unsigned kind = 0; kind < GCXI_KINDS; kind++)
        for (unsigned i = 0; local->lanes[kind] != NULL && i < GCXI_CLASSES; i++)
            visit(&local->lanes[kind][i]);
}

static void local_each_block(struct gcxi_local *local, void (*visit)(struct gcxi_lane *lane))
{
    for (unsigned kind = 0; kind < gcxi_load_acquire(&gcxi_kind_count); kind++)
        for (unsigned i = 0; local->lanes[kind] != NULL && i < GCXI_CLASSES; i++)
            if (local->lanes[kind][i].block != NULL)
                visit(&local->lanes[kind][i]);
}

void gcxi_local_retire(struct gcxi_local *local)
{
    local_each_block(local, gcxi_lane_release_block);
    local_each_lane(local, gcxi_recycle_retire);
    for (unsigned kind = 0; kind < gcxi_load_acquire(&gcxi_kind_count); kind++) {
        if (local->lanes[kind] != NULL)
            gcxi_meta_free(local->lanes[kind], GCXI_CLASSES * sizeof *local->lanes[kind]);
        local->lanes[kind] = NULL;
    }
}

static void lane_flush(struct gcxi_lane *lane)
{
    gcxi_chain_dissolve(lane);
    if (lane->limit != 0)
        lane->block->young_hi = lane_slot(lane, lane->run->cur);
}

static void lane_restart(struct gcxi_lane *lane)
{
    if (lane->limit != 0) {
        lane->block->young_lo = lane_slot(lane, lane->run->cur);
        lane->block->young_hi = lane_slot(lane, lane->limit);
    }
    gcxi_block_set_young(lane->block, true);
}

void gcxi_local_flush_stw(struct gcxi_local *local)
{
    local_each_block(local, lane_flush);
    local_each_lane(local, gcxi_recycle_flush);
}

void gcxi_local_restart_stw(struct gcxi_local *local)
{
    local_each_block(local, lane_restart);
}

static void lane_freeze(struct gcxi_lane *lane)
{
    lane->frozen_end = lane->run->end;
    lane->run->end = lane->run->cur;
}

static void lane_thaw(struct gcxi_lane *lane)
{
    lane->run->end = lane->frozen_end;
}

void gcxi_local_freeze(struct gcxi_local *local)
{
    local_each_block(local, lane_freeze);
}

void gcxi_local_thaw(struct gcxi_local *local)
{
    local_each_block(local, lane_thaw);
}

void gcxi_local_unused(const struct gcxi_local *local, uint64_t *bytes, uint64_t *slots)
{
    for (unsigned kind = 0; kind < gcxi_load_acquire(&gcxi_kind_count); kind++) {
        const struct gcxi_lane *lanes = gcxi_load_acquire(&local->lanes[kind]);
        for (unsigned i = 0; lanes != NULL && i < GCXI_CLASSES; i++) {
            uintptr_t cur = gcxi_load_relaxed(&lanes[i].run->cur);
            uintptr_t limit = gcxi_load_relaxed(&lanes[i].limit);
            size_t unused = limit > cur && cur != 0 ? limit - cur : 0;
            *bytes += unused;
            *slots += unused / lanes[i].slot_bytes;
        }
    }
}
