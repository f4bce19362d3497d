/* block.c -- making spans into blocks and back, and finding objects.
 *
 * The invariants stand in block.h. Mark bytes of blocks with slots
 * come from the collector's own tables, a large object keeps its one byte in
 * its entry.
 *
 * SPDX-License-Identifier: MIT */
#include "heap/block.h"

#include <string.h>

#include "base/atomic.h"
#include "base/delay.h"
#include "gcx/gcx.h"
#include "heap/kind.h"
#include "heap/lane.h"
#include "heap/meta.h"
#include "heap/side.h"
#include "heap/space.h"
#include "os/module.h"
#include "os/vm.h"

/* A program has some objects of most sizes and many of a few. The first blocks
 * of a class get their memory page by page, as it is used: whole, they were 4 of
 * the 38 MiB of a Guile program. */
#define SPARSE_BLOCKS 2u

bool gcxi_has_released;
void (*gcxi_block_on_create)(struct gcxi_block *block);

/* Blocks made of memory that was not touched yet, up to SPARSE_BLOCKS. Heap lock. */
static uint8_t sparse_blocks[GCXI_KINDS_MAX][GCXI_CLASSES];

/* Numbers only. */
void gcxi_block_init(void)
{
    gcxi_module_exclude_bytes(&sparse_blocks, sizeof sparse_blocks);
}

static enum gcxi_zone_index zone_of(enum gcxi_kind kind)
{
    return gcxi_kind_is_untracked(kind) ? GCXI_ZONE_NOSCAN : GCXI_ZONE_SCAN;
}

static enum gcxi_scan scan_of(enum gcxi_kind kind)
{
    if (gcxi_kind_is_noscan(kind))
        return GCXI_SCAN_NOTHING;
    return kind <= GCXI_ROOT ? GCXI_SCAN_WORDS : GCXI_SCAN_SPECIAL;
}

/* Fills in the entries of a span's units but for the marks. */
static struct gcxi_block *block_claim(uint32_t unit, uint32_t units, enum gcxi_kind kind)
{
    struct gcxi_block *block = &gcxi_map.blocks[unit];
    memset(block, 0, units * sizeof *block);
    block->units = units;
    block->kind = (uint8_t)kind;
    block->scan = (uint8_t)scan_of(kind);
    for (uint32_t i = 0; i < units; i++) {
        block[i].head_back = i;
        gcxi_map.kind[unit + i] = (uint8_t)kind;
    }
    return block;
}

/* From here on words are resolved into the block. */
static void block_publish(const struct gcxi_block *block)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    gcxi_delay(GCXI_EDGE_PUBLISH);
    memset(&gcxi_map.used[gcxi_block_unit(block)], 1, block->units);
}

/* One call instead of a fault for each page, where all of them will be used. */
static void block_populate(uint32_t unit, enum gcxi_kind kind, unsigned class_index)
{
    uint8_t *count = &sparse_blocks[kind][class_index];
    if (*count < SPARSE_BLOCKS)
        ++*count;
    else
        gcxi_vm_advise_populate((void *)gcxi_unit_addr(unit), GCXI_UNIT);
}

struct gcxi_block *gcxi_block_create(enum gcxi_kind kind, unsigned class_index)
{
    size_t slot_bytes = gcxi_class_bytes(class_index);
    uint32_t units = gcxi_class_units(class_index);
    uint32_t slots = (uint32_t)((((size_t)units << GCXI_LG_UNIT) - 1) / slot_bytes); /* H6 */
    bool is_zero;
    uint8_t *marks = gcxi_meta_alloc(slots + 1); /* H5 */
    uint32_t unit = marks != NULL ? gcxi_span_alloc(zone_of(kind), units, 1, true, &is_zero) : 0;
    if (unit == 0) {
        if (marks != NULL)
            gcxi_meta_free(marks, slots + 1);
        return NULL;
    }
    if (is_zero)
        block_populate(unit, kind, class_index);
    struct gcxi_block *block = block_claim(unit, units, kind);
    block->marks = marks;
    block->slot_bytes = slot_bytes;
    block->recip = gcxi_recip_of(slot_bytes);
    block->slots = slots;
    block->class_index = (uint8_t)class_index;
    block->needs_zero = !is_zero;
    block->state = GCXI_BLOCK_USED;
    if (GCXI_UNLIKELY(gcxi_block_on_create != NULL))
        gcxi_block_on_create(block);
    block_publish(block);
    return block;
}

struct gcxi_block *gcxi_block_create_large(enum gcxi_kind kind, size_t bytes, size_t align,
                                           bool may_grow)
{
    if (bytes >> GCXI_LG_UNIT >= gcxi_map.units)
        return NULL;
    size_t span_bytes = gcxi_align_up(bytes + GCXI_GRANULE, GCXI_UNIT); /* H6 */
    bool is_zero;
    uint32_t units = (uint32_t)(span_bytes >> GCXI_LG_UNIT);
    uint32_t unit = gcxi_span_alloc(zone_of(kind), units, align, may_grow, &is_zero);
    if (unit == 0)
        return NULL;
    struct gcxi_block *block = block_claim(unit, units, kind);
    block->marks = &block->own_mark;
    block->slot_bytes =
        gcxi_min(gcxi_align_up(bytes, gcxi_vm_page_bytes()), span_bytes - GCXI_GRANULE);
    block->slots = 1;
    block->needs_zero = !is_zero;
    block->is_untouched = is_zero ? GCXI_UNTOUCHED : 0;
    block->state = GCXI_BLOCK_LARGE;
    block_publish(block);
    return block;
}

void gcxi_block_destroy(struct gcxi_block *block)
{
    uint32_t unit = gcxi_block_unit(block);
    uint32_t units = block->units;
    enum gcxi_zone_index zone = zone_of((enum gcxi_kind)block->kind);
    gcxi_block_set_young(block, false);
    memset(&gcxi_map.used[unit], 0, units);
    memset(&gcxi_map.kind[unit], 0xff, units);
    if (block->side != 0)
        gcxi_side_destroy(block);
    if (block->marks != &block->own_mark)
        gcxi_meta_free(block->marks, block->slots + 1);
    for (uint32_t i = 0; i < units; i++) {
        block[i].state = GCXI_UNIT_NONE;
        block[i].head_back = 0;
    }
    gcxi_span_free(zone, unit, units);
}

void gcxi_block_set_young(const struct gcxi_block *block, bool is_young)
{
    memset(&gcxi_map.young[gcxi_block_unit(block)], is_young, block->units);
}

struct gcxi_block *gcxi_find_slot(uintptr_t addr, uint32_t *slot)
{
    if (gcxi_load_acquire(&gcxi_map.base) == 0)
        return NULL;
    uint32_t unit = gcxi_addr_unit(addr);
    if (unit == gcxi_map.units || gcxi_load_relaxed(&gcxi_map.used[unit]) == 0)
        return NULL;
    struct gcxi_block *block = gcxi_unit_block(unit);
    size_t offset = addr - gcxi_block_addr(block);
    *slot = gcxi_block_slot(block, offset);
    if (*slot >= block->slots || offset - *slot * block->slot_bytes >= block->slot_bytes)
        return NULL;
    uint8_t mark = gcxi_load_relaxed(&block->marks[*slot]);
    return gcxi_mark_is_old(mark) || gcxi_slot_is_young(block, *slot, mark) ? block : NULL;
}

bool gcxi_slot_is_in_run(const struct gcxi_block *block, uint32_t slot,
                         const struct gcxi_lane *owner)
{
    uintptr_t cur = gcxi_load_relaxed(&owner->run->cur);
    uintptr_t addr = gcxi_slot_addr(block, slot);
    return cur >= gcxi_block_addr(block) && addr >= cur && addr < gcxi_load_relaxed(&owner->limit);
}

struct gcxi_block *gcxi_find_object(uintptr_t addr, uint32_t *slot)
{
    struct gcxi_block *block = gcxi_find_slot(addr, slot);
    if (block == NULL)
        return NULL;
    /* An old object is one wherever the owner's run is, whose ends are seen one
     * after the other while it moves over the object. */
    uint8_t mark = gcxi_load_relaxed(&block->marks[*slot]);
    if (gcxi_mark_is_old(mark))
        return block;
    const struct gcxi_lane *owner = gcxi_load_acquire(&block->owner);
    if (owner != NULL)
        return gcxi_slot_is_in_run(block, *slot, owner) ? NULL : block;
    /* It may have been let go since: then young_hi is lower than before. */
    return gcxi_slot_is_young(block, *slot, mark) ? block : NULL;
}
