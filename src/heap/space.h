/* space.h -- address space: the reservation, its two zones, free spans.
 *
 * Scanned and noscan blocks live in different halves of the reservation, so
 * that written pages are tracked in long ranges and noscan memory is never
 * write-protected. All under the heap lock unless said otherwise.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_HEAP_SPACE_H
#define GCXI_HEAP_SPACE_H

#include "base/base.h"
#include "base/lock.h"
#include "heap/block.h"

extern struct gcxi_lock gcxi_heap_lock;

enum gcxi_zone_index { GCXI_ZONE_SCAN, GCXI_ZONE_NOSCAN, GCXI_ZONES };

/* Reserves about bytes (0: what suits the machine; smaller where the address
 * space is limited) and the tables. 0, or -1 with ENOMEM. */
int gcxi_space_init(size_t bytes);

/* A span of units whose address is a multiple of align (at most 1 MiB) in that
 * zone; 0 if none can be had, without may_grow if no free span fits. *is_zero:
 * all its memory reads as zero. */
uint32_t gcxi_span_alloc(enum gcxi_zone_index zone, uint32_t units, size_t align, bool may_grow,
                         bool *is_zero);
void gcxi_span_free(enum gcxi_zone_index zone, uint32_t unit, uint32_t units);

/* Gives the memory of all free spans of the zone back to the system. Returns
 * bytes given back. */
size_t gcxi_space_purge(enum gcxi_zone_index zone);

/* The same, from the largest spans of both zones, until so much is
 * purged or nothing is left. Returns bytes. */
size_t gcxi_space_purge_some(size_t bytes);

/* Units [first, end) are all that were ever used in the zone. */
uint32_t gcxi_zone_first(enum gcxi_zone_index zone);
uint32_t gcxi_zone_end(enum gcxi_zone_index zone);

/* Bytes; any thread, without the lock. */
size_t gcxi_space_committed_bytes(void); /* in blocks, or free and not purged */
size_t gcxi_space_free_bytes(void);      /* of those, free */
size_t gcxi_space_peak_bytes(void);

GCXI_INLINE size_t gcxi_space_used_bytes(void)
{
    return gcxi_space_committed_bytes() - gcxi_space_free_bytes();
}

/* Hard maximum of committed bytes; SIZE_MAX for none. */
void gcxi_space_set_max(size_t bytes);
size_t gcxi_space_max(void);

/* Zones smaller than that use no huge pages: they may cost memory that is not
 * used yet. Set before the heap grows. */
void gcxi_space_set_huge_from(size_t bytes);

/* Called when the heap grows, lock held: hook of the event listener. */
void gcxi_space_on_grow(void (*hook)(size_t committed_bytes));

/* Before memory is allocated from, or purged: its writes need no tracking any
 * more. Calls the hook of the dirty set, which knows how. */
void gcxi_space_disarm(uint32_t unit, uint32_t units);
void gcxi_space_on_disarm(void (*hook)(uint32_t unit, uint32_t units));

#endif
