/* leak_preload.c -- malloc's family for libgcx-leak.so.
 *
 *   program --> malloc here --> malloc of the next library (dlsym)
 *                   '--> gcxi_leak_note
 *
 * What is allocated before that is found, or while dlsym looks, comes from a
 * small static area and is never given back; being static data, it is a root.
 * Watching begins with the first call, before any constructor, because what an
 * unwatched block leads to would be called leaked. Only stopping threads and
 * walking stacks needs the constructor.
 *
 *   P1  Nothing here runs the collector's code but in the constructor: the
 *       first calls come before thread-local storage of threads is complete.
 *   P2  Blocks that the loader allocates are roots: thread-local storage that
 *       the C library does not let us find lies in them.
 *
 * SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic.h"
#include "diag/leak.h"
#include "diag/preload/leak_preload.h"

#define EARLY_BYTES (64 * GCXI_KIB)
#define EARLY_HEADER 16

GCX_API void *reallocarray(void *p, size_t n, size_t size);

static size_t (*next_usable_size)(void *p);
static bool is_resolved;
static __thread bool is_resolving __attribute__((tls_model("initial-exec")));

/* ---- Early memory ---- */

static _Alignas(16) unsigned char early[EARLY_BYTES];
static size_t early_used;

static bool is_early(const void *p)
{
    return (uintptr_t)p - (uintptr_t)early < EARLY_BYTES;
}

static void *early_alloc(size_t size)
{
    if (size > EARLY_BYTES / 2)
        return errno = ENOMEM, NULL;
    size_t bytes = gcxi_align_up(size + EARLY_HEADER, EARLY_HEADER);
    size_t at = __atomic_fetch_add(&early_used, bytes, __ATOMIC_RELAXED);
    if (at + bytes > EARLY_BYTES)
        return errno = ENOMEM, NULL;
    memcpy(early + at, &size, sizeof size);
    return early + at + EARLY_HEADER;
}

static size_t early_size(const void *p)
{
    size_t size;
    memcpy(&size, (const char *)p - EARLY_HEADER, sizeof size);
    return size;
}

/* ---- The next allocator ---- */

/* May run in several threads at once: all find the same. */
static bool resolve(void)
{
    if (GCXI_LIKELY(gcxi_load_acquire(&is_resolved)))
        return true;
    if (is_resolving)
        return false;
    is_resolving = true;
    gcxi_leak_allocator.malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    gcxi_leak_allocator.calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    gcxi_leak_allocator.realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    gcxi_leak_allocator.memalign = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "memalign");
    gcxi_leak_allocator.free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    next_usable_size = (size_t(*)(void *))dlsym(RTLD_NEXT, "malloc_usable_size");
    gcxi_leak_watch();
    gcxi_store_release(&is_resolved, true);
    is_resolving = false;
    return true;
}

/* ---- malloc and its family ---- */

GCX_API void *malloc(size_t size)
{
    if (!resolve())
        return early_alloc(size);
    void *p = gcxi_leak_allocator.malloc(size);
    gcxi_leak_note(p, size, GCXI_LEAK_HERE);
    return p;
}

GCX_API void *calloc(size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        return errno = ENOMEM, NULL;
    if (!resolve())
        return early_alloc(bytes);
    void *p = gcxi_leak_allocator.calloc(n, size);
    gcxi_leak_note(p, bytes, GCXI_LEAK_HERE);
    return p;
}

GCX_API void free(void *p)
{
    if (p == NULL || is_early(p) || !resolve())
        return;
    gcxi_leak_forget(p);
    gcxi_leak_allocator.free(p);
}

static void *leave_early(void *p, size_t size)
{
    void *q = malloc(size);
    if (q != NULL)
        memcpy(q, p, gcxi_min(size, early_size(p)));
    return q;
}

GCX_API void *realloc(void *p, size_t size)
{
    if (is_early(p))
        return leave_early(p, size);
    if (!resolve())
        return p == NULL ? early_alloc(size) : (errno = ENOMEM, NULL);
    return gcxi_leak_resize(p, size, GCXI_LEAK_HERE);
}

GCX_API void *reallocarray(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        return errno = ENOMEM, NULL;
    if (is_early(p) || !resolve())
        return realloc(p, bytes);
    return gcxi_leak_resize(p, bytes, GCXI_LEAK_HERE);
}

static void *aligned(size_t align, size_t size, uintptr_t frame, uintptr_t caller)
{
    if (!resolve())
        return errno = ENOMEM, NULL;
    void *p = gcxi_leak_allocator.memalign(align, size);
    gcxi_leak_note(p, size, frame, caller);
    return p;
}

GCX_API void *memalign(size_t align, size_t size)
{
    return aligned(align, size, GCXI_LEAK_HERE);
}

GCX_API void *aligned_alloc(size_t align, size_t size)
{
    return aligned(align, size, GCXI_LEAK_HERE);
}

GCX_API int posix_memalign(void **out, size_t align, size_t size)
{
    if (!gcxi_is_pow2(align) || align % sizeof(void *) != 0)
        return EINVAL;
    int saved = errno;
    void *p = aligned(align, size, GCXI_LEAK_HERE);
    errno = saved;
    if (p == NULL)
        return ENOMEM;
    *out = p;
    return 0;
}

GCX_API void *valloc(size_t size)
{
    return aligned((size_t)sysconf(_SC_PAGESIZE), size, GCXI_LEAK_HERE);
}

GCX_API void *pvalloc(size_t size)
{
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    return aligned(page_bytes, gcxi_align_up(size, page_bytes), GCXI_LEAK_HERE);
}

/* Who asks will use all of it. */
GCX_API size_t malloc_usable_size(void *p)
{
    if (p == NULL || is_early(p))
        return p == NULL ? 0 : early_size(p);
    if (!resolve() || next_usable_size == NULL)
        return 0;
    size_t bytes = next_usable_size(p);
    gcxi_leak_lock();
    struct gcxi_leak_block *block = gcxi_leak_table_find((uintptr_t)p);
    if (block != NULL)
        block->bytes = gcxi_max(block->bytes, bytes);
    gcxi_leak_unlock();
    return bytes;
}

/* ---- Start ---- */

/* The collector serves to stop threads and to find their stacks; nothing is
 * collected, so writes need not be tracked. */
__attribute__((constructor)) static void start(void)
{
    struct gcx_options options = GCX_OPTIONS_DEFAULT;
    options.barrier = GCX_BARRIER_NONE;
    options.mark_workers = 1;
    if (!resolve())
        return;
    gcxi_leak_preload_unwinder();
    gcxi_leak_preload_lines();
    if (gcx_init(&options) == 0 && gcx_leak_start() == 0)
        return;
    gcxi_report("leak mode cannot start: no memory");
    gcx_leak_stop();
}
