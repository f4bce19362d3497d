/* profile_sample.h -- sampled allocations, by stack.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_PROFILE_SAMPLE_H
#define GCXI_DIAG_TELEMETRY_PROFILE_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Samples of one stack, size and rate. */
struct gcxi_profile_bucket {
    uint64_t rate_bytes;
    uint64_t slot_bytes;
    uint64_t allocs; /* as of the last cycle */
    uint64_t inuse;  /* the same */
    uint32_t stack;  /* index of its first return address */
    uint32_t depth;
};

/* A copy of everything, in mapped memory. */
struct gcxi_profile_snapshot {
    struct gcxi_profile_bucket *buckets;
    uintptr_t *pcs;
    size_t bucket_count;
    size_t pc_count;
};

int64_t gcxi_profile_set_rate(int64_t bytes);

/* Sets the rate of the environment, or else the default, unless one was set. */
void gcxi_profile_start(void);

/* False with errno. */
bool gcxi_profile_snapshot(struct gcxi_profile_snapshot *snapshot);
void gcxi_profile_snapshot_drop(struct gcxi_profile_snapshot *snapshot);

/* How many objects, in all likelihood, a sample of the bucket stands for. */
double gcxi_profile_weight(const struct gcxi_profile_bucket *bucket);

#endif
