/* test_apart.c -- a thread that is woken does not run where the one runs that wakes it.
 *
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/atomic.h"
#include "os/apart.h"
#include "os/cpu.h"
#include "os/futex.h"

enum { ROUNDS = 50 };

static struct gcxi_apart apart;
static uint32_t round_number; /* futex */
static uint32_t seen;         /* futex: rounds that the sleeper has seen */
static uint32_t woken_on;     /* processor */
static cpu_set_t allowed_then, allowed_at_last;

static void *sleeper(void *arg)
{
    (void)arg;
    sched_getaffinity(0, sizeof allowed_then, &allowed_then);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        gcxi_apart_sleep(&apart);
        gcxi_futex_wait(&round_number, round);
        gcxi_store_relaxed(&woken_on, (uint32_t)sched_getcpu());
        gcxi_apart_arrive(&apart);
        gcxi_store_release(&seen, round + 1);
        gcxi_futex_wake(&seen, 1);
    }
    sched_getaffinity(0, sizeof allowed_at_last, &allowed_at_last);
    return NULL;
}

static void wait_for(uint32_t round)
{
    uint32_t now;
    while ((now = gcxi_load_acquire(&seen)) != round)
        gcxi_futex_wait(&seen, now);
}

static void a_woken_thread_runs_elsewhere(void **state)
{
    pthread_t thread;
    (void)state;
    if (gcxi_cpu_count() < 2)
        skip();
    assert_int_equal(pthread_create(&thread, NULL, sleeper, NULL), 0);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        cpu_set_t mine, one;
        while (gcxi_load_acquire(&apart.state) != GCXI_APART_ASLEEP)
            usleep(100);
        usleep(1000); /* it sleeps indeed */
        sched_getaffinity(0, sizeof mine, &mine);
        CPU_ZERO(&one);
        CPU_SET((unsigned)sched_getcpu(), &one);
        sched_setaffinity(0, sizeof one, &one);
        gcxi_apart_keep_off(&apart);
        assert_int_equal(gcxi_load_relaxed(&apart.state), GCXI_APART_KEPT_OFF);
        gcxi_apart_keep_off(&apart); /* twice is as good as once */
        gcxi_store_release(&round_number, round + 1);
        gcxi_futex_wake(&round_number, 1);
        wait_for(round + 1);
        assert_int_not_equal(gcxi_load_relaxed(&woken_on), (uint32_t)sched_getcpu());
        sched_setaffinity(0, sizeof mine, &mine);
    }
    pthread_join(thread, NULL);
    assert_true(CPU_EQUAL(&allowed_then, &allowed_at_last));
}

/* The same set, of one: it may run there as before. */
static void where_there_is_one_processor_nothing_happens(void **state)
{
    struct gcxi_apart own = {0};
    cpu_set_t mine, one, then;
    (void)state;
    sched_getaffinity(0, sizeof mine, &mine);
    CPU_ZERO(&one);
    CPU_SET((unsigned)sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    gcxi_apart_keep_off(&own); /* it is awake */
    assert_int_equal(own.state, GCXI_APART_AWAKE);
    gcxi_apart_sleep(&own);
    gcxi_apart_keep_off(&own);
    assert_int_equal(own.state, GCXI_APART_ASLEEP);
    gcxi_apart_arrive(&own);
    assert_int_equal(own.state, GCXI_APART_AWAKE);
    sched_getaffinity(0, sizeof then, &then);
    assert_true(CPU_EQUAL(&one, &then));
    sched_setaffinity(0, sizeof mine, &mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_woken_thread_runs_elsewhere),
        cmocka_unit_test(where_there_is_one_processor_nothing_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
