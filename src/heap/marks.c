/* marks.c -- counting mark bytes in portable vector code.
 *
 * A comparison of byte vectors gives -1 per match, so subtracting it counts;
 * a lane of the counter holds 255 at most before the lanes are summed up.
 * Vectors of 16 bytes are what every target of ours has; wider ones than the
 * target's are taken apart by the compiler and measured five times slower.
 *
 * SPDX-License-Identifier: MIT */
#include "heap/marks.h"

typedef uint8_t vec __attribute__((vector_size(16)));

#define VEC_BYTES ((uint32_t)sizeof(vec))

static uint32_t sum_lanes(vec counts)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < VEC_BYTES; i++)
        sum += counts[i];
    return sum;
}

/* At most 255 vectors. */
static uint32_t count_vectors(const uint8_t *marks, uint32_t vectors, vec pattern)
{
    vec counts = {0};
    for (uint32_t i = 0; i < vectors; i++) {
        vec bytes;
        memcpy(&bytes, marks + i * VEC_BYTES, sizeof bytes);
        counts -= (vec)(bytes == pattern);
    }
    return sum_lanes(counts);
}

uint32_t gcxi_marks_count(const uint8_t *marks, uint32_t n, uint8_t value)
{
    vec pattern = (vec){0} + value;
    uint32_t total = 0;
    uint32_t i = 0;
    while (n - i >= VEC_BYTES) {
        uint32_t vectors = (n - i) / VEC_BYTES;
        vectors = vectors < 255 ? vectors : 255;
        total += count_vectors(marks + i, vectors, pattern);
        i += vectors * VEC_BYTES;
    }
    for (; i < n; i++)
        total += marks[i] == value;
    return total;
}
