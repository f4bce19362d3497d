/* side.c -- see side.h. One pointer per unit of the reservation, mapped at the
 * first need; untouched pages of it cost nothing.
 *
 * SPDX-License-Identifier: MIT */
#include "heap/side.h"

#include <errno.h>

#include "base/atomic.h"
#include "heap/chain.h"
#include "heap/meta.h"
#include "os/vm.h"

struct gcxi_lock gcxi_side_lock = GCXI_LOCK_INIT(GCXI_RANK_SIDE);

static struct gcxi_side **sides; /* by unit; side lock to set */

struct gcxi_side *gcxi_side_of(const struct gcxi_block *block)
{
    return gcxi_load_acquire(&sides[gcxi_block_unit(block)]);
}

static bool part_add(void *table, size_t bytes)
{
    void **at = table;
    if (*at == NULL)
        *at = gcxi_meta_alloc(bytes);
    return *at != NULL;
}

static bool side_complete(struct gcxi_block *block, struct gcxi_side *side, unsigned parts)
{
    size_t slots = block->slots;
    if (!part_add(&side->watched, slots) ||
        ((parts & GCXI_SIDE_HOOKS) != 0 && !part_add(&side->hooks, slots * sizeof *side->hooks)) ||
        ((parts & GCXI_SIDE_WAITING) != 0 &&
         !part_add(&side->waiting, slots * sizeof *side->waiting)))
        return false;
    if ((parts & GCXI_SIDE_WAITING) != 0)
        block->scan = GCXI_SCAN_SPECIAL;
    gcxi_store_release(&block->side, (uint8_t)(block->side | parts | GCXI_SIDE_WATCHED));
    return true;
}

static bool side_make_locked(struct gcxi_block *block, unsigned parts)
{
    if (sides == NULL)
        sides = gcxi_vm_map(gcxi_map.units * sizeof *sides);
    if (sides == NULL)
        return false;
    struct gcxi_side **at = &sides[gcxi_block_unit(block)];
    if (*at == NULL) {
        struct gcxi_side *side = gcxi_meta_alloc(sizeof *side);
        if (side == NULL)
            return false;
        gcxi_store_release(at, side);
    }
    return side_complete(block, *at, parts);
}

int gcxi_side_watch(struct gcxi_block *block, uint32_t slot, unsigned parts)
{
    bool is_made = true;
    parts |= GCXI_SIDE_WATCHED;
    if ((gcxi_load_acquire(&block->side) & parts) != parts) {
        gcxi_lock(&gcxi_side_lock);
        is_made = side_make_locked(block, parts);
        gcxi_unlock(&gcxi_side_lock);
    }
    if (!is_made)
        return ENOMEM;
    if (gcxi_kind_is_scoped(block->kind))
        gcxi_add_relaxed(&gcxi_scoped_alarm, 1); /* whoever watches is told by a cycle */
    gcxi_store_relaxed(&gcxi_side_of(block)->watched[slot], 1);
    return 0;
}

void gcxi_side_destroy(struct gcxi_block *block)
{
    struct gcxi_side *side = sides != NULL ? sides[gcxi_block_unit(block)] : NULL;
    if (side == NULL)
        return;
    size_t slots = block->slots;
    if (side->watched != NULL)
        gcxi_meta_free(side->watched, slots);
    if (side->hooks != NULL)
        gcxi_meta_free(side->hooks, slots * sizeof *side->hooks);
    if (side->waiting != NULL)
        gcxi_meta_free(side->waiting, slots * sizeof *side->waiting);
    gcxi_meta_free(side, sizeof *side);
    sides[gcxi_block_unit(block)] = NULL;
}

void gcxi_side_reset_after_fork(void)
{
    gcxi_lock_reset_after_fork(&gcxi_side_lock);
}
