/* alloc_layer.h -- the one set of names under which workloads allocate.
 *
 * A workload is one source file, compiled once per peer with one of
 * -DPEER_GCX, -DPEER_BOEHM, -DPEER_BOEHM_TUNED or -DPEER_MALLOC. mimalloc and
 * jemalloc are the malloc build linked to those libraries. The peer's own
 * header, in bench/peers, defines:
 *
 *   ALLOC(size)          zeroed, scanned for pointers
 *   ALLOC_INIT(size)     the same for an object of which the caller writes every
 *                        byte before it allocates again: malloc, not calloc
 *   ALLOC_NOSCAN(size)   holds no pointers, contents undefined
 *   FREE(ptr)            nothing at all for a collector
 *   STORE(obj, slot, value)  *slot = value; slot lies in obj. A write barrier in
 *                        the gcx build with -DBARRIER, a plain store elsewhere
 *   PEER_FREES           1 if memory comes back by FREE only
 *   peer_init()          first thing in main
 *   peer_thread_begin/end()  first and last thing in every further thread
 *   peer_thread_create() pthread_create as the peer wants it
 *   peer_collect()       a full collection, if there is such a thing
 *   peer_get_stats()     fills a struct peer_stats
 *
 * Each peer is used as its manual asks for. A plain store is used for the
 * pointers that a program writes into an object it has just allocated and that
 * are older than that object: a barrier has nothing to remember there.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_BENCH_ALLOC_LAYER_H
#define GCX_BENCH_ALLOC_LAYER_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* What a peer tells of its collections; 0 where it does not. */
struct peer_stats {
    uint64_t cycles;
    uint64_t minor_cycles;
    uint64_t full_cycles;
    uint64_t pause_max_ns;
    uint64_t minor_pause_max_ns;
    uint64_t full_pause_max_ns;
    uint64_t pause_total_ns;
    uint64_t heap_peak_bytes;
    uint64_t meta_bytes;
};

#include "harness.h"

#if defined(PEER_GCX)
#include "../peers/peer_gcx.h"
#elif defined(PEER_BOEHM)
#include "../peers/peer_boehm.h"
#elif defined(PEER_BOEHM_TUNED)
#include "../peers/peer_boehm_tuned.h"
#elif defined(PEER_MALLOC)
#include "../peers/peer_malloc.h"
#else
#error "define PEER_GCX, PEER_BOEHM, PEER_BOEHM_TUNED or PEER_MALLOC"
#endif

/* What a thread of a workload does, between the peer's begin and end. */
struct peer_task {
    void (*run)(void *arg);
    void *arg;
};

static inline void *peer_task_main(void *arg)
{
    struct peer_task *task = arg;
    peer_thread_begin();
    task->run(task->arg);
    peer_thread_end();
    return NULL;
}

enum { PEER_THREADS_MAX = 64 };

/* Runs n tasks at once and waits for them; a single one on the caller itself.
 * tasks must not lie in memory of the peer. */
static inline void peer_run_tasks(struct peer_task *tasks, unsigned n)
{
    pthread_t threads[PEER_THREADS_MAX];
    if (n == 1) {
        tasks[0].run(tasks[0].arg);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        if (peer_thread_create(&threads[i], peer_task_main, &tasks[i]) != 0)
            bench_die("cannot create a thread");
    }
    for (unsigned i = 0; i < n; i++)
        peer_thread_join(threads[i]);
}

/* The end of every workload: its line of results. Further figures go between
 * with bench_metric; bench_result_end closes the line. */
static inline void bench_result_begin(uint64_t elapsed_ns, uint64_t ops, uint64_t checksum,
                                      const struct peer_stats *stats)
{
    printf("result elapsed_ns=%" PRIu64 " ops=%" PRIu64 " checksum=%016" PRIx64, elapsed_ns, ops,
           checksum);
    bench_metric("cycles", stats->cycles);
    bench_metric("minor_cycles", stats->minor_cycles);
    bench_metric("full_cycles", stats->full_cycles);
    bench_metric("pause_max_us", stats->pause_max_ns / 1000);
    bench_metric("minor_pause_max_us", stats->minor_pause_max_ns / 1000);
    bench_metric("full_pause_max_us", stats->full_pause_max_ns / 1000);
    bench_metric("pause_total_us", stats->pause_total_ns / 1000);
    bench_metric("heap_peak_kb", stats->heap_peak_bytes / 1024);
    bench_metric("meta_kb", stats->meta_bytes / 1024);
}

#endif
