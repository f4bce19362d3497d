/* sort.h -- sorting in place, without memory; also with the world stopped.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_BASE_SORT_H
#define GCXI_BASE_SORT_H

#include "base/base.h"

/* n elements of so many bytes each. Equal ones come in any order. */
void gcxi_sort(void *base, size_t n, size_t bytes, bool (*is_before)(const void *a, const void *b));

#endif
