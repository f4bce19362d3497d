/* test_free_reuse.c -- a program that frees by hand needs no collections: what
 * gcx_free released is handed out again at once, to any thread, and is then an
 * object like any other.
 *
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/gcx.h>

#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

#define MIB ((size_t)1024 * 1024)

/* ---- Random lifetimes ------------------------------------------------------- */

enum { LIVE = 4000, THREADS = 4 };

struct piece {
    char *p;
    size_t size;
    uint64_t seed;
};

struct worker {
    struct piece pieces[LIVE];
    struct random random;
    size_t steps;
};

static struct worker *workers; /* malloc memory: nothing here keeps an object */
static atomic_int failures;

static void replace(struct worker *w, struct piece *piece)
{
    int is_noscan = random_percent(&w->random, 50);
    if (piece->p != NULL) {
        if (gcx_base(piece->p) != piece->p || !pattern_intact(piece->p, piece->size, piece->seed)) {
            atomic_fetch_add(&failures, 1);
        }
        gcx_free(piece->p);
    }
    piece->size = 16 + random_below(&w->random, random_percent(&w->random, 90) ? 500 : 5000);
    piece->seed = random_next(&w->random);
    piece->p = is_noscan ? gcx_alloc_noscan(piece->size) : gcx_alloc(piece->size);
    if (piece->p == NULL || (!is_noscan && !all_bytes(piece->p, piece->size, 0))) {
        atomic_fetch_add(&failures, 1);
        piece->p = NULL;
        return;
    }
    pattern_fill(piece->p, piece->size, piece->seed);
}

static void *run_worker(void *arg)
{
    struct worker *w = arg;
    for (size_t i = 0; i < w->steps; i++) {
        replace(w, &w->pieces[i < LIVE ? i : random_below(&w->random, LIVE)]);
    }
    return NULL;
}

static void run_workers(size_t count, size_t steps)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < count; i++) {
        workers[i].steps = steps;
        assert_int_equal(pthread_create(&threads[i], NULL, run_worker, &workers[i]), 0);
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void free_all(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < LIVE; k++) {
            gcx_free(workers[i].pieces[k].p);
        }
    }
}

/* The pieces are in no memory that is scanned, so a collection would take them:
 * there is none. */
static void check_random_lifetimes(size_t count)
{
    workers = calloc(THREADS, sizeof *workers);
    assert_non_null(workers);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].random.state = i + 1;
    }
    gcx_disable();
    run_workers(count, LIVE + scaled(100000)); /* a block for each class and thread */
    uint64_t before = stats_now().heap_bytes;
    run_workers(count, LIVE + scaled(400000));
    uint64_t after = stats_now().heap_bytes;
    free_all(count);
    gcx_enable();
    free(workers);
    assert_int_equal(atomic_load(&failures), 0);
    if (after > before + before / 2 + 4 * MIB) {
        fail_msg("the heap grew from %ju to %ju KiB", (uintmax_t)before / 1024,
                 (uintmax_t)after / 1024);
    }
}

static void test_random_lifetimes(void **state)
{
    (void)state;
    check_random_lifetimes(1);
}

static void test_random_lifetimes_in_threads(void **state)
{
    (void)state;
    check_random_lifetimes(THREADS);
}

/* ---- One allocates, another frees --------------------------------------------- */

enum { BATCH = 50000 };

static void *batch[BATCH];

static void *free_batch(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < BATCH; i++) {
        gcx_free(batch[i]);
        batch[i] = NULL;
    }
    return NULL;
}

static NOINLINE void allocate_batch(size_t size)
{
    for (size_t i = 0; i < BATCH; i++) {
        batch[i] = gcx_alloc(size);
        if (batch[i] == NULL || !all_bytes(batch[i], size, 0)) {
            atomic_fetch_add(&failures, 1);
        }
        memset(batch[i], 7, size);
    }
}

static void check_batches(size_t size, int in_thread)
{
    uint64_t first = 0;
    gcx_disable();
    for (int round = 0; round < 6; round++) {
        allocate_batch(size);
        if (round == 1) {
            first = stats_now().heap_bytes;
        }
        pthread_t thread;
        if (in_thread) {
            assert_int_equal(pthread_create(&thread, NULL, free_batch, NULL), 0);
            pthread_join(thread, NULL);
        } else {
            free_batch(NULL);
        }
    }
    uint64_t last = stats_now().heap_bytes;
    gcx_enable();
    assert_int_equal(atomic_load(&failures), 0);
    if (last > first + MIB) {
        fail_msg("size %zu: the heap grew from %ju to %ju KiB", size, (uintmax_t)first / 1024,
                 (uintmax_t)last / 1024);
    }
}

static void test_what_is_freed_in_bulk_is_used_again(void **state)
{
    (void)state;
    check_batches(48, 0);
    check_batches(700, 0);
}

static void test_what_another_thread_frees_is_used_again(void **state)
{
    (void)state;
    check_batches(48, 1);
    check_batches(700, 1);
}

/* Old objects leave old slots behind. */
static void test_old_memory_is_used_again(void **state)
{
    (void)state;
    allocate_batch(48);
    collect_full();
    uint64_t before = stats_now().heap_bytes;
    gcx_disable();
    for (int round = 0; round < 4; round++) {
        free_batch(NULL);
        allocate_batch(48);
    }
    uint64_t after = stats_now().heap_bytes;
    gcx_enable();
    assert_true(after <= before + BATCH * 48 + MIB);
    for (size_t i = 0; i < BATCH; i++) {
        assert_true(all_bytes(batch[i], 48, 7));
    }
    memset(batch, 0, sizeof batch);
}

/* ---- Recycled objects are objects --------------------------------------------- */

struct holder {
    void *value;
    char rest[56];
};

enum { HOLDERS = 512 };

static struct holder *holders[HOLDERS];
static hidden_ptr values[HOLDERS];

/* Old objects are freed; new ones, that may lie where they were, get the only
 * pointers to young ones by plain stores: no barrier is due, they are fresh. */
static NOINLINE void fill_recycled(int kind)
{
    for (size_t i = 0; i < HOLDERS; i++) {
        holders[i] =
            kind == 0 ? gcx_alloc(sizeof(struct holder)) : gcx_alloc_root(sizeof(struct holder));
    }
    collect_full();
    for (size_t i = 0; i < HOLDERS; i += 2) {
        gcx_free(holders[i]);
        holders[i] = NULL;
    }
    for (size_t i = 0; i < HOLDERS; i += 2) {
        holders[i] =
            kind == 0 ? gcx_alloc(sizeof(struct holder)) : gcx_alloc_root(sizeof(struct holder));
        values[i] = make_hidden(80, i);
        holders[i]->value = reveal(values[i]);
    }
}

static int values_intact(void)
{
    for (size_t i = 0; i < HOLDERS; i += 2) {
        if (!hidden_intact(values[i], 80, i)) {
            fprintf(stderr, "value %zu is lost\n", i);
            return 0;
        }
    }
    return 1;
}

static int recycled_objects_hold(const char *arg)
{
    (void)arg;
    for (int round = 0; round < 8; round++) {
        fill_recycled(round % 2);
        collect_minor();
        churn(80, 2000);
        if (!values_intact()) {
            return 1;
        }
        collect_full();
        churn(80, 2000);
        if (!values_intact()) {
            return 1;
        }
        for (size_t i = 0; i < HOLDERS; i++) {
            gcx_free(holders[i]);
            holders[i] = NULL;
        }
    }
    return 0;
}

static void test_recycled_objects_hold_what_they_point_to(void **state)
{
    (void)state;
    static const char *const modes[] = {"GCX_DIRTY=uffd", "GCX_DIRTY=mprotect",
                                        "GCX_BARRIER=explicit", "GCX_BARRIER=none"};
    static struct child_result result;
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        const char *variables[] = {modes[i], NULL};
        child_run(&result, "recycled", "", variables);
        if (!child_ok(&result)) {
            fail_msg("under %s", modes[i]);
        }
    }
}

/* A pointer to a released object finds nothing, in a cycle as by gcx_base. */
static void test_a_released_object_is_none(void **state)
{
    (void)state;
    static void *stale[200];
    for (size_t i = 0; i < COUNT_OF(stale); i++) {
        stale[i] = gcx_alloc(i % 2 == 0 ? 64 : 3000);
    }
    collect_full();
    uint64_t live = stats_now().live_bytes;
    for (size_t i = 0; i < COUNT_OF(stale); i++) {
        gcx_free(stale[i]);
        assert_null(gcx_base(stale[i]));
        assert_int_equal(gcx_size((char *)stale[i] + 8), 0);
    }
    collect_full();
    assert_true(stats_now().live_bytes + 100 * 3000 <= live);
    for (size_t i = 0; i < COUNT_OF(stale); i++) {
        assert_null(gcx_base(stale[i]));
        stale[i] = NULL;
    }
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"recycled", recycled_objects_hold}};
    if (child_is(argc, argv)) {
        return child_main(argv, children, COUNT_OF(children));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_lifetimes),
        cmocka_unit_test(test_random_lifetimes_in_threads),
        cmocka_unit_test(test_what_is_freed_in_bulk_is_used_again),
        cmocka_unit_test(test_what_another_thread_frees_is_used_again),
        cmocka_unit_test(test_old_memory_is_used_again),
        cmocka_unit_test(test_recycled_objects_hold_what_they_point_to),
        cmocka_unit_test(test_a_released_object_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
