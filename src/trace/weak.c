/* weak.c -- references that do not keep their target.
 *
 * A weak reference is a collected object of a kind of its own, in memory whose
 * writes nobody tracks. There is no list of them: after marking, the live ones
 * are found in the blocks of that kind.
 *
 * K1  A reference is made after its target and never leads elsewhere. So one
 *     that has survived a cycle has an old target, or none: a minor cycle looks
 *     only at blocks with young objects.
 * K2  gcx_weak_get reads the target inside a critical section: no cycle comes
 *     between the read and the moment its thread's stack holds the target.
 *
 * SPDX-License-Identifier: MIT */
#include "trace/weak.h"

#include <string.h>

#include "heap/marks.h"
#include "heap/space.h"
#include "trace/special.h"

static void each_live_in_block(const struct gcxi_block *block,
                               void (*visit)(void *object, void *arg), void *arg)
{
    uint32_t slot = 0;
    while ((slot = gcxi_marks_find_either(block->marks, slot, block->slots, gcxi_map.epoch,
                                          gcxi_map.epoch_kept)) < block->slots)
        visit((void *)gcxi_slot_addr(block, slot++), arg);
}

void gcxi_each_live(enum gcxi_kind kind, bool is_minor, void (*visit)(void *object, void *arg),
                    void *arg)
{
    uint32_t end = gcxi_zone_end(GCXI_ZONE_NOSCAN);
    for (uint32_t unit = gcxi_zone_first(GCXI_ZONE_NOSCAN); unit < end;) {
        const uint8_t *found = memchr(gcxi_map.kind + unit, (int)kind, end - unit);
        if (found == NULL)
            return;
        unit = (uint32_t)(found - gcxi_map.kind);
        const struct gcxi_block *block = &gcxi_map.blocks[unit];
        if (gcxi_map.used[unit] != 0 && (!is_minor || gcxi_map.young[unit] != 0))
            each_live_in_block(block, visit, arg);
        unit += gcxi_map.used[unit] != 0 ? block->units : 1;
    }
}

static void clear_if_dead(void *object, void *arg)
{
    struct gcx_weak *weak = object;
    const uint64_t *wanted = arg;
    if (weak->target != 0 && (weak->flags & GCXI_WEAK_LONG) == *wanted &&
        !gcxi_is_marked(weak->target))
        weak->target = 0;
}

void gcxi_weak_clear(bool is_minor, bool is_long)
{
    uint64_t wanted = is_long ? GCXI_WEAK_LONG : 0;
    gcxi_each_live(GCXI_WEAK, is_minor, clear_if_dead, &wanted);
}

void gcxi_weak_scan(struct gcxi_marker *m, const struct gcx_weak *weak)
{
    if ((weak->flags & GCXI_WEAK_STRONG) != 0)
        gcxi_special_push(m, weak->target);
}
