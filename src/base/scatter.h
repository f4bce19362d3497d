/* scatter.h -- numbers that look random.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_BASE_SCATTER_H
#define GCXI_BASE_SCATTER_H

#include "base/base.h"

/* What a counter of pseudorandom numbers is stepped by. */
#define GCXI_SCATTER_STEP UINT64_C(0x9e3779b97f4a7c15)

/* Each bit of the result depends on each of z (Steele, Lea, Flood: Fast splittable
 * pseudorandom number generators, 2014). */
GCXI_INLINE uint64_t gcxi_scatter(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

#endif
