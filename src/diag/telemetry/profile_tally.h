/* profile_tally.h -- how often each stack was seen.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_PROFILE_TALLY_H
#define GCXI_DIAG_TELEMETRY_PROFILE_TALLY_H

#include "base/base.h"
#include "diag/telemetry/profile_file.h"

struct gcxi_tally_entry {
    uint64_t hash;
    uint64_t count;
    size_t first; /* of its addresses in pcs */
    unsigned depth;
};

/* All zero is an empty one. Memory is malloc's. */
struct gcxi_tally {
    struct gcxi_tally_entry *entries; /* a hash table; count 0: empty */
    size_t capacity;
    size_t used;
    uintptr_t *pcs;
    size_t pc_count, pc_capacity;
    uint64_t total; /* of the counts */
    bool has_failed;
};

void gcxi_tally_add(struct gcxi_tally *tally, const uintptr_t *pcs, unsigned depth, uint64_t count);

/* Two values for each stack: its count, and that times unit; the first alone
 * where the head has one. NULL without memory. */
struct gcxi_profile_file *gcxi_tally_file(const struct gcxi_tally *tally,
                                          const struct gcxi_profile_head *head, int64_t unit);

void gcxi_tally_free(struct gcxi_tally *tally);

#endif
