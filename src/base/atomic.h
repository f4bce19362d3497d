/* atomic.h -- atomics with the memory order in the name.
 *
 * Works on plain objects (uint8_t, uint32_t, uint64_t, pointers), so that a
 * field which is only sometimes shared keeps its ordinary type.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_ATOMIC_H
#define GCXI_ATOMIC_H

#include <string.h>

#include "base/base.h"

#define gcxi_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define gcxi_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define gcxi_load_seq_cst(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define gcxi_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define gcxi_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define gcxi_store_seq_cst(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define gcxi_add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define gcxi_sub_relaxed(p, v) __atomic_fetch_sub((p), (v), __ATOMIC_RELAXED)
#define gcxi_or_relaxed(p, v) __atomic_fetch_or((p), (v), __ATOMIC_RELAXED)
#define gcxi_add_seq_cst(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define gcxi_add_acq_rel(p, v) __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)
#define gcxi_sub_acq_rel(p, v) __atomic_fetch_sub((p), (v), __ATOMIC_ACQ_REL)
#define gcxi_exchange_acq_rel(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)

/* *expected to value at p; false, and *expected is what was there, if that was
 * something else. */
#define gcxi_compare_exchange(p, expected, value) \
    __atomic_compare_exchange_n((p), (expected), (value), 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)

/* Orders this thread's accesses against its own signal handlers. */
#define gcxi_signal_fence() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* An order that ThreadSanitizer cannot see, because it comes from a lock of the
 * C library's own: what was written before release has been seen after acquire.
 * Nothing in other builds. */
#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define gcxi_order_acquire(address) __tsan_acquire(address)
#define gcxi_order_release(address) __tsan_release(address)
#else
#define gcxi_order_acquire(address) ((void)(address))
#define gcxi_order_release(address) ((void)(address))
#endif

/* Several bytes at once of which other threads may write some meanwhile, where
 * an older or newer value of each serves; the first is the lowest of the word.
 * After gcxi_acquire_bytes what the writers of those values did before is done.
 * Only ThreadSanitizer wants them one by one, and knows no fences. */
#if defined(__SANITIZE_THREAD__)
#define gcxi_acquire_bytes() ((void)0)

GCXI_INLINE uint64_t gcxi_load_bytes(const uint8_t *p)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++)
        word |= (uint64_t)gcxi_load_acquire(p + i) << 8 * i;
    return word;
}

GCXI_INLINE const uint8_t *gcxi_find_byte(const uint8_t *p, uint8_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (gcxi_load_acquire(p + i) == value)
            return p + i;
    return NULL;
}

GCXI_INLINE void gcxi_clear_bytes(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        gcxi_store_relaxed(p + i, 0);
}
#else
#define gcxi_acquire_bytes() __atomic_thread_fence(__ATOMIC_ACQUIRE)

GCXI_INLINE uint64_t gcxi_load_bytes(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word);
}

GCXI_INLINE const uint8_t *gcxi_find_byte(const uint8_t *p, uint8_t value, size_t n)
{
    return memchr(p, value, n);
}

GCXI_INLINE void gcxi_clear_bytes(uint8_t *p, size_t n)
{
    memset(p, 0, n);
}
#endif

GCXI_INLINE void gcxi_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
