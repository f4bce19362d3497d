/* profile_stack.c -- by libunwind, which needs no frame pointers and caches
 * what it learns of each return address.
 *
 * It takes the dynamic loader's lock when it meets a new one, with signals
 * blocked, and a cycle holds that lock while it waits for the threads to stop.
 * So the thread counts as stopped meanwhile.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/profile_stack.h"

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include <string.h>

#include "diag/telemetry/telemetry.h"

static unsigned find(void *const *pcs, unsigned depth, const void *site)
{
    for (unsigned i = 0; i < depth; i++)
        if (pcs[i] == site)
            return i;
    return 0;
}

unsigned gcxi_profile_stack(uintptr_t pcs[GCXI_PROFILE_DEPTH], const void *site)
{
    void *found[GCXI_PROFILE_DEPTH + 16];
    if (gcxi_diag->blocking_begin() != 0)
        return 0;
    int n = unw_backtrace(found, (int)(sizeof found / sizeof *found));
    gcxi_diag->blocking_end();
    unsigned depth = n > 0 ? (unsigned)n : 0;
    unsigned first = find(found, depth, site);
    depth = (unsigned)gcxi_min(depth - first, GCXI_PROFILE_DEPTH);
    memcpy(pcs, found + first, depth * sizeof *pcs);
    return depth;
}
