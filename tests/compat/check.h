/* check.h -- for programs that say the same on the stock library and on ours.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CHECK_H
#define CHECK_H

#include <gc/gc.h>
#include <stdio.h>
#include <string.h>

#define NOINLINE __attribute__((noinline, unused))

static NOINLINE void clear_stack(void)
{
    volatile char frame[64 * 1024];
    memset((void *)frame, 0, sizeof frame);
    __asm__ volatile("" : : "r"(frame) : "memory");
}

static NOINLINE void collect(void)
{
    for (int i = 0; i < 3; i++) {
        clear_stack();
        GC_gcollect();
    }
}

/* All but a few: a stale word may keep one. */
static NOINLINE const char *nearly(int count, int of)
{
    return count >= of * 9 / 10 && count <= of ? "nearly all" : count == 0 ? "none" : "some";
}

#endif
