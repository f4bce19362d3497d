/* chain.h -- the blocks that a lane for scopes has used since the last cycle.
 *
 * Such a lane keeps the blocks that it has filled, in the order of their use, so
 * that it can be set back to where it was when a scope began (gc/scope.c):
 *
 *   chain                                 block
 *    filled --> filled --> filled --> being allocated from --> spare --> spare
 *
 * Setting back is moving `block` and its run; what lies behind becomes spare and
 * is looked at when it is taken. All of them are OWNED by the lane. Before a
 * cycle marks, the lane lets go of all but the current one, and they are blocks
 * like any others.
 *
 * B1  In every block of a chain but the first young_lo is 0, and in the first it
 *     is where the lane stood at the last cycle: nothing in front of it is ever
 *     handed out again by setting back.
 * B2  What a spare block calls young was given up. Its slots with the epoch are
 *     old objects, which the lane's search leaves out.
 *
 * B3  A spare block half of whose slots have left is let go when it would be
 *     taken, until a cycle finds room in it: what is free between them comes in
 *     runs too short to be worth a call each. That it holds much by then bounds
 *     what lies idle, and the blocks taken instead count as allocation.
 *
 * Locking: as the lane. gcxi_scoped_alarm: atomic.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_HEAP_CHAIN_H
#define GCXI_HEAP_CHAIN_H

#include "heap/lane.h"

/* Classes that have a bit in gcxi_local.chained. */
#define GCXI_CHAIN_CLASSES (GCXI_EXACT_CLASSES + 8u * 5u)
#define GCXI_CHAIN_MAX GCXI_SMALL_MAX /* bytes */

/* Moves whenever something happened that no thread's open scopes may ignore. */
extern uint64_t gcxi_scoped_alarm;

/* The block becomes the lane's current one, behind the others. */
void gcxi_chain_append(struct gcxi_lane *lane, struct gcxi_block *block);

/* The next spare block becomes the current one; false if there is none. */
bool gcxi_chain_advance(struct gcxi_lane *lane);

/* Lets go of all but the current block. Heap lock. */
void gcxi_chain_dissolve(struct gcxi_lane *lane);

/* The slot that the lane hands out next, of its current block. */
uint32_t gcxi_chain_position(const struct gcxi_lane *lane);

/* Gives up everything handed out from that slot of that block on. The owner
 * thread, in a critical section; the block is in the chain, not a spare one. */
void gcxi_chain_set_back(struct gcxi_local *local, struct gcxi_lane *lane, struct gcxi_block *block,
                         uint32_t slot);

/* Where the lane stands at the chain's begin, and nobody remembers that place: the
 * first block goes if it is crowded and another is there. */
void gcxi_chain_shorten(struct gcxi_lane *lane);

/* A slot of a block of the chain was handed out at or after that position. */
bool gcxi_chain_is_after(const struct gcxi_lane *lane, const struct gcxi_block *block,
                         uint32_t slot, const struct gcxi_block *since, uint32_t since_slot);

GCXI_INLINE bool gcxi_lane_is_chained(const struct gcxi_lane *lane)
{
    return gcxi_kind_is_scoped(lane->kind);
}

/* The block behind, or NULL. */
GCXI_INLINE struct gcxi_block *gcxi_chain_next(const struct gcxi_block *block)
{
    return block->next != 0 ? &gcxi_map.blocks[block->next] : NULL;
}

#endif
