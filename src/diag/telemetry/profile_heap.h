/* profile_heap.h -- the heap profile as a file.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_PROFILE_HEAP_H
#define GCXI_DIAG_TELEMETRY_PROFILE_HEAP_H

#include "diag/telemetry/profile_file.h"
#include "diag/telemetry/profile_sample.h"

/* What the snapshot says, less what before says if that is not NULL; to be
 * destroyed. by_allocation: alloc_space is what readers show first. NULL with
 * errno. */
struct gcxi_profile_file *gcxi_profile_heap_file(const struct gcxi_profile_snapshot *snapshot,
                                                 const struct gcxi_profile_snapshot *before,
                                                 bool by_allocation, uint64_t duration_ns);

/* As gcx_profile_write_heap. */
int gcxi_profile_heap_write(int fd, unsigned flags);

#endif
