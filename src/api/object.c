/* object.c -- what an address belongs to; explicit release and resizing.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "gc/gc.h"
#include "heap/space.h"

/* An object as the caller saw it. */
struct found {
    struct gcxi_block *block; /* NULL: none */
    uint32_t slot;
    uintptr_t addr;
};

/* An object that was promised not to fill its slot may not grow to do so. */
static size_t usable_bytes(const struct gcxi_block *block)
{
    return block->slot_bytes - (block->kind == GCXI_LOOSE);
}

/* Inside a critical section, so that no cycle is under way: during one the
 * epoch has moved and the marks have not followed. */
static struct found find(const void *p)
{
    struct found found = {NULL, 0, 0};
    found.block = gcxi_find_object((uintptr_t)p, &found.slot);
    if (found.block != NULL)
        found.addr = gcxi_slot_addr(found.block, found.slot);
    if (found.block != NULL && (uintptr_t)p - found.addr >= usable_bytes(found.block))
        found.block = NULL;
    return found;
}

/* Fills in *base and *bytes; zero if p leads to no object. */
static void describe(const void *p, void **base, size_t *bytes)
{
    *base = NULL;
    *bytes = 0;
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return;
    struct found found = find(p);
    if (found.block != NULL) {
        *base = (void *)found.addr;
        *bytes = usable_bytes(found.block);
    }
    gcxi_gc_leave(self);
}

void *gcx_base(const void *p)
{
    void *base;
    size_t bytes;
    describe(p, &base, &bytes);
    return base;
}

size_t gcx_size(const void *p)
{
    void *base;
    size_t bytes;
    describe(p, &base, &bytes);
    return bytes;
}

/* ---- Release ---- */

/* The object just handed out goes back to its lane as if it never was, unless
 * a cycle has seen it. */
static bool unbump(struct gcxi_mutator *self, const struct gcxi_block *block, uint32_t slot)
{
    uintptr_t addr = gcxi_slot_addr(block, slot);
    struct gcxi_lane *lane = gcxi_load_relaxed(&block->owner);
    if (lane == NULL || lane != &self->local.lanes[block->kind][block->class_index] ||
        lane->run->cur != addr + block->slot_bytes || slot < block->young_lo)
        return false;
    if (block->kind != GCXI_NOSCAN)
        memset((void *)addr, 0, block->slot_bytes);
    gcxi_store_relaxed(&lane->run->cur, addr);
    return true;
}

static void free_large(struct gcxi_mutator *self, struct gcxi_block *block)
{
    gcxi_mutator_lock_heap(self);
    gcxi_block_destroy(block);
    gcxi_mutator_unlock_heap();
}

static void report_bad_address(const void *p, const char *what)
{
    void *base;
    size_t bytes;
    describe(p, &base, &bytes);
    if (base != NULL)
        gcxi_gc_error("%s of %p: inside the object at %p of %zu bytes", what, p, base, bytes);
    else
        gcxi_gc_error("%s of %p: not a live object (freed before, or never ours)", what, p);
}

void gcx_free(void *p)
{
    if (p == NULL)
        return;
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return;
    struct found found = find(p);
    bool is_start = found.block != NULL && found.addr == (uintptr_t)p;
    if (is_start && gcxi_block_is_large(found.block))
        free_large(self, found.block);
    else if (is_start && !unbump(self, found.block, found.slot))
        gcxi_store_relaxed(&found.block->marks[found.slot], GCXI_MARK_FREED);
    gcxi_gc_leave(self);
    if (!is_start)
        report_bad_address(p, "free");
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

/* p keeps its object alive, so block stays what it is. */
static void *move(struct gcxi_mutator *self, const struct gcxi_block *block, void *p, size_t size)
{
    enum gcxi_kind kind = block->kind == GCXI_LOOSE ? GCXI_SCAN : (enum gcxi_kind)block->kind;
    void *fresh = gcxi_gc_alloc(self, kind, size);
    if (fresh != NULL)
        memcpy(fresh, p, gcxi_min(size, block->slot_bytes));
    return fresh;
}

void *gcx_realloc(void *p, size_t size)
{
    if (p == NULL)
        return gcx_alloc(size);
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return NULL;
    struct found found = find(p);
    bool is_start = found.block != NULL && found.addr == (uintptr_t)p;
    bool stays = is_start && fits_in_place(found.block, size);
    bool is_released = is_start && !stays &&
                       (gcxi_block_is_large(found.block) || found.block->kind == GCXI_ROOT);
    void *result = p;
    if (stays)
        clear_tail(found.block, p, size);
    else
        result = is_start ? move(self, found.block, p, size) : NULL;
    gcxi_gc_leave(self);
    if (!is_start) {
        report_bad_address(p, "realloc");
        errno = EINVAL;
    } else if (is_released && result != NULL) {
        gcx_free(p);
    }
    return result;
}
