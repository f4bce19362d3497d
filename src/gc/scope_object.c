/* scope_object.c -- which open scope an object belongs to, found from where the
 * thread's lanes stood when scopes began; see scope.c.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/atomic.h"
#include "gc/scope_parts.h"
#include "os/vm.h"

#define STACK_MAX_BYTES (32 * GCXI_KIB)
#define ARRAY_FIRST_BYTES (16 * GCXI_KIB)

/* ---- Arrays ---- */

void *gcxi_scope_array_push(struct gcxi_scope_array *array, size_t item_bytes)
{
    if (array->count == array->max) {
        size_t old_bytes = gcxi_align_up(array->max * item_bytes, ARRAY_FIRST_BYTES);
        size_t bytes = old_bytes != 0 ? 2 * old_bytes : ARRAY_FIRST_BYTES;
        void *items = gcxi_vm_map(bytes);
        if (items == NULL)
            return NULL;
        if (old_bytes != 0) {
            memcpy(items, array->items, array->count * item_bytes);
            gcxi_vm_unmap(array->items, old_bytes);
        }
        array->items = items;
        array->max = (uint32_t)(bytes / item_bytes);
    }
    return (char *)array->items + array->count++ * item_bytes;
}

void gcxi_scope_array_fini(struct gcxi_scope_array *array, size_t item_bytes)
{
    if (array->max != 0)
        gcxi_vm_unmap(array->items, gcxi_align_up(array->max * item_bytes, ARRAY_FIRST_BYTES));
    memset(array, 0, sizeof *array);
}

/* ---- Lanes ---- */

static enum gcxi_kind part_kind(unsigned part)
{
    return part == 0 ? GCXI_SCOPED : GCXI_SCOPED_NOSCAN;
}

struct gcxi_lane *gcxi_scope_lane(const struct gcxi_mutator *self, unsigned part, unsigned class)
{
    return &self->local.lanes[part_kind(part)][class];
}

struct gcxi_scope_place gcxi_scope_place_of(const struct gcxi_mutator *self,
                                            const struct gcxi_scope *scope, uint32_t end,
                                            const struct gcxi_lane *lane)
{
    unsigned part = lane->kind == GCXI_SCOPED_NOSCAN;
    const struct gcxi_scope_place *place = gcxi_scope_places(&self->scopes) + scope->places_first;
    for (uint32_t i = scope->places_first; i < end; i++, place++)
        if (place->part == part && place->class_index == lane->class_index)
            return *place;
    return (struct gcxi_scope_place){.unit = gcxi_block_unit(lane->chain),
                                     .slot = lane->chain->young_lo};
}

/* One past the places of the ith open scope. */
static uint32_t gcxi_scope_places_end(const struct gcxi_scopes *scopes, uint32_t i)
{
    return i + 1 < scopes->open.count ? gcxi_scope_at(scopes, i + 1)->places_first
                                      : scopes->places.count;
}

/* ---- Which scope holds an object ---- */

static bool is_scoped_addr(uintptr_t addr)
{
    return gcxi_kind_is_scoped(gcxi_map.kind[gcxi_addr_unit(addr)]);
}

bool gcxi_scope_is_own_lane(const struct gcxi_mutator *self, const struct gcxi_block *block,
                            const struct gcxi_lane *lane)
{
    const struct gcxi_lane *lanes = self->local.lanes[block->kind];
    return lanes != NULL && lane == &lanes[block->class_index];
}

/* *is_foreign: it is another thread's. */
static struct gcxi_scope_object find_any(const struct gcxi_mutator *self, uintptr_t addr,
                                         bool *is_foreign)
{
    struct gcxi_scope_object o = {NULL, 0, NULL};
    *is_foreign = false;
    if (!is_scoped_addr(addr))
        return o;
    struct gcxi_block *block = gcxi_find_slot(addr, &o.slot);
    if (block == NULL || gcxi_mark_is_old(gcxi_load_relaxed(&block->marks[o.slot])))
        return o;
    o.lane = gcxi_load_acquire(&block->owner);
    if (!gcxi_scope_is_own_lane(self, block, o.lane))
        *is_foreign = o.lane != NULL;
    else if (!gcxi_slot_is_in_run(block, o.slot, o.lane))
        o.block = block;
    return o;
}

struct gcxi_scope_object gcxi_scope_find_young(const struct gcxi_mutator *self, uintptr_t addr)
{
    bool is_foreign;
    return find_any(self, addr, &is_foreign);
}

/* G1: for what leaves. */
struct gcxi_scope_object gcxi_scope_find_leaving(const struct gcxi_mutator *self, uintptr_t addr)
{
    bool is_foreign;
    struct gcxi_scope_object o = find_any(self, addr, &is_foreign);
    if (is_foreign)
        gcxi_add_seq_cst(&gcxi_scoped_alarm, 1);
    return o;
}

bool gcxi_scope_holds(const struct gcxi_mutator *self, uint32_t i,
                      const struct gcxi_scope_object *o)
{
    const struct gcxi_scope *scope = gcxi_scope_at(&self->scopes, i);
    if (scope->voids != self->scopes.voids)
        return false;
    struct gcxi_scope_place place =
        gcxi_scope_place_of(self, scope, gcxi_scope_places_end(&self->scopes, i), o->lane);
    return gcxi_chain_is_after(o->lane, o->block, o->slot, &gcxi_map.blocks[place.unit],
                               place.slot);
}

uint32_t gcxi_scope_depth_of(const struct gcxi_mutator *self, const struct gcxi_scope_object *o)
{
    uint32_t i = self->scopes.open.count;
    while (i > 0 && !gcxi_scope_holds(self, i - 1, o))
        i--;
    return i;
}

/* ---- The stack of a verified scope ---- */

static bool leads_in(const struct gcxi_mutator *self, uintptr_t word)
{
    struct gcxi_scope_object o = gcxi_scope_find_young(self, word);
    return o.block != NULL && gcxi_scope_holds(self, self->scopes.open.count - 1, &o);
}

/* Does [lo, hi) hold an address in an object, or one past its end, that the
 * innermost scope holds and that is not pinned? */
static GCXI_NO_SANITIZE bool stack_leads_in(const struct gcxi_mutator *self, uintptr_t lo,
                                            uintptr_t hi)
{
    uintptr_t base = gcxi_map.base, bytes = (uintptr_t)gcxi_map.units << GCXI_LG_UNIT;
    for (lo = gcxi_align_up(lo, sizeof lo); lo + sizeof lo <= hi; lo += sizeof lo) {
        uintptr_t word = *(const uintptr_t *)lo;
        if (GCXI_UNLIKELY(word - base <= bytes) &&
            (leads_in(self, word) || leads_in(self, word - 1)))
            return true;
    }
    return false;
}

/* G5: a deep stack is not looked through. */
bool gcxi_scope_stack_is_clean(const struct gcxi_mutator *self, uintptr_t sp)
{
    const struct gcx_stack *stack = self->stacks.current;
    return sp - stack->lo < stack->hi - stack->lo && stack->hi - sp <= STACK_MAX_BYTES &&
           !stack_leads_in(self, sp, stack->hi);
}
