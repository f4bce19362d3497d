/* marks.h -- searching and counting mark bytes, several at a time.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_HEAP_MARKS_H
#define GCXI_HEAP_MARKS_H

#include "base/atomic.h"
#include "base/base.h"

/* Which byte of a word that is not 0 is the lowest that is not 0. */
GCXI_INLINE uint32_t gcxi_lowest_byte(uint64_t word)
{
    return (uint32_t)__builtin_ctzll(word) / 8;
}

/* First index in [i, n) whose byte is not value; n if none. */
GCXI_INLINE uint32_t gcxi_marks_find_other(const uint8_t *marks, uint32_t i, uint32_t n,
                                           uint8_t value)
{
    uint64_t pattern = UINT64_C(0x0101010101010101) * value;
    for (; i + 8 <= n; i += 8) {
        uint64_t differ = gcxi_load_bytes(marks + i) ^ pattern;
        if (differ != 0)
            return i + gcxi_lowest_byte(differ);
    }
    while (i < n && gcxi_load_acquire(&marks[i]) == value)
        i++;
    return i;
}

/* First index in [i, n) whose byte is value; n if none. */
GCXI_INLINE uint32_t gcxi_marks_find(const uint8_t *marks, uint32_t i, uint32_t n, uint8_t value)
{
    const uint8_t *p = i < n ? gcxi_find_byte(marks + i, value, n - i) : NULL;
    return p != NULL ? (uint32_t)(p - marks) : n;
}

/* In the top bit of each byte: whether it is one of two values. */
GCXI_INLINE uint64_t gcxi_bytes_either(uint64_t bytes, uint8_t value, uint8_t other)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), low = ones * 0x7f;
    uint64_t x = bytes ^ ones * value, y = bytes ^ ones * other;
    uint64_t not_x = ((x & low) + low) | x, not_y = ((y & low) + low) | y;
    return ~(not_x & not_y) & ~low;
}

/* Clears all bytes from i on up to the first that is value, whose index it
 * returns; n if none. Most such runs are short, and their bytes 0 already, so the
 * first eight are looked at before calling anything. */
GCXI_INLINE uint32_t gcxi_marks_clear_until(uint8_t *marks, uint32_t i, uint32_t n, uint8_t value)
{
    if (i + 8 <= n) {
        uint64_t bytes = gcxi_load_bytes(marks + i);
        uint64_t found = gcxi_bytes_either(bytes, value, value);
        uint32_t near = i + (found != 0 ? gcxi_lowest_byte(found) : 8);
        uint64_t before = ((found & (0 - found)) >> 7) - 1; /* of bytes: all bits */
        for (; (bytes & before) != 0 && i < near; i++)
            gcxi_store_relaxed(&marks[i], 0);
        if (found != 0)
            return near;
    }
    uint32_t end = gcxi_marks_find(marks, i, n, value);
    gcxi_clear_bytes(marks + i, end - i);
    return end;
}

/* The same with two values: while a full cycle marks beside the program, both
 * its epoch and the one before are live. */
GCXI_INLINE uint32_t gcxi_marks_find_neither(const uint8_t *marks, uint32_t i, uint32_t n,
                                             uint8_t value, uint8_t other)
{
    if (value == other)
        return gcxi_marks_find_other(marks, i, n, value);
    const uint64_t all = UINT64_C(0x8080808080808080);
    while (i + 8 <= n && gcxi_bytes_either(gcxi_load_bytes(marks + i), value, other) == all)
        i += 8;
    for (; i < n; i++) {
        uint8_t mark = gcxi_load_acquire(&marks[i]);
        if (mark != value && mark != other)
            break;
    }
    return i;
}

GCXI_INLINE uint32_t gcxi_marks_find_either(const uint8_t *marks, uint32_t i, uint32_t n,
                                            uint8_t value, uint8_t other)
{
    if (value == other)
        return gcxi_marks_find(marks, i, n, value);
    while (i + 8 <= n && gcxi_bytes_either(gcxi_load_bytes(marks + i), value, other) == 0)
        i += 8;
    while (i < n && marks[i] != value && marks[i] != other)
        i++;
    return i;
}

GCXI_INLINE uint32_t gcxi_marks_clear_until_either(uint8_t *marks, uint32_t i, uint32_t n,
                                                   uint8_t value, uint8_t other)
{
    if (value == other)
        return gcxi_marks_clear_until(marks, i, n, value);
    for (; i < n; i++) {
        uint8_t mark = gcxi_load_acquire(&marks[i]);
        if (mark == value || mark == other)
            break;
        gcxi_store_relaxed(&marks[i], 0);
    }
    return i;
}

/* Clears bytes [i, end), at least one. Their number is hard to foretell and mostly
 * small: four stores, the last of them again if there are fewer, and no branch. */
GCXI_INLINE void gcxi_marks_clear_few(uint8_t *marks, uint32_t i, uint32_t end)
{
    uint32_t last = end - 1;
    gcxi_store_relaxed(&marks[i], 0);
    gcxi_store_relaxed(&marks[gcxi_min(i + 1, last)], 0);
    gcxi_store_relaxed(&marks[gcxi_min(i + 2, last)], 0);
    gcxi_store_relaxed(&marks[gcxi_min(i + 3, last)], 0);
    for (i += 4; i < end; i++)
        gcxi_store_relaxed(&marks[i], 0);
}

/* The next run of bytes that are neither, from i on: returns its end, *lo is its
 * begin, and its bytes are cleared; *lo is n if there is none. Most runs of a block
 * that is filled up are shorter than eight bytes. */
GCXI_INLINE uint32_t gcxi_marks_take_run(uint8_t *marks, uint32_t i, uint32_t n, uint8_t value,
                                         uint8_t other, uint32_t *lo)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), live = ones * value;
    while (value == other && i + 8 <= n) {
        uint64_t x = gcxi_load_bytes(marks + i) ^ live;
        if (x == 0) {
            i += 8;
            continue;
        }
        i += gcxi_lowest_byte(x);
        if (i + 8 > n)
            break;
        uint64_t found = gcxi_bytes_either(gcxi_load_bytes(marks + i), value, value);
        if (found == 0)
            break;
        *lo = i;
        uint32_t end = i + gcxi_lowest_byte(found);
        gcxi_marks_clear_few(marks, i, end);
        return end;
    }
    *lo = gcxi_marks_find_neither(marks, i, n, value, other);
    return gcxi_marks_clear_until_either(marks, *lo, n, value, other);
}

/* How many of the n bytes are value. */
uint32_t gcxi_marks_count(const uint8_t *marks, uint32_t n, uint8_t value);

#endif
