/* test_beside_start.c -- the marking thread is there when the first full cycle wants it.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "gc/concurrent.h"
#include "gc/remember.h"
#include "os/cpu.h"

enum { MIB = 1 << 20, WAITS = 2000, WAIT_US = 5000 };

static void *volatile table; /* a root */

/* By the first cycle, which finds that one object alive, it is on its way. */
static void a_large_first_object_starts_the_thread(void **state)
{
    (void)state;
    unsetenv("GCX_CONCURRENT");
    setenv("GCX_STRESS", "0", 1);
    assert_int_equal(gcx_init(NULL), 0);
    if (gcxi_cpu_count() < 2 || gcxi_remember_is_none())
        skip();
    gcx_disable();
    table = gcx_alloc((size_t)160 * MIB);
    assert_non_null(table);
    gcx_collect(GCX_MINOR);
    for (int i = 0; i < WAITS && !gcxi_concurrent_is_possible(); i++)
        usleep(WAIT_US);
    assert_true(gcxi_concurrent_is_possible());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_first_object_starts_the_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
