/* test_arm_rest.c -- which units rest where faults are cheap.
 *
 * One large old object; pages of each of its units are written between minor
 * cycles. One worker marks, so 128 units written in moderation may rest.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gcx/gcx.h>

#include "gc/arm.h"
#include "gc/remember.h"
#include "heap/space.h"
#include "os/vm.h"

enum { UNITS = 700, MODERATE = 128, ONCE = 40, LONG = 160 };

static char *object; /* static data: a root */

static int begin(void **state)
{
    struct gcx_options options = GCX_OPTIONS_DEFAULT;
    (void)state;
    unsetenv("GCX_DIRTY");
    unsetenv("GCX_BARRIER");
    unsetenv("GCX_MARK_WORKERS");
    setenv("GCX_FAULT_NS", "900", 1);
    options.mark_workers = 1;
    if (gcx_init(&options) != 0)
        return -1;
    gcx_disable(); /* no cycles but these */
    object = gcx_alloc((size_t)UNITS * GCXI_UNIT - 64);
    if (object == NULL)
        return -1;
    memset(object, 0, (size_t)UNITS * GCXI_UNIT - 64);
    return 0;
}

/* A pointer to a young object on so many pages of each unit, then a minor cycle. */
static void write_and_collect(size_t pages, unsigned cycles)
{
    size_t page_bytes = gcxi_vm_page_bytes();
    for (; cycles > 0; cycles--) {
        void *young = gcx_alloc(16);
        assert_non_null(young);
        for (size_t unit = 0; unit < UNITS; unit++)
            for (size_t page = 0; page < pages; page++)
                *(void **)(void *)(object + unit * GCXI_UNIT + page * page_bytes) = young;
        gcx_collect(GCX_MINOR);
    }
}

static size_t resting_units(void)
{
    size_t resting = 0;
    uint32_t first = gcxi_addr_unit((uintptr_t)object);
    for (uint32_t unit = first; unit < first + UNITS; unit++)
        resting += gcxi_map.armed[unit] == 0;
    return resting;
}

static bool is_possible(void)
{
    return GCXI_CHECKED && !gcxi_remember_is_none() && gcxi_vm_page_bytes() == 4096;
}

/* R9. */
static void of_units_written_in_moderation_a_number_rests(void **state)
{
    (void)state;
    if (!is_possible())
        skip();
    write_and_collect(5, ONCE);
    assert_in_range(resting_units(), MODERATE / 2, MODERATE);
}

/* R9, and R5: what nobody writes pointers to does not rest for long. */
static void units_written_all_over_rest_while_they_are(void **state)
{
    (void)state;
    if (!is_possible())
        skip();
    write_and_collect(GCXI_UNIT / 4096, LONG);
    assert_in_range(resting_units(), UNITS - 128, UNITS);
    memset(object, 0, (size_t)UNITS * GCXI_UNIT - 64);
    for (unsigned i = 0; i < ONCE; i++)
        gcx_collect(GCX_MINOR);
    assert_in_range(resting_units(), 0, 64);
}

/* Of three units that went to rest together. */
enum { UNTOUCHED, LEFT_ALONE, WRITTEN };

static uint32_t unit_of(unsigned place)
{
    return gcxi_addr_unit((uintptr_t)object) + UNITS / 2 + place * 32;
}

/* They are armed while a full cycle marks, and some are written. */
static void between_the_stops(void)
{
    gcxi_arm_begin_stw(true, 100);
    gcxi_arm_note_written(unit_of(WRITTEN));
    gcxi_arm_units_stw(GCXI_ARM_BETWEEN, 0);
    assert_int_not_equal(gcxi_map.armed[unit_of(LEFT_ALONE)], 0);
}

/* Minor cycles until the unit is armed. */
static unsigned rest_of(unsigned place)
{
    unsigned cycles = 0;
    do {
        gcxi_arm_begin_stw(false, 100);
        gcxi_arm_units_stw(GCXI_ARM_MINOR, 0);
        cycles++;
    } while (gcxi_map.armed[unit_of(place)] == 0 && cycles < LONG);
    return cycles;
}

static void go_to_rest(unsigned place)
{
    gcxi_arm_begin_stw(false, 100);
    gcxi_arm_note_pages(unit_of(place), GCXI_UNIT / 4096);
    gcxi_arm_units_stw(GCXI_ARM_FULL, 0);
    assert_int_equal(gcxi_map.armed[unit_of(place)], 0);
}

/* R5. Between the stops what is not written loses half of its rest each time, and what is
 * keeps it. */
static void rests_between_the_stops(void **state)
{
    (void)state;
    if (!is_possible())
        skip();
    for (unsigned i = 0; i < LONG; i++) { /* all that rested does so no more */
        gcxi_arm_begin_stw(false, 100);
        gcxi_arm_units_stw(GCXI_ARM_FULL, 0);
        gcx_collect(GCX_MINOR);
    }
    go_to_rest(UNTOUCHED);
    unsigned usual = rest_of(UNTOUCHED);
    assert_in_range(usual, 20, LONG - 1);
    go_to_rest(LEFT_ALONE);
    go_to_rest(WRITTEN);
    for (unsigned i = 0; i < 4; i++)
        between_the_stops();
    assert_in_range(rest_of(LEFT_ALONE), 1, usual / 4);
    assert_in_range(rest_of(WRITTEN), usual / 2, LONG - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_units_written_in_moderation_a_number_rests),
        cmocka_unit_test(units_written_all_over_rest_while_they_are),
        cmocka_unit_test(rests_between_the_stops),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
