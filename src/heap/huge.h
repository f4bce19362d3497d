/* huge.h -- whether huge pages are worth asking for.
 *
 * A huge page saves faults and misses of the address cache, and is cleared at its
 * first touch: 2 MiB take .1 to .3 ms. In a virtual machine that gives free memory
 * back to its host each may first have to be fetched from there, which took 4 ms,
 * while small pages came from memory that the machine still held. So the first huge
 * page of each piece of address space is timed. Where it was dear the next pieces
 * get small pages, twice as many each time (docs/decisions/0018).
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_HEAP_HUGE_H
#define GCXI_HEAP_HUGE_H

#include "base/base.h"

#define GCXI_HUGE_BYTES (2 * GCXI_MIB)
#define GCXI_HUGE_DEAR_NS 1000000u
#define GCXI_HUGE_REST_MIN 8u /* pieces, of 2 to 4 MiB */
#define GCXI_HUGE_REST_MAX 1024u

struct gcxi_huge {
    uint32_t rest; /* pieces that still get small pages */
    uint32_t last; /* how many it were the last time; 0: the last huge page was cheap */
};

/* Asked once for each piece. */
GCXI_INLINE bool gcxi_huge_is_wanted(struct gcxi_huge *huge)
{
    if (huge->rest == 0)
        return true;
    huge->rest--;
    return false;
}

/* What the first touch of a huge page took. */
GCXI_INLINE void gcxi_huge_note(struct gcxi_huge *huge, uint64_t ns)
{
    if (ns < GCXI_HUGE_DEAR_NS) {
        huge->last = 0;
        return;
    }
    if (huge->last == 0)
        huge->last = GCXI_HUGE_REST_MIN;
    else if (huge->last < GCXI_HUGE_REST_MAX)
        huge->last *= 2;
    huge->rest = huge->last;
}

#endif
