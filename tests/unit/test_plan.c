/* test_plan.c -- what cycles tell the pacer, whose own rules are tested alone.
 *
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "gc/gc.h"

enum { OBJECTS = 1 << 16, BYTES = 64, KEPT_EACH = 16 };

enum { THREADS = 2, ROUNDS = 64, BYTES_EACH = 1 << 16 };

static sem_t turns[THREADS], done;
static bool ends;

static void *allocate_in_turn(void *turn)
{
    for (;;) {
        sem_wait(turn);
        if (ends)
            return NULL;
        for (size_t i = 0; i < BYTES_EACH / BYTES; i++)
            gcx_alloc(BYTES);
        sem_post(&done);
    }
}

static void allocate_by(unsigned threads)
{
    for (unsigned i = 0; i < threads; i++)
        sem_post(&turns[i]);
    for (unsigned i = 0; i < threads; i++)
        sem_wait(&done);
}

/* Builds that collect at every turn may never see both between two cycles but for
 * the rounds. */
static void collect_between(unsigned threads)
{
    gcx_collect(GCX_FULL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        allocate_by(threads);
        gcx_collect(GCX_MINOR);
    }
    gcx_collect(GCX_FULL);
}

static void test_threads_that_allocate(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    sem_init(&done, 0, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        sem_init(&turns[i], 0, 0);
        assert_int_equal(pthread_create(&threads[i], NULL, allocate_in_turn, &turns[i]), 0);
    }
    collect_between(THREADS);
    assert_int_equal(gcxi_gc.pacer.threads, THREADS);
    collect_between(1);
    assert_int_equal(gcxi_gc.pacer.threads, 1);
    ends = true;
    for (unsigned i = 0; i < THREADS; i++) {
        sem_post(&turns[i]);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

/* Blocks of which little is live count whole. */
static void test_bytes_in_use(void **state)
{
    (void)state;
    static void *kept[OBJECTS / KEPT_EACH];
    for (size_t i = 0; i < OBJECTS; i++)
        kept[i / KEPT_EACH] = gcx_alloc(BYTES);
    gcx_collect(GCX_FULL);
    assert_true(gcxi_gc.pacer.live_at_full >= OBJECTS / KEPT_EACH * BYTES);
    assert_true(gcxi_gc.pacer.used_at_full > 4 * gcxi_gc.pacer.live_at_full);
    assert_non_null(kept[OBJECTS / KEPT_EACH - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_in_use),
        cmocka_unit_test(test_threads_that_allocate),
    };
    setenv("GCX_STRESS", "0", 1); /* a cycle at every turn leaves little to count */
    gcx_init(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
