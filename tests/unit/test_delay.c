/* test_delay.c -- delays come by the seed, and by nothing else.
 *
 * The calls that wait are the test's own here: none of them waits.
 *
 * SPDX-License-Identifier: MIT */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/delay.h"

static unsigned yields, sleeps;
static long slept_ns, longest_ns;

int sched_yield(void)
{
    yields++;
    return 0;
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
    (void)left;
    sleeps++;
    slept_ns += time->tv_nsec;
    longest_ns = time->tv_nsec > longest_ns ? time->tv_nsec : longest_ns;
    return 0;
}

static void pass(uint32_t seed, enum gcxi_edge edge, int times)
{
    gcxi_delay_seed = seed;
    yields = sleeps = 0;
    slept_ns = longest_ns = 0;
    for (int i = 0; i < times; i++)
        gcxi_delay(edge);
    gcxi_delay_seed = 0;
}

static void without_a_seed_there_are_none(void **state)
{
    (void)state;
    pass(0, GCXI_EDGE_STOP, 1000);
    assert_int_equal(yields + sleeps, 0);
}

/* An eighth of all sleeps, a quarter yields. */
static void some_yield_and_some_sleep(void **state)
{
    (void)state;
    if (!GCXI_CHECKED)
        skip();
    pass(7, GCXI_EDGE_STOP, 80000);
    assert_in_range(sleeps, 9500, 10500);
    assert_in_range(yields, 19000, 21000);
    assert_in_range(longest_ns, 100001, 999999);
}

/* The nth passing of an edge: other edges have their own counts. */
static void they_differ_by_seed_and_edge(void **state)
{
    (void)state;
    if (!GCXI_CHECKED)
        skip();
    pass(1, GCXI_EDGE_HALT, 1000);
    long first = slept_ns;
    pass(2, GCXI_EDGE_RESUME, 1000);
    assert_int_not_equal(slept_ns, first);
    pass(1, GCXI_EDGE_CLAIM, 1000);
    assert_int_not_equal(slept_ns, first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_seed_there_are_none),
        cmocka_unit_test(some_yield_and_some_sleep),
        cmocka_unit_test(they_differ_by_seed_and_edge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
