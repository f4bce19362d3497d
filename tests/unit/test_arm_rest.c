/* test_arm_rest.c -- which units rest where faults are cheap.
 *
 * One large old object; pages of each of its units are written between minor
 * cycles. One worker marks, so 128 units written in moderation may rest, and 1,024 while
 * a full cycle marks.
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
#include "gc/gc.h"
#include "gc/remember.h"
#include "heap/space.h"
#include "os/vm.h"

enum { UNITS = 1300, MODERATE = 128, BESIDE = 1024, ONCE = 40, LONG = 160 };

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

/* As much as usually is between two cycles: less tells little. */
static void *allocate(void)
{
    for (size_t left = gcxi_gc.pacer.trigger_bytes, bytes = 1 << 16; left >= bytes; left -= bytes)
        assert_non_null(gcx_alloc_noscan(bytes));
    void *young = gcx_alloc(16);
    assert_non_null(young);
    return young;
}

static void write_unit(size_t unit, size_t pages, void *young)
{
    for (size_t page = 0; page < pages; page++)
        *(void **)(void *)(object + unit * GCXI_UNIT + page * gcxi_vm_page_bytes()) = young;
}

static void write_all(size_t pages, void *young)
{
    for (size_t unit = 0; unit < UNITS; unit++)
        write_unit(unit, pages, young);
}

/* A pointer to a young object on so many pages of each unit, then a minor cycle. */
static void write_and_collect(size_t pages, unsigned cycles)
{
    for (; cycles > 0; cycles--) {
        write_all(pages, allocate());
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

/* R9. However little was allocated, pages have been written. */
static void short_intervals_tell_little(void **state)
{
    (void)state;
    if (!is_possible())
        skip();
    for (unsigned i = 0; i < ONCE; i++) {
        write_all(5, gcx_alloc(16));
        gcx_collect(GCX_MINOR);
    }
    assert_in_range(resting_units(), 0, 4);
}

/* R9. In one cycle of five each, and each time another fifth of them. */
static void units_seldom_written_in_moderation_do_not_rest(void **state)
{
    (void)state;
    if (!is_possible())
        skip();
    for (unsigned i = 0; i < ONCE; i++) {
        void *young = allocate();
        for (size_t unit = i % 5; unit < UNITS; unit += 5)
            write_unit(unit, 5, young);
        gcx_collect(GCX_MINOR);
    }
    assert_in_range(resting_units(), 0, 4);
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
    size_t resting = resting_units();
    for (unsigned i = 0; i < 2 * LONG; i++) { /* nobody looks, so they rest no shorter */
        gcxi_arm_begin_stw(false, 0);
        gcxi_arm_unseen_stw();
        gcxi_arm_units_stw(GCXI_ARM_MINOR, 0);
    }
    assert_true(resting_units() >= resting);
    gcxi_arm_begin_stw(false, 100); /* R8 */
    gcxi_arm_units_stw(GCXI_ARM_BEGIN, 0);
    assert_in_range(resting_units(), BESIDE - 128, BESIDE);
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
    gcxi_arm_note_written(unit_of(WRITTEN), 1);
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
    for (unsigned i = 0; i < 4; i++) {
        gcxi_arm_begin_stw(false, 100);
        gcxi_arm_note_written(unit_of(place), 5);
        gcxi_arm_units_stw(GCXI_ARM_MINOR, 0);
    }
    assert_int_equal(gcxi_map.armed[unit_of(place)], 0);
}

/* R5. A few pointers are no sign that many pages were written. */
static void what_shows_few_pointers_rests_no_longer(void **state)
{
    (void)state;
    if (!is_possible())
        skip();
    go_to_rest(UNTOUCHED);
    unsigned usual = rest_of(UNTOUCHED);
    go_to_rest(UNTOUCHED);
    gcxi_arm_note_shown(unit_of(UNTOUCHED), 8);
    assert_in_range(rest_of(UNTOUCHED), usual, LONG - 1);
    go_to_rest(UNTOUCHED);
    for (unsigned i = 0; i < 3; i++)
        gcxi_arm_note_shown(unit_of(UNTOUCHED), 2);
    assert_in_range(rest_of(UNTOUCHED), 1, usual); /* the third rest, four times as long */
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
        cmocka_unit_test(short_intervals_tell_little),
        cmocka_unit_test(units_seldom_written_in_moderation_do_not_rest),
        cmocka_unit_test(of_units_written_in_moderation_a_number_rests),
        cmocka_unit_test(units_written_all_over_rest_while_they_are),
        cmocka_unit_test(rests_between_the_stops),
        cmocka_unit_test(what_shows_few_pointers_rests_no_longer),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
