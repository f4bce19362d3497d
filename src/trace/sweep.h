/* sweep.h -- what a cycle leaves behind.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_TRACE_SWEEP_H
#define GCXI_TRACE_SWEEP_H

#include "base/base.h"

struct gcxi_census {
    size_t live_bytes;  /* slot sizes, in the blocks looked at */
    size_t live_before; /* as counted in the same blocks by the last census */
    size_t freed_blocks;
    size_t avail_bytes; /* free slots in blocks listed for allocation */
};

/* A block is listed for allocation if at least one in so many of its slots is
 * free; scan and noscan blocks. Where open is not NULL, blocks whose units are 0 in
 * it hold what they held at the last census, less what was released since. */
struct gcxi_sweep_policy {
    uint32_t scan_share;
    uint32_t noscan_share;
    const uint8_t *open;
};

/* After marking, world stopped: counts what is live in every block (or in the
 * blocks with young objects, after a minor cycle), frees the empty ones, lists
 * those with enough free slots. Afterwards no block has a young range but those
 * that a lane owns. */
void gcxi_sweep_census(bool is_minor, const struct gcxi_sweep_policy *policy,
                       struct gcxi_census *census);

#endif
