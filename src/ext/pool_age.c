/* pool_age.c -- how pools learn of collections, and of threads that end.
 *
 *   put --> shards[0] --full cycle--> shards[1] .. --full cycle--> gone
 *              `------------- get ----------'
 *
 * Pools that hold anything are in one list, whose head is a root: so a pool
 * that the program dropped lives until it is empty and leaves the list. The
 * list is pushed to by anyone, and unlinked from while the world is stopped.
 *
 * Ageing happens before marking, so that what is dropped goes in the same
 * cycle. A thread stopped inside a put or a get goes on with the shard it has
 * (S4 of pool_shard.h).
 *
 * Locking: none. Thread numbers are bits, taken and given back atomically.
 *
 * Rejected: ageing when a pool is next used, which keeps an idle pool's items;
 * minor cycles as well, of which there may be a hundred in a second.
 *
 * SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "ext/pool_local.h"

static gcx_pool *age_first;  /* the listed pools */
static uint32_t age_unlinks; /* world stopped to change */

/* ---- The list ---- */

void gcxi_pool_list(gcx_pool *pool)
{
    if (__atomic_exchange_n(&pool->is_listed, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    gcx_pool *head = __atomic_load_n(&age_first, __ATOMIC_RELAXED);
    do {
        __atomic_store_n(&pool->next_listed, head, __ATOMIC_RELAXED);
        gcxi_ext_note(&pool->next_listed, head);
    } while (!__atomic_compare_exchange_n(&age_first, &head, pool, false, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
}

/* ---- Ageing ---- */

static void evict_stw(gcx_pool *pool, struct gcxi_pool_shard *shard)
{
    size_t items = 0, bytes = 0;
    if (pool->is_drained) {
        shard->is_closed = true;
        shard->next = pool->evicted;
        pool->evicted = shard;
    } else if (pool->is_counted) {
        gcxi_shard_close_stw(shard, &items, &bytes);
        pool->items -= pool->options.max_items != 0 ? items : 0;
        pool->bytes -= pool->options.max_bytes != 0 ? bytes : 0;
    }
}

/* True if the local holds anything afterwards. */
static bool age_local_stw(gcx_pool *pool, struct gcxi_pool_local *local)
{
    bool is_used = false;
    unsigned last = pool->options.generations;
    if (local->shards[last] != NULL)
        evict_stw(pool, local->shards[last]);
    for (unsigned g = last; g > 0; g--) {
        local->shards[g] = local->shards[g - 1];
        is_used = is_used || local->shards[g] != NULL;
    }
    local->shards[0] = NULL;
    return is_used;
}

static bool age_pool_stw(gcx_pool *pool)
{
    bool is_used = false;
    for (uint32_t i = 0; i < pool->high; i++) {
        struct gcxi_pool_local *local = gcxi_pool_local_at(pool, i);
        if (local != NULL && age_local_stw(pool, local))
            is_used = true;
    }
    return is_used || pool->evicted != NULL;
}

/* A put that finds is_listed set has stored its shard before, so that it is
 * seen here (Q2). */
static void age_begin_stw(enum gcx_cycle kind)
{
    if (kind != GCX_FULL)
        return;
    for (gcx_pool **link = &age_first; *link != NULL;) {
        gcx_pool *pool = *link;
        if (age_pool_stw(pool)) {
            link = &pool->next_listed;
        } else {
            *link = pool->next_listed;
            pool->next_listed = NULL;
            pool->is_listed = 0;
            age_unlinks++;
        }
    }
}

static void drain(gcx_pool *pool, uint32_t unused)
{
    (void)unused;
    if (__atomic_load_n(&pool->evicted, __ATOMIC_RELAXED) != NULL)
        gcxi_pool_drain(pool);
}

/* A pool that leaves the list while it is visited has no next any more, so that
 * it keeps no other pool alive: then once again from the start. */
static void for_each_listed(void (*visit)(gcx_pool *pool, uint32_t arg), uint32_t arg)
{
    uint32_t unlinks;
    do {
        unlinks = __atomic_load_n(&age_unlinks, __ATOMIC_RELAXED);
        for (gcx_pool *pool = __atomic_load_n(&age_first, __ATOMIC_ACQUIRE); pool != NULL;
             pool = __atomic_load_n(&pool->next_listed, __ATOMIC_RELAXED))
            visit(pool, arg);
    } while (unlinks != __atomic_load_n(&age_unlinks, __ATOMIC_RELAXED));
}

static void age_after(enum gcx_cycle kind)
{
    (void)kind;
    for_each_listed(drain, 0);
}

/* ---- Thread numbers ---- */

GCXI_EXT_TLS uint32_t gcxi_pool_index = POOL_NO_INDEX;

static uint64_t age_numbers[POOL_THREADS / 64]; /* 1: in use */
static pthread_key_t age_key;
static pthread_once_t age_once = PTHREAD_ONCE_INIT;
static bool age_has_key;

/* Where nobody is left to take it by right, everyone may. */
static void spill(gcx_pool *pool, uint32_t index)
{
    struct gcxi_pool_local *local = gcxi_pool_local_at(pool, index);
    for (unsigned g = 0; local != NULL && g <= pool->options.generations; g++) {
        struct gcxi_pool_shard *shard = __atomic_load_n(&local->shards[g], __ATOMIC_RELAXED);
        if (shard == NULL)
            continue;
        gcxi_shard_spill(shard);
        if (gcxi_shard_take_credit(shard)) /* Q4 */
            __atomic_fetch_sub(&pool->items, 1, __ATOMIC_RELAXED);
    }
}

static void thread_end(void *value)
{
    uint32_t index = gcxi_pool_index;
    (void)value;
    if (index == POOL_NO_INDEX)
        return;
    for_each_listed(spill, index);
    gcxi_pool_index = POOL_NO_INDEX;
    __atomic_fetch_and(&age_numbers[index / 64], ~(UINT64_C(1) << index % 64), __ATOMIC_RELEASE);
}

static void age_init(void)
{
    static struct gcx_detail_cycle_hook hook = {age_begin_stw, NULL, age_after, NULL};
    gcx_detail_cycle_hook_add(&hook);
    age_has_key = pthread_key_create(&age_key, thread_end) == 0;
}

/* Takes the lowest free bit of the word; 64 if there is none. Pairs with
 * thread_end: what the number's last owner did is seen by the next. */
static unsigned take_bit(uint64_t *word)
{
    uint64_t used = __atomic_load_n(word, __ATOMIC_RELAXED);
    while (used != UINT64_MAX) {
        unsigned bit = (unsigned)__builtin_ctzll(~used);
        if (__atomic_compare_exchange_n(word, &used, used | UINT64_C(1) << bit, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return bit;
    }
    return 64;
}

GCXI_EXT_COLD uint32_t gcxi_pool_index_slow(void)
{
    pthread_once(&age_once, age_init);
    if (!age_has_key || pthread_setspecific(age_key, &age_key) != 0)
        return POOL_NO_INDEX;
    for (uint32_t i = 0; i < POOL_THREADS / 64; i++) {
        unsigned bit = take_bit(&age_numbers[i]);
        if (bit < 64)
            return gcxi_pool_index = i * 64 + bit;
    }
    return POOL_NO_INDEX;
}
