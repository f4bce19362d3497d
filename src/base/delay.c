/* delay.c -- see delay.h.
 *
 * SPDX-License-Identifier: MIT */
#include "base/delay.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#include "base/scatter.h"

#define SLEEP_NS 100000u
#define SLEEP_LONG_NS 1000000u /* once in 128: longer than any phase of a small heap */

uint32_t gcxi_delay_seed = GCXI_STRESS;

static uint32_t passings[GCXI_EDGES]; /* atomic */

static void sleep_for(uint64_t ns)
{
    struct timespec time = {.tv_nsec = (long)ns};
    nanosleep(&time, NULL);
}

void gcxi_delay_slow(enum gcxi_edge edge)
{
    int saved = errno;
    uint64_t passing = gcxi_add_relaxed(&passings[edge], 1);
    uint64_t seed = (uint64_t)gcxi_load_relaxed(&gcxi_delay_seed) << 8 | edge;
    uint64_t random = gcxi_scatter(seed * GCXI_SCATTER_STEP + gcxi_scatter(passing));
    uint32_t length = (uint32_t)(random >> 32);
    switch (random % 8) {
    case 0:
        sleep_for(length % (random / 8 % 16 == 0 ? SLEEP_LONG_NS : SLEEP_NS));
        break;
    case 1:
    case 2:
        sched_yield();
        break;
    default:
        break;
    }
    errno = saved;
}
