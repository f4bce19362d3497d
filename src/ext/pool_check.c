/* pool_check.c -- GCX_CHECK=1: where every item of every pool is.
 *
 *   (none) --get of a fresh item--> OUT --put--> IN --get--> OUT
 *      `-----------put---------------------------^
 *   OUT, object dead --> (none)        IN, let go --> (none)
 *
 * Records are malloc memory, which keeps no item alive. They hang in chains
 * that only grow; a dead record is used again in its chain.
 *
 * K1  A record whose item is a collected object speaks of that object: at the
 *     end of a cycle that freed it the record dies, before the address can be
 *     used again.
 * K2  item of a record is set last and cleared first, in one store: so the
 *     chains may be walked while the world is stopped, whoever holds the lock.
 *
 * Locking: check_lock for all but that walk. Nothing is allocated from the
 * collector under it.
 *
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ext/pool_local.h"

#define CHECK_CHAINS 4096u
#define CHECK_SUM_BYTES ((size_t)64 * 1024) /* so much of an item is watched */

struct check_record {
    struct check_record *next; /* constant */
    void *item;                /* NULL: dead */
    uint64_t pool_id;
    const char *pool_name;
    const char *get_site; /* NULL: never taken out */
    const char *put_site; /* NULL: never put */
    uint64_t sum;
    bool is_in;
    bool is_object;
};

static struct check_record *check_chains[CHECK_CHAINS];
static pthread_mutex_t check_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t check_once = PTHREAD_ONCE_INIT;

/* K1. */
static void check_end_stw(enum gcx_cycle kind)
{
    (void)kind;
    for (size_t i = 0; i < CHECK_CHAINS; i++)
        for (struct check_record *r = check_chains[i]; r != NULL; r = r->next)
            if (r->item != NULL && r->is_object && !gcx_detail_is_object_stw(r->item))
                r->item = NULL;
}

static void check_init(void)
{
    static struct gcx_detail_cycle_hook hook = {NULL, check_end_stw, NULL, NULL};
    gcx_detail_cycle_hook_add(&hook);
}

/* ---- Records ---- */

static struct check_record **chain_of(const void *item)
{
    uint64_t mixed = (uint64_t)(uintptr_t)item * UINT64_C(0x9e3779b97f4a7c15);
    return &check_chains[mixed >> 52 & (CHECK_CHAINS - 1)];
}

/* The record of the item; else a dead one, or NULL. */
static struct check_record *find_locked(const void *item)
{
    struct check_record *dead = NULL;
    for (struct check_record *r = *chain_of(item); r != NULL; r = r->next) {
        void *has = __atomic_load_n(&r->item, __ATOMIC_RELAXED);
        if (has == item)
            return r;
        if (has == NULL)
            dead = r;
    }
    return dead;
}

/* A record for an item that has none; NULL without memory: then the item goes
 * unchecked. */
static struct check_record *add_locked(struct check_record *dead, void *item, bool is_object)
{
    struct check_record *r = dead;
    if (r == NULL) {
        r = calloc(1, sizeof *r);
        if (r == NULL)
            return NULL;
        struct check_record **chain = chain_of(item);
        r->next = *chain;
        __atomic_store_n(chain, r, __ATOMIC_RELEASE);
    }
    r->get_site = r->put_site = NULL;
    r->is_in = false;
    r->is_object = is_object;
    __atomic_store_n(&r->item, item, __ATOMIC_RELEASE);
    return r;
}

static struct check_record *find_or_add_locked(void *item, bool is_object)
{
    struct check_record *r = find_locked(item);
    return r != NULL && r->item == item ? r : add_locked(r, item, is_object);
}

static void set_pool(struct check_record *r, const gcx_pool *pool)
{
    r->pool_id = pool->id;
    r->pool_name = pool->options.name != NULL ? pool->options.name : "?";
}

static const char *site_name(const char *site)
{
    return site != NULL ? site : "(never)";
}

/* ---- Contents ---- */

static uint64_t sum_of(const void *item)
{
    uint64_t sum = 0;
    const unsigned char *bytes = item;
    size_t n = gcx_base(item) == item ? gcx_size(item) : 0;
    for (size_t i = 0; i < n && i < CHECK_SUM_BYTES; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3) + 1;
    return sum;
}

/* ---- The checks ---- */

/* Says what is wrong with putting it into that pool, or NULL. The address of
 * what is no collected object may have been freed and handed out again. */
static const char *put_fault(const struct check_record *r, const gcx_pool *pool)
{
    if (r->is_in)
        return "was put before";
    if (r->is_object && r->pool_id != pool->id)
        return "belongs to another pool";
    return NULL;
}

bool gcxi_pool_check_put(gcx_pool *pool, void *item, const char *site)
{
    struct check_record seen = {0};
    const char *fault = NULL;
    bool is_object = gcx_base(item) == item;
    pthread_once(&check_once, check_init);
    pthread_mutex_lock(&check_lock);
    struct check_record *r = find_locked(item);
    bool is_known = r != NULL && r->item == item;
    if (is_known)
        fault = put_fault(r, pool);
    else
        r = add_locked(r, item, is_object);
    if (r != NULL)
        seen = *r;
    if (r != NULL && fault == NULL) {
        set_pool(r, pool);
        r->put_site = site;
        r->is_in = true;
    }
    pthread_mutex_unlock(&check_lock);
    if (fault == NULL)
        return true;
    gcx_detail_error("pool %s: put of %p at %s: it %s (pool %s, got at %s, put at %s)",
                     pool->options.name != NULL ? pool->options.name : "?", item, site, fault,
                     seen.pool_name, site_name(seen.get_site), site_name(seen.put_site));
    errno = EINVAL;
    return false;
}

void gcxi_pool_check_seal(void *item)
{
    uint64_t sum = sum_of(item);
    pthread_mutex_lock(&check_lock);
    struct check_record *r = find_locked(item);
    if (r != NULL && r->item == item)
        r->sum = sum;
    pthread_mutex_unlock(&check_lock);
}

void gcxi_pool_check_get(gcx_pool *pool, void *item, const char *site, bool is_fresh)
{
    struct check_record seen = {0};
    uint64_t sum = is_fresh ? 0 : sum_of(item);
    bool is_object = gcx_base(item) == item;
    pthread_once(&check_once, check_init);
    pthread_mutex_lock(&check_lock);
    struct check_record *r = find_or_add_locked(item, is_object);
    if (r != NULL) {
        seen = *r;
        set_pool(r, pool);
        r->get_site = site;
        r->is_in = false;
    }
    pthread_mutex_unlock(&check_lock);
    if (!is_fresh && seen.is_in && seen.sum != sum)
        gcx_detail_error("pool %s: item %p was written to after it was put at %s, before the get "
                         "at %s",
                         seen.pool_name, item, site_name(seen.put_site), site);
}

void gcxi_pool_check_forget(void *item)
{
    pthread_mutex_lock(&check_lock);
    struct check_record *r = find_locked(item);
    if (r != NULL && r->item == item)
        __atomic_store_n(&r->item, NULL, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&check_lock);
}
