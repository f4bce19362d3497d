/* pool.c -- see gcx/pool.h; pool_local.h has the structure and the invariants.
 *
 * A get looks, in this order, at: the thread's own place, its stack, the other
 * threads' stacks; then the same one generation on; then it calls create. A put
 * fills the own place, then the stack.
 *
 * The fast path (first lines of gcx_pool_get_at and gcx_pool_put_at) is the own
 * place of a plain pool, or of one limited by number alone (Q4): loads and
 * stores that no other thread makes.
 *
 * SPDX-License-Identifier: MIT */
#include "ext/pool_local.h"

static uint64_t pool_last_id; /* atomic */

/* ---- Locals ---- */

struct gcxi_pool_local *gcxi_pool_local_at(const gcx_pool *pool, uint32_t index)
{
    if (index < POOL_NEAR)
        return __atomic_load_n(&pool->near[index], __ATOMIC_ACQUIRE);
    unsigned k = 31u - (unsigned)__builtin_clz(index / POOL_NEAR);
    struct gcxi_pool_local **table =
        k < POOL_FAR ? __atomic_load_n(&pool->far[k], __ATOMIC_ACQUIRE) : NULL;
    return table != NULL ? __atomic_load_n(&table[index - (POOL_NEAR << k)], __ATOMIC_ACQUIRE)
                         : NULL;
}

/* The table for numbers from POOL_NEAR << k; the first to store one wins. */
static struct gcxi_pool_local **far_table(gcx_pool *pool, unsigned k)
{
    struct gcxi_pool_local **found = NULL;
    struct gcxi_pool_local **fresh = gcx_calloc((size_t)POOL_NEAR << k, sizeof *fresh);
    if (fresh == NULL)
        return NULL;
    if (!__atomic_compare_exchange_n(&pool->far[k], &found, fresh, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return found;
    gcxi_ext_note(&pool->far[k], fresh);
    return fresh;
}

static struct gcxi_pool_local **local_place(gcx_pool *pool, uint32_t index)
{
    if (index < POOL_NEAR)
        return &pool->near[index];
    unsigned k = 31u - (unsigned)__builtin_clz(index / POOL_NEAR);
    struct gcxi_pool_local **table = __atomic_load_n(&pool->far[k], __ATOMIC_ACQUIRE);
    if (table == NULL)
        table = far_table(pool, k);
    return table != NULL ? &table[index - (POOL_NEAR << k)] : NULL;
}

static GCXI_EXT_COLD struct gcxi_pool_local *local_create(gcx_pool *pool, uint32_t index)
{
    struct gcxi_pool_local **place = local_place(pool, index);
    struct gcxi_pool_local *local = place != NULL ? gcx_alloc(sizeof *local) : NULL;
    if (local == NULL)
        return NULL;
    __atomic_store_n(place, local, __ATOMIC_RELEASE); /* gcxi_pool_local_at */
    gcxi_ext_note(place, local);
    uint32_t high = __atomic_load_n(&pool->high, __ATOMIC_RELAXED);
    while (high <= index && !__atomic_compare_exchange_n(&pool->high, &high, index + 1, false,
                                                         __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
    return local;
}

/* The calling thread's, or NULL: no memory, or far too many threads. */
static struct gcxi_pool_local *own_local(gcx_pool *pool)
{
    uint32_t index = gcxi_pool_index;
    if (index == POOL_NO_INDEX)
        index = gcxi_pool_index_slow();
    if (index == POOL_NO_INDEX)
        return NULL;
    struct gcxi_pool_local *local = gcxi_pool_local_at(pool, index);
    return local != NULL ? local : local_create(pool, index);
}

static struct gcxi_pool_shard *shard_of(struct gcxi_pool_local *local, unsigned generation)
{
    return local != NULL ? __atomic_load_n(&local->shards[generation], __ATOMIC_RELAXED) : NULL;
}

/* The same of any thread's; acquire: open_shard. */
static struct gcxi_pool_shard *shard_of_other(struct gcxi_pool_local *local, unsigned generation)
{
    return local != NULL ? __atomic_load_n(&local->shards[generation], __ATOMIC_ACQUIRE) : NULL;
}

/* The owner's shard for puts. Stored before the pool is listed (Q2). */
static struct gcxi_pool_shard *open_shard(gcx_pool *pool, struct gcxi_pool_local *local)
{
    struct gcxi_pool_shard *shard = shard_of(local, 0);
    if (shard != NULL || local == NULL)
        return shard;
    shard = gcxi_shard_create();
    if (shard == NULL)
        return NULL;
    __atomic_store_n(&local->shards[0], shard, __ATOMIC_RELEASE); /* shard_of_other */
    gcxi_ext_note(&local->shards[0], shard);
    gcxi_pool_list(pool);
    return shard;
}

/* ---- Counting ---- */

static void count(uint64_t *counter)
{
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/* Adds n unless the sum would pass max; 0 is no limit, and counts nothing. */
static bool reserve(size_t *counter, size_t n, size_t max)
{
    size_t old = __atomic_load_n(counter, __ATOMIC_RELAXED);
    do {
        if (max == 0)
            return true;
        if (n > max || old > max - n)
            return false;
    } while (!__atomic_compare_exchange_n(counter, &old, old + n, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

static void count_out(gcx_pool *pool, size_t bytes)
{
    if (pool->options.max_items != 0)
        __atomic_fetch_sub(&pool->items, 1, __ATOMIC_RELAXED);
    if (pool->options.max_bytes != 0)
        __atomic_fetch_sub(&pool->bytes, bytes, __ATOMIC_RELAXED);
}

static bool count_in(gcx_pool *pool, size_t bytes)
{
    if (!reserve(&pool->items, 1, pool->options.max_items))
        return false;
    if (reserve(&pool->bytes, bytes, pool->options.max_bytes))
        return true;
    if (pool->options.max_items != 0)
        __atomic_fetch_sub(&pool->items, 1, __ATOMIC_RELAXED);
    return false;
}

static size_t item_bytes(const gcx_pool *pool, void *item)
{
    if (pool->options.max_bytes == 0 && pool->options.max_retain_bytes == 0)
        return 0;
    return pool->options.size != NULL ? pool->options.size(item, pool->arg) : gcx_size(item);
}

/* ---- Letting go ---- */

void gcxi_pool_let_go(gcx_pool *pool, void *item)
{
    if (pool->is_checked)
        gcxi_pool_check_forget(item);
    if (pool->options.destroy != NULL)
        pool->options.destroy(item, pool->arg);
}

static void empty_shard(gcx_pool *pool, struct gcxi_pool_shard *shard)
{
    struct gcxi_pool_slot slot = gcxi_shard_take_own(shard);
    while (slot.item != NULL || (slot = gcxi_shard_steal(shard)).item != NULL) {
        if (pool->is_counted)
            count_out(pool, slot.bytes);
        gcxi_pool_let_go(pool, slot.item);
        slot.item = NULL;
    }
}

void gcxi_pool_drain(gcx_pool *pool)
{
    struct gcxi_pool_shard *shard = __atomic_exchange_n(&pool->evicted, NULL, __ATOMIC_ACQUIRE);
    while (shard != NULL) {
        struct gcxi_pool_shard *next = shard->next;
        shard->next = NULL;
        empty_shard(pool, shard);
        shard = next;
    }
}

static void drain_if_evicted(gcx_pool *pool)
{
    if (GCXI_EXT_UNLIKELY(__atomic_load_n(&pool->evicted, __ATOMIC_RELAXED) != NULL))
        gcxi_pool_drain(pool);
}

static int drop(gcx_pool *pool, struct gcxi_pool_local *local, void *item)
{
    if (local != NULL)
        count(&local->counts.drops);
    gcxi_pool_let_go(pool, item);
    return 0;
}

/* ---- Get ---- */

static struct gcxi_pool_slot take_own(struct gcxi_pool_local *local, unsigned generation)
{
    struct gcxi_pool_shard *shard = shard_of(local, generation);
    struct gcxi_pool_slot slot = {NULL, 0};
    if (shard != NULL)
        slot = gcxi_shard_take_own(shard);
    if (shard != NULL && slot.item == NULL)
        slot = gcxi_shard_pop(shard);
    return slot;
}

/* From the threads after this one and around, so that thieves spread. */
static struct gcxi_pool_slot take_others(gcx_pool *pool, const struct gcxi_pool_local *own,
                                         unsigned generation)
{
    struct gcxi_pool_slot slot = {NULL, 0};
    uint32_t high = __atomic_load_n(&pool->high, __ATOMIC_ACQUIRE);
    uint32_t at = gcxi_pool_index < high ? gcxi_pool_index : 0;
    for (uint32_t i = 0; i < high && slot.item == NULL; i++) {
        at = at + 1 < high ? at + 1 : 0;
        struct gcxi_pool_local *local = gcxi_pool_local_at(pool, at);
        struct gcxi_pool_shard *shard = local != own ? shard_of_other(local, generation) : NULL;
        if (shard != NULL)
            slot = gcxi_shard_steal(shard);
    }
    return slot;
}

/* Through the generations; counts where it was found. */
static struct gcxi_pool_slot take(gcx_pool *pool, struct gcxi_pool_local *local)
{
    struct gcxi_pool_counts nowhere = {0};
    struct gcxi_pool_counts *counts = local != NULL ? &local->counts : &nowhere;
    for (unsigned g = 0; g <= pool->options.generations; g++) {
        struct gcxi_pool_slot slot = take_own(local, g);
        uint64_t *counter = g == 0 ? &counts->hits : &counts->victim_hits;
        if (slot.item == NULL) {
            slot = take_others(pool, local, g);
            counter = g == 0 ? &counts->steals : &counts->victim_hits;
        }
        if (slot.item != NULL) {
            count(counter);
            return slot;
        }
    }
    count(&counts->misses);
    return (struct gcxi_pool_slot){NULL, 0};
}

static void *create_item(gcx_pool *pool, struct gcxi_pool_local *local)
{
    void *item = pool->options.create != NULL ? pool->options.create(pool->arg) : NULL;
    if (item != NULL && local != NULL)
        count(&local->counts.news);
    return item;
}

static GCXI_EXT_NOINLINE void *get_slow(gcx_pool *pool, const char *site)
{
    if (pool == NULL || pool->is_destroyed) {
        errno = EINVAL;
        return NULL;
    }
    drain_if_evicted(pool);
    struct gcxi_pool_local *local = own_local(pool);
    struct gcxi_pool_slot slot = take(pool, local);
    void *item = slot.item;
    if (item != NULL && pool->is_counted)
        count_out(pool, slot.bytes);
    if (item == NULL)
        item = create_item(pool, local);
    if (item != NULL && pool->is_checked)
        gcxi_pool_check_get(pool, item, site, slot.item == NULL);
    return item;
}

void *gcx_pool_get_at(gcx_pool *pool, const char *site)
{
    uint32_t index = gcxi_pool_index;
    if (GCXI_EXT_LIKELY(pool != NULL && index < pool->near_count)) {
        struct gcxi_pool_local *local = pool->near[index];
        struct gcxi_pool_shard *shard = shard_of(local, 0);
        void *item = shard != NULL ? shard->item : NULL;
        if (GCXI_EXT_LIKELY((uintptr_t)item > (uintptr_t)GCXI_POOL_CREDIT)) {
            __atomic_store_n(&shard->item, pool->empty, __ATOMIC_RELAXED);
            count(&local->counts.hits);
            return item;
        }
    }
    return get_slow(pool, site);
}

/* ---- Put ---- */

static GCXI_EXT_COLD int put_refused(const gcx_pool *pool, const void *item, const char *site,
                                     const char *what)
{
    const char *name = pool != NULL && pool->options.name != NULL ? pool->options.name : "?";
    gcx_detail_error("pool %s: put of %p at %s: %s", name, item, site, what);
    errno = EINVAL;
    return -1;
}

/* Into the own place or the stack; false if there is no memory. In a pool that
 * counts or drains, a shard that was closed meanwhile is tried no further. */
static bool store(gcx_pool *pool, struct gcxi_pool_local *local, struct gcxi_pool_slot slot)
{
    for (;;) {
        struct gcxi_pool_shard *shard = open_shard(pool, local);
        if (shard == NULL || (!gcxi_shard_put_own(shard, slot) && !gcxi_shard_push(shard, slot)))
            return false;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        if (GCXI_EXT_LIKELY(!__atomic_load_n(&shard->is_closed, __ATOMIC_RELAXED)))
            return true;
        struct gcxi_pool_slot back = gcxi_shard_take_own(shard);
        if (back.item == NULL)
            back = gcxi_shard_pop(shard);
        if (back.item == NULL)
            return true; /* whoever empties the shard has it */
        slot = back;
    }
}

static int put_item(gcx_pool *pool, struct gcxi_pool_local *local, void *item)
{
    struct gcxi_pool_slot slot = {item, item_bytes(pool, item)};
    size_t retain = pool->options.max_retain_bytes;
    if (retain != 0 && slot.bytes > retain)
        return drop(pool, local, item);
    if (pool->is_counted && !count_in(pool, slot.bytes))
        return drop(pool, local, item);
    if (pool->is_checked)
        gcxi_pool_check_seal(item);
    if (!store(pool, local, slot)) {
        if (pool->is_counted)
            count_out(pool, slot.bytes);
        return drop(pool, local, item);
    }
    count(&local->counts.puts);
    return 0;
}

static GCXI_EXT_NOINLINE int put_slow(gcx_pool *pool, void *item, const char *site)
{
    if (item == NULL)
        return 0;
    if (pool == NULL || pool->is_destroyed)
        return put_refused(pool, item, site, pool == NULL ? "no pool" : "the pool was destroyed");
    drain_if_evicted(pool);
    struct gcxi_pool_local *local = own_local(pool);
    const struct gcxi_pool_shard *shard = shard_of(local, 0);
    if (pool->is_checked && !gcxi_pool_check_put(pool, item, site))
        return -1;
    if (shard != NULL && shard->item == item)
        return put_refused(pool, item, site, "the item was put before");
    if (pool->reset != NULL)
        pool->reset(item, pool->arg);
    return put_item(pool, local, item);
}

int gcx_pool_put_at(gcx_pool *pool, void *item, const char *site)
{
    uint32_t index = gcxi_pool_index;
    if (GCXI_EXT_LIKELY(pool != NULL && index < pool->near_count && item != NULL &&
                        pool->reset == NULL)) {
        struct gcxi_pool_local *local = pool->near[index];
        struct gcxi_pool_shard *shard = shard_of(local, 0);
        if (GCXI_EXT_LIKELY(shard != NULL && shard->item == pool->empty)) {
            __atomic_store_n(&shard->item, item, __ATOMIC_RELEASE);
            gcxi_ext_note(&shard->item, item);
            count(&local->counts.puts);
            return 0;
        }
    }
    return put_slow(pool, item, site);
}

void *(gcx_pool_get)(gcx_pool *pool)
{
    return gcx_pool_get_at(pool, "?");
}

int(gcx_pool_put)(gcx_pool *pool, void *item)
{
    return gcx_pool_put_at(pool, item, "?");
}

/* ---- Making and ending ---- */

static bool options_are_valid(const struct gcx_pool_options *o)
{
    return o->struct_bytes == sizeof *o && o->generations <= POOL_GENERATIONS_MAX;
}

/* Threads that may use the fast path: Q3, Q4. */
static uint32_t near_count(const gcx_pool *pool)
{
    const struct gcx_pool_options *o = &pool->options;
    if (pool->is_drained || o->max_retain_bytes != 0 || o->max_bytes != 0)
        return 0;
    if (o->max_items == 0)
        return POOL_NEAR;
    size_t count = o->reset == NULL ? o->max_items / (4 * (o->generations + 1)) : 0;
    return count < POOL_NEAR ? (uint32_t)count : POOL_NEAR;
}

gcx_pool *gcx_pool_create(const struct gcx_pool_options *opts)
{
    static const struct gcx_pool_options defaults = GCX_POOL_OPTIONS_DEFAULT;
    if (opts == NULL)
        opts = &defaults;
    if (!options_are_valid(opts)) {
        errno = EINVAL;
        return NULL;
    }
    gcx_pool *pool = gcx_alloc(sizeof *pool);
    if (pool == NULL || gcx_weak_create(pool) == NULL) /* watched: Q5 */
        return NULL;
    pool->options = *opts;
    if (pool->options.generations == 0)
        pool->options.generations = 1;
    pool->reset = opts->reset;
    pool->arg = opts->arg;
    pool->id = __atomic_add_fetch(&pool_last_id, 1, __ATOMIC_RELAXED);
    pool->is_counted = opts->max_items != 0 || opts->max_bytes != 0;
    pool->is_checked = gcx_detail_is_checked() != 0;
    pool->is_drained = opts->destroy != NULL || pool->is_checked;
    pool->near_count = near_count(pool);
    pool->empty = pool->is_counted && pool->near_count != 0 ? GCXI_POOL_CREDIT : NULL;
    gcxi_ext_note_all(pool);
    gcx_keep_alive(opts->arg);
    return pool;
}

void gcx_pool_destroy(gcx_pool *pool)
{
    if (pool == NULL || pool->is_destroyed)
        return;
    pool->is_destroyed = true;
    pool->near_count = 0;
    gcxi_pool_drain(pool);
    for (uint32_t i = 0; i < pool->high; i++) {
        struct gcxi_pool_local *local = gcxi_pool_local_at(pool, i);
        for (unsigned g = 0; local != NULL && g <= pool->options.generations; g++) {
            struct gcxi_pool_shard *shard = shard_of(local, g);
            if (shard != NULL)
                empty_shard(pool, shard);
        }
    }
}

/* ---- Statistics ---- */

/* Returns its credits. */
static uint64_t add_local(struct gcx_pool_stats *sum, struct gcxi_pool_local *local, unsigned last)
{
    uint64_t credits = 0;
    const struct gcxi_pool_counts *c = &local->counts;
    sum->hits += __atomic_load_n(&c->hits, __ATOMIC_RELAXED);
    sum->steals += __atomic_load_n(&c->steals, __ATOMIC_RELAXED);
    sum->victim_hits += __atomic_load_n(&c->victim_hits, __ATOMIC_RELAXED);
    sum->misses += __atomic_load_n(&c->misses, __ATOMIC_RELAXED);
    sum->news += __atomic_load_n(&c->news, __ATOMIC_RELAXED);
    sum->puts += __atomic_load_n(&c->puts, __ATOMIC_RELAXED);
    sum->drops += __atomic_load_n(&c->drops, __ATOMIC_RELAXED);
    for (unsigned g = 0; g <= last; g++) {
        const struct gcxi_pool_shard *shard = shard_of_other(local, g);
        sum->items += shard != NULL ? gcxi_shard_count(shard) : 0;
        credits += shard != NULL && gcxi_shard_has_credit(shard);
    }
    return credits;
}

void gcx_pool_get_stats(gcx_pool *pool, struct gcx_pool_stats *stats)
{
    if (pool == NULL || stats == NULL)
        return;
    *stats = (struct gcx_pool_stats){.struct_bytes = sizeof *stats};
    uint64_t credits = 0;
    uint32_t high = __atomic_load_n(&pool->high, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < high; i++) {
        struct gcxi_pool_local *local = gcxi_pool_local_at(pool, i);
        if (local != NULL)
            credits += add_local(stats, local, pool->options.generations);
    }
    stats->bytes = pool->is_counted ? __atomic_load_n(&pool->bytes, __ATOMIC_RELAXED) : 0;
    /* One count of one moment, where the sum would be of as many as threads. */
    if (pool->options.max_items != 0) {
        uint64_t items = __atomic_load_n(&pool->items, __ATOMIC_RELAXED);
        stats->items = items > credits ? items - credits : 0;
    }
}
