/* roots.c -- see roots.h. Stacks and thread-local storage are the business of
 * gc/mutator.c, which knows the threads.
 *
 * SPDX-License-Identifier: MIT */
#include "trace/roots.h"

#include <errno.h>
#include <string.h>

#include "heap/space.h"
#include "os/vm.h"

/* Ranges the program added; under the heap lock. Mapped, so that it can grow
 * without malloc and is no root itself. */
static struct {
    struct gcxi_range *ranges;
    size_t count;
    size_t capacity;
} added;

void (*gcxi_roots_more)(struct gcxi_marker *m);

static bool added_grow(void)
{
    size_t capacity = added.capacity != 0 ? added.capacity * 2 : 256;
    struct gcxi_range *ranges = gcxi_vm_map(capacity * sizeof *ranges);
    if (ranges == NULL)
        return false;
    if (added.count != 0) {
        memcpy(ranges, added.ranges, added.count * sizeof *ranges);
        gcxi_vm_unmap(added.ranges, added.capacity * sizeof *ranges);
    }
    added.ranges = ranges;
    added.capacity = capacity;
    return true;
}

int gcxi_roots_add(uintptr_t lo, uintptr_t hi)
{
    if (added.count == added.capacity && !added_grow())
        return ENOMEM;
    added.ranges[added.count].lo = lo;
    added.ranges[added.count].hi = hi;
    added.count++;
    return 0;
}

int gcxi_roots_remove(uintptr_t lo, uintptr_t hi)
{
    for (size_t i = 0; i < added.count; i++) {
        if (added.ranges[i].lo == lo && added.ranges[i].hi == hi) {
            added.ranges[i] = added.ranges[--added.count];
            return 0;
        }
    }
    return ENOENT;
}

size_t gcxi_roots_added(const struct gcxi_range **ranges)
{
    *ranges = added.ranges;
    return added.count;
}

/* Root objects live until freed: marked here in every cycle unless they are
 * old already, when the remembered set answers for them. */
static void root_block_mark(struct gcxi_marker *m, struct gcxi_block *block)
{
    for (uint32_t slot = 0; slot < block->slots; slot++)
        if (block->marks[slot] != gcxi_map.epoch && gcxi_slot_is_object(block, slot))
            gcxi_mark_slot(m, block, slot);
}

void gcxi_roots_mark_objects(struct gcxi_marker *m)
{
    const uint8_t *kinds = gcxi_map.kind;
    const uint8_t *end = kinds + gcxi_zone_end(GCXI_ZONE_SCAN);
    for (const uint8_t *p = kinds; (p = memchr(p, GCXI_ROOT, (size_t)(end - p))) != NULL;) {
        struct gcxi_block *block = &gcxi_map.blocks[p - kinds];
        root_block_mark(m, block);
        p += block->units;
        if (p >= end)
            break;
    }
}

void gcxi_roots_visit(void (*visit)(uintptr_t lo, uintptr_t hi, void *arg), void *arg)
{
    const struct gcxi_range *ranges;
    size_t count = gcxi_module_ranges(&ranges);
    for (size_t i = 0; i < count; i++)
        visit(ranges[i].lo, ranges[i].hi, arg);
    for (size_t i = 0; i < added.count; i++)
        visit(added.ranges[i].lo, added.ranges[i].hi, arg);
}

void gcxi_roots_mark_rest(struct gcxi_marker *m)
{
    gcxi_roots_mark_objects(m);
    if (gcxi_roots_more != NULL)
        gcxi_roots_more(m);
}
