/* random.h -- a small generator whose sequences are the same everywhere.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_RANDOM_H
#define GCX_TESTS_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
    r->state += 0x9e3779b97f4a7c15u;
    uint64_t z = r->state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 to bound - 1. */
static inline uint32_t random_below(struct random *r, uint32_t bound)
{
    return (uint32_t)((random_next(r) >> 32) * bound >> 32);
}

static inline int random_percent(struct random *r, uint32_t percent)
{
    return random_below(r, 100) < percent;
}

#endif
