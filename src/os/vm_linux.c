/* vm_linux.c -- address space and memory by mmap and its kin.
 *
 * A reservation is a PROT_NONE mapping that the kernel does not account for;
 * committing makes part of it readable and writable. Neither touches memory: a
 * page is allocated, zeroed, when it is first written.
 *
 *   V1  A reservation is never unmapped in part, so that its addresses cannot
 *       be taken by another mapping while the heap still calls them its own.
 *   V2  Commit only widens access, purge only drops contents. No call here
 *       takes access away from a committed page.
 *   V3  Injected failures change nothing, as real ones do.
 *
 * Purge is MADV_DONTNEED: pages are gone at once, which makes "reads as zero"
 * true. MADV_FREE is cheaper but keeps the old contents until memory is short,
 * and makes resident size, which users watch, a fiction.
 *
 * Locking: none. The countdown of the fault injection is one atomic word; off
 * is the most negative value, so that an ordinary call costs one relaxed load.
 *
 * SPDX-License-Identifier: MIT */
#include "os/vm.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define VM_INJECT_OFF LONG_MIN
#define VM_INJECT_UNREAD (LONG_MIN + 1) /* the environment was not asked yet */

/* Calls that still succeed; 0 fails and stays. Relaxed: it orders nothing. */
static _Atomic(long) vm_inject_left = GCXI_CHECKED ? VM_INJECT_UNREAD : VM_INJECT_OFF;

static atomic_size_t vm_page_bytes;

size_t gcxi_vm_page_bytes(void)
{
    size_t bytes = atomic_load_explicit(&vm_page_bytes, memory_order_relaxed);

    if (GCXI_UNLIKELY(bytes == 0)) {
        bytes = (size_t)getpagesize();
        atomic_store_explicit(&vm_page_bytes, bytes, memory_order_relaxed);
    }
    return bytes;
}

void gcxi_vm_inject_failure(long calls)
{
    const long left = calls < 0 ? VM_INJECT_OFF : calls;

    atomic_store_explicit(&vm_inject_left, left, memory_order_relaxed);
}

static GCXI_COLD void vm_inject_from_environment(void)
{
    const char *text = getenv("GCX_FAULT_VM");
    long unread = VM_INJECT_UNREAD;
    long left = VM_INJECT_OFF;

    if (text != NULL && text[0] >= '0' && text[0] <= '9')
        left = strtol(text, NULL, 10);
    atomic_compare_exchange_strong_explicit(&vm_inject_left, &unread, left, memory_order_relaxed,
                                            memory_order_relaxed);
}

/* Takes one from the countdown. True if it had run out. */
static GCXI_COLD bool vm_inject_slow(void)
{
    long left = atomic_load_explicit(&vm_inject_left, memory_order_relaxed);

    if (left == VM_INJECT_UNREAD) {
        vm_inject_from_environment();
        left = atomic_load_explicit(&vm_inject_left, memory_order_relaxed);
    }
    while (left > 0) {
        if (atomic_compare_exchange_weak_explicit(&vm_inject_left, &left, left - 1,
                                                  memory_order_relaxed, memory_order_relaxed))
            return false;
    }
    return left == 0;
}

/* True, with errno, if this fallible call is to fail. */
static bool vm_must_fail(void)
{
    if (GCXI_LIKELY(atomic_load_explicit(&vm_inject_left, memory_order_relaxed) == VM_INJECT_OFF))
        return false;
    if (!vm_inject_slow())
        return false;
    errno = ENOMEM;
    return true;
}

static void *vm_mmap(size_t bytes, int protection, int flags)
{
    void *base = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

    return base == MAP_FAILED ? NULL : base;
}

/* Keeps `bytes` from the first multiple of align in a mapping of `mapped`
 * bytes, and gives the rest back. */
static void *vm_trim(char *base, size_t mapped, size_t bytes, size_t align)
{
    const size_t before = gcxi_align_up((uintptr_t)base, align) - (uintptr_t)base;
    const size_t after = mapped - before - bytes;

    if (before != 0)
        munmap(base, before);
    if (after != 0)
        munmap(base + before + bytes, after);
    return base + before;
}

void *gcxi_vm_reserve(size_t bytes, size_t align)
{
    size_t mapped = bytes;
    char *base;

    GCXI_ASSERT(gcxi_is_pow2(align) && align >= gcxi_vm_page_bytes());
    if (vm_must_fail())
        return NULL;
    if (align > gcxi_vm_page_bytes() && __builtin_add_overflow(bytes, align, &mapped)) {
        errno = ENOMEM;
        return NULL;
    }
    base = vm_mmap(mapped, PROT_NONE, MAP_NORESERVE);
    return base == NULL ? NULL : vm_trim(base, mapped, bytes, align);
}

void gcxi_vm_unreserve(void *base, size_t bytes)
{
    munmap(base, bytes);
}

int gcxi_vm_commit(void *base, size_t bytes)
{
    return vm_must_fail() ? -1 : mprotect(base, bytes, PROT_READ | PROT_WRITE);
}

int gcxi_vm_purge(void *base, size_t bytes)
{
    return vm_must_fail() ? -1 : madvise(base, bytes, MADV_DONTNEED);
}

void *gcxi_vm_map(size_t bytes)
{
    return vm_must_fail() ? NULL : vm_mmap(bytes, PROT_READ | PROT_WRITE, MAP_NORESERVE);
}

void gcxi_vm_unmap(void *base, size_t bytes)
{
    munmap(base, bytes);
}

void gcxi_vm_advise_huge(void *base, size_t bytes)
{
    const int saved_errno = errno;

    (void)madvise(base, bytes, MADV_HUGEPAGE);
    errno = saved_errno;
}

/* Linux 5.14 and later; missing in older headers. */
#define VM_POPULATE_READ 22
#define VM_POPULATE_WRITE 23

void gcxi_vm_advise_populate(void *base, size_t bytes)
{
    const int saved_errno = errno;

    (void)madvise(base, bytes, VM_POPULATE_WRITE);
    errno = saved_errno;
}

void gcxi_vm_advise_read(void *base, size_t bytes)
{
    const int saved_errno = errno;

    (void)madvise(base, bytes, VM_POPULATE_READ);
    errno = saved_errno;
}

void gcxi_vm_advise_nodump(void *base, size_t bytes)
{
    const int saved_errno = errno;

    (void)madvise(base, bytes, MADV_DONTDUMP);
    errno = saved_errno;
}
