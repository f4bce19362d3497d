/* object.c -- what an address belongs to; explicit release and resizing.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "gc/gc.h"
#include "heap/space.h"

void *gcx_base(const void *p)
{
    uint32_t slot;
    const struct gcxi_block *block = gcxi_find_object((uintptr_t)p, &slot);
    return block != NULL ? (void *)gcxi_slot_addr(block, slot) : NULL;
}

/* An object that was promised not to fill its slot may not grow to do so. */
static size_t usable_bytes(const struct gcxi_block *block)
{
    return block->slot_bytes - (block->kind == GCXI_LOOSE);
}

size_t gcx_size(const void *p)
{
    uint32_t slot;
    const struct gcxi_block *block = gcxi_find_object((uintptr_t)p, &slot);
    return block != NULL ? usable_bytes(block) : 0;
}

/* ---- Release ---- */

/* The object just handed out goes back to its lane as if it never was, unless
 * a cycle has seen it. */
static bool unbump(struct gcxi_mutator *self, const struct gcxi_block *block, uint32_t slot)
{
    uintptr_t addr = gcxi_slot_addr(block, slot);
    struct gcxi_lane *lane = block->owner;
    if (lane == NULL || lane != &self->local.lanes[block->kind][block->class_index] ||
        lane->run->cur != addr + block->slot_bytes || slot < block->young_lo)
        return false;
    if (block->kind != GCXI_NOSCAN)
        memset((void *)addr, 0, block->slot_bytes);
    lane->run->cur = addr;
    return true;
}

static void free_large(struct gcxi_mutator *self, struct gcxi_block *block)
{
    gcxi_mutator_lock_heap(self);
    gcxi_block_destroy(block);
    gcxi_mutator_unlock_heap();
}

static void report_bad_free(const void *p, const char *what)
{
    void *base = gcx_base(p);
    if (base != NULL)
        gcxi_gc_error("%s of %p: inside the object at %p of %zu bytes", what, p, base, gcx_size(p));
    else
        gcxi_gc_error("%s of %p: not a live object (freed before, or never ours)", what, p);
}

void gcx_free(void *p)
{
    uint32_t slot;
    if (p == NULL)
        return;
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return;
    struct gcxi_block *block = gcxi_find_object((uintptr_t)p, &slot);
    bool is_ours = block != NULL && gcxi_slot_addr(block, slot) == (uintptr_t)p;
    if (is_ours && block->state == GCXI_BLOCK_LARGE)
        free_large(self, block);
    else if (is_ours && !unbump(self, block, slot))
        gcxi_store_relaxed(&block->marks[slot], GCXI_MARK_FREED);
    gcxi_gc_leave(self);
    if (!is_ours)
        report_bad_free(p, "free");
}

/* ---- Resizing ---- */

/* A smaller object stays where it is unless that would waste half of it. */
static bool fits_in_place(const struct gcxi_block *block, size_t size)
{
    return size <= usable_bytes(block) && (size > block->slot_bytes / 2 || block->slot_bytes <= 64);
}

/* Zeroes what lies behind the wanted bytes, so that growing again finds zero. */
static void clear_tail(const struct gcxi_block *block, void *p, size_t size)
{
    if (block->kind != GCXI_NOSCAN)
        memset((char *)p + size, 0, block->slot_bytes - size);
}

void *gcx_realloc(void *p, size_t size)
{
    uint32_t slot;
    if (p == NULL)
        return gcx_alloc(size);
    struct gcxi_block *block = gcxi_find_object((uintptr_t)p, &slot);
    if (block == NULL || gcxi_slot_addr(block, slot) != (uintptr_t)p) {
        report_bad_free(p, "realloc");
        errno = EINVAL;
        return NULL;
    }
    if (fits_in_place(block, size)) {
        clear_tail(block, p, size);
        return p;
    }
    struct gcxi_mutator *self = gcxi_gc_enter();
    enum gcxi_kind kind = block->kind == GCXI_LOOSE ? GCXI_SCAN : (enum gcxi_kind)block->kind;
    void *fresh = gcxi_gc_alloc(self, kind, size);
    gcxi_gc_leave(self);
    if (fresh == NULL)
        return NULL;
    memcpy(fresh, p, gcxi_min(size, block->slot_bytes));
    if (block->state == GCXI_BLOCK_LARGE || block->kind == GCXI_ROOT)
        gcx_free(p);
    return fresh;
}
