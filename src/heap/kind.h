/* kind.h -- what the collector knows of the objects of one kind.
 *
 * A kind is a number that every block carries. The first few are the
 * library's own (block.h); further ones are made by gcx_kind_create and live
 * as long as the process. Because a block holds objects of one kind only, no
 * object has a header.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_HEAP_KIND_H
#define GCXI_HEAP_KIND_H

#include "gcx/gcx.h"
#include "heap/block.h"

/* Constant once gcxi_kind_add has published its number. */
struct gcxi_kind_info {
    gcx_trace_fn *trace;  /* or NULL: by offsets */
    size_t element_bytes; /* offsets repeat at this distance; 0 with trace */
    uint32_t offset_count;
    uint8_t block_kind; /* of its blocks: NOSCAN without pointers, else itself */
    uint32_t *offsets;  /* bytes from the element's start to its pointers */
    uint32_t *avail;    /* per class: blocks with room; heap lock */
    char name[40];
};

/* By number; NULL for the library's own and for those not yet made. */
extern struct gcxi_kind_info *gcxi_kinds[GCXI_KINDS_MAX];

/* Numbers below are in use. Read without a lock. */
extern uint32_t gcxi_kind_count;

/* The next number for a kind of that layout, which is valid. Under the heap
 * lock. 0 with errno: ENOMEM, or ENOSPC when all numbers are taken. */
uint32_t gcxi_kind_add(const struct gcx_kind_layout *layout);

/* The kind's record, or NULL if no kind has that number. Any thread. */
const struct gcxi_kind_info *gcxi_kind_find(uint32_t number);

/* A function of the program's says what its objects lead to. */
GCXI_INLINE bool gcxi_kind_has_trace(unsigned kind)
{
    return kind >= GCXI_KINDS && gcxi_kinds[kind]->trace != NULL;
}

/* Where its blocks lie: apart if the kernel need not track writes to them. */
GCXI_INLINE bool gcxi_kind_is_untracked(unsigned kind)
{
    return kind == GCXI_NOSCAN || kind - GCXI_WEAK < GCXI_KINDS - GCXI_WEAK;
}

#endif
