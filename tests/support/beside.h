/* beside.h -- full cycles that mark beside the program, brought about and waited for.
 * After gcx_init with GCX_CONCURRENT=1; cmocka's asserts.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_BESIDE_H
#define GCX_TESTS_BESIDE_H

#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <gcx/gcx.h>

#include "cmocka_all.h"
#include "gc/concurrent.h"

enum { BESIDE_MOST_BYTES = 1 << 30, BESIDE_OBJECT_BYTES = 256 };
enum { BESIDE_WAITS = 12000, BESIDE_WAIT_US = 5000 };

/* Keeps what it allocates, so that the heap reaches its goal. */
static inline void begin_a_full_cycle(void)
{
    static void **volatile kept;
    for (size_t bytes = 0; !gcxi_concurrent_is_under_way() && bytes < BESIDE_MOST_BYTES;
         bytes += BESIDE_OBJECT_BYTES) {
        void **object = gcx_alloc(BESIDE_OBJECT_BYTES);
        assert_non_null(object);
        *object = kept;
        kept = object;
    }
    assert_true(gcxi_concurrent_is_under_way());
}

/* For a minute at most. With collections enabled the next allocation that asks for
 * memory may begin a pass. */
static inline void wait_for_marker(void)
{
    for (int i = 0; i < BESIDE_WAITS && !gcxi_concurrent_is_marked(); i++)
        usleep(BESIDE_WAIT_US);
    assert_true(gcxi_concurrent_is_marked());
}

static inline uint64_t count_cycles(void)
{
    struct gcx_stats stats = {0};
    gcx_get_stats(&stats);
    return stats.minor_cycles + stats.full_cycles;
}

/* Allocates until the next cycle has been. */
static inline void run_a_cycle(void)
{
    uint64_t before = count_cycles();
    for (size_t bytes = 0; count_cycles() == before && bytes < BESIDE_MOST_BYTES;
         bytes += BESIDE_OBJECT_BYTES)
        assert_non_null(gcx_alloc(BESIDE_OBJECT_BYTES));
    assert_true(count_cycles() != before);
}

#endif
