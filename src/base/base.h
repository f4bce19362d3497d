/* base.h -- what every file of the library may use: attributes, small
 * arithmetic and the checks.
 *
 * GCXI_ASSERT states what a caller must ensure; it costs nothing unless
 * GCXI_CHECKED is 1 (the stress and sanitizer builds).
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_BASE_H
#define GCXI_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef GCXI_CHECKED
#define GCXI_CHECKED 0
#endif

#define GCXI_LIKELY(x) __builtin_expect(!!(x), 1)
#define GCXI_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define GCXI_HOT __attribute__((hot))
#define GCXI_COLD __attribute__((cold, noinline))
#define GCXI_NOINLINE __attribute__((noinline))
#define GCXI_INLINE static inline __attribute__((always_inline))
#define GCXI_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

/* Conservative scanning reads whatever lies on stacks and in data segments. */
#define GCXI_NO_SANITIZE __attribute__((no_sanitize("address", "thread", "undefined")))

#define GCXI_KIB ((size_t)1024)
#define GCXI_MIB (1024 * GCXI_KIB)
#define GCXI_GIB (1024 * GCXI_MIB)

/* Prints "gcx: " and the message on stderr, without stdio or malloc; safe with
 * the world stopped and in signal handlers (formats %s %d %u %zu %lu %p %x
 * only). A line is cut at 512 bytes. */
void gcxi_report(const char *format, ...) GCXI_PRINTF(1, 2);

/* Reports and ends the process: only for damage to the collector itself. */
_Noreturn void gcxi_panic(const char *file, int line, const char *what);

#define GCXI_ASSERT(condition)                           \
    do {                                                 \
        if (GCXI_CHECKED && GCXI_UNLIKELY(!(condition))) \
            gcxi_panic(__FILE__, __LINE__, #condition);  \
    } while (0)

GCXI_INLINE uintptr_t gcxi_align_up(uintptr_t value, uintptr_t align)
{
    return (value + align - 1) & ~(align - 1);
}

GCXI_INLINE uintptr_t gcxi_align_down(uintptr_t value, uintptr_t align)
{
    return value & ~(align - 1);
}

GCXI_INLINE bool gcxi_is_pow2(size_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

GCXI_INLINE size_t gcxi_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

GCXI_INLINE size_t gcxi_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

#endif
