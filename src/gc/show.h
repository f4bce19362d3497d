/* show.h -- hands the words of old objects to a marker.
 *
 * Both return how many words passed its filter: in a minor cycle those that may
 * be addresses of young objects. With the world stopped, or beside the program
 * in units that the marker's filter knows.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_SHOW_H
#define GCXI_GC_SHOW_H

#include "trace/mark.h"

/* Between two addresses in one block. */
size_t gcxi_show_range(struct gcxi_marker *m, const struct gcxi_block *block, uintptr_t lo,
                       uintptr_t hi);

/* Between any two: whatever blocks and free units are there. */
size_t gcxi_show_units(struct gcxi_marker *m, uintptr_t lo, uintptr_t hi);

/* Of words that will be shown next, the first: 2 and 4 KiB are as fast. */
GCXI_INLINE void gcxi_show_prefetch(uintptr_t lo, uintptr_t hi)
{
    const uintptr_t most_bytes = 1024, line_bytes = 64;
    for (hi = gcxi_min(hi, lo + most_bytes); lo < hi; lo += line_bytes)
        __builtin_prefetch((const void *)lo);
}

#endif
