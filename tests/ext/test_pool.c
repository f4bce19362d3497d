/* test_pool.c -- pools: order, ageing, limits, hooks, threads, misuse.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/pool.h>

#include "../support/capture.h"
#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/scale.h"

static size_t made, reset, destroyed;

static void *make(void *arg)
{
    (void)arg;
    __atomic_fetch_add(&made, 1, __ATOMIC_RELAXED);
    return gcx_alloc(48);
}

static void on_reset(void *item, void *arg)
{
    (void)arg;
    reset++;
    memset(item, 0, 48);
}

static void on_destroy(void *item, void *arg)
{
    (void)arg;
    (void)item;
    __atomic_fetch_add(&destroyed, 1, __ATOMIC_RELAXED);
}

static gcx_pool *pool_with(void *(*create)(void *), void (*destroy)(void *, void *),
                           size_t max_items)
{
    struct gcx_pool_options o = GCX_POOL_OPTIONS_DEFAULT;
    o.create = create;
    o.destroy = destroy;
    o.max_items = max_items;
    o.name = "test";
    made = reset = destroyed = 0;
    gcx_pool *pool = gcx_pool_create(&o);
    assert_non_null(pool);
    return pool;
}

static struct gcx_pool_stats stats_of(gcx_pool *pool)
{
    struct gcx_pool_stats s = {.struct_bytes = sizeof s};
    gcx_pool_get_stats(pool, &s);
    return s;
}

/* ---- What Go's own tests assert of its pool ------------------------------ */

static void check_order(gcx_pool *pool)
{
    char *a = gcx_strdup("a"), *b = gcx_strdup("b"), *c = gcx_strdup("c");
    assert_null(gcx_pool_get(pool));
    assert_int_equal(gcx_pool_put(pool, a), 0);
    assert_int_equal(gcx_pool_put(pool, b), 0);
    assert_ptr_equal(gcx_pool_get(pool), a);
    assert_ptr_equal(gcx_pool_get(pool), b);
    assert_null(gcx_pool_get(pool));
    gcx_pool_put(pool, a);
    gcx_pool_put(pool, b);
    gcx_pool_put(pool, c);
    assert_ptr_equal(gcx_pool_get(pool), a);
    assert_ptr_equal(gcx_pool_get(pool), c); /* the newest of the stack */
    assert_ptr_equal(gcx_pool_get(pool), b);
    assert_null(gcx_pool_get(pool));
}

static void test_order(void **state)
{
    (void)state;
    check_order(pool_with(NULL, NULL, 0));
    check_order(pool_with(NULL, NULL, 3));
    check_order(pool_with(NULL, on_destroy, 0));
}

static void test_new(void **state)
{
    (void)state;
    gcx_pool *pool = pool_with(make, NULL, 0);
    void *first = gcx_pool_get(pool);
    void *second = gcx_pool_get(pool);
    assert_non_null(first);
    assert_ptr_not_equal(first, second);
    assert_int_equal(made, 2);
    gcx_pool_put(pool, second);
    assert_ptr_equal(gcx_pool_get(pool), second);
    assert_int_equal(made, 2);
    struct gcx_pool_stats s = stats_of(pool);
    assert_int_equal(s.news, 2);
    assert_int_equal(s.misses, 2);
    assert_int_equal(s.hits, 1);
    assert_int_equal(s.puts, 1);
}

enum { HUNDRED = 100 };

static NOINLINE void put_hidden(gcx_pool *pool, hidden_ptr *items, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        items[i] = make_hidden(size, i);
        assert_int_equal(gcx_pool_put(pool, reveal(items[i])), 0);
    }
    clear_stack();
}

/* 100 puts survive one collection and are gone after two. */
static void check_victims(gcx_pool *pool, unsigned cycles)
{
    hidden_ptr items[HUNDRED];
    put_hidden(pool, items, HUNDRED, 48);
    for (unsigned i = 1; i < cycles; i++) {
        collect_full();
        assert_int_equal(count_intact(items, HUNDRED, 48, 0), HUNDRED);
        assert_int_equal(stats_of(pool).items, HUNDRED);
    }
    collect_full();
    assert_true(count_gone(items, HUNDRED) >= HUNDRED - 10);
    assert_int_equal(stats_of(pool).items, 0);
    assert_null(gcx_pool_get(pool));
}

static void test_gone_after_two(void **state)
{
    (void)state;
    check_victims(pool_with(NULL, NULL, 0), 2);
    check_victims(pool_with(NULL, NULL, 1000), 2);
}

static void test_gone_after_four(void **state)
{
    struct gcx_pool_options o = GCX_POOL_OPTIONS_DEFAULT;
    (void)state;
    o.generations = 3;
    check_victims(gcx_pool_create(&o), 4);
}

static void test_victims_are_used(void **state)
{
    (void)state;
    gcx_pool *pool = pool_with(NULL, NULL, 0);
    hidden_ptr items[HUNDRED];
    put_hidden(pool, items, HUNDRED, 48);
    collect_full();
    for (size_t i = 0; i < HUNDRED; i++)
        assert_non_null(gcx_pool_get(pool));
    assert_null(gcx_pool_get(pool));
    assert_int_equal(stats_of(pool).victim_hits, HUNDRED);
}

/* An item that is used stays for as long as that. */
static void test_used_items_stay(void **state)
{
    (void)state;
    gcx_pool *pool = pool_with(make, NULL, 0);
    gcx_pool_put(pool, gcx_pool_get(pool));
    for (int i = 0; i < 10; i++) {
        collect_full();
        gcx_pool_put(pool, gcx_pool_get(pool));
    }
    assert_int_equal(made, 1);
}

static void test_minor_cycles_take_nothing(void **state)
{
    (void)state;
    gcx_pool *pool = pool_with(NULL, NULL, 0);
    hidden_ptr items[HUNDRED];
    struct gcx_stats before = stats_now();
    put_hidden(pool, items, HUNDRED, 48);
    for (int i = 0; i < 5; i++)
        collect_minor();
    if (stats_now().full_cycles == before.full_cycles)
        assert_int_equal(stats_of(pool).items, HUNDRED);
}

enum { POOLS = 10 };

static NOINLINE void drop_pools(hidden_ptr *items, hidden_ptr *pools)
{
    for (size_t i = 0; i < POOLS; i++) {
        gcx_pool *pool = pool_with(NULL, NULL, 0);
        put_hidden(pool, items + i * HUNDRED, HUNDRED, 48);
        pools[i] = hide(pool);
    }
    clear_stack();
}

static void test_dropped_pools_go(void **state)
{
    hidden_ptr items[POOLS * HUNDRED], pools[POOLS];
    (void)state;
    drop_pools(items, pools);
    for (int i = 0; i < 4; i++)
        collect_full();
    assert_true(count_gone(items, POOLS * HUNDRED) >= (POOLS - 3) * HUNDRED);
    assert_true(count_gone(pools, POOLS) >= POOLS - 3);
}

/* ---- Threads ------------------------------------------------------------- */

struct exchange {
    gcx_pool *pool;
    uint8_t *seen;
    size_t n;
    size_t next;  /* producers: the number of the next item */
    size_t taken; /* by all */
};

static void take_one(struct exchange *x, size_t *const item)
{
    assert_true(*item < x->n);
    assert_int_equal(__atomic_fetch_add(&x->seen[*item], 1, __ATOMIC_RELAXED), 0);
    __atomic_fetch_add(&x->taken, 1, __ATOMIC_RELAXED);
}

/* Each puts items and takes what it finds, its own or another's. */
static void *exchange_main(void *arg)
{
    struct exchange *x = arg;
    for (;;) {
        size_t i = __atomic_fetch_add(&x->next, 1, __ATOMIC_RELAXED);
        if (i >= x->n)
            break;
        size_t *item = gcx_alloc(sizeof *item + i % 3 * 8);
        *item = i;
        gcx_pool_put(x->pool, item);
        for (size_t k = 0; k < i % 3; k++) {
            item = gcx_pool_get(x->pool);
            if (item != NULL)
                take_one(x, item);
        }
    }
    return NULL;
}

/* Two million items through ten threads, each exactly once. What a thread left
 * in its place when it ended, the main thread finds. No full cycle, which would
 * take items. */
static void check_exactly_once(gcx_pool *pool)
{
    struct exchange x = {.pool = pool, .n = scaled(2000000)};
    pthread_t threads[10];
    x.seen = calloc(x.n, 1);
    uint64_t cycles = stats_now().full_cycles;
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(gcx_thread_create(&threads[i], NULL, exchange_main, &x), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    size_t *item;
    while ((item = gcx_pool_get(x.pool)) != NULL)
        take_one(&x, item);
    if (stats_now().full_cycles == cycles)
        assert_int_equal(x.taken, x.n);
    assert_int_equal(stats_of(pool).items, 0);
    free(x.seen);
}

static void test_exactly_once(void **state)
{
    (void)state;
    int percent = gcx_set_heap_percent(-1);
    check_exactly_once(pool_with(NULL, NULL, 0));
    check_exactly_once(pool_with(NULL, NULL, SIZE_MAX / 2));
    gcx_set_heap_percent(percent);
}

/* The same with full cycles running: none twice. */
static void test_never_twice(void **state)
{
    (void)state;
    struct exchange x = {.pool = pool_with(NULL, on_destroy, 0), .n = scaled(100000)};
    pthread_t threads[10];
    x.seen = calloc(x.n, 1);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(gcx_thread_create(&threads[i], NULL, exchange_main, &x), 0);
    while (__atomic_load_n(&x.next, __ATOMIC_RELAXED) < x.n)
        gcx_collect(GCX_FULL);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    gcx_pool_destroy(x.pool);
    assert_int_equal(x.taken + destroyed, x.n);
    free(x.seen);
}

static void *put_ten(void *arg)
{
    for (int i = 0; i < 10; i++)
        gcx_pool_put(arg, gcx_alloc(48));
    return NULL;
}

static void test_items_of_an_ended_thread(void **state)
{
    (void)state;
    gcx_pool *pool = pool_with(NULL, NULL, 0);
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        assert_int_equal(gcx_thread_create(&thread, NULL, put_ten, pool), 0);
        pthread_join(thread, NULL);
        for (int i = 0; i < 10; i++)
            assert_non_null(gcx_pool_get(pool));
        assert_null(gcx_pool_get(pool));
    }
}

static void *wait_with_place(void *arg)
{
    pthread_barrier_t *barriers = ((void **)arg)[1];
    gcx_pool *pool = ((void **)arg)[0];
    void *mine = gcx_alloc(16);
    pthread_barrier_wait(&barriers[0]);
    gcx_pool_put(pool, mine);
    void *got = gcx_pool_get(pool);
    pthread_barrier_wait(&barriers[1]);
    return got == mine ? NULL : arg;
}

/* More threads than have their place in the pool itself; each gets back its own. */
static void test_many_threads(void **state)
{
    enum { N = 200 };
    (void)state;
    pthread_barrier_t barriers[2];
    pthread_barrier_init(&barriers[0], NULL, N);
    pthread_barrier_init(&barriers[1], NULL, N);
    void *arg[2] = {pool_with(NULL, NULL, 0), barriers};
    pthread_t threads[N];
    for (int i = 0; i < N; i++)
        assert_int_equal(gcx_thread_create(&threads[i], NULL, wait_with_place, arg), 0);
    for (int i = 0; i < N; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_null(result);
    }
    assert_int_equal(stats_of(arg[0]).puts, N);
    struct gcx_pool_stats stats = stats_of(arg[0]); /* a full cycle may have come between */
    assert_int_equal(stats.hits + stats.victim_hits, N);
}

/* ---- Limits and hooks ---------------------------------------------------- */

static void test_max_items(void **state)
{
    (void)state;
    gcx_pool *pool = pool_with(NULL, on_destroy, 10);
    for (int i = 0; i < 25; i++)
        assert_int_equal(gcx_pool_put(pool, gcx_alloc(48)), 0);
    assert_int_equal(stats_of(pool).items, 10);
    assert_int_equal(stats_of(pool).drops, 15);
    assert_int_equal(destroyed, 15);
    for (int i = 0; i < 10; i++)
        assert_non_null(gcx_pool_get(pool));
    assert_null(gcx_pool_get(pool));
    for (int i = 0; i < 11; i++)
        gcx_pool_put(pool, gcx_alloc(48));
    assert_int_equal(stats_of(pool).items, 10);
    gcx_pool_destroy(pool);
    assert_int_equal(destroyed, 26);
}

/* What ageing takes makes room again. */
static void test_limit_after_ageing(void **state)
{
    (void)state;
    for (int with_destroy = 0; with_destroy < 2; with_destroy++) {
        gcx_pool *pool = pool_with(NULL, with_destroy ? on_destroy : NULL, 10);
        for (int round = 0; round < 5; round++) {
            for (int i = 0; i < 12; i++)
                gcx_pool_put(pool, gcx_alloc(48));
            assert_int_equal(stats_of(pool).items, 10);
            collect_full();
            collect_full();
            assert_int_equal(stats_of(pool).items, 0);
        }
        assert_int_equal(destroyed, with_destroy ? 60 : 0);
    }
}

static void test_max_bytes_and_retain(void **state)
{
    struct gcx_pool_options o = GCX_POOL_OPTIONS_DEFAULT;
    (void)state;
    o.max_bytes = 10000;
    o.max_retain_bytes = 4096;
    gcx_pool *pool = gcx_pool_create(&o);
    gcx_pool_put(pool, gcx_alloc(5000));
    assert_int_equal(stats_of(pool).drops, 1);
    for (int i = 0; i < 20; i++)
        gcx_pool_put(pool, gcx_alloc(1024));
    assert_int_equal(stats_of(pool).items, 9);
    assert_int_equal(stats_of(pool).bytes, 9 * 1024);
    while (gcx_pool_get(pool) != NULL)
        ;
    assert_int_equal(stats_of(pool).bytes, 0);
}

static void *limit_main(void *arg)
{
    gcx_pool *pool = arg;
    for (size_t i = 0; i < scaled(200000); i++) {
        gcx_pool_put(pool, gcx_alloc(48));
        if (i % 3 == 0)
            gcx_pool_get(pool);
        if (i % 64 == 0)
            assert_true(stats_of(pool).items <= 50);
    }
    return NULL;
}

/* Under load, and what the threads' stacks hold is what was counted. */
static void test_no_growth_past_the_limit(void **state)
{
    (void)state;
    gcx_pool *pool = pool_with(NULL, NULL, 50);
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(gcx_thread_create(&threads[i], NULL, limit_main, pool), 0);
    for (int i = 0; i < 20; i++)
        gcx_collect(GCX_FULL);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    size_t held = 0;
    for (size_t items = stats_of(pool).items; gcx_pool_get(pool) != NULL; held++)
        assert_true(held < items);
    assert_int_equal(stats_of(pool).items, 0);
    for (int i = 0; i < 60; i++)
        gcx_pool_put(pool, gcx_alloc(48));
    assert_int_equal(stats_of(pool).items, 50);
}

static void *hold_main(void *arg)
{
    gcx_pool *pool = arg;
    for (size_t i = 0; i < scaled(100000); i++) {
        void *item = gcx_pool_get(pool);
        assert_int_equal(gcx_pool_put(pool, item != NULL ? item : gcx_alloc(48)), 0);
    }
    return gcx_pool_get(pool); /* ends with an item out */
}

/* A thread that has its own item out keeps a place for it, and no longer than it
 * runs; the count is exact whenever nobody is inside a call. */
static void test_places_kept_in_a_limit(void **state)
{
    enum { LIMIT = 40 };
    (void)state;
    gcx_pool *pool = pool_with(NULL, NULL, LIMIT);
    pthread_t threads[4];
    gcx_pool_put(pool, gcx_alloc(48));
    for (int i = 0; i < 1000; i++) {
        void *item = gcx_pool_get(pool);
        assert_non_null(item);
        assert_int_equal(stats_of(pool).items, 0);
        assert_int_equal(gcx_pool_put(pool, item), 0);
        assert_int_equal(stats_of(pool).items, 1);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(gcx_thread_create(&threads[i], NULL, hold_main, pool), 0);
    for (int i = 0; i < 10; i++)
        gcx_collect(GCX_FULL);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 2 * LIMIT; i++)
        gcx_pool_put(pool, gcx_alloc(48));
    assert_int_equal(stats_of(pool).items, LIMIT);
    size_t held = 0;
    while (gcx_pool_get(pool) != NULL)
        held++;
    assert_int_equal(held, LIMIT);
    assert_int_equal(stats_of(pool).items, 0);
    gcx_pool_destroy(pool);
    assert_int_equal(stats_of(pool).items, 0);
}

static void test_hooks(void **state)
{
    struct gcx_pool_options o = GCX_POOL_OPTIONS_DEFAULT;
    (void)state;
    o.create = make;
    o.reset = on_reset;
    o.destroy = on_destroy;
    made = reset = destroyed = 0;
    gcx_pool *pool = gcx_pool_create(&o);
    collect_full(); /* none comes by itself soon */
    unsigned char *item = gcx_pool_get(pool);
    memset(item, 7, 48);
    gcx_pool_put(pool, item);
    assert_int_equal(reset, 1);
    assert_true(all_bytes(item, 48, 0));
    collect_full();
    assert_int_equal(destroyed, 0);
    collect_full();
    assert_int_equal(destroyed, 1);
    gcx_pool_put(pool, gcx_pool_get(pool));
    gcx_pool_put(pool, make(NULL));
    gcx_pool_destroy(pool);
    assert_int_equal(destroyed, 3);
    gcx_pool_destroy(pool);
    assert_int_equal(destroyed, 3);
    gcx_pool_destroy(NULL);
}

/* Items of malloc: the pool owns them, destroy frees them. */
static void *make_foreign(void *arg)
{
    (void)arg;
    return calloc(1, 100);
}

static void free_foreign(void *item, void *arg)
{
    (void)arg;
    destroyed++;
    free(item);
}

static void test_items_from_elsewhere(void **state)
{
    (void)state;
    gcx_pool *pool = pool_with(make_foreign, free_foreign, 5);
    void *items[10];
    for (size_t i = 0; i < 10; i++)
        items[i] = gcx_pool_get(pool);
    for (size_t i = 0; i < 10; i++)
        gcx_pool_put(pool, items[i]);
    assert_int_equal(destroyed, 5);
    collect_full();
    collect_full();
    assert_int_equal(destroyed, 10);
}

/* ---- Buffers ------------------------------------------------------------- */

static void test_buffers(void **state)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 100, 4096, 4097, 65536, 3000000, 5000000};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        unsigned char *buf = gcx_bufpool_get(sizes[i]);
        assert_non_null(buf);
        assert_true(gcx_size(buf) >= sizes[i]);
        memset(buf, 1, gcx_size(buf));
        assert_int_equal(gcx_bufpool_put(buf), 0);
        unsigned char *again = gcx_bufpool_get(sizes[i]);
        if (sizes[i] <= 4u << 20)
            assert_ptr_equal(again, buf);
    }
    struct gcx_pool_stats s;
    gcx_bufpool_get_stats(&s);
    assert_true(s.puts >= 10);
    assert_true(s.hits >= 10);
    gcx_bufpool_get_stats(NULL);
}

/* A buffer of any size goes to a class that it satisfies. */
static void test_odd_buffers(void **state)
{
    (void)state;
    void *odd = gcx_alloc_noscan(3000);
    assert_int_equal(gcx_bufpool_put(odd), 0);
    void *got = gcx_bufpool_get(2048);
    assert_ptr_equal(got, odd);
    assert_int_equal(gcx_bufpool_put(gcx_alloc_noscan(16)), 0);
    assert_int_equal(gcx_bufpool_put(NULL), 0);
    struct capture c;
    capture_begin(&c);
    errno = 0;
    int inside = gcx_bufpool_put((char *)got + 8);
    int foreign = gcx_bufpool_put(&c);
    const char *said = capture_end(&c);
    assert_int_equal(inside, -1);
    assert_int_equal(foreign, -1);
    assert_int_equal(errno, EINVAL);
    assert_non_null(strstr(said, "gcx_bufpool_put"));
}

/* ---- Misuse -------------------------------------------------------------- */

static void test_bad_arguments(void **state)
{
    struct gcx_pool_options o = GCX_POOL_OPTIONS_DEFAULT;
    struct capture c;
    (void)state;
    o.generations = 9;
    errno = 0;
    assert_null(gcx_pool_create(&o));
    assert_int_equal(errno, EINVAL);
    o.generations = 0;
    o.struct_bytes = 3;
    assert_null(gcx_pool_create(&o));
    gcx_pool *pool = gcx_pool_create(NULL);
    assert_int_equal(gcx_pool_put(pool, NULL), 0);
    assert_null(gcx_pool_get(pool));
    gcx_pool_get_stats(NULL, NULL);
    gcx_pool_get_stats(pool, NULL);
    errno = 0;
    assert_null(gcx_pool_get(NULL));
    assert_int_equal(errno, EINVAL);
    void *item = gcx_alloc(16);
    gcx_pool_put(pool, gcx_alloc(16));
    gcx_pool_destroy(pool);
    capture_begin(&c);
    int no_pool = gcx_pool_put(NULL, item);
    int dead_pool = gcx_pool_put(pool, item);
    const char *said = capture_end(&c);
    assert_int_equal(no_pool, -1);
    assert_int_equal(dead_pool, -1);
    assert_non_null(strstr(said, "destroyed"));
    assert_null(gcx_pool_get(pool));
    assert_int_equal(stats_of(pool).items, 0);
}

static void test_double_put_in_a_row(void **state)
{
    struct capture c;
    (void)state;
    gcx_pool *pool = pool_with(NULL, NULL, 0);
    void *item = gcx_alloc(16);
    gcx_pool_put(pool, item);
    capture_begin(&c);
    int result = gcx_pool_put(pool, item);
    const char *said = capture_end(&c);
    assert_int_equal(result, -1);
    assert_non_null(strstr(said, "put before"));
    assert_ptr_equal(gcx_pool_get(pool), item);
    assert_null(gcx_pool_get(pool));
}

/* A pool is left to the collector, which looks at it as long as it holds items. */
static void free_pool_with_items(gcx_pool *pool)
{
    gcx_pool_put(pool, gcx_alloc(48));
    gcx_free(pool);
    for (int i = 0; i < 4; i++) {
        void *volatile next = gcx_alloc(gcx_size(pool));
        memset(next, 0xa5, gcx_size(next));
        gcx_collect(GCX_FULL);
    }
}

static void test_freed_pools(void **state)
{
    (void)state;
    free_pool_with_items(pool_with(make, NULL, 0));
    free_pool_with_items(pool_with(make, on_destroy, 4));
    assert_int_equal(destroyed, 1);
}

/* In a child with GCX_CHECK=1; arg names the misuse. */
static int child_misuse(const char *arg)
{
    gcx_pool *one = pool_with(make, NULL, 0);
    gcx_pool *two = pool_with(make, NULL, 0);
    char *item = gcx_pool_get(one);
    int status = 0;
    if (strcmp(arg, "double") == 0) {
        gcx_pool_put(one, gcx_pool_get(one));
        gcx_pool_put(one, item);
        status = gcx_pool_put(one, item);
    } else if (strcmp(arg, "double-elsewhere") == 0) {
        gcx_pool_put(one, item);
        status = gcx_pool_put(two, item);
    } else if (strcmp(arg, "foreign") == 0) {
        status = gcx_pool_put(two, item);
        gcx_pool_put(one, item); /* it is still the caller's */
    } else if (strcmp(arg, "use-after-put") == 0) {
        gcx_pool_put(one, item);
        item[5] = 1;
        status = gcx_pool_get(one) == item ? -1 : 0;
    } else { /* right use, with collections: silent */
        for (int i = 0; i < 2000; i++) {
            char *other = gcx_pool_get(i % 2 ? one : two);
            other[i % 48] = 1;
            if (i % 5 != 0)
                gcx_pool_put(i % 2 ? one : two, other);
            gcx_pool_put(two, gcx_alloc(48));
            if (i % 50 == 0)
                gcx_collect(GCX_FULL);
        }
        return 0;
    }
    struct gcx_pool_stats s = stats_of(two);
    return status == -1 && s.items == 0 ? 0 : 1;
}

static void check_misuse(const char *what, const char *word)
{
    static const char *const variables[] = {"GCX_CHECK=1", NULL};
    struct child_result result;
    child_run(&result, "misuse", what, variables);
    assert_true(child_ok(&result));
    if (word == NULL) {
        assert_string_equal(result.err, "");
        return;
    }
    assert_non_null(strstr(result.err, word));
    const char *site = strstr(result.err, "test_pool.c:");
    assert_non_null(site);
    assert_non_null(strstr(site + 1, "test_pool.c:")); /* both */
}

static void test_checked_mode(void **state)
{
    (void)state;
    check_misuse("double", "put before");
    check_misuse("double-elsewhere", "put before");
    check_misuse("foreign", "another pool");
    check_misuse("use-after-put", "written to after");
    check_misuse("right use", NULL);
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"misuse", child_misuse}};
    if (child_is(argc, argv))
        return child_main(argv, children, COUNT_OF(children));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_gone_after_two),
        cmocka_unit_test(test_gone_after_four),
        cmocka_unit_test(test_victims_are_used),
        cmocka_unit_test(test_used_items_stay),
        cmocka_unit_test(test_minor_cycles_take_nothing),
        cmocka_unit_test(test_dropped_pools_go),
        cmocka_unit_test(test_exactly_once),
        cmocka_unit_test(test_never_twice),
        cmocka_unit_test(test_items_of_an_ended_thread),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_max_items),
        cmocka_unit_test(test_limit_after_ageing),
        cmocka_unit_test(test_max_bytes_and_retain),
        cmocka_unit_test(test_no_growth_past_the_limit),
        cmocka_unit_test(test_places_kept_in_a_limit),
        cmocka_unit_test(test_hooks),
        cmocka_unit_test(test_items_from_elsewhere),
        cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_odd_buffers),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_double_put_in_a_row),
        cmocka_unit_test(test_freed_pools),
        cmocka_unit_test(test_checked_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
