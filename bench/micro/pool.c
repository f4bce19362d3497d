/* pool.c -- get and put of a pool, per pair; beside bench/go/pool.
 *
 *   pair    one item taken out and given back
 *   batch   64 taken out, then 64 given back
 *   limit   as pair, in a pool with a limit on items
 *   buffer  gcx_bufpool_get and put of 4 KiB
 *   shared  two threads at once, per pair of one of them
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/pool.h>

#include "parts.h"

enum { POOL_BATCH = 64, POOL_ITEM_BYTES = 64 };

static gcx_pool *pool;

static void *pool_make(void *arg)
{
    (void)arg;
    return gcx_alloc(POOL_ITEM_BYTES);
}

static void pool_open_with(size_t max_items)
{
    struct gcx_pool_options options = GCX_POOL_OPTIONS_DEFAULT;
    options.create = pool_make;
    options.max_items = max_items;
    pool = gcx_pool_create(&options);
    if (pool == NULL)
        bench_die("no pool");
}

static void pool_open(uint64_t n)
{
    (void)n;
    pool_open_with(0);
}

static void pool_open_limited(uint64_t n)
{
    (void)n;
    pool_open_with(1000);
}

static void pool_pairs(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t *item = gcx_pool_get(pool);
        *item = i;
        gcx_pool_put(pool, item);
    }
}

static void pool_batches(uint64_t n)
{
    void *items[POOL_BATCH];
    for (uint64_t i = 0; i < n; i += POOL_BATCH) {
        for (unsigned k = 0; k < POOL_BATCH; k++)
            items[k] = gcx_pool_get(pool);
        for (unsigned k = 0; k < POOL_BATCH; k++)
            gcx_pool_put(pool, items[k]);
    }
}

static void pool_buffers(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        char *buf = gcx_bufpool_get(4096);
        *buf = (char)i;
        gcx_bufpool_put(buf);
    }
}

static void *pool_thread(void *arg)
{
    pool_pairs(*(uint64_t *)arg);
    return NULL;
}

static void pool_shared(uint64_t n)
{
    pthread_t thread;
    if (gcx_thread_create(&thread, NULL, pool_thread, &n) != 0)
        bench_die("no thread");
    pool_pairs(n);
    pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    static const struct part parts[] = {{"pair", pool_open, pool_pairs},
                                        {"batch", pool_open, pool_batches},
                                        {"limit", pool_open_limited, pool_pairs},
                                        {"buffer", NULL, pool_buffers},
                                        {"shared", pool_open, pool_shared}};
    peer_init();
    parts_run(argc, argv, parts, 5, 20000000, 2000000);
    return 0;
}
