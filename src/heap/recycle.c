/* recycle.c -- see recycle.h for the picture and the invariants.
 *
 * SPDX-License-Identifier: MIT */
#include "heap/recycle.h"

#include <string.h>

#include "base/atomic.h"
#include "base/delay.h"
#include "heap/marks.h"
#include "heap/meta.h"
#include "heap/space.h"
#include "os/module.h"

struct recycle_list {
    uint32_t first; /* units; 0 = none */
    uint32_t last;
};

static struct recycle_list lists[GCXI_KINDS][GCXI_CLASSES];

static bool is_used; /* something was released ever */

/* Numbers only. */
void gcxi_recycle_init(void)
{
    gcxi_module_exclude_bytes(&lists, sizeof lists);
}

/* Objects of the program's own kinds wait for the sweep, and those of scopes
 * for the end of their scope. */
static bool is_recyclable(unsigned kind)
{
    return kind < GCXI_KINDS && !gcxi_kind_is_scoped(kind);
}

static struct recycle_list *list_of(const struct gcxi_block *block)
{
    return &lists[block->kind][block->class_index];
}

/* ---- Release ---- */

/* F1: no search of a lane comes to the slot before the next cycle. */
static bool is_behind_search(const struct gcxi_block *block, uint32_t slot)
{
    uint8_t state = gcxi_load_relaxed(&block->state);
    return state == GCXI_BLOCK_USED ||
           (state == GCXI_BLOCK_OWNED && slot < gcxi_load_acquire(&block->young_hi));
}

bool gcxi_slot_release(struct gcxi_block *block, uint32_t slot)
{
    uint8_t mark = gcxi_load_relaxed(&block->marks[slot]);
    if (!gcxi_load_relaxed(&is_used))
        gcxi_store_relaxed(&is_used, true);
    gcxi_note_release();
    bool is_old = gcxi_mark_is_old(mark);
    gcxi_delay(GCXI_EDGE_RELEASE);
    do /* again if a marker was between */
        if (mark == GCXI_MARK_FREED)
            return false;
    while (!gcxi_compare_exchange(&block->marks[slot], &mark, GCXI_MARK_FREED));
    if (is_old)
        gcxi_sub_relaxed(&block->live, 1);
    return true;
}

bool gcxi_recycle_put(struct gcxi_lane *lane, struct gcxi_block *block, uint32_t slot)
{
    if (!is_recyclable(block->kind) || !is_behind_search(block, slot))
        return true;
    if (lane != NULL && lane->recycler == NULL)
        lane->recycler = gcxi_meta_alloc(sizeof *lane->recycler);
    struct gcxi_recycler *recycler = lane != NULL ? lane->recycler : NULL;
    if (recycler == NULL || recycler->count == GCXI_RECENT)
        return gcxi_load_relaxed(&block->is_recycled) != 0;
    recycler->recent[recycler->count++] = gcxi_slot_addr(block, slot);
    return true;
}

void gcxi_recycle_list(struct gcxi_block *block)
{
    if (!is_recyclable(block->kind))
        return;
    struct recycle_list *list = list_of(block);
    uint32_t unit = gcxi_block_unit(block);
    if (block->is_recycled || (block->state != GCXI_BLOCK_USED && block->state != GCXI_BLOCK_OWNED))
        return;
    gcxi_store_relaxed(&block->is_recycled, 1);
    block->next = 0;
    if (list->first == 0)
        gcxi_store_relaxed(&list->first, unit);
    else
        gcxi_map.blocks[list->last].next = unit;
    list->last = unit;
}

/* ---- Claim ---- */

/* F1, F2. */
static bool claim(struct gcxi_block *block, uint32_t slot, bool *is_old)
{
    uint8_t freed = GCXI_MARK_FREED;
    if (!is_behind_search(block, slot))
        return false;
    *is_old = !gcxi_slot_is_young(block, slot, GCXI_MARK_NONE);
    uint8_t mark = *is_old ? gcxi_map.epoch : GCXI_MARK_NONE;
    if (!gcxi_compare_exchange(&block->marks[slot], &freed, mark))
        return false;
    if (*is_old)
        gcxi_add_relaxed(&block->live, 1);
    return true;
}

static uintptr_t take_recent(struct gcxi_recycler *recycler, bool *is_old)
{
    while (recycler->count > 0) {
        uintptr_t addr = recycler->recent[--recycler->count];
        struct gcxi_block *block = gcxi_unit_block(gcxi_addr_unit(addr));
        if (claim(block, gcxi_block_slot(block, addr - gcxi_block_addr(block)), is_old))
            return addr;
    }
    return 0;
}

static uintptr_t take_from_block(struct gcxi_recycler *recycler, bool *is_old)
{
    struct gcxi_block *block = recycler->block;
    if (block == NULL)
        return 0;
    for (;;) {
        uint32_t slot =
            gcxi_marks_find(block->marks, recycler->position, block->slots, GCXI_MARK_FREED);
        if (slot == block->slots)
            break;
        recycler->position = slot + 1;
        if (claim(block, slot, is_old))
            return gcxi_slot_addr(block, slot);
    }
    recycler->block = NULL;
    return 0;
}

uintptr_t gcxi_recycle_take(struct gcxi_local *local, struct gcxi_lane *lane, bool *is_old)
{
    if (lane->recycler == NULL)
        return 0;
    uintptr_t addr = take_recent(lane->recycler, is_old);
    if (addr == 0)
        addr = take_from_block(lane->recycler, is_old);
    if (addr == 0)
        return 0;
    gcxi_delay(GCXI_EDGE_CLAIM);
    size_t bytes = lane->slot_bytes;
    if (GCXI_UNLIKELY(gcxi_lane_on_ready != NULL))
        gcxi_lane_on_ready(addr, bytes);
    if (!gcxi_kind_is_noscan(lane->kind))
        memset((void *)addr, 0, bytes);
    gcxi_local_count(local, bytes, 1);
    return addr;
}

/* ---- Lists ---- */

bool gcxi_recycle_is_listed(const struct gcxi_lane *lane)
{
    return is_recyclable(lane->kind) &&
           gcxi_load_relaxed(&lists[lane->kind][lane->class_index].first) != 0;
}

bool gcxi_recycle_next_block(struct gcxi_lane *lane)
{
    struct recycle_list *list = &lists[lane->kind][lane->class_index];
    if (list->first == 0)
        return false;
    if (lane->recycler == NULL)
        lane->recycler = gcxi_meta_alloc(sizeof *lane->recycler);
    if (lane->recycler == NULL)
        return false;
    struct gcxi_block *block = &gcxi_map.blocks[list->first];
    gcxi_store_relaxed(&list->first, block->next);
    gcxi_store_relaxed(&block->is_recycled, 0);
    lane->recycler->block = block;
    lane->recycler->position = 0;
    return true;
}

void gcxi_recycle_flush(struct gcxi_lane *lane)
{
    struct gcxi_recycler *recycler = lane->recycler;
    if (recycler == NULL)
        return;
    for (uint32_t i = 0; i < recycler->count; i++)
        gcxi_recycle_list(gcxi_unit_block(gcxi_addr_unit(recycler->recent[i])));
    recycler->count = 0;
    if (recycler->block != NULL)
        gcxi_recycle_list(recycler->block);
    recycler->block = NULL;
}

void gcxi_recycle_retire(struct gcxi_lane *lane)
{
    struct gcxi_recycler *recycler = lane->recycler;
    gcxi_recycle_flush(lane);
    lane->recycler = NULL;
    if (recycler != NULL)
        gcxi_meta_free(recycler, sizeof *recycler);
}

/* ---- Around the census ---- */

/* Takes the blocks with young objects off a list, or all of them. */
static void list_filter(struct recycle_list *list, bool is_minor)
{
    uint32_t unit = list->first;
    list->first = list->last = 0;
    while (unit != 0) {
        struct gcxi_block *block = &gcxi_map.blocks[unit];
        uint32_t next = block->next;
        block->is_recycled = 0;
        if (is_minor && gcxi_map.young[unit] == 0)
            gcxi_recycle_list(block);
        unit = next;
    }
}

void gcxi_recycle_before_census(bool is_minor)
{
    for (unsigned kind = 0; is_used && kind < GCXI_KINDS; kind++)
        for (unsigned i = 0; i < GCXI_CLASSES; i++)
            list_filter(&lists[kind][i], is_minor);
}

void gcxi_recycle_visit(struct gcxi_block *block)
{
    if (is_used && gcxi_marks_find(block->marks, 0, block->slots, GCXI_MARK_FREED) != block->slots)
        gcxi_recycle_list(block);
}
