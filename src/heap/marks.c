/* marks.c -- counting mark bytes in portable vector code.
 *
 * A comparison of byte vectors gives -1 per match, so subtracting it counts;
 * a lane of the counter holds 255 at most before it is summed up.
 *
 * SPDX-License-Identifier: MIT */
#include "heap/marks.h"

typedef uint8_t vec __attribute__((vector_size(32)));

#define VEC_BYTES ((uint32_t)sizeof(vec))

static uint32_t sum_lanes(const vec *counts)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < VEC_BYTES; i++)
        sum += (*counts)[i];
    return sum;
}

uint32_t gcxi_marks_count(const uint8_t *marks, uint32_t n, uint8_t value)
{
    vec pattern = (vec){ 0 } + value;
    uint32_t total = 0;
    uint32_t i = 0;
    while (i + VEC_BYTES <= n) {
        vec counts = { 0 };
        for (uint32_t step = 0; step < 255 && i + VEC_BYTES <= n; step++, i += VEC_BYTES) {
            vec bytes;
            memcpy(&bytes, marks + i, sizeof bytes);
            counts -= (vec)(bytes == pattern);
        }
        total += sum_lanes(&counts);
    }
    for (; i < n; i++)
        total += marks[i] == value;
    return total;
}
