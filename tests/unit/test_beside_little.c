/* test_beside_little.c -- what is left to mark of a little heap takes no longer than a
 * stop that begins a pass, so there is none.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "gc/concurrent.h"

enum { MOST_BYTES = 1 << 30, OBJECT_BYTES = 256, WAITS = 12000, WAIT_US = 5000 };

static uint64_t cycles(void)
{
    struct gcx_stats stats = {0};
    gcx_get_stats(&stats);
    return stats.minor_cycles + stats.full_cycles;
}

/* Keeps what it allocates, so that the heap reaches its goal. */
static void begin_a_full_cycle(void)
{
    static void **volatile kept;
    for (size_t bytes = 0; !gcxi_concurrent_is_under_way() && bytes < MOST_BYTES;
         bytes += OBJECT_BYTES) {
        void **object = gcx_alloc(OBJECT_BYTES);
        assert_non_null(object);
        *object = kept;
        kept = object;
    }
    assert_true(gcxi_concurrent_is_under_way());
}

/* Allocates until the next cycle has been. */
static void run_a_cycle(void)
{
    uint64_t before = cycles();
    for (size_t bytes = 0; cycles() == before && bytes < MOST_BYTES; bytes += OBJECT_BYTES)
        assert_non_null(gcx_alloc(OBJECT_BYTES));
    assert_true(cycles() != before);
}

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
    for (int i = 0; i < WAITS && !gcxi_concurrent_is_marked(); i++)
        usleep(WAIT_US);
    assert_true(gcxi_concurrent_is_marked());
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
