/* object.c -- what an address belongs to; explicit release and resizing.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "api/alloc.h"
#include "base/delay.h"
#include "gc/check.h"
#include "gc/concurrent.h"
#include "gc/scope.h"
#include "gcx/detail/extend.h"
#include "heap/kind.h"
#include "heap/recycle.h"
#include "heap/sample.h"
#include "heap/side.h"
#include "heap/space.h"

/* An object as the caller saw it. */
struct found {
    struct gcxi_block *block; /* NULL: none */
    uint32_t slot;
    uintptr_t addr;
};

/* An object that was promised not to fill its slot may not grow to do so. */
static size_t usable_bytes(const struct gcxi_block *block, uint32_t slot)
{
    if (GCXI_UNLIKELY(gcxi_gc.settings.is_checked))
        return gcxi_check_usable(block, slot);
    return block->slot_bytes - (block->kind == GCXI_LOOSE);
}

/* Another thread's lane holds the block, so that only the heap lock tells how far
 * it has handed out slots; old objects are objects whatever it does. */
static bool is_uncertain(struct gcxi_mutator *self, const struct found *found)
{
    const struct gcxi_lane *owner = gcxi_load_acquire(&found->block->owner);
    const struct gcxi_lane *own = self->local.lanes[found->block->kind];
    return owner != NULL && (own == NULL || owner != &own[found->block->class_index]) &&
           !gcxi_mark_is_old(gcxi_load_relaxed(&found->block->marks[found->slot])) &&
           gcxi_load_relaxed(&gcxi_gc.collector) != self; /* a listener, under the lock */
}

/* Inside a critical section, so that no cycle is under way: during one the
 * epoch has moved and the marks have not followed. But one may run while this
 * waits for the lock. */
static struct found find(struct gcxi_mutator *self, const void *p)
{
    struct found found = {NULL, 0, 0};
    found.block = gcxi_find_slot((uintptr_t)p, &found.slot);
    if (found.block == NULL)
        return found;
    if (is_uncertain(self, &found)) {
        gcxi_mutator_lock_heap(self);
        found.block = gcxi_find_object((uintptr_t)p, &found.slot);
        gcxi_mutator_unlock_heap();
    } else {
        found.block = gcxi_find_object((uintptr_t)p, &found.slot);
    }
    if (found.block != NULL)
        found.addr = gcxi_slot_addr(found.block, found.slot);
    if (found.block != NULL && (uintptr_t)p - found.addr >= usable_bytes(found.block, found.slot))
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
    struct found found = find(self, p);
    if (found.block != NULL) {
        *base = (void *)found.addr;
        *bytes = usable_bytes(found.block, found.slot);
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

void *gcx_detail_object(const void *p, size_t *bytes)
{
    void *base;
    describe(p, &base, bytes);
    return base;
}

/* ---- Release ---- */

/* The newest object goes back to its lane as if it never was, unless a cycle has seen
 * it. It is never FREED, for other threads look for such slots in its block (F1), and
 * no other changes its mark byte (M6). */
static bool unbump(const struct gcxi_lane *lane, struct gcxi_block *block, uint32_t slot)
{
    uintptr_t addr = gcxi_slot_addr(block, slot);
    if (lane == NULL || gcxi_load_relaxed(&block->owner) != lane ||
        lane->run->cur != addr + block->slot_bytes || slot < block->young_lo ||
        gcxi_load_relaxed(&block->marks[slot]) != GCXI_MARK_NONE ||
        gcxi_kind_is_scoped(block->kind))
        return false;
    gcxi_note_release();
    if (!gcxi_kind_is_noscan(block->kind))
        memset((void *)addr, 0, block->slot_bytes);
    gcxi_delay(GCXI_EDGE_UNBUMP);
    gcxi_store_relaxed(&lane->run->cur, addr);
    return true;
}

/* False if another thread was first. */
static bool free_slot(struct gcxi_mutator *self, struct gcxi_block *block, uint32_t slot)
{
    struct gcxi_lane *lane =
        gcxi_local_lane(&self->local, (enum gcxi_kind)block->kind, block->class_index);
    if (!gcxi_sampler_is_on() && unbump(lane, block, slot))
        return true;
    if (!gcxi_slot_release(block, slot))
        return false;
    if (gcxi_recycle_put(lane, block, slot))
        return true;
    gcxi_mutator_lock_heap(self);
    gcxi_recycle_list(block);
    gcxi_mutator_unlock_heap();
    return true;
}

/* Looks again under the lock: another thread may have been first, and waiting
 * for the lock lets cycles pass. */
static bool free_large(struct gcxi_mutator *self, const void *p)
{
    uint32_t slot;
    gcxi_mutator_lock_heap(self);
    struct gcxi_block *block = gcxi_find_object((uintptr_t)p, &slot);
    bool is_there =
        block != NULL && gcxi_block_is_large(block) && gcxi_block_addr(block) == (uintptr_t)p;
    if (is_there && gcxi_concurrent_is_under_way())
        is_there = gcxi_slot_release(block, slot); /* N2: the census frees it */
    else if (is_there)
        gcxi_block_destroy(block);
    gcxi_note_release();
    gcxi_mutator_unlock_heap();
    return is_there;
}

static void report_bad_address(const void *p, const char *what)
{
    void *base;
    size_t bytes;
    if (gcxi_check_tell_freed(p, what))
        return;
    describe(p, &base, &bytes);
    if (base != NULL)
        gcxi_gc_error("%s of %p: inside the object at %p of %zu bytes", what, p, base, bytes);
    else
        gcxi_gc_error("%s of %p: not a live object (freed before, or never ours)", what, p);
}

static bool free_object(struct gcxi_mutator *self, const struct found *found, const void *site)
{
    if (gcxi_side_is_watched(found->block, found->slot))
        return true; /* the collector releases it when it has told who watches */
    if (GCXI_UNLIKELY(gcxi_gc.settings.is_checked))
        return gcxi_check_free(self, (void *)found->addr, site);
    if (gcxi_block_is_large(found->block))
        return free_large(self, (void *)found->addr);
    return free_slot(self, found->block, found->slot);
}

static void free_at(void *p, const void *site)
{
    if (p == NULL)
        return;
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return;
    struct found found = find(self, p);
    bool is_freed = found.block != NULL && found.addr == (uintptr_t)p;
    if (is_freed)
        is_freed = free_object(self, &found, site);
    gcxi_gc_leave(self);
    if (GCXI_UNLIKELY(gcxi_gc.settings.is_checked))
        gcxi_check_tell();
    if (!is_freed)
        report_bad_address(p, "free");
}

void gcx_free(void *p)
{
    free_at(p, GCXI_SITE());
}

/* ---- Resizing ---- */

/* A smaller object stays where it is unless that would waste half of it. In
 * checked mode it always moves, so that a pointer to the old place is found. */
static bool fits_in_place(const struct gcxi_block *block, uint32_t slot, size_t size)
{
    return !gcxi_gc.settings.is_checked && size <= usable_bytes(block, slot) &&
           (size > block->slot_bytes / 2 || block->slot_bytes <= 64);
}

/* Zeroes what lies behind the wanted bytes, so that growing again finds zero. */
static void clear_tail(const struct gcxi_block *block, void *p, size_t size)
{
    if (!gcxi_kind_is_noscan(block->kind))
        memset((char *)p + size, 0, block->slot_bytes - size);
}

/* An object of a kind with elements keeps to whole ones; the library's own
 * objects keep their size. */
static bool kind_allows(const struct gcxi_block *block, size_t size)
{
    if (block->kind < GCXI_KINDS)
        return block->kind < GCXI_WEAK || block->kind == GCXI_SCOPED_NOSCAN;
    size_t element_bytes = gcxi_kinds[block->kind]->element_bytes;
    return element_bytes == 0 || (size != 0 && size % element_bytes == 0);
}

/* An object of a scope becomes an ordinary one: the scope that holds it need not be
 * the innermost. What it points to in scopes is then held by no object of theirs. */
static enum gcxi_kind kind_when_moved(struct gcxi_mutator *self, const struct gcxi_block *block)
{
    if (block->kind == GCXI_SCOPED)
        gcxi_scope_give_up(self);
    if (block->kind == GCXI_LOOSE || block->kind == GCXI_SCOPED)
        return GCXI_SCAN;
    return block->kind == GCXI_SCOPED_NOSCAN ? GCXI_NOSCAN : (enum gcxi_kind)block->kind;
}

/* p keeps its object alive, so its block stays what it is. */
static void *move(struct gcxi_mutator *self, const struct found *found, void *p, size_t size)
{
    const struct gcxi_block *block = found->block;
    enum gcxi_kind kind = kind_when_moved(self, block);
    size_t old_bytes = usable_bytes(block, found->slot);
    void *fresh = gcxi_gc_alloc(self, kind, size);
    if (fresh != NULL)
        memcpy(fresh, p, gcxi_min(size, old_bytes));
    return fresh;
}

void *gcx_realloc(void *p, size_t size)
{
    if (p == NULL)
        return gcxi_alloc_for(GCXI_SCAN, size, GCXI_SITE());
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return NULL;
    struct found found = find(self, p);
    bool is_start = found.block != NULL && found.addr == (uintptr_t)p;
    bool is_allowed = is_start && kind_allows(found.block, size);
    bool stays = is_allowed && fits_in_place(found.block, found.slot, size);
    void *result = p;
    self->site = GCXI_SITE();
    if (stays)
        clear_tail(found.block, p, size);
    else
        result = is_allowed ? move(self, &found, p, size) : NULL;
    gcxi_gc_leave(self);
    if (!is_start)
        report_bad_address(p, "realloc");
    else if (!is_allowed)
        gcxi_gc_error("realloc of %p to %zu bytes: not what its kind allows", p, size);
    if (!is_allowed)
        errno = EINVAL;
    else if (!stays && result != NULL)
        free_at(p, GCXI_SITE());
    return result;
}
