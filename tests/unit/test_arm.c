/* test_arm.c -- which units are armed.
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

#include "gc/remember.h"
#include "heap/space.h"

enum { CELLS = 100000, CELL = 256 };

static void **list; /* static data: a root */

static void grow_list(void)
{
    for (int i = 0; i < CELLS; i++) {
        void **cell = gcx_alloc(CELL);
        assert_non_null(cell);
        *cell = list;
        list = cell;
    }
}

static size_t armed_units(void)
{
    size_t armed = 0;
    for (uint32_t unit = gcxi_zone_first(GCXI_ZONE_SCAN); unit < gcxi_zone_end(GCXI_ZONE_SCAN);
         unit++)
        armed += gcxi_map.armed[unit] != 0;
    return armed;
}

/* Minor cycles until most of the list is armed. */
static unsigned cycles_until_armed(void)
{
    unsigned cycles = 0;
    while (armed_units() < CELLS / (GCXI_UNIT / CELL) / 2 && cycles < 300) {
        gcx_collect(GCX_MINOR);
        cycles++;
    }
    return cycles;
}

/* R5: memory that was never used before rests as long as other memory does. */
static void new_memory_rests_as_memory_that_is_used_again(void **state)
{
    (void)state;
    unsetenv("GCX_DIRTY");
    unsetenv("GCX_BARRIER");
    assert_int_equal(gcx_init(NULL), 0);
    if (gcxi_remember_is_none())
        skip();
    gcx_disable(); /* no cycles but these */
    grow_list();
    unsigned first = cycles_until_armed();
    list = NULL;
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_FULL);
    assert_true(gcxi_space_free_bytes() > CELLS * CELL / 2);
    grow_list();
    unsigned again = cycles_until_armed();
    assert_in_range(first, 1, 299);
    assert_int_equal(again, first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_memory_rests_as_memory_that_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
