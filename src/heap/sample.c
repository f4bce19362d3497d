/* sample.c -- see sample.h.
 *
 * SPDX-License-Identifier: MIT */
#include "heap/sample.h"

const struct gcxi_sampler *gcxi_sampler;

/* False if sampling has just been switched off. */
static bool draw(uint64_t *sample_left)
{
    const struct gcxi_sampler *sampler = gcxi_load_acquire(&gcxi_sampler);
    if (sampler == NULL)
        return false;
    if (*sample_left == 0)
        *sample_left = sampler->gap_bytes();
    return true;
}

static void sample(struct gcxi_local *local, uint64_t *sample_left, uintptr_t addr,
                   size_t slot_bytes)
{
    *sample_left = 0;
    local->sampled = addr;
    local->sampled_bytes = slot_bytes;
}

size_t gcxi_sample_piece_slow(struct gcxi_local *local, struct gcxi_lane *lane, size_t left)
{
    size_t slot_bytes = lane->block->slot_bytes;
    if (!draw(&lane->sample_left))
        return left;
    if (lane->sample_left > left) {
        lane->sample_left -= left;
        return left;
    }
    size_t before = (lane->sample_left - 1) / slot_bytes * slot_bytes;
    if (before == 0) {
        sample(local, &lane->sample_left, lane->run->end, slot_bytes);
        return slot_bytes;
    }
    lane->sample_left -= before;
    return before;
}

void gcxi_sample_object(struct gcxi_local *local, uint64_t *sample_left, uintptr_t addr,
                        size_t slot_bytes)
{
    if (!draw(sample_left))
        return;
    if (*sample_left <= slot_bytes)
        sample(local, sample_left, addr, slot_bytes);
    else
        *sample_left -= slot_bytes;
}
