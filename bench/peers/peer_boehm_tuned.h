/* peer_boehm_tuned.h -- the Boehm collector as its experts use it: interior
 * pointers off in the heap, so that no object is padded by a byte, and free
X *
 * The lists stand in static data, which the collector scans; thread-local
 * storage of the main thread it would not. A thread takes one set of them and
 * empties it when it ends.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_BENCH_PEER_BOEHM_TUNED_H
#define GCX_BENCH_PEER_BOEHM_TUNED_H

#include "peer_boehm_common.h"

#include <gc/gc_inline.h>
#include <stdatomic.h>

#define ALLOC(size) peer_alloc(size)
#define ALLOC_INIT(size) peer_alloc(size)
#define ALLOC_NOSCAN(size) GC_MALLOC_ATOMIC(size)

enum { PEER_LISTS_MAX = 65 };

struct peer_lists {
    void *scan[GC_TINY_FREELISTS];
};

static struct peer_lists peer_all_lists[PEER_LISTS_MAX];
static atomic_uint peer_lists_taken;
static __thread struct peer_lists *peer_lists;

static inline void *peer_alloc(size_t size)
{
    void *result;
    size_t granules = (size + GC_GRANULE_BYTES - 1) / GC_GRANULE_BYTES;
    GC_FAST_MALLOC_GRANS(result, granules, peer_lists->scan, 0, GC_I_NORMAL, GC_malloc(size),
                         *(void **)result = NULL);
    return result;
}

static inline void peer_thread_begin(void)
{
    unsigned at = atomic_fetch_add_explicit(&peer_lists_taken, 1, memory_order_relaxed);
    if (at >= PEER_LISTS_MAX)
        bench_die("too many threads");
    peer_lists = &peer_all_lists[at];
}

static inline void peer_thread_end(void)
{
    memset(peer_lists, 0, sizeof *peer_lists);
}

static inline void peer_init(void)
{
    GC_set_all_interior_pointers(0);
    GC_INIT();
    GC_set_on_collection_event(peer_on_event);
    peer_thread_begin();
}

#endif
