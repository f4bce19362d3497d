/* test_limits.c -- limits, growth, and heaps that are large, deep or wide.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/proc.h"
#include "../support/scale.h"

#define MIB ((size_t)1024 * 1024)

struct node {
    struct node *next;
    uint64_t number;
};

/* Where a cycle runs at every Nth allocation memory is filled with fewer and
 * larger objects. */
static size_t object_size(size_t bytes)
{
    return is_stressed() ? 30 * bytes : bytes;
}

/* ---- The hard maximum ---------------------------------------------------- */

/* Allocates a list of objects until that is refused. */
static NOINLINE size_t fill_heap(size_t size, struct node **list)
{
    size_t count = 0;
    struct node *node;
    errno = 0;
    while (count * size < 1024 * MIB && (node = gcx_alloc(size)) != NULL) {
        node->next = *list;
        node->number = count;
        *list = node;
        count++;
    }
    return count;
}

static size_t check_list(const struct node *list)
{
    size_t length = 0;
    for (; list != NULL; list = list->next) {
        if (list->next != NULL && list->number != list->next->number + 1) {
            fail_msg("a node of a list was lost");
        }
        length++;
    }
    return length;
}

static struct node *kept;

static void test_hard_maximum(void **state)
{
    (void)state;
    static const size_t sizes[] = {16, 100, 1000, 5000, 40000, MIB, 5 * MIB};
    gcx_release_memory();
    assert_int_equal(gcx_set_heap_max((int64_t)(64 * MIB)), -1);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        if (is_stressed() && sizes[i] < 40000) {
            continue;
        }
        for (int round = 0; round < 2; round++) {
            size_t count = fill_heap(sizes[i], &kept);
            assert_int_equal(errno, ENOMEM);
            /* At least half of it was to be had, and never more than all. */
            assert_in_range(count * sizes[i], 32 * MIB, 64 * MIB);
            assert_true(stats_now().heap_bytes <= 64 * MIB);
            assert_true(stats_now().peak_heap_bytes >= 32 * MIB);
            /* The program goes on; what it has is whole. */
            errno = 0;
            assert_null(gcx_alloc(32 * MIB));
            assert_int_equal(errno, ENOMEM);
            errno = 0;
            assert_null(gcx_alloc_noscan(32 * MIB));
            assert_int_equal(errno, ENOMEM);
            assert_int_equal(check_list(kept), count);
            kept = NULL;
            clear_stack();
        }
    }
    /* Dropped: there is room again without further ado. */
    void *p = gcx_alloc(20 * MIB);
    assert_non_null(p);
    gcx_keep_alive(p);
    assert_int_equal(gcx_set_heap_max(-1), 64 * MIB);
    p = gcx_alloc(100 * MIB);
    assert_non_null(p);
    gcx_keep_alive(p);
    assert_int_equal(gcx_set_heap_max(-1), -1);
}

/* Garbage never runs into the maximum. */
static void test_garbage_below_the_hard_maximum(void **state)
{
    (void)state;
    gcx_release_memory();
    gcx_set_heap_max((int64_t)(48 * MIB));
    for (size_t bytes = 0; bytes < 600 * MIB; bytes += object_size(3000)) {
        void *p = gcx_alloc(object_size(3000));
        if (p == NULL) {
            fail_msg("garbage was not collected to make room");
        }
    }
    for (int i = 0; i < 200; i++) {
        assert_non_null(gcx_alloc(6 * MIB));
        clear_stack();
    }
    /* Nor when collections by allocation are off. */
    gcx_set_heap_percent(-1);
    for (size_t bytes = 0; bytes < 300 * MIB; bytes += object_size(10000)) {
        assert_non_null(gcx_alloc(object_size(10000)));
    }
    gcx_set_heap_percent(100);
    gcx_set_heap_max(-1);
}

static void test_realloc_at_the_hard_maximum(void **state)
{
    (void)state;
    gcx_release_memory();
    gcx_set_heap_max((int64_t)(64 * MIB));
    char *p = gcx_alloc(20 * MIB);
    assert_non_null(p);
    pattern_fill(p, 20 * MIB, 1);
    errno = 0;
    assert_null(gcx_realloc(p, 60 * MIB));
    assert_int_equal(errno, ENOMEM);
    assert_ptr_equal(gcx_base(p), p);
    assert_true(pattern_intact(p, 20 * MIB, 1));
    char *text = (char *)(uintptr_t) "old";
    errno = 0;
    assert_int_equal(gcx_asprintf(&text, "%*d", (int)(60 * MIB), 1), -1);
    assert_int_equal(errno, ENOMEM);
    assert_null(text);
    gcx_set_heap_max(-1);
    p = gcx_realloc(p, 60 * MIB);
    assert_non_null(p);
    assert_true(pattern_intact(p, 20 * MIB, 1));
}

static atomic_int refused;
static atomic_int wrong;

static void *fill_from_a_thread(void *arg)
{
    (void)arg;
    for (int round = 0; round < 8; round++) {
        struct node *list = NULL;
        size_t count = 0;
        for (; count < 64 * MIB / object_size(2000); count++) {
            struct node *node = gcx_alloc(object_size(2000));
            if (node == NULL) {
                atomic_fetch_add(&refused, 1);
                if (errno != ENOMEM) {
                    atomic_fetch_add(&wrong, 1);
                }
                break;
            }
            node->next = list;
            node->number = count;
            list = node;
        }
        for (struct node *node = list; node != NULL; node = node->next) {
            if (node->number != --count) {
                atomic_fetch_add(&wrong, 1);
            }
        }
        if (count != 0) {
            atomic_fetch_add(&wrong, 1);
        }
    }
    return NULL;
}

static void test_hard_maximum_from_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    gcx_release_memory();
    gcx_set_heap_max((int64_t)(64 * MIB));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, fill_from_a_thread, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&wrong), 0);
    assert_true(atomic_load(&refused) > 0);
    void *p = gcx_alloc(20 * MIB);
    assert_non_null(p);
    gcx_keep_alive(p);
    gcx_set_heap_max(-1);
}

static NOINLINE struct node *make_list(size_t bytes, size_t size)
{
    struct node *list = NULL;
    for (size_t done = 0; done < bytes; done += size) {
        struct node *node = gcx_alloc(size);
        assert_non_null(node);
        node->next = list;
        node->number = done / size;
        list = node;
    }
    return list;
}

/* ---- The soft limit ------------------------------------------------------- */

static void test_soft_limit_never_refuses(void **state)
{
    (void)state;
    gcx_release_memory();
    assert_int_equal(gcx_set_memory_limit(-1), INT64_MAX);
    assert_int_equal(gcx_set_memory_limit((int64_t)(32 * MIB)), INT64_MAX);
    assert_int_equal(gcx_set_memory_limit(-1), 32 * MIB);
    assert_int_equal(gcx_set_memory_limit(INT64_MIN), 32 * MIB);
    size_t size = object_size(5000);
    kept = make_list(128 * MIB, size);
    assert_int_equal(check_list(kept), 128 * MIB / size + 1);
    kept = NULL;
    assert_int_equal(gcx_set_memory_limit(INT64_MAX), 32 * MIB);
    assert_int_equal(gcx_set_memory_limit(-1), INT64_MAX);
}

/* With the growth off it is the limit alone that starts cycles. */
static void test_soft_limit_collects(void **state)
{
    (void)state;
    clear_stack();
    collect_full();
    gcx_release_memory();
    assert_int_equal(gcx_set_heap_percent(-1), 100);
    uint64_t kept_by_chance = stats_now().live_bytes; /* what a stale word still holds */
    gcx_set_memory_limit((int64_t)(kept_by_chance + 96 * MIB));
    uint64_t peak = 0;
    for (size_t bytes = 0; bytes < 1024 * MIB; bytes += object_size(10000)) {
        assert_non_null(gcx_alloc(object_size(10000)));
        uint64_t heap = stats_now().heap_bytes;
        peak = heap > peak ? heap : peak;
    }
    gcx_set_memory_limit(INT64_MAX);
    assert_int_equal(gcx_set_heap_percent(100), -1);
    if (peak > kept_by_chance + 160 * MIB) {
        fail_msg("the heap grew to %ju MiB under a limit of 96 MiB", (uintmax_t)(peak / MIB));
    }
}

/* A limit below what is live is kept as far as it can be: the hard one refuses what
 * needs new memory, the soft one refuses nothing. */
static void test_limits_below_the_live_heap(void **state)
{
    (void)state;
    size_t size = object_size(2000);
    gcx_release_memory();
    kept = make_list(64 * MIB, size);
    assert_int_equal(gcx_set_heap_max((int64_t)(16 * MIB)), -1);
    for (int i = 0; i < 10; i++) {
        errno = 0;
        assert_null(gcx_alloc(8 * MIB));
        assert_int_equal(errno, ENOMEM);
    }
    assert_int_equal(check_list(kept), 64 * MIB / size + 1);
    assert_int_equal(gcx_set_heap_max(-1), 16 * MIB);
    assert_int_equal(gcx_set_memory_limit(1), INT64_MAX);
    for (size_t bytes = 0; bytes < 64 * MIB; bytes += size) {
        assert_non_null(gcx_alloc(size));
    }
    assert_int_equal(check_list(kept), 64 * MIB / size + 1);
    assert_int_equal(gcx_set_memory_limit(0), 1);
    assert_non_null(gcx_alloc(8 * MIB));
    assert_int_equal(gcx_set_memory_limit(INT64_MAX), 0);
    kept = NULL;
}

static atomic_int may_end;

/* Cycles of every kind run in one thread while another changes all limits. */
static void *collect_meanwhile(void *arg)
{
    (void)arg;
    for (int i = 0; atomic_load(&may_end) == 0; i++) {
        gcx_collect(i % 3 == 0 ? GCX_FULL : GCX_MINOR);
    }
    return NULL;
}

static void test_limits_change_while_cycles_run(void **state)
{
    (void)state;
    pthread_t thread;
    size_t size = object_size(500);
    gcx_release_memory();
    kept = make_list(8 * MIB, size);
    atomic_store(&may_end, 0);
    assert_int_equal(pthread_create(&thread, NULL, collect_meanwhile, NULL), 0);
    for (size_t i = 0; i < scaled(20000); i++) {
        static const int percents[] = {0, 10000, 100, -1, 1};
        gcx_set_memory_limit(i % 4 == 0 ? INT64_MAX : (int64_t)(i * 1000));
        gcx_set_heap_percent(percents[i % 5]);
        gcx_set_heap_max(i % 7 == 0 ? -1 : (int64_t)(i % 64 * MIB));
        void *p = gcx_alloc(size);
        assert_true(p != NULL || errno == ENOMEM);
    }
    atomic_store(&may_end, 1);
    pthread_join(thread, NULL);
    gcx_set_heap_max(-1);
    gcx_set_memory_limit(INT64_MAX);
    gcx_set_heap_percent(100);
    assert_int_equal(check_list(kept), 8 * MIB / size + 1);
    assert_non_null(gcx_alloc(20 * MIB));
    kept = NULL;
}

/* ---- Growth --------------------------------------------------------------- */

static void test_percent_values(void **state)
{
    (void)state;
    assert_int_equal(gcx_set_heap_percent(50), 100);
    assert_int_equal(gcx_set_heap_percent(1000), 50);
    assert_int_equal(gcx_set_heap_percent(-1), 1000);
    assert_int_equal(gcx_set_heap_percent(0), -1);
    assert_int_equal(gcx_set_heap_percent(100), 0);
    errno = 0;
    gcx_set_heap_percent(-2);
    assert_int_equal(errno, EINVAL);
    errno = 0;
    gcx_set_heap_percent(INT32_MIN);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gcx_set_heap_percent(100), 100);
}

static void test_percent_moves_the_goal(void **state)
{
    (void)state;
    struct node *list = make_list(100 * MIB, object_size(500));
    gcx_set_heap_percent(50);
    gcx_collect(GCX_FULL);
    uint64_t live = stats_now().live_bytes;
    uint64_t goal_50 = stats_now().goal_bytes;
    gcx_set_heap_percent(200);
    gcx_collect(GCX_FULL);
    uint64_t goal_200 = stats_now().goal_bytes;
    gcx_set_heap_percent(100);
    gcx_keep_alive(list);
    assert_in_range(goal_50, live * 13 / 10, live * 17 / 10);
    assert_in_range(goal_200, live * 27 / 10, live * 33 / 10);
}

/* At 0 the least is allocated between full cycles, and the program goes on; at
 * 10,000 the goal is a hundred times what is live. */
static void test_percent_at_its_ends(void **state)
{
    (void)state;
    size_t size = object_size(500);
    kept = make_list(16 * MIB, size);
    assert_int_equal(gcx_set_heap_percent(0), 100);
    collect_full();
    assert_true(stats_now().goal_bytes <= stats_now().live_bytes + 4 * MIB);
    uint64_t cycles = stats_now().full_cycles;
    for (size_t bytes = 0; bytes < 64 * MIB; bytes += size) {
        assert_non_null(gcx_alloc(size));
    }
    assert_true(stats_now().full_cycles > cycles);
    assert_int_equal(check_list(kept), 16 * MIB / size + 1);
    assert_int_equal(gcx_set_heap_percent(10000), 0);
    gcx_collect(GCX_FULL);
    uint64_t live = stats_now().live_bytes;
    assert_in_range(stats_now().goal_bytes, 99 * live, 103 * live);
    assert_int_equal(gcx_set_heap_percent(INT32_MAX), 10000);
    gcx_collect(GCX_FULL);
    assert_true(stats_now().goal_bytes > 1000 * live);
    assert_int_equal(gcx_set_heap_percent(100), INT32_MAX);
    kept = NULL;
}

static uint64_t full_cycles_of_growth(int percent)
{
    kept = NULL;
    collect_full();
    gcx_release_memory();
    gcx_set_heap_percent(percent);
    uint64_t before = stats_now().full_cycles;
    kept = make_list(300 * MIB, 200);
    uint64_t after = stats_now().full_cycles;
    kept = NULL;
    gcx_set_heap_percent(100);
    return after - before;
}

static void test_percent_decides_how_often(void **state)
{
    (void)state;
    if (is_stressed() || SANITIZED) { /* too little grows there, and slowly */
        skip();
    }
    uint64_t at_20 = full_cycles_of_growth(20);
    uint64_t at_100 = full_cycles_of_growth(100);
    uint64_t off = full_cycles_of_growth(-1);
    assert_int_equal(off, 0);
    assert_true(at_100 >= 1);
    assert_true(at_20 > at_100);
}

/* A heap with much garbage and little live stays small. */
static void test_garbage_does_not_grow_the_heap(void **state)
{
    (void)state;
    static const size_t sizes[] = {16, 200, 3000, 30000, 100000, 2 * MIB};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        gcx_release_memory();
        uint64_t before = stats_now().heap_bytes;
        size_t total = is_stressed() ? 3000 * sizes[i] : 1000 * MIB;
        for (size_t bytes = 0; bytes < total; bytes += sizes[i]) {
            assert_non_null(gcx_alloc(sizes[i]));
        }
        uint64_t after = stats_now().heap_bytes;
        uint64_t nursery = stats_now().nursery_bytes;
        if (after > before + 2 * nursery + 64 * MIB) {
            fail_msg("garbage of %zu bytes each grew the heap to %ju MiB", sizes[i],
                     (uintmax_t)(after / MIB));
        }
    }
}

/* Objects of sizes that are no longer used leave no memory behind that others
 * cannot have. */
static void test_sizes_out_of_use_hold_no_memory(void **state)
{
    (void)state;
    gcx_release_memory();
    size_t small = is_stressed() ? MIB / 4 : MIB;
    struct gcx_stats before = stats_now();
    for (size_t size = 8 * 1024 + 1; size <= 64 * 1024; size += 500) {
        assert_non_null(gcx_alloc(size));
        assert_non_null(gcx_alloc_noscan(size));
    }
    clear_stack();
    for (int i = 0; i < 4; i++) {
        collect_full();
        for (size_t bytes = 0; bytes < small; bytes += 64) {
            assert_non_null(gcx_alloc(64));
        }
    }
    collect_full();
    struct gcx_stats after = stats_now();
    uint64_t used_before = before.heap_bytes - before.free_bytes;
    uint64_t used = after.heap_bytes - after.free_bytes;
    if (used > used_before + 4 * MIB) {
        fail_msg("%ju KiB in use, %ju before", (uintmax_t)used / 1024,
                 (uintmax_t)used_before / 1024);
    }
}

static NOINLINE void check_release(size_t size)
{
    collect_full();
    gcx_release_memory();
    size_t rss = proc_rss_bytes();
    size_t heap = stats_now().heap_bytes;
    kept = make_list(200 * MIB, size);
    size_t full_rss = proc_rss_bytes();
    kept = NULL;
    char *live = gcx_alloc(2 * MIB);
    memset(live, 1, 2 * MIB);
    clear_stack();
    gcx_release_memory();
    size_t after = proc_rss_bytes();
    if (stats_now().live_bytes >= heap + 6 * MIB) {
        fail_msg("size %zu: %ju bytes live", size, (uintmax_t)stats_now().live_bytes);
    }
    if (!SANITIZED) {
        assert_true(size > 4096 || full_rss > rss + 150 * MIB); /* larger: not all touched */
        if (after > rss + 24 * MIB) {
            fail_msg("%zu MiB are resident after the release, %zu before", after / MIB, rss / MIB);
        }
    }
    assert_true(all_bytes(live, 2 * MIB, 1));
    /* And it can be had again. */
    kept = make_list(20 * MIB, size);
    check_list(kept);
    kept = NULL;
}

static void test_release_memory(void **state)
{
    (void)state;
    static const size_t sizes[] = {16, 300, 9000, 3 * MIB};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        if (!is_stressed() || sizes[i] >= 9000) {
            check_release(sizes[i]);
            clear_stack();
        }
    }
}

/* ---- Shapes --------------------------------------------------------------- */

/* Marking must not recurse along a list. */
static void test_long_list(void **state)
{
    (void)state;
    size_t cells = SANITIZED || is_stressed() ? 100 * 1000 : 20 * 1000 * 1000;
    kept = make_list(cells * sizeof(struct node), sizeof(struct node));
    collect_full();
    gcx_collect(GCX_FULL);
    assert_int_equal(check_list(kept), cells);
    assert_true(stats_now().live_bytes >= cells * sizeof(struct node));
    kept = NULL;
    collect_full();
    assert_true(stats_now().live_bytes < cells * sizeof(struct node) / 2);
}

static void test_wide_array(void **state)
{
    (void)state;
    size_t count = SANITIZED || is_stressed() ? 30 * 1000 : 4 * 1000 * 1000;
    uint64_t **array = gcx_calloc(count, sizeof *array);
    assert_non_null(array);
    for (size_t i = 0; i < count; i++) {
        array[i] = gcx_alloc(sizeof(uint64_t) * (1 + i % 3));
        assert_non_null(array[i]);
        *array[i] = ~(uint64_t)i;
    }
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_MINOR);
    churn(16, 10000);
    churn(32, 10000);
    for (size_t i = 0; i < count; i++) {
        if (*array[i] != ~(uint64_t)i) {
            fail_msg("element %zu was lost", i);
        }
    }
}

/* Many pointers to few objects, and objects full of pointers to each other. */
static void test_dense_graph(void **state)
{
    (void)state;
    enum { OBJECTS = 1000, WORDS = 1000 };
    static void **objects[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = gcx_alloc(WORDS * sizeof(void *));
        assert_non_null(objects[i]);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        for (size_t k = 0; k < WORDS; k++) {
            objects[i][k] = (void *)(objects[(i * 7 + k * 13) % OBJECTS] + k);
        }
    }
    void **first = objects[0];
    memset(objects, 0, sizeof objects);
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_FULL);
    assert_true(stats_now().live_bytes >= OBJECTS * WORDS * sizeof(void *));
    for (size_t k = 0; k < WORDS; k++) {
        void **target = gcx_base(first[k]);
        assert_non_null(target);
        assert_ptr_equal(first[k], target + k);
        assert_non_null(gcx_base(target[WORDS - 1]));
    }
}

/* ---- Off and on ----------------------------------------------------------- */

static uint64_t cycles(void)
{
    struct gcx_stats stats = stats_now();
    return stats.minor_cycles + stats.full_cycles;
}

static NOINLINE void allocate_garbage(size_t bytes)
{
    for (size_t done = 0; done < bytes; done += object_size(4000)) {
        assert_non_null(gcx_alloc(object_size(4000)));
    }
}

static void test_disable_nests(void **state)
{
    (void)state;
    size_t garbage = 300 * MIB;
    gcx_enable(); /* one too many: ignored */
    gcx_release_memory();
    gcx_disable();
    gcx_disable();
    uint64_t before = cycles();
    allocate_garbage(garbage);
    assert_int_equal(cycles(), before);
    gcx_enable();
    allocate_garbage(garbage);
    assert_int_equal(cycles(), before);
    gcx_collect(GCX_MINOR);
    assert_int_equal(cycles(), before + 1);
    gcx_collect(GCX_FULL);
    assert_int_equal(cycles(), before + 2);
    gcx_enable();
    allocate_garbage(garbage);
    assert_true(cycles() > before + 2);
    gcx_enable();
    gcx_enable();
    gcx_disable();
    before = cycles();
    allocate_garbage(garbage);
    assert_int_equal(cycles(), before);
    gcx_enable();
    gcx_release_memory();
}

static void test_collect_while_disabled(void **state)
{
    (void)state;
    hidden_ptr h[64];
    gcx_disable();
    for (size_t i = 0; i < 64; i++) {
        h[i] = make_hidden(200, i);
    }
    collect_full();
    assert_true(count_gone(h, 64) >= 56);
    gcx_enable();
}

/* What a test leaves on the stack lies in the frame of the next one. */
static int forget_the_last(void **state)
{
    (void)state;
    clear_stack();
    return 0;
}

int main(void)
{
    setenv("GCX_KEEPER", "0", 0); /* cycles are counted, and the machine may be slow */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_hard_maximum, forget_the_last),
        cmocka_unit_test_setup(test_garbage_below_the_hard_maximum, forget_the_last),
        cmocka_unit_test_setup(test_realloc_at_the_hard_maximum, forget_the_last),
        cmocka_unit_test_setup(test_hard_maximum_from_threads, forget_the_last),
        cmocka_unit_test_setup(test_soft_limit_never_refuses, forget_the_last),
        cmocka_unit_test_setup(test_soft_limit_collects, forget_the_last),
        cmocka_unit_test_setup(test_limits_below_the_live_heap, forget_the_last),
        cmocka_unit_test_setup(test_limits_change_while_cycles_run, forget_the_last),
        cmocka_unit_test_setup(test_percent_values, forget_the_last),
        cmocka_unit_test_setup(test_percent_at_its_ends, forget_the_last),
        cmocka_unit_test_setup(test_percent_moves_the_goal, forget_the_last),
        cmocka_unit_test_setup(test_percent_decides_how_often, forget_the_last),
        cmocka_unit_test_setup(test_garbage_does_not_grow_the_heap, forget_the_last),
        cmocka_unit_test_setup(test_sizes_out_of_use_hold_no_memory, forget_the_last),
        cmocka_unit_test_setup(test_release_memory, forget_the_last),
        cmocka_unit_test_setup(test_long_list, forget_the_last),
        cmocka_unit_test_setup(test_wide_array, forget_the_last),
        cmocka_unit_test_setup(test_dense_graph, forget_the_last),
        cmocka_unit_test_setup(test_disable_nests, forget_the_last),
        cmocka_unit_test_setup(test_collect_while_disabled, forget_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
