/* peer_boehm.h -- the Boehm collector as most programs use it: the library's
 * defaults, its ordinary calls. GC_MARKERS in the environment sets how many
 * threads mark; unset, as many as there are cores.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_BENCH_PEER_BOEHM_H
#define GCX_BENCH_PEER_BOEHM_H

#include "peer_boehm_common.h"

#define ALLOC(size) GC_MALLOC(size)
#define ALLOC_INIT(size) GC_MALLOC(size)
#define ALLOC_NOSCAN(size) GC_MALLOC_ATOMIC(size)

static inline void peer_init(void)
{
    GC_INIT();
    GC_set_on_collection_event(peer_on_event);
}

static inline void peer_thread_begin(void)
{
}

static inline void peer_thread_end(void)
{
}

#endif
