/* peer_boehm_common.h -- what both uses of the Boehm collector share.
 *
 * GC_THREADS makes <gc/gc.h> redirect pthread_create and pthread_join. The pause
 * is taken between the collector's events around stopping and restarting the
 * world; the events come with its lock held, so the figures need none.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_BENCH_PEER_BOEHM_COMMON_H
#define GCX_BENCH_PEER_BOEHM_COMMON_H

#define GC_THREADS
#include <gc/gc.h>

#define PEER_FREES 0
#define FREE(ptr) ((void)(ptr))
#define STORE(obj, slot, value) (*(slot) = (value))

struct peer_pauses {
    uint64_t begin_ns;
    uint64_t max_ns;
    uint64_t total_ns;
};

static struct peer_pauses peer_pauses;

static inline void peer_on_event(GC_EventType event)
{
    if (event == GC_EVENT_PRE_STOP_WORLD) {
        peer_pauses.begin_ns = bench_now_ns();
    } else if (event == GC_EVENT_POST_START_WORLD) {
        uint64_t pause_ns = bench_now_ns() - peer_pauses.begin_ns;
        peer_pauses.total_ns += pause_ns;
        if (pause_ns > peer_pauses.max_ns)
            peer_pauses.max_ns = pause_ns;
    }
}

static inline int peer_thread_create(pthread_t *thread, void *(*start)(void *), void *arg)
{
    return pthread_create(thread, NULL, start, arg);
}

static inline void peer_thread_join(pthread_t thread)
{
    pthread_join(thread, NULL);
}

static inline void peer_collect(void)
{
    GC_gcollect();
}

static inline void peer_get_stats(struct peer_stats *stats)
{
    *stats = (struct peer_stats){
        .cycles = GC_get_gc_no(),
        .full_cycles = GC_get_gc_no(),
        .pause_max_ns = peer_pauses.max_ns,
        .full_pause_max_ns = peer_pauses.max_ns,
        .pause_total_ns = peer_pauses.total_ns,
        .heap_peak_bytes = GC_get_heap_size(),
    };
}

#endif
