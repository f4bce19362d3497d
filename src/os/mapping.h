/* mapping.h -- what kind of memory lies at an address.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_MAPPING_H
#define GCXI_OS_MAPPING_H

#include "base/base.h"

/* All of [lo, hi) is memory of this process alone, so no other process changes it; and
 * backed by no file, unless it may be, so that it begins as zeroes. True of an empty
 * range, false where that cannot be known. Reads the list of all mappings: not in every
 * cycle. No malloc. */
bool gcxi_mapping_is_private(uintptr_t lo, uintptr_t hi, bool may_be_file);

#endif
