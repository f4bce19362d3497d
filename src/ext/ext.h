/* ext.h -- what the parts built on the public headers share.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_EXT_EXT_H
#define GCXI_EXT_EXT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gcx/detail/extend.h>
#include <gcx/gcx.h>

#define GCXI_EXT_LIKELY(x) __builtin_expect(!!(x), 1)
#define GCXI_EXT_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define GCXI_EXT_COLD __attribute__((cold, noinline))
#define GCXI_EXT_NOINLINE __attribute__((noinline))
#define GCXI_EXT_INLINE static inline __attribute__((always_inline))
#define GCXI_EXT_TLS __thread __attribute__((tls_model("initial-exec")))

/* The explicit barrier for a pointer that was stored already, by an atomic
 * operation say. A collection in between finds value in a register. */
GCXI_EXT_INLINE void gcxi_ext_note(const void *slot, const void *value)
{
    uintptr_t offset = (uintptr_t)slot - gcx_detail_cards.base;
    if (GCXI_EXT_UNLIKELY(offset < gcx_detail_cards.size)) {
        *(volatile uint8_t *)&gcx_detail_cards.card[offset >> GCX_DETAIL_LG_CARD] = 1;
        *(volatile uint8_t *)&gcx_detail_cards.block[offset >> GCX_DETAIL_LG_BLOCK] = 1;
    }
    if (GCXI_EXT_UNLIKELY(__atomic_load_n(&gcx_detail_cards.scopes, __ATOMIC_RELAXED) != 0))
        gcx_detail_scope_store(slot, value);
    gcx_keep_alive(value);
}

/* The same for an object of which many words were or will be stored, before
 * this thread allocates. */
GCXI_EXT_INLINE void gcxi_ext_note_all(const void *obj)
{
    if (GCXI_EXT_UNLIKELY(gcx_detail_cards.size != 0))
        gcx_dirty(obj);
}

/* a + b and a * b; false if that overflows or is more than an object can hold. */
GCXI_EXT_INLINE bool gcxi_ext_add(size_t a, size_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum) && *sum < PTRDIFF_MAX;
}

GCXI_EXT_INLINE bool gcxi_ext_mul(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product) && *product < PTRDIFF_MAX;
}

#endif
