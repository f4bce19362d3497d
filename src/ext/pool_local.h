/* pool_local.h -- a pool from inside, and the part of it that a thread owns.
 *
 * Threads have numbers, given out again when they end; the local with a
 * thread's number is its own. Numbers below POOL_NEAR are found in the pool
 * itself, the others in tables that never move.
 *
 * A local has one shard per generation. Puts go to the first; at the begin of a
 * full cycle each moves on by one, and the last is dropped (pool_age.c).
 *
 * Q1  shards[] of a local is written by its owner, which only replaces NULL in
 *     shards[0], and by the collector while the world is stopped.
 * Q2  A pool with a shard, or with evicted ones, is listed, or a thread that
 *     made the shard is about to list it.
 * Q3  A plain pool counts nothing, checks nothing and calls no destroy; in it
 *     a shard is dropped as it is. In another pool items are taken by atomic
 *     operations alone, so that each is counted out once.
 *
 * Q4  In a pool limited by number alone, items counts items and credits. A get
 *     from the own place leaves a credit there, and a put needs one: neither
 *     touches the shared count. A credit is counted out when its shard is
 *     evicted or its thread ends. A thread has at most one in each generation,
 *     and near_count is so small that all are a quarter of the limit at most.
 * Q5  The list needs each pool until it is unlinked: a weak reference to it,
 *     which nobody keeps, makes gcx_free leave it to the collector.
 *
 * Rejected: credits that others may take, an atomic operation in every put: 6 ns.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_EXT_POOL_LOCAL_H
#define GCXI_EXT_POOL_LOCAL_H

#include <gcx/pool.h>

#include "ext/pool_shard.h"

#define POOL_NEAR 64u
#define POOL_FAR 8u
#define POOL_GENERATIONS_MAX 8u
#define POOL_THREADS (POOL_NEAR << POOL_FAR) /* more have no place of their own */
#define POOL_NO_INDEX UINT32_MAX

/* Written by the owner, read by anyone. */
struct gcxi_pool_counts {
    uint64_t hits;
    uint64_t steals;
    uint64_t victim_hits;
    uint64_t misses;
    uint64_t news;
    uint64_t puts;
    uint64_t drops;
};

struct gcxi_pool_local {
    struct gcxi_pool_shard *shards[POOL_GENERATIONS_MAX + 1]; /* [0]: puts go here */
    struct gcxi_pool_counts counts;
};

struct gcx_pool {
    uint32_t near_count; /* threads with smaller numbers may use the fast path */
    uint32_t high;       /* locals have smaller numbers; atomic */
    void (*reset)(void *item, void *arg);
    void *arg;
    void *empty; /* what the fast path leaves where it took an item: NULL or a credit */
    struct gcxi_pool_local *near[POOL_NEAR];
    struct gcxi_pool_local **far[POOL_FAR]; /* far[k]: numbers POOL_NEAR << k and up */
    struct gcx_pool_options options;        /* constant */
    uint64_t id;                            /* constant; addresses are used again */
    size_t items;                           /* if counted, credits too; atomic */
    size_t bytes;
    bool is_counted;
    bool is_checked;
    bool is_drained; /* evicted items are looked at, not only dropped */
    bool is_destroyed;
    uint8_t is_listed;               /* atomic */
    struct gcx_pool *next_listed;    /* pool_age.c */
    struct gcxi_pool_shard *evicted; /* pushed world stopped, taken by exchange */
};

/* The calling thread's number, or POOL_NO_INDEX before its first slow call. */
extern GCXI_EXT_TLS uint32_t gcxi_pool_index;

/* Gives the thread a number and returns it; POOL_NO_INDEX if there are none. */
uint32_t gcxi_pool_index_slow(void);

/* Lists the pool for ageing, unless it is. */
void gcxi_pool_list(gcx_pool *pool);

/* The local with that number, or NULL. */
struct gcxi_pool_local *gcxi_pool_local_at(const gcx_pool *pool, uint32_t index);

/* Drops and destroys what was evicted. */
void gcxi_pool_drain(gcx_pool *pool);

/* The pool lets go of an item that is out of every shard and count. */
void gcxi_pool_let_go(gcx_pool *pool, void *item);

/* ---- Checked mode (pool_check.c) ---- */

/* Before a put: records it. False if it is refused, and reported. */
bool gcxi_pool_check_put(gcx_pool *pool, void *item, const char *site);

/* After the item was reset, and before others can see it. */
void gcxi_pool_check_seal(void *item);

/* After a get; is_fresh: made by create. */
void gcxi_pool_check_get(gcx_pool *pool, void *item, const char *site, bool is_fresh);

/* The pool has let go of the item. */
void gcxi_pool_check_forget(void *item);

#endif
