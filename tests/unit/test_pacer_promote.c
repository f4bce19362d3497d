/* test_pacer_promote.c -- when minor cycles trace nothing, by invented cycles.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../support/pacer_usual.h"
#include "gc/pacer_promote.h"

enum { NURSERY = 16 << 20, LONG_NS = 5000000, FULL_NS = 400000000 };

static void full(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                 size_t live_bytes)
{
    const struct gcxi_pacer_cycle cycle = {.is_full = true,
                                           .has_idle_processor = true,
                                           .live_bytes = live_bytes,
                                           .pause_ns = FULL_NS,
                                           .interval_ns = 20 * (uint64_t)FULL_NS,
                                           .now_ns = 21 * (uint64_t)FULL_NS};
    gcxi_pacer_update(pacer, settings, &cycle);
}

static struct gcxi_pacer begun(const struct gcxi_pacer_settings *settings, size_t live_bytes)
{
    struct gcxi_pacer pacer;
    gcxi_pacer_init(&pacer, settings);
    full(&pacer, settings, live_bytes);
    return pacer;
}

/* One that traces. */
static void minor(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                  unsigned garbage_percent, uint64_t old_ns)
{
    size_t promoted = NURSERY - NURSERY / 100 * garbage_percent;
    const struct gcxi_pacer_cycle cycle = {.live_bytes = pacer->live_bytes + promoted,
                                           .promoted_bytes = promoted,
                                           .allocated_bytes = NURSERY,
                                           .interval_ns = 20 * LONG_NS,
                                           .pause_ns = old_ns + 1000000,
                                           .young_ns = 1000000,
                                           .old_ns = old_ns};
    gcxi_pacer_update(pacer, settings, &cycle);
}

static void promote_all(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings)
{
    const struct gcxi_pacer_cycle cycle = {.has_promoted_all = true,
                                           .live_bytes = pacer->live_bytes + NURSERY,
                                           .promoted_bytes = NURSERY,
                                           .allocated_bytes = NURSERY,
                                           .interval_ns = 20 * LONG_NS,
                                           .pause_ns = 200000};
    gcxi_pacer_update(pacer, settings, &cycle);
}

static void there_are_more_and_more_between_those_that_trace(void **state)
{
    const unsigned expected[] = {1, 2, 4, 8, 16, 16, 16};
    struct gcxi_pacer pacer = begun(&usual, 8 * GCXI_GIB);
    (void)state;
    assert_int_equal(pacer.promotions, 0);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        minor(&pacer, &usual, 20, LONG_NS);
        assert_int_equal(pacer.promotions, expected[i]);
        for (unsigned left = expected[i]; left > 0; left--)
            promote_all(&pacer, &usual);
        assert_int_equal(pacer.promotions, 0);
    }
}

static void garbage_ends_it(void **state)
{
    struct gcxi_pacer pacer = begun(&usual, 8 * GCXI_GIB);
    (void)state;
    for (int i = 0; i < 4; i++)
        minor(&pacer, &usual, 25, LONG_NS);
    assert_int_equal(pacer.promotions, 8);
    minor(&pacer, &usual, 27, LONG_NS);
    assert_int_equal(pacer.promotions, 0);
    assert_int_equal(pacer.promotions_next, 0);
    minor(&pacer, &usual, 20, LONG_NS);
    assert_int_equal(pacer.promotions, 1);
}

static void cycles_that_read_little_trace(void **state)
{
    struct gcxi_pacer pacer = begun(&usual, 8 * GCXI_GIB);
    (void)state;
    minor(&pacer, &usual, 20, 1999999);
    assert_int_equal(pacer.promotions, 0);
    minor(&pacer, &usual, 20, 2000000);
    assert_int_equal(pacer.promotions, 1);
}

/* Of 12 ms for a sixteenth of it a fifth is more than 2 ms. */
static void garbage_that_full_cycles_pay_dearly_for_is_traced(void **state)
{
    struct gcxi_pacer pacer = begun(&usual, 512 * GCXI_MIB);
    (void)state;
    assert_in_range(pacer.full_room_bytes, 512 * GCXI_MIB - 100, 512 * GCXI_MIB);
    minor(&pacer, &usual, 20, 2000000);
    assert_int_equal(pacer.promotions, 0);
    minor(&pacer, &usual, 20, 3000000);
    assert_int_equal(pacer.promotions, 1);
}

static void a_quarter_of_the_room_is_promoted_at_most(void **state)
{
    struct gcxi_pacer pacer = begun(&usual, 330 * GCXI_MIB);
    (void)state;
    for (int i = 0; i < 5; i++)
        minor(&pacer, &usual, 5, LONG_NS);
    assert_int_equal(pacer.promotions_next, 5);
    assert_int_equal(pacer.promotions, 5);
    pacer = begun(&usual, 60 * GCXI_MIB);
    minor(&pacer, &usual, 0, LONG_NS);
    assert_int_equal(pacer.promotions, 0);
}

static void garbage_is_not_left_where_room_is_scarce(void **state)
{
    struct gcxi_pacer_settings settings = usual;
    struct gcxi_pacer pacer;
    (void)state;
    settings.memory_limit = 100 * (int64_t)GCXI_GIB;
    pacer = begun(&settings, 8 * GCXI_GIB);
    minor(&pacer, &settings, 0, LONG_NS);
    assert_int_equal(pacer.promotions, 0);
    settings = usual;
    settings.percent = -1;
    pacer = begun(&settings, 8 * GCXI_GIB);
    minor(&pacer, &settings, 0, LONG_NS);
    assert_int_equal(pacer.promotions, 0);
    gcxi_pacer_init(&pacer, &usual); /* no full cycle yet */
    minor(&pacer, &usual, 0, LONG_NS);
    assert_int_equal(pacer.promotions, 0);
}

/* While a full cycle marks none traces in a heap that only grows, and those that begin one or
 * a pass never do. */
static void beside_a_full_cycle_none_traces_in_a_growing_heap(void **state)
{
    struct gcxi_pacer pacer = begun(&usual, 8 * GCXI_GIB);
    (void)state;
    assert_false(gcxi_pacer_promotes_all(&pacer, true, true));
    minor(&pacer, &usual, 20, LONG_NS);
    assert_true(gcxi_pacer_promotes_all(&pacer, false, false));
    promote_all(&pacer, &usual);
    for (int is_growing = 0; is_growing < 2; is_growing++) {
        pacer.is_growing = is_growing;
        assert_false(gcxi_pacer_promotes_all(&pacer, false, false));
        assert_int_equal(gcxi_pacer_promotes_all(&pacer, false, true), is_growing);
        assert_true(gcxi_pacer_promotes_all(&pacer, true, false));
    }
    minor(&pacer, &usual, 80, LONG_NS);
    assert_false(gcxi_pacer_promotes_all(&pacer, true, true));
}

/* A limit that is set later. */
static void a_limit_ends_it(void **state)
{
    struct gcxi_pacer_settings settings = usual;
    struct gcxi_pacer pacer = begun(&settings, 8 * GCXI_GIB);
    (void)state;
    for (int i = 0; i < 5; i++)
        minor(&pacer, &settings, 0, LONG_NS);
    assert_int_equal(pacer.promotions, 16);
    settings.memory_limit = 100 * (int64_t)GCXI_GIB;
    gcxi_pacer_replan(&pacer, &settings, 0);
    assert_int_equal(pacer.promotions, 0);
    assert_int_equal(pacer.promotions_next, 0);
}

/* While a full cycle marks, stops that traced nothing came before the nursery was used up:
 * all the garbage is in the rest. */
static void only_what_was_traced_tells_of_garbage(void **state)
{
    const size_t untraced = NURSERY / 5 * 4;
    const struct gcxi_pacer_cycle cycle = {.live_bytes = 8 * GCXI_GIB + untraced,
                                           .promoted_bytes = untraced,
                                           .allocated_bytes = NURSERY,
                                           .untraced_bytes = untraced,
                                           .interval_ns = 20 * LONG_NS,
                                           .pause_ns = LONG_NS,
                                           .old_ns = LONG_NS};
    struct gcxi_pacer pacer = begun(&usual, 8 * GCXI_GIB);
    (void)state;
    for (int i = 0; i < 5; i++)
        minor(&pacer, &usual, 10, LONG_NS);
    assert_int_equal(pacer.promotions, 16);
    gcxi_pacer_update(&pacer, &usual, &cycle);
    assert_in_range(pacer.garbage_percent, 98, 100);
    assert_int_equal(pacer.promotions, 0);
    assert_in_range(pacer.untraced_garbage_bytes, untraced / 100 * 9, untraced / 100 * 10);
}

static void they_do_not_change_the_nursery(void **state)
{
    struct gcxi_pacer pacer = begun(&usual, 8 * GCXI_GIB);
    (void)state;
    minor(&pacer, &usual, 20, LONG_NS);
    size_t nursery = pacer.nursery_bytes, cap = pacer.pause_cap_bytes;
    uint64_t minor_ns = pacer.minor_ns;
    promote_all(&pacer, &usual);
    assert_int_equal(pacer.nursery_bytes, nursery);
    assert_int_equal(pacer.pause_cap_bytes, cap);
    assert_int_equal(pacer.minor_ns, minor_ns);
    assert_in_range(pacer.live_bytes, 8 * GCXI_GIB + NURSERY / 10 * 18,
                    8 * GCXI_GIB + NURSERY / 10 * 19);
}

/* Of 1,600 MiB a fifth was garbage that nobody looked for: the heap only grows all the
 * same, but not if twice as much dies. */
static void garbage_that_was_left_counts_for_no_death(void **state)
{
    const size_t garbage = 100 * (size_t)(NURSERY / 5);
    (void)state;
    for (unsigned times = 0; times <= 2; times++) {
        struct gcxi_pacer pacer = begun(&usual, 2 * GCXI_GIB);
        for (int i = 0; i < 100; i++) {
            minor(&pacer, &usual, 20, LONG_NS);
            promote_all(&pacer, &usual);
        }
        assert_in_range(pacer.untraced_garbage_bytes, garbage / 10 * 9, garbage);
        full(&pacer, &usual, pacer.live_bytes - times * garbage);
        assert_int_equal(pacer.is_growing, times <= 1);
        assert_int_equal(pacer.untraced_garbage_bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_more_and_more_between_those_that_trace),
        cmocka_unit_test(garbage_ends_it),
        cmocka_unit_test(cycles_that_read_little_trace),
        cmocka_unit_test(garbage_that_full_cycles_pay_dearly_for_is_traced),
        cmocka_unit_test(a_quarter_of_the_room_is_promoted_at_most),
        cmocka_unit_test(garbage_is_not_left_where_room_is_scarce),
        cmocka_unit_test(beside_a_full_cycle_none_traces_in_a_growing_heap),
        cmocka_unit_test(a_limit_ends_it),
        cmocka_unit_test(only_what_was_traced_tells_of_garbage),
        cmocka_unit_test(they_do_not_change_the_nursery),
        cmocka_unit_test(garbage_that_was_left_counts_for_no_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
