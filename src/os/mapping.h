/* mapping.h -- what kind of memory lies at an address.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_MAPPING_H
#define GCXI_OS_MAPPING_H

#include "base/base.h"

/* All of [lo, hi) is memory of this process alone, backed by no file: neither other
 * processes nor a file's writers change it. False where that cannot be known. Reads
 * the list of all mappings: not in every cycle. No malloc. */
bool gcxi_mapping_is_private(uintptr_t lo, uintptr_t hi);

#endif
