/* scope_parts.h -- what the files of scopes share; see scope.c.
 *
 * Owner thread only, in a critical section.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_SCOPE_PARTS_H
#define GCXI_GC_SCOPE_PARTS_H

#include "gc/scope.h"
#include "heap/chain.h"

/* The ith open scope; the innermost, or NULL. */
GCXI_INLINE struct gcxi_scope *gcxi_scope_at(const struct gcxi_scopes *scopes, uint32_t i)
{
    return (struct gcxi_scope *)scopes->open.items + i;
}

GCXI_INLINE struct gcxi_scope *gcxi_scope_top(const struct gcxi_scopes *scopes)
{
    return scopes->open.count != 0 ? gcxi_scope_at(scopes, scopes->open.count - 1) : NULL;
}

GCXI_INLINE const struct gcxi_scope_place *gcxi_scope_places(const struct gcxi_scopes *scopes)
{
    return scopes->places.items;
}

GCXI_INLINE uintptr_t *gcxi_scope_pins(const struct gcxi_scopes *scopes)
{
    return scopes->pins.items;
}

/* ---- Growing arrays: scope_object.c ---- */

/* Room for one more; NULL without memory. */
void *gcxi_scope_array_push(struct gcxi_scope_array *array, size_t item_bytes);
void gcxi_scope_array_fini(struct gcxi_scope_array *array, size_t item_bytes);

/* ---- Which scope holds an object: scope_object.c ---- */

/* A young object that one of the thread's lanes handed out. */
struct gcxi_scope_object {
    struct gcxi_block *block; /* NULL: none such */
    uint32_t slot;
    const struct gcxi_lane *lane;
};

/* The thread's lane of that part of gcxi_local.chained and class. */
struct gcxi_lane *gcxi_scope_lane(const struct gcxi_mutator *self, unsigned part, unsigned class);

/* Where the lane stood when the scope began; end: one past its places. */
struct gcxi_scope_place gcxi_scope_place_of(const struct gcxi_mutator *self,
                                            const struct gcxi_scope *scope, uint32_t end,
                                            const struct gcxi_lane *lane);

bool gcxi_scope_is_own_lane(const struct gcxi_mutator *self, const struct gcxi_block *block,
                            const struct gcxi_lane *lane);

/* The object that holds addr; for what leaves, G1. */
struct gcxi_scope_object gcxi_scope_find_young(const struct gcxi_mutator *self, uintptr_t addr);
struct gcxi_scope_object gcxi_scope_find_leaving(const struct gcxi_mutator *self, uintptr_t addr);

/* The ith open scope, or one in it, handed the object out. */
bool gcxi_scope_holds(const struct gcxi_mutator *self, uint32_t i,
                      const struct gcxi_scope_object *o);

/* How many scopes hold the object: those that can be set back. */
uint32_t gcxi_scope_depth_of(const struct gcxi_mutator *self, const struct gcxi_scope_object *o);

/* Does the stack of the innermost scope, verified, hold no address in one of its
 * objects that is not pinned? G5: if it is deep, that is not known. */
bool gcxi_scope_stack_is_clean(const struct gcxi_mutator *self, uintptr_t sp);

/* ---- Pins: scope_escape.c ---- */

/* G3: pins from the ith on. */
void gcxi_scope_pin_reachable(struct gcxi_mutator *self, uint32_t i);

/* Drops the pins that the scope, the innermost, holds; keeps the others for the
 * scopes around it. */
void gcxi_scope_drop_pins(struct gcxi_mutator *self, const struct gcxi_scope *scope);

#endif
