/* peer_gcx.h -- libgcx. With -DBARRIER the program promises gcx_store; else
 * GCX_BARRIER in the environment chooses: page tracking, or full cycles only.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_BENCH_PEER_GCX_H
#define GCX_BENCH_PEER_GCX_H

#include <gcx/gcx.h>

#define PEER_FREES 0
#define ALLOC(size) gcx_alloc(size)
#define ALLOC_INIT(size) gcx_alloc(size)
#define ALLOC_NOSCAN(size) gcx_alloc_noscan(size)
#define FREE(ptr) ((void)(ptr))

#ifdef BARRIER
#define PEER_BARRIER GCX_BARRIER_EXPLICIT
#define STORE(obj, slot, value) gcx_store((obj), (void **)(void *)(slot), (value))
#else
#define PEER_BARRIER GCX_BARRIER_AUTO
#define STORE(obj, slot, value) (*(slot) = (value))
#endif

static inline void peer_init(void)
{
    struct gcx_options options = GCX_OPTIONS_DEFAULT;
    options.barrier = PEER_BARRIER;
    if (gcx_init(&options) != 0)
        bench_die("gcx_init failed");
}

static inline void peer_thread_begin(void)
{
}

static inline void peer_thread_end(void)
{
}

static inline int peer_thread_create(pthread_t *thread, void *(*start)(void *), void *arg)
{
    return gcx_thread_create(thread, NULL, start, arg);
}

static inline void peer_thread_join(pthread_t thread)
{
    pthread_join(thread, NULL);
}

static inline void peer_collect(void)
{
    gcx_collect(GCX_FULL);
}

static inline void peer_get_stats(struct peer_stats *stats)
{
    struct gcx_stats from = {.struct_bytes = sizeof from};
    gcx_get_stats(&from);
    *stats = (struct peer_stats){
        .cycles = from.minor_cycles + from.full_cycles,
        .minor_cycles = from.minor_cycles,
        .full_cycles = from.full_cycles,
        .pause_max_ns = from.pause_max_ns,
        .minor_pause_max_ns = from.minor_pause_max_ns,
        .full_pause_max_ns = from.full_pause_max_ns,
        .pause_total_ns = from.pause_total_ns,
        .heap_peak_bytes = from.peak_heap_bytes,
        .meta_bytes = from.meta_bytes,
    };
}

#endif
