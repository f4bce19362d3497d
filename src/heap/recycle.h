/* recycle.h -- slots released by hand, on their way to be handed out again.
 *
 * A released slot has the mark byte FREED. Nothing else says so: lists only
 * tell where to look, and may tell of slots that are no longer free.
 *
 *              release: one CAS            claim: one CAS
 *    object ------------------> FREED ------------------> object
 *                                 |
 *                                 '-- a lane's search or a census --> free
 *
 * Each lane remembers the last slots that its thread released, of its kind and
 * class, whoever allocated them. Where that is full the block goes on a list of
 * its class, first in first out, so that many slots have come together in it
 * before a lane looks through its mark bytes.
 *
 * F1  A slot leaves FREED once: by the CAS of a claim, or by the search of the
 *     lane that owns its block. A claim is refused where that search still
 *     comes: in listed blocks, and in owned ones at and past young_hi. What a
 *     lane takes back as its newest slot is never FREED.
 * F2  A claimed slot is an object by H1: it is left unmarked in the young
 *     range, elsewhere it is old at once; then its page or card has been
 *     written, as R1 wants it.
 * F3  Only USED and OWNED blocks are on a recycling list, each once.
 * F4  Lanes forget what they know before a census: between cycles no block
 *     with slots goes, so that what they know of is still there.
 *
 * Locking: the heap lock for the lists and is_recycled; a lane's own memory is
 * the owner thread's, in a critical section.
 *
 * Rejected: a list linked through the released slots, which a write after free
 * would turn into a wild pointer, and which touches lines and pages that the
 * program has done with.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_HEAP_RECYCLE_H
#define GCXI_HEAP_RECYCLE_H

#include "heap/lane.h"

#define GCXI_RECENT 60u /* slots a lane remembers; with the rest, 512 bytes */

struct gcxi_recycler {
    struct gcxi_block *block; /* being looked through, or NULL */
    uint32_t position;        /* its slots before this were looked at */
    uint32_t count;
    uintptr_t recent[GCXI_RECENT];
};

/* Its static table is no root from then on (os/module.h). */
void gcxi_recycle_init(void);

/* Object to FREED; false if another thread was first. */
bool gcxi_slot_release(struct gcxi_block *block, uint32_t slot);

/* Remembers a released slot of the lane's kind and class; lane may be NULL.
 * False if its block should be listed instead. */
bool gcxi_recycle_put(struct gcxi_lane *lane, struct gcxi_block *block, uint32_t slot);

/* Lists the block unless it is. Heap lock. */
void gcxi_recycle_list(struct gcxi_block *block);

/* A released slot as an object, zeroed for scanned kinds; 0 if the lane knows
 * of none. *is_old: it is old already. */
uintptr_t gcxi_recycle_take(struct gcxi_local *local, struct gcxi_lane *lane, bool *is_old);

/* Gives the lane a listed block to look through; false if none is listed. The
 * former may be asked without the heap lock, as a hint. */
bool gcxi_recycle_is_listed(const struct gcxi_lane *lane);
bool gcxi_recycle_next_block(struct gcxi_lane *lane);

/* What the lane knows is listed: before a cycle, or because the lane goes. Heap
 * lock. */
void gcxi_recycle_flush(struct gcxi_lane *lane);
void gcxi_recycle_retire(struct gcxi_lane *lane);

/* World stopped, around the census: before it, blocks that it will visit leave
 * the lists; a visited one that stays as it is returns if it has released
 * slots. */
void gcxi_recycle_before_census(bool is_minor);
void gcxi_recycle_visit(struct gcxi_block *block);

#endif
