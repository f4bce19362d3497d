/* sort.c -- heap sort: the C library's may allocate.
 *
 * SPDX-License-Identifier: MIT */
#include "base/sort.h"

static void swap_bytes(char *a, char *b, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        char kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

static void sift_down(char *base, size_t root, size_t n, size_t bytes,
                      bool (*is_before)(const void *a, const void *b))
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && is_before(base + child * bytes, base + (child + 1) * bytes))
            child++;
        if (!is_before(base + root * bytes, base + child * bytes))
            return;
        swap_bytes(base + root * bytes, base + child * bytes, bytes);
    }
}

void gcxi_sort(void *base, size_t n, size_t bytes, bool (*is_before)(const void *a, const void *b))
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(base, i, n, bytes, is_before);
    for (size_t end = n; end-- > 1;) {
        swap_bytes(base, (char *)base + end * bytes, bytes);
        sift_down(base, 0, end, bytes, is_before);
    }
}

static uintptr_t first_word(const void *element)
{
    return *(const uintptr_t *)element;
}

bool gcxi_by_first_word(const void *a, const void *b)
{
    return first_word(a) < first_word(b);
}

size_t gcxi_count_up_to(const void *base, size_t n, size_t bytes, uintptr_t word)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (first_word((const char *)base + middle * bytes) <= word)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}
