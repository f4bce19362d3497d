/* tracked.h -- the root ranges of which the kernel tells what was written: which they
 * are, and what is known of each. What is done with it: gc/statics.c.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_TRACKED_H
#define GCXI_GC_TRACKED_H

#include "base/lock.h"
#include "heap/geometry.h"

#define GCXI_CHUNK_BYTES GCXI_UNIT

/* In gcxi_tracked.rest: never armed again. */
#define GCXI_REST_EVER 255u

enum gcxi_tracked_source { GCXI_TRACKED_PROGRAM, GCXI_TRACKED_LIBRARY, GCXI_TRACKED_ADDED };

struct gcxi_tracked {
    uintptr_t lo, hi;   /* whole pages */
    uintptr_t whole_hi; /* chunks that begin below it are read whole when they are armed */
    enum gcxi_tracked_source source;
    uint32_t chunks;
    uint32_t next_pending; /* where the search in pending goes on */
    size_t tables_bytes;
    uint8_t *armed;   /* per chunk; begins the tables */
    uint8_t *rest;    /* per chunk: cycles left until it is armed */
    uint8_t *level;   /* per chunk: how long the next rest is */
    uint8_t *pending; /* per chunk: to be read beside the program */
    uint8_t *written; /* per page: since the last cycle */
    uint8_t *owed;    /* per page: to be read once more */
};

/* By address, and none overlaps another. The heap lock; changes with the world running
 * also gcxi_tracked_lock. */
struct gcxi_tracked_list {
    struct gcxi_tracked *ranges; /* mapped */
    size_t count;
    size_t page_bytes; /* valid once there was a range, as the rest */
    size_t chunk_pages;
    uint64_t fault_ns; /* first write to an armed page */
    bool is_dear;      /* that is much */
};
extern struct gcxi_tracked_list gcxi_tracked;

/* Whoever reads a range beside the program holds it, so that the range stays. */
extern struct gcxi_lock gcxi_tracked_lock;

/* Whether any are wanted, and page tracking was asked for by name. */
void gcxi_tracked_init(bool is_wanted, bool is_chosen);

/* At each stop, for what modules there are. World stopped. */
void gcxi_tracked_refresh_stw(void);

/* As gcxi_roots_add and gcxi_roots_remove, tracking what is large. Heap lock. */
int gcxi_tracked_add_root(uintptr_t lo, uintptr_t hi);
int gcxi_tracked_remove_root(uintptr_t lo, uintptr_t hi);

/* In a forked child: nothing is tracked until the next cycle. */
void gcxi_tracked_reset_after_fork(void);

/* The first that ends past the address; the end of the list if none does. */
struct gcxi_tracked *gcxi_tracked_from(uintptr_t addr);
GCXI_INLINE struct gcxi_tracked *gcxi_tracked_end(void)
{
    return gcxi_tracked.ranges + gcxi_tracked.count;
}

GCXI_INLINE uintptr_t gcxi_chunk_addr(const struct gcxi_tracked *r, uint32_t chunk)
{
    return gcxi_min(r->lo + (uintptr_t)chunk * GCXI_CHUNK_BYTES, r->hi);
}

/* In the tables that are by pages. */
GCXI_INLINE size_t gcxi_chunk_page(uint32_t chunk)
{
    return chunk * gcxi_tracked.chunk_pages;
}

#endif
