/* test_beside_little.c -- what is left to mark of a little heap takes no longer than a
 * stop that begins a pass, so there is none.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <gcx/gcx.h>

#include "../support/beside.h"

static void a_little_heap_has_no_passes(void **state)
{
    (void)state;
    if (GCXI_STRESS)
        skip(); /* cycles of all kinds come at any time */
    unsetenv("GCX_DIRTY");
    setenv("GCX_STRESS", "0", 1);
    setenv("GCX_DELAYS", "0", 1);
    setenv("GCX_CONCURRENT", "1", 1);
    setenv("GCX_NURSERY", "1MiB", 1);
    setenv("GCX_KEEPER", "0", 1);
    assert_int_equal(gcx_init(NULL), 0);
    begin_a_full_cycle();
    gcx_disable(); /* or the first allocation that asks for memory ends it */
    wait_for_marker();
    gcx_enable();
    run_a_cycle();
    assert_false(gcxi_concurrent_is_under_way());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_little_heap_has_no_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
