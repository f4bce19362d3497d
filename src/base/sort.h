/* sort.h -- sorting in place, and searching, without memory; also with the world stopped.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_BASE_SORT_H
#define GCXI_BASE_SORT_H

#include "base/base.h"

/* n elements of so many bytes each. Equal ones come in any order. */
void gcxi_sort(void *base, size_t n, size_t bytes, bool (*is_before)(const void *a, const void *b));

/* For elements whose first member is a uintptr_t: an order for gcxi_sort, and of n so
 * sorted how many have it at most as large as that. */
bool gcxi_by_first_word(const void *a, const void *b);
size_t gcxi_count_up_to(const void *base, size_t n, size_t bytes, uintptr_t word);

#endif
