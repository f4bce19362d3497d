/* chain.c -- see chain.h for the picture and the invariants.
 *
 * SPDX-License-Identifier: MIT */
#include "heap/chain.h"

#define CROWDED_SHARE 2u

uint64_t gcxi_scoped_alarm;

static void chain_empty_run(struct gcxi_lane *lane, uintptr_t at)
{
    lane->run->end = at;
    gcxi_store_relaxed(&lane->run->cur, at);
    gcxi_store_relaxed(&lane->limit, at);
}

void gcxi_chain_append(struct gcxi_lane *lane, struct gcxi_block *block)
{
    block->next = 0;
    if (lane->chain == NULL)
        lane->chain = block;
    else
        lane->block->next = gcxi_block_unit(block);
    *lane->chained |= UINT64_C(1) << lane->class_index;
    chain_empty_run(lane, 0);
    lane->block = block;
}

static void chain_let_go(struct gcxi_block *block)
{
    gcxi_store_relaxed(&block->state, GCXI_BLOCK_USED);
    gcxi_store_release(&block->owner, NULL);
}

/* B3. */
static bool chain_is_crowded(const struct gcxi_block *block)
{
    return gcxi_load_relaxed(&block->live) > block->slots / CROWDED_SHARE;
}

static void chain_let_spare_go(struct gcxi_block *block)
{
    block->next = 0;
    gcxi_store_relaxed(&block->young_hi, block->young_lo);
    chain_let_go(block);
}

/* B2. */
bool gcxi_chain_advance(struct gcxi_lane *lane)
{
    struct gcxi_block *next = lane->chain != NULL ? gcxi_chain_next(lane->block) : NULL;
    while (next != NULL && chain_is_crowded(next)) {
        lane->block->next = next->next;
        chain_let_spare_go(next);
        next = gcxi_chain_next(lane->block);
    }
    if (next == NULL)
        return false;
    gcxi_store_release(&next->young_hi, next->young_lo);
    next->needs_zero = 1;
    chain_empty_run(lane, 0);
    lane->block = next;
    return true;
}

void gcxi_chain_dissolve(struct gcxi_lane *lane)
{
    bool is_spare = false;
    if (lane->chain == NULL)
        return;
    for (struct gcxi_block *block = lane->chain, *next; block != NULL; block = next) {
        next = gcxi_chain_next(block);
        block->next = 0;
        if (block == lane->block) {
            is_spare = true;
            continue;
        }
        if (is_spare)
            gcxi_store_relaxed(&block->young_hi, block->young_lo);
        chain_let_go(block);
    }
    lane->chain = lane->block;
}

uint32_t gcxi_chain_position(const struct gcxi_lane *lane)
{
    const struct gcxi_block *block = lane->block;
    if (lane->limit == 0)
        return block->young_hi;
    return gcxi_block_slot(block, lane->run->cur - gcxi_block_addr(block));
}

void gcxi_chain_set_back(struct gcxi_local *local, struct gcxi_lane *lane, struct gcxi_block *block,
                         uint32_t slot)
{
    GCXI_ASSERT(slot >= block->young_lo);
    gcxi_note_release();
    gcxi_local_uncount_run(local, lane);
    if (block != lane->block)
        gcxi_store_relaxed(&lane->block->young_hi, lane->block->young_lo);
    chain_empty_run(lane, gcxi_slot_addr(block, slot));
    gcxi_store_release(&block->young_hi, slot);
    block->needs_zero = 1;
    lane->block = block;
}

void gcxi_chain_shorten(struct gcxi_lane *lane)
{
    struct gcxi_block *first = lane->chain;
    if (first == lane->block && gcxi_chain_position(lane) == first->young_lo &&
        chain_is_crowded(first) && gcxi_chain_advance(lane)) {
        lane->chain = lane->block;
        chain_let_spare_go(first);
    }
}

bool gcxi_chain_is_after(const struct gcxi_lane *lane, const struct gcxi_block *block,
                         uint32_t slot, const struct gcxi_block *since, uint32_t since_slot)
{
    if (block == since)
        return slot >= since_slot;
    if (block == lane->block)
        return true;
    while (since != lane->block && (since = gcxi_chain_next(since)) != NULL)
        if (since == block)
            return true;
    return false;
}
