/* weak.h -- weak and toggle references.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_TRACE_WEAK_H
#define GCXI_TRACE_WEAK_H

#include "trace/mark.h"

enum gcxi_weak_flag {
    GCXI_WEAK_LONG = 1,   /* outlives finalization */
    GCXI_WEAK_STRONG = 2, /* a toggle reference that holds its target */
    GCXI_WEAK_TOGGLE = 4  /* one that may */
};

/* An object of kind GCXI_WEAK. The target never changes but to 0. */
struct gcx_weak {
    uintptr_t target;
    uint64_t flags;
};

/* Both with the world stopped, after marking: zeroes the references to objects
 * that are not marked, the short or the long ones. */
void gcxi_weak_clear(bool is_minor, bool is_long);

/* Scans one. Mark worker. */
void gcxi_weak_scan(struct gcxi_marker *m, const struct gcx_weak *weak);

/* Calls visit for every live object of one of the library's own kinds, or for
 * those in blocks with young objects. World stopped, after marking. */
void gcxi_each_live(enum gcxi_kind kind, bool is_minor, void (*visit)(void *object, void *arg),
                    void *arg);

/* The object that holds addr, which is in one, was reached in this cycle or is
 * old. World stopped. Hot. */
GCXI_INLINE bool gcxi_is_marked(uintptr_t addr)
{
    const struct gcxi_block *block = gcxi_unit_block(gcxi_addr_unit(addr));
    return gcxi_mark_is_kept(block->marks[gcxi_block_slot(block, addr - gcxi_block_addr(block))]);
}

#endif
