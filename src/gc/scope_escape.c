/* scope_escape.c -- objects that leave their scope: G1 to G3 in scope.c.
 *
 * SPDX-License-Identifier: MIT */
#include "base/atomic.h"
#include "gc/cards.h"
#include "gc/scope_parts.h"

void gcxi_scope_make_old(struct gcxi_block *block, uint32_t slot)
{
    gcxi_store_relaxed(&block->marks[slot], gcxi_map.epoch_before);
    gcxi_add_relaxed(&block->live, 1);
    gcxi_cards_write_object(gcxi_slot_addr(block, slot));
}

void gcxi_scope_give_up(struct gcxi_mutator *self)
{
    self->scopes.voids++;
}

static void push_pin(struct gcxi_mutator *self, uintptr_t addr)
{
    uintptr_t *at = gcxi_scope_array_push(&self->scopes.pins, sizeof *at);
    if (at != NULL)
        *at = addr;
    else
        gcxi_scope_give_up(self);
}

/* G2. */
static void pin(struct gcxi_mutator *self, const struct gcxi_scope_object *o)
{
    gcxi_scope_make_old(o->block, o->slot);
    push_pin(self, gcxi_slot_addr(o->block, o->slot));
}

static GCXI_NO_SANITIZE void pin_words(struct gcxi_mutator *self, uintptr_t lo, uintptr_t hi)
{
    uintptr_t base = gcxi_map.base, bytes = (uintptr_t)gcxi_map.units << GCXI_LG_UNIT;
    for (; lo < hi; lo += sizeof(uintptr_t)) {
        uintptr_t word = *(const uintptr_t *)lo;
        if (word - base >= bytes)
            continue;
        struct gcxi_scope_object o = gcxi_scope_find_leaving(self, word);
        if (o.block != NULL)
            pin(self, &o);
    }
}

/* G3: what pins from the ith on lead to. A pin that died in a cycle since leads
 * nowhere, or its slot is another object, which is pinned for nothing. */
void gcxi_scope_pin_reachable(struct gcxi_mutator *self, uint32_t i)
{
    for (; i < self->scopes.pins.count; i++) {
        uint32_t slot;
        uintptr_t addr = gcxi_scope_pins(&self->scopes)[i];
        const struct gcxi_block *block = gcxi_find_slot(addr, &slot);
        if (block == NULL || block->scan == GCXI_SCAN_NOTHING)
            continue;
        gcxi_cards_write_object(addr);
        addr = gcxi_slot_addr(block, slot);
        pin_words(self, addr, addr + block->slot_bytes);
    }
}

/* What is no object of a scope may hold some that are. */
void gcxi_scope_escape(struct gcxi_mutator *self, const void *p)
{
    struct gcxi_scope_object o = gcxi_scope_find_leaving(self, (uintptr_t)p);
    uint32_t first = self->scopes.pins.count;
    if (self->scopes.promising == 0)
        return;
    if (o.block != NULL)
        pin(self, &o);
    else
        push_pin(self, (uintptr_t)p);
    gcxi_scope_pin_reachable(self, first);
}

/* An object of a scope that a slot lies in may hold what goes no earlier. */
void gcxi_scope_store(struct gcxi_mutator *self, const void *slot, const void *value)
{
    struct gcxi_scope_object o = gcxi_scope_find_leaving(self, (uintptr_t)value);
    if (o.block == NULL || self->scopes.promising == 0)
        return;
    struct gcxi_scope_object into = gcxi_scope_find_young(self, (uintptr_t)slot);
    if (into.block == NULL || gcxi_scope_depth_of(self, &into) < gcxi_scope_depth_of(self, &o))
        gcxi_scope_escape(self, value);
}

void gcxi_scope_drop_pins(struct gcxi_mutator *self, const struct gcxi_scope *scope)
{
    struct gcxi_scopes *scopes = &self->scopes;
    uint32_t kept = scope->pins_first;
    uint32_t depth = scopes->open.count;
    bool has_use = depth > 1 && gcxi_scope_at(scopes, depth - 2)->voids == scopes->voids;
    for (uint32_t i = kept; has_use && i < scopes->pins.count; i++) {
        struct gcxi_scope_object o = {NULL, 0, NULL};
        uintptr_t addr = gcxi_scope_pins(scopes)[i];
        o.block = gcxi_find_slot(addr, &o.slot);
        o.lane = o.block != NULL ? gcxi_load_acquire(&o.block->owner) : NULL;
        if (o.block != NULL && !(gcxi_scope_is_own_lane(self, o.block, o.lane) &&
                                 gcxi_scope_holds(self, depth - 1, &o)))
            gcxi_scope_pins(scopes)[kept++] = addr;
    }
    scopes->pins.count = kept;
}
