/* show.c -- see show.h.
 *
 * Which objects are shown: the old ones, with the world stopped; beside the
 * program only those that are marked (gc/concurrent.c, N1).
 *
 * SPDX-License-Identifier: MIT */
#include "gc/show.h"

#include "heap/kind.h"
#include "heap/marks.h"
#include "trace/special.h"

/* Words that a precise kind calls pointers, in old objects of a block. */
static void show_special_range(struct gcxi_marker *m, const struct gcxi_block *block, uintptr_t lo,
                               uintptr_t hi)
{
    uint32_t slot = gcxi_block_slot(block, lo - gcxi_block_addr(block));
    uint8_t epoch = gcxi_map.epoch, other = m->is_beside ? epoch : gcxi_map.epoch_kept;
    for (; slot < block->slots && gcxi_slot_addr(block, slot) < hi; slot++)
        if (gcxi_load_relaxed(&block->marks[slot]) == epoch ||
            gcxi_load_relaxed(&block->marks[slot]) == other)
            gcxi_special_show(m, block, slot, lo, hi);
}

size_t gcxi_show_range(struct gcxi_marker *m, const struct gcxi_block *block, uintptr_t lo,
                       uintptr_t hi)
{
    uintptr_t start = gcxi_block_addr(block);
    uint32_t slot = gcxi_block_slot(block, lo - start);
    uint8_t epoch = gcxi_map.epoch, other = m->is_beside ? epoch : gcxi_map.epoch_kept;
    size_t young = 0;
    if (block->kind >= GCXI_KINDS) {
        uintptr_t *before = m->sp;
        show_special_range(m, block, lo, hi);
        return m->sp != before;
    }
    uint32_t slots = gcxi_block_slots_before(block, hi);
    while ((slot = gcxi_marks_find_either(block->marks, slot, slots, epoch, other)) < slots) {
        uint32_t end = gcxi_marks_find_neither(block->marks, slot, slots, epoch, other);
        young += gcxi_mark_old_range(m, gcxi_max(lo, gcxi_slot_addr(block, slot)),
                                     gcxi_min(hi, gcxi_slot_addr(block, end)));
        slot = end;
    }
    return young;
}

size_t gcxi_show_units(struct gcxi_marker *m, uintptr_t lo, uintptr_t hi)
{
    size_t young = 0;
    m->read_to = hi - 1;
    while (lo < hi) {
        uint32_t unit = gcxi_addr_unit(lo);
        uintptr_t end = gcxi_unit_addr(unit + 1);
        if (gcxi_map.used[unit] != 0) {
            const struct gcxi_block *block = gcxi_unit_block(unit);
            end = gcxi_block_addr(block) + ((uintptr_t)block->units << GCXI_LG_UNIT);
            if (block->live != 0)
                young += gcxi_show_range(m, block, lo, gcxi_min(hi, end));
        }
        lo = end;
    }
    m->read_to = UINTPTR_MAX;
    return young;
}
