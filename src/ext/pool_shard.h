/* pool_shard.h -- the items that one thread put into one pool between two full
 * cycles: a place for one, and a stack that other threads take from.
 *
 * The stack is the deque of Chase and Lev: its owner pushes and pops at the
 * bottom, anyone steals at the top. An index is never used twice, so whoever
 * moves top past an index owns its item.
 *
 * S1  Only the owner changes bottom, ring and, in plain pools and those limited by
 *     number alone, item.
 * S2  An item at index i, top <= i < bottom, belongs to whoever gets i: by
 *     moving top past it, or, for the owner, by moving bottom below it while
 *     top is smaller.
 * S3  A slot is cleared by whoever took its item, before anyone can put that
 *     item again: so a stale pointer keeps nothing alive.
 * S4  Every thread may be stopped anywhere, and a shard be taken out of its
 *     pool meanwhile: its owner goes on with it unharmed, and looks afterwards
 *     whether it is closed.
 *
 * Atomics: bottom and top are sequentially consistent where the owner and a
 * thief compete for the last item; a push releases bottom to thieves.
 *
 * Rejected: Go's ring with head and tail in one word, an atomic operation per
 * push as well as per pop; a lock per shard, whose holder may be stopped.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_EXT_POOL_SHARD_H
#define GCXI_EXT_POOL_SHARD_H

#include "ext/ext.h"

struct gcxi_pool_slot {
    void *item;
    size_t bytes; /* as counted by its pool; 0 if that does not count */
};

/* In the own place, where no item is: it stays counted for the owner's next put. */
#define GCXI_POOL_CREDIT ((void *)(uintptr_t)1)

struct gcxi_pool_ring {
    size_t mask; /* slots - 1 */
    struct gcxi_pool_slot slots[];
};

struct gcxi_pool_shard {
    void *item; /* the owner's own place: NULL, an item, or a credit */
    size_t item_bytes;
    struct gcxi_pool_ring *ring; /* NULL until the stack is used */
    int64_t bottom;
    bool is_closed;               /* out of its pool: the owner takes back what it put */
    struct gcxi_pool_shard *next; /* in the pool's list of shards to be emptied */
    char apart[64];               /* thieves write top only */
    int64_t top;
};

/* A fresh shard, or NULL with ENOMEM. [collects] */
struct gcxi_pool_shard *gcxi_shard_create(void);

/* Owner: pushes. False if there is no memory for a larger ring. [collects] */
bool gcxi_shard_push(struct gcxi_pool_shard *shard, struct gcxi_pool_slot slot);

/* Owner, at its end: moves the own place's item to the stack. */
void gcxi_shard_spill(struct gcxi_pool_shard *shard);

/* Owner: the newest of the stack; item is NULL if there is none. */
struct gcxi_pool_slot gcxi_shard_pop(struct gcxi_pool_shard *shard);

/* Anyone: the oldest of the stack; item is NULL if there is none. */
struct gcxi_pool_slot gcxi_shard_steal(struct gcxi_pool_shard *shard);

/* The own place of a shard whose pool counts: an exchange, so that the owner
 * and whoever empties a closed shard do not get the same item. */
bool gcxi_shard_put_own(struct gcxi_pool_shard *shard, struct gcxi_pool_slot slot);
struct gcxi_pool_slot gcxi_shard_take_own(struct gcxi_pool_shard *shard);

/* Owner, or nobody else: takes the credit out of the own place; false if there is
 * none. */
bool gcxi_shard_take_credit(struct gcxi_pool_shard *shard);
bool gcxi_shard_has_credit(const struct gcxi_pool_shard *shard);

/* Items now; exact if nobody changes them. */
size_t gcxi_shard_count(const struct gcxi_pool_shard *shard);

/* World stopped: closes the shard, taking all items from whoever would come
 * later, and counts them, and the credit. */
void gcxi_shard_close_stw(struct gcxi_pool_shard *shard, size_t *items, size_t *bytes);

#endif
