/* side.h -- what is kept beside the few blocks whose objects are watched: by
 * weak references, as keys of ephemerons, by cleanups and finalizers.
 *
 * Tables by slot, like the mark bytes, so that walking the objects of a block
 * walks them too. They live until the block is destroyed. A profile watches one
 * object here and there: the only one of a block needs no table.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_HEAP_SIDE_H
#define GCXI_HEAP_SIDE_H

#include "base/lock.h"
#include "heap/block.h"

/* Bits of gcxi_block.side. */
enum gcxi_side_part {
    GCXI_SIDE_WATCHED = 1, /* the structure exists */
    GCXI_SIDE_HOOKS = 2,   /* and hooks */
    GCXI_SIDE_WAITING = 4  /* and waiting: the block is a special one (trace/special.h) */
};

struct gcxi_side {
    uint8_t *watched;   /* bits; set: gcx_free leaves the object to the collector. NULL: */
    uint32_t only;      /* slot + 1 of the one object that is watched, or 0 */
    uint32_t *hooks;    /* first hook of the object, 0 = none (trace/hook.h) */
    uintptr_t *waiting; /* first ephemeron that waits for the object; only while marking */
};

/* Guards the making of side tables, and the hooks. Taken in critical sections
 * only, so nobody holds it while the world is stopped. */
extern struct gcxi_lock gcxi_side_lock;

/* The table of a block that has one. */
struct gcxi_side *gcxi_side_of(const struct gcxi_block *block);

/* Makes sure that it exists and has those parts; sets watched for the slot.
 * In a critical section, without the side lock. 0, or an error number. */
int gcxi_side_watch(struct gcxi_block *block, uint32_t slot, unsigned parts);

/* The object in that slot is watched. Any thread that keeps it alive. */
bool gcxi_side_has(const struct gcxi_side *side, uint32_t slot);

GCXI_INLINE bool gcxi_side_is_watched(const struct gcxi_block *block, uint32_t slot)
{
    return GCXI_UNLIKELY(gcxi_load_acquire(&block->side) != 0) &&
           gcxi_side_has(gcxi_side_of(block), slot);
}

/* With the world stopped, by whoever works on the block alone. */
void gcxi_side_unwatch_stw(struct gcxi_side *side, uint32_t slot);

/* With the block. Heap lock. */
void gcxi_side_destroy(struct gcxi_block *block);

void gcxi_side_reset_after_fork(void);

#endif
