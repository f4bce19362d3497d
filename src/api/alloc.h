/* alloc.h -- allocation by kind, for the entry points.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_API_ALLOC_H
#define GCXI_API_ALLOC_H

#include "base/base.h"

/* An object of a kind of heap/kind.h. NULL with errno. The caller is outside
 * the collector and its frame is scanned. [collects] */
void *gcxi_alloc_of_kind(unsigned kind, size_t size);

#endif
