/* ephemeron.h -- values that live as long as their keys.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_TRACE_EPHEMERON_H
#define GCXI_TRACE_EPHEMERON_H

#include "trace/mark.h"

/* An object of kind GCXI_EPHEMERON. Key and value never change but to 0. */
struct gcx_ephemeron {
    uintptr_t key;
    uintptr_t value;
    uintptr_t next; /* 0, or it waits for its key: the next that does, with bit 0 set */
};

/* Scans one that was marked: pushes the value, or lets it wait for the key.
 * Mark worker. */
void gcxi_ephemeron_scan(struct gcxi_marker *m, struct gcx_ephemeron *ephemeron);

/* The object in that slot, of a block with a table of waiting ones, was
 * marked: what waits for it need not any more. Mark worker. Hot. */
void gcxi_ephemeron_wake(struct gcxi_marker *m, const struct gcxi_block *block, uint32_t slot);

/* After marking, world stopped: empties those whose key is not marked. */
void gcxi_ephemeron_clear(bool is_minor);

#endif
