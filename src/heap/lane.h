/* lane.h -- a mutator's way to free slots of one kind and class.
 *
 * A lane owns one block at a time and cuts it into runs of neighbouring free
 * slots. Of a run, [cur, end) is ready to be handed out by the inline path and
 * [end, limit) is reserved but may hold old data: scanned kinds are zeroed a
 * small piece at a time, just ahead of use, so that the piece is still in the
 * first-level cache when the program writes to it.
 *
 *   |objects and free slots|objects| ready | reserved |not looked at yet|
 *   block                         cur     end       limit               end
 *
 * Sweeping is this: a slot is free when its mark byte is not the epoch, so
 * finding runs in the mark bytes is all the work there is, done when the
 * memory is wanted, by whoever wants it.
 *
 * L1  A lane's run lies in its block, in slots that satisfy H3 at and past
 *     cur; [young_lo, young_hi) of the block ends at limit.
 * L2  [cur, end) is zero for scanned kinds.
 * L3  A collection changes neither cur, end, limit nor the block of a lane: a
 *     thread may be stopped between reading and moving cur.
 *
 * Locking: the owner thread, inside a critical section (it is not stopped
 * there) but for cur; the collector while the world is stopped.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_HEAP_LANE_H
#define GCXI_HEAP_LANE_H

#include "base/atomic.h"
#include "gcx/gcx.h"
#include "heap/block.h"

struct gcxi_recycler;

struct gcxi_lane {
    struct gcx_detail_run *run; /* the inline path's, or own_run */
    uintptr_t limit;
    struct gcxi_block *block; /* NULL until the first refill */
    struct gcx_detail_run own_run;
    uintptr_t frozen_end; /* what the run's end is while the lane is frozen */
    uint32_t slot_bytes;
    uint8_t kind;
    uint8_t class_index;
    struct gcxi_recycler *recycler; /* heap/recycle.h; NULL until needed */
    struct gcxi_block *chain;       /* heap/chain.h: the first; only for scoped kinds */
    uint64_t *chained;              /* the same: gcxi_local.chained of its kind */
    uint64_t sample_left;           /* bytes until its next sample; 0: not drawn */
    uintptr_t idle_cur;             /* heap/idle.h: what cur was at the last look */
};

/* What a mutator allocates from. Lanes of a kind are made on first use. */
struct gcxi_local {
    struct gcx_detail_runs *fast;
    struct gcxi_lane *lanes[GCXI_KINDS_MAX]; /* by kind */
    uint64_t chained[2];                     /* by class: lanes for scopes that have blocks */
    uint64_t alloc_bytes;                    /* reserved in runs since the start */
    uint64_t alloc_slots;
    uint64_t looked_at_cycle;   /* heap/idle.h */
    uint64_t large_sample_left; /* heap/sample.h; as in lanes, for large objects */
    uintptr_t sampled;          /* object to be told of when the collector is left, or 0 */
    size_t sampled_bytes;       /* of its slot */
};

/* The static table of this module is no root from then on (os/module.h). */
void gcxi_lane_init(void);

/* The lane, or NULL without memory for it. */
struct gcxi_lane *gcxi_local_lane(struct gcxi_local *local, enum gcxi_kind kind,
                                  unsigned class_index);

/* The next ready slot, or NULL: as the inline path does it, for every class,
 * and like it outside a critical section. Hot. */
GCXI_INLINE void *gcxi_local_bump(struct gcxi_local *local, enum gcxi_kind kind,
                                  unsigned class_index)
{
    struct gcxi_lane *lanes = local->lanes[kind];
    if (lanes == NULL)
        return NULL;
    struct gcx_detail_run *run = lanes[class_index].run;
    uintptr_t p = run->cur;
    size_t slot_bytes = lanes[class_index].slot_bytes;
    if (run->end - p < slot_bytes)
        return NULL;
    gcxi_store_relaxed(&run->cur, p + slot_bytes);
    return (void *)p;
}

/* Hands every block back. Under the heap lock. */
void gcxi_local_retire(struct gcxi_local *local);

/* Makes at least one more slot ready from the lane's block; false if it has no
 * more free slots. */
bool gcxi_lane_refill(struct gcxi_local *local, struct gcxi_lane *lane);

/* Hands the lane's block back, if it has one. Its objects stay young until the next
 * census, which looks at it. Under the heap lock. */
void gcxi_lane_release_block(struct gcxi_lane *lane);

/* Hands the lane's block back and takes the next: one with free slots, or a
 * new one. Under the heap lock. False if there is none. Adds to *fresh_bytes
 * what the block has free. */
bool gcxi_lane_next_block(struct gcxi_lane *lane, size_t *fresh_bytes);

/* Puts a block that has free slots on its class's list, and empties all
 * lists. Under the heap lock. */
void gcxi_avail_push(struct gcxi_block *block);
void gcxi_avail_reset(void);

/* Before and after marking, world stopped: the block's young range ends at cur
 * while the collector works, then begins there. */
void gcxi_local_flush_stw(struct gcxi_local *local);
void gcxi_local_restart_stw(struct gcxi_local *local);

/* Between the two no slot can be had from the inline path, and nothing else
 * changes: for the thread that collects while callbacks of the program run. */
void gcxi_local_freeze(struct gcxi_local *local);
void gcxi_local_thaw(struct gcxi_local *local);

/* Slots were reserved: mutators_count. */
void gcxi_local_count(struct gcxi_local *local, size_t bytes, uint32_t slots);

/* What the lane has left of its run will not be handed out. */
void gcxi_local_uncount_run(struct gcxi_local *local, const struct gcxi_lane *lane);

/* Reserved but not handed out: not yet allocated in fact. */
void gcxi_local_unused(const struct gcxi_local *local, uint64_t *bytes, uint64_t *slots);

/* Stress: every refill makes one slot ready only, so that each allocation
 * takes the slow path. */
extern bool gcxi_lane_one_slot;

/* Zeroed at once of a run. Set before the first allocation. */
extern size_t gcxi_lane_ready_bytes;

/* Checked mode: called for memory that is about to be handed out, before it is
 * zeroed; NULL = none. */
extern void (*gcxi_lane_on_ready)(uintptr_t addr, size_t bytes);

#endif
