/* sample.h -- which allocations a profiler is told of.
 *
 * Each byte allocated is a sample with the same small chance, so an object of s
 * bytes is one with the chance 1 - exp(-s / rate). The gaps between samples of
 * such a process are exponential and have no memory: every lane may count its
 * own. A lane makes its run ready up to the slot in which the next sample
 * lies, and that slot alone next: so the inline path knows of nothing, and the
 * slot is handed out by the call that made it ready.
 *
 *   | ready          | the sample's slot | ready ...
 *   end before       one slow call       the next
 *
 * E1  sample_left is counted down by what is made ready, not by what is used:
 *     what is left of a run that is given up was counted and not allocated,
 *     which changes nothing in the chances of what is allocated later.
 * E2  local.sampled is set only by a call that returns that object.
 *
 * Locking: the owner thread, in a critical section. gap_bytes is called there
 * and takes no lock; take is called outside, where the thread may be stopped
 * and may collect, and keeps errno.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_HEAP_SAMPLE_H
#define GCXI_HEAP_SAMPLE_H

#include "heap/lane.h"

struct gcxi_sampler {
    uint64_t (*gap_bytes)(void); /* to the next sample, at least 1 */
    void (*take)(void *object, size_t slot_bytes, const void *site);
};

extern const struct gcxi_sampler *gcxi_sampler; /* NULL: off */

GCXI_INLINE bool gcxi_sampler_is_on(void)
{
    return gcxi_load_relaxed(&gcxi_sampler) != NULL;
}

size_t gcxi_sample_piece_slow(struct gcxi_local *local, struct gcxi_lane *lane, size_t left);

/* How much of the next `left` bytes of the lane's run is to be made ready.
 * Mostly all, for pieces are small beside the gaps. */
GCXI_INLINE size_t gcxi_sample_piece(struct gcxi_local *local, struct gcxi_lane *lane, size_t left)
{
    if (GCXI_UNLIKELY(lane->sample_left <= left))
        return gcxi_sample_piece_slow(local, lane, left);
    lane->sample_left -= left;
    return left;
}

/* An object that is handed out without a run; *sample_left is its counter. */
void gcxi_sample_object(struct gcxi_local *local, uint64_t *sample_left, uintptr_t addr,
                        size_t slot_bytes);

#endif
