/* boehm_alloc.c -- allocation by the Boehm interface.
 *
 * The common calls are the inline bump with a larger size: one byte more, so
 * that the address one past the end lies in the object wherever it is stored.
 *
 * SPDX-License-Identifier: MIT */
#include "compat/boehm.h"

#include <errno.h>
#include <string.h>

#include "api/alloc.h"
#include "heap/space.h"

static GCXI_NOINLINE void *finish_slow(void *object, size_t bytes)
{
    if (!gcxi_boehm.is_started)
        gcxi_boehm_start();
    if (GCXI_UNLIKELY(gcxi_load_relaxed(&gcxi_boehm.is_due) != 0))
        gcxi_boehm_run_due();
    return gcxi_boehm_or_oom(object, bytes);
}

GCXI_NOINLINE void *gcx_boehm_malloc_slow(size_t bytes)
{
    if (GCXI_UNLIKELY(!gcxi_boehm.is_started))
        gcxi_boehm_start();
    return finish_slow(gcx_detail_alloc_slow(bytes), bytes);
}

GCXI_NOINLINE void *gcx_boehm_malloc_atomic_slow(size_t bytes)
{
    if (GCXI_UNLIKELY(!gcxi_boehm.is_started))
        gcxi_boehm_start();
    return finish_slow(gcx_detail_alloc_noscan_slow(bytes), bytes);
}

/* The extra byte is at most one, so a request that overflows stays a request
 * that is refused: SIZE_MAX + 1 is 0, which the slow path would grant. */
GCXI_HOT void *GC_malloc(size_t bytes)
{
    return gcx_detail_bump(gcx_detail_runs.scan, gcxi_boehm_padded(bytes), gcx_boehm_malloc_slow);
}

GCXI_HOT void *GC_malloc_atomic(size_t bytes)
{
    return gcx_detail_bump(gcx_detail_runs.noscan, gcxi_boehm_padded(bytes),
                           gcx_boehm_malloc_atomic_slow);
}

void *GC_malloc_ignore_off_page(size_t bytes)
{
    return GC_malloc(bytes);
}

void *GC_malloc_atomic_ignore_off_page(size_t bytes)
{
    return GC_malloc_atomic(bytes);
}

void *GC_malloc_stubborn(size_t bytes)
{
    return GC_malloc(bytes);
}

void *GC_malloc_uncollectable(size_t bytes)
{
    gcxi_boehm_start();
    return finish_slow(gcx_alloc_root(gcxi_boehm_padded(bytes)), bytes);
}

void *GC_malloc_atomic_uncollectable(size_t bytes)
{
    gcxi_boehm_start();
    return gcxi_boehm_pin(GC_malloc_atomic(bytes));
}

/* ---- Alignment ---- */

void *GC_memalign(size_t align, size_t bytes)
{
    gcxi_boehm_start();
    if (align <= GCXI_GRANULE)
        return GC_malloc(bytes);
    return finish_slow(gcx_alloc_aligned(align, gcxi_boehm_padded(bytes)), bytes);
}

int GC_posix_memalign(void **out, size_t align, size_t bytes)
{
    if (!gcxi_is_pow2(align) || align % sizeof(void *) != 0)
        return EINVAL;
    void *object = GC_memalign(align, bytes);
    if (object == NULL)
        return ENOMEM;
    *out = object;
    return 0;
}

/* ---- Release and resizing ---- */

static size_t slot_bytes_of(const void *p)
{
    uint32_t slot;
    const struct gcxi_block *block = gcxi_boehm_find(p, &slot);
    return block != NULL ? block->slot_bytes : 0;
}

void GC_free(void *p)
{
    if (p == NULL)
        return;
    size_t bytes = slot_bytes_of(p);
    if (bytes == 0) {
        gcxi_boehm_warn("GC_free(0x%lx): no object of this heap\n", (GC_word)p);
        return;
    }
    gcxi_add_relaxed(&gcxi_boehm.freed_bytes, bytes);
    gcxi_boehm_unpin(p);
    gcx_free(p);
}

void *GC_realloc(void *p, size_t bytes)
{
    if (p == NULL)
        return GC_malloc(bytes);
    if (bytes == 0) {
        GC_free(p);
        return NULL;
    }
    if (GCXI_UNLIKELY(gcxi_boehm_is_pinned(p))) {
        void *fresh = GC_malloc_atomic_uncollectable(bytes);
        if (fresh != NULL) {
            memcpy(fresh, p, gcxi_min(bytes, slot_bytes_of(p)));
            GC_free(p);
        }
        return fresh;
    }
    return finish_slow(gcx_realloc(p, gcxi_boehm_padded(bytes)), bytes);
}

/* ---- Strings ---- */

char *GC_strndup(const char *s, size_t most)
{
    size_t length = strnlen(s, most);
    char *copy = GC_malloc_atomic(length + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, s, length);
    copy[length] = '\0';
    return copy;
}

char *GC_strdup(const char *s)
{
    return s != NULL ? GC_strndup(s, SIZE_MAX - 1) : NULL;
}

/* ---- What an address is ---- */

void *GC_base(void *p)
{
    uint32_t slot;
    const struct gcxi_block *block = gcxi_boehm_find(p, &slot);
    return block != NULL ? (void *)gcxi_slot_addr(block, slot) : NULL;
}

size_t GC_size(const void *p)
{
    return slot_bytes_of(p);
}

int GC_is_heap_ptr(const void *p)
{
    return gcxi_map.used != NULL && gcxi_map.used[gcxi_addr_unit((uintptr_t)p)] != 0;
}

/* ---- Writes: the kernel sees them ---- */

void GC_change_stubborn(const void *p)
{
    (void)p;
}

void GC_end_stubborn_change(const void *p)
{
    gcx_dirty(p);
}

void GC_ptr_store_and_dirty(void *slot, const void *value)
{
    *(const void *volatile *)slot = value;
    gcx_dirty(slot);
}

void GC_incr_bytes_allocd(size_t bytes)
{
    gcxi_add_relaxed(&gcxi_gc.allocated_bytes, bytes);
}

void GC_incr_bytes_freed(size_t bytes)
{
    gcxi_add_relaxed(&gcxi_boehm.freed_bytes, bytes);
}
