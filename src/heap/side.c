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

static size_t watched_bytes(size_t slots)
{
    return (slots + 7) / 8;
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
    if (((parts & GCXI_SIDE_HOOKS) != 0 && !part_add(&side->hooks, slots * sizeof *side->hooks)) ||
        ((parts & GCXI_SIDE_WAITING) != 0 &&
         !part_add(&side->waiting, slots * sizeof *side->waiting)))
        return false;
    if ((parts & GCXI_SIDE_WAITING) != 0)
        gcxi_store_relaxed(&block->scan, GCXI_SCAN_SPECIAL);
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

/* ---- Watching ---- */

static void bit_set(uint8_t *bits, uint32_t slot)
{
    gcxi_or_relaxed(&bits[slot / 8], (uint8_t)(1u << slot % 8));
}

/* The only one so far gets a bit as well before the table is there for all. */
static bool watch_locked(struct gcxi_side *side, uint32_t slot, uint32_t slots)
{
    if (side->watched == NULL && (side->only == 0 || side->only == slot + 1)) {
        gcxi_store_relaxed(&side->only, slot + 1);
        return true;
    }
    if (side->watched == NULL) {
        uint8_t *bits = gcxi_meta_alloc(watched_bytes(slots));
        if (bits == NULL)
            return false;
        bit_set(bits, side->only - 1);
        gcxi_store_release(&side->watched, bits); /* gcxi_side_has, side_try_watch */
    }
    bit_set(side->watched, slot);
    return true;
}

/* Where all that it needs is there. */
static bool side_try_watch(const struct gcxi_block *block, uint32_t slot, unsigned parts)
{
    if ((gcxi_load_acquire(&block->side) & parts) != parts)
        return false;
    uint8_t *bits = gcxi_load_acquire(&gcxi_side_of(block)->watched);
    if (bits != NULL)
        bit_set(bits, slot);
    return bits != NULL;
}

int gcxi_side_watch(struct gcxi_block *block, uint32_t slot, unsigned parts)
{
    bool is_watched = true;
    parts |= GCXI_SIDE_WATCHED;
    if (!side_try_watch(block, slot, parts)) {
        gcxi_lock(&gcxi_side_lock);
        is_watched =
            side_make_locked(block, parts) && watch_locked(gcxi_side_of(block), slot, block->slots);
        gcxi_unlock(&gcxi_side_lock);
    }
    if (!is_watched)
        return ENOMEM;
    if (gcxi_kind_is_scoped(block->kind))
        gcxi_add_relaxed(&gcxi_scoped_alarm, 1); /* whoever watches is told by a cycle */
    return 0;
}

bool gcxi_side_has(const struct gcxi_side *side, uint32_t slot)
{
    const uint8_t *bits = gcxi_load_acquire(&side->watched);
    if (bits == NULL)
        return gcxi_load_relaxed(&side->only) == slot + 1;
    return (gcxi_load_relaxed(&bits[slot / 8]) >> slot % 8 & 1) != 0;
}

void gcxi_side_unwatch_stw(struct gcxi_side *side, uint32_t slot)
{
    if (side->watched != NULL)
        side->watched[slot / 8] = (uint8_t)(side->watched[slot / 8] & ~(1u << slot % 8));
    else if (side->only == slot + 1)
        side->only = 0;
}

void gcxi_side_destroy(struct gcxi_block *block)
{
    struct gcxi_side *side = sides != NULL ? sides[gcxi_block_unit(block)] : NULL;
    if (side == NULL)
        return;
    size_t slots = block->slots;
    if (side->watched != NULL)
        gcxi_meta_free(side->watched, watched_bytes(slots));
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
