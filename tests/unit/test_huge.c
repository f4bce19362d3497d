/* test_huge.c -- huge pages are asked for where they are cheap.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heap/huge.h"

enum { CHEAP = 200 * 1000, DEAR = 4 * 1000 * 1000 };

/* How many of the next pieces are made of small pages. */
static uint32_t small_pieces(struct gcxi_huge *huge)
{
    uint32_t count = 0;
    while (!gcxi_huge_is_wanted(huge))
        count++;
    return count;
}

static void cheap_ones_are_always_wanted(void **state)
{
    struct gcxi_huge huge = {0};
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_true(gcxi_huge_is_wanted(&huge));
        gcxi_huge_note(&huge, CHEAP);
    }
}

static void dear_ones_are_tried_ever_more_rarely(void **state)
{
    struct gcxi_huge huge = {0};
    (void)state;
    for (uint32_t rest = GCXI_HUGE_REST_MIN; rest <= GCXI_HUGE_REST_MAX; rest *= 2) {
        gcxi_huge_note(&huge, DEAR);
        assert_int_equal(small_pieces(&huge), rest);
    }
    gcxi_huge_note(&huge, DEAR);
    assert_int_equal(small_pieces(&huge), GCXI_HUGE_REST_MAX);
}

static void one_that_is_cheap_again_ends_it(void **state)
{
    struct gcxi_huge huge = {0};
    (void)state;
    gcxi_huge_note(&huge, DEAR);
    assert_int_equal(small_pieces(&huge), GCXI_HUGE_REST_MIN);
    gcxi_huge_note(&huge, CHEAP);
    assert_int_equal(small_pieces(&huge), 0);
    gcxi_huge_note(&huge, DEAR);
    assert_int_equal(small_pieces(&huge), GCXI_HUGE_REST_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cheap_ones_are_always_wanted),
        cmocka_unit_test(dear_ones_are_tried_ever_more_rarely),
        cmocka_unit_test(one_that_is_cheap_again_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
