/* pool.c -- get and put of a pool, nanoseconds per pair; beside bench/go/pool.
 *
 *   pair    one item taken out and given back
 *   batch   64 taken out, then 64 given back
 *   limit   as pair, in a pool with a limit on items
 *   buffer  gcx_bufpool_get and put of 4 KiB
 *   shared  the pairs of two threads at once, per pair and thread
 *   --case=N takes only the Nth, from 0; its time is the result's elapsed_ns.
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/pool.h>

#include "../gc/alloc_layer.h"

enum { POOL_BATCH = 64, POOL_ROUNDS = 5 };

static gcx_pool *pool;
static uint64_t pool_made;

static void *pool_make(void *arg)
{
    (void)arg;
    __atomic_fetch_add(&pool_made, 1, __ATOMIC_RELAXED);
    return gcx_alloc(64);
}

static void pool_open(size_t max_items)
{
    struct gcx_pool_options options = GCX_POOL_OPTIONS_DEFAULT;
    options.create = pool_make;
    options.max_items = max_items;
    pool = gcx_pool_create(&options);
    if (pool == NULL)
        bench_die("no pool");
}

static uint64_t pool_pairs(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t *item = gcx_pool_get(pool);
        *item = i;
        gcx_pool_put(pool, item);
    }
    return n;
}

static uint64_t pool_batches(uint64_t n)
{
    void *items[POOL_BATCH];
    for (uint64_t i = 0; i < n; i += POOL_BATCH) {
        for (unsigned k = 0; k < POOL_BATCH; k++)
            items[k] = gcx_pool_get(pool);
        for (unsigned k = 0; k < POOL_BATCH; k++)
            gcx_pool_put(pool, items[k]);
    }
    return n;
}

static uint64_t pool_limited(uint64_t n)
{
    pool_open(1000);
    return pool_pairs(n);
}

static uint64_t pool_buffers(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        char *buf = gcx_bufpool_get(4096);
        *buf = (char)i;
        gcx_bufpool_put(buf);
    }
    return n;
}

static void *pool_thread(void *arg)
{
    pool_pairs(*(uint64_t *)arg);
    return NULL;
}

static uint64_t pool_shared(uint64_t n)
{
    pthread_t thread;
    if (gcx_thread_create(&thread, NULL, pool_thread, &n) != 0)
        bench_die("no thread");
    pool_pairs(n);
    pthread_join(thread, NULL);
    return n;
}

struct pool_case {
    const char *name;
    uint64_t (*run)(uint64_t n);
};

static const struct pool_case pool_cases[] = {
    {"pair", pool_pairs},     {"batch", pool_batches}, {"limit", pool_limited},
    {"buffer", pool_buffers}, {"shared", pool_shared},
};

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {{"n", 20000000, 2000000}, {"case", 99, 99}};
    bench_flags_parse(argc, argv, flags, 2);
    peer_init();
    for (size_t i = 0; i < sizeof pool_cases / sizeof pool_cases[0]; i++) {
        uint64_t best_ns = UINT64_MAX, n = flags[0].value;
        if (flags[1].value != 99 && flags[1].value != i)
            continue;
        pool_open(0);
        for (unsigned round = 0; round < POOL_ROUNDS; round++) {
            uint64_t begin_ns = bench_now_ns();
            pool_cases[i].run(n);
            uint64_t took_ns = bench_now_ns() - begin_ns;
            best_ns = took_ns < best_ns ? took_ns : best_ns;
        }
        printf("result name=%s elapsed_ns=%" PRIu64 " ops=%" PRIu64 " ns_x100=%" PRIu64
               " checksum=0",
               pool_cases[i].name, best_ns, n, best_ns * 100 / n);
        bench_result_end();
    }
    bench_expect("items made", pool_made > POOL_BATCH * POOL_ROUNDS * 8, 0);
    return 0;
}
