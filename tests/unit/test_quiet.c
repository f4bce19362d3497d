/* test_quiet.c -- no word that leads to a young object is passed over.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trace/quiet.h"

static uint64_t random_state = 88172645463325252u;

static uint64_t random_word(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

static struct gcxi_young_span random_span(void)
{
    struct gcxi_young_span span = {(uint32_t)random_word(), 0};
    if (random_word() % 4 != 0)
        span.units = (uint32_t)(random_word() % (UINT32_C(1) << random_word() % 26));
    if (random_word() % 8 == 0)
        span.first = random_word() % 2 ? UINT32_MAX - span.units / 2 : 0;
    return span;
}

static bool is_inside(struct gcxi_young_span span, uint64_t word)
{
    return (uint32_t)((uint32_t)(word >> GCXI_LG_UNIT) - span.first) < span.units;
}

/* Around the ends of a span, or anywhere. */
static uint64_t random_candidate(const struct gcxi_young_span young[GCXI_ZONES])
{
    const struct gcxi_young_span *span = &young[random_word() % GCXI_ZONES];
    uint64_t unit = span->first + (random_word() % 2 ? span->units : 0) + random_word() % 3 - 1;
    if (random_word() % 4 == 0)
        unit = random_word();
    return unit << GCXI_LG_UNIT | (random_word() & (GCXI_UNIT - 1));
}

static uint64_t random_outsider(const struct gcxi_young_span young[GCXI_ZONES])
{
    uint64_t word;
    do
        word = random_candidate(young);
    while (is_inside(young[0], word) || is_inside(young[1], word));
    return word;
}

static void each_place_is_looked_at(void **state)
{
    (void)state;
    for (int round = 0; round < 200000; round++) {
        const struct gcxi_young_span young[GCXI_ZONES] = {random_span(), random_span()};
        uintptr_t words[GCXI_QUIET_WORDS + 1];
        uintptr_t *at = words + random_word() % 2; /* of any alignment that words have */
        for (size_t i = 0; i < GCXI_QUIET_WORDS; i++)
            at[i] = random_outsider(young);
        assert_false(gcxi_may_be_young(young, (uintptr_t)at));
        size_t place = random_word() % GCXI_QUIET_WORDS;
        at[place] = random_candidate(young);
        bool is_one = is_inside(young[0], at[place]) || is_inside(young[1], at[place]);
        assert_int_equal(gcxi_may_be_young(young, (uintptr_t)at), is_one);
    }
}

static void the_span_holds_all_young_units(void **state)
{
    (void)state;
    assert_int_equal(gcxi_space_init(0), 0);
    for (unsigned zone = 0; zone < GCXI_ZONES; zone++) {
        bool is_zero;
        assert_int_equal(gcxi_young_span(zone).units, 0);
        uint32_t unit = gcxi_span_alloc(zone, 100, GCXI_UNIT, true, &is_zero);
        assert_int_not_equal(unit, 0);
        assert_int_equal(gcxi_young_span(zone).units, 0);
        for (int round = 0; round < 1000; round++) {
            uint32_t a = unit + (uint32_t)(random_word() % 100);
            uint32_t b = unit + (uint32_t)(random_word() % 100);
            gcxi_map.young[a] = gcxi_map.young[b] = 1;
            const struct gcxi_young_span span = gcxi_young_span(zone);
            assert_int_equal(span.units, a < b ? b - a + 1 : a - b + 1);
            assert_true(is_inside(span, gcxi_unit_addr(a)));
            assert_true(is_inside(span, gcxi_unit_addr(b) + GCXI_UNIT - 1));
            gcxi_map.young[a] = gcxi_map.young[b] = 0;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_place_is_looked_at),
        cmocka_unit_test(the_span_holds_all_young_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
