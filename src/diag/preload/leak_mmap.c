/* leak_mmap.c -- sees which memory the program maps itself.
 *
 * Calls of the collector's own, which lie in this library, are passed on only:
 * its tables hold addresses of blocks and are no roots. The C library's own
 * mappings do not come here.
 *
 * SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "diag/leak.h"

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

static bool is_own(const void *caller)
{
    return (uintptr_t)caller - (uintptr_t)__ehdr_start < (uintptr_t)_end - (uintptr_t)__ehdr_start;
}

/* Files may be shorter than their mapping, and hold no addresses. */
static void note_mapping(const void *p, size_t bytes, int flags)
{
    uintptr_t lo = (uintptr_t)p;
    if (p == MAP_FAILED)
        return;
    gcxi_leak_lock();
    if ((flags & MAP_ANONYMOUS) != 0)
        gcxi_leak_mapping_add(lo, lo + bytes);
    else
        gcxi_leak_mapping_remove(lo, lo + bytes);
    gcxi_leak_unlock();
}

static void forget_mapping(const void *p, size_t bytes)
{
    gcxi_leak_lock();
    gcxi_leak_mapping_remove((uintptr_t)p, (uintptr_t)p + bytes);
    gcxi_leak_unlock();
}

static void *map(void *addr, size_t bytes, int protection, int flags, int file, off_t offset)
{
    return (void *)syscall(SYS_mmap, addr, bytes, protection, flags, file, offset);
}

GCX_API void *mmap(void *addr, size_t bytes, int protection, int flags, int file, off_t offset)
{
    void *p = map(addr, bytes, protection, flags, file, offset);
    if (!is_own(__builtin_return_address(0)))
        note_mapping(p, bytes, flags);
    return p;
}

GCX_API void *mmap64(void *addr, size_t bytes, int protection, int flags, int file, off64_t offset)
{
    void *p = map(addr, bytes, protection, flags, file, (off_t)offset);
    if (!is_own(__builtin_return_address(0)))
        note_mapping(p, bytes, flags);
    return p;
}

GCX_API int munmap(void *addr, size_t bytes)
{
    if (!is_own(__builtin_return_address(0)))
        forget_mapping(addr, bytes);
    return (int)syscall(SYS_munmap, addr, bytes);
}

GCX_API void *mremap(void *addr, size_t old_bytes, size_t bytes, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    void *wanted = (flags & MREMAP_FIXED) != 0 ? va_arg(args, void *) : NULL;
    va_end(args);
    void *p = (void *)syscall(SYS_mremap, addr, old_bytes, bytes, flags, wanted);
    if (p != MAP_FAILED && !is_own(__builtin_return_address(0))) {
        forget_mapping(addr, old_bytes);
        note_mapping(p, bytes, MAP_ANONYMOUS);
    }
    return p;
}
