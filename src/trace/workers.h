/* workers.h -- several threads marking together.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_TRACE_WORKERS_H
#define GCXI_TRACE_WORKERS_H

#include "base/atomic.h"
#include "trace/mark.h"

#define GCXI_POOL_BATCH 1024u
#define GCXI_WORKERS_MAX 64u

/* The collecting thread's own marker; NULL before gcxi_workers_init. */
extern struct gcxi_marker *gcxi_marker;

/* Sets how many markers work at most, the collecting thread's included; maps
 * its stack at the first call. 0, or -1 with errno. */
int gcxi_workers_init(unsigned workers);
unsigned gcxi_workers_count(void);

/* Starts helper threads if a cycle wanted them and fewer run. Thread creation
 * uses malloc: not with the world stopped, and the caller counts as stopped. */
void gcxi_workers_start_threads(void);

/* A source of further work: pushes some for the worker whose stack is empty, or
 * returns false when there is no more. Called by all workers at once. */
typedef bool gcxi_feed(struct gcxi_marker *m);

bool gcxi_feed_nothing(struct gcxi_marker *m);

/* Marks until nothing is left, of the feed neither; alone while there is little
 * and with all workers otherwise. */
void gcxi_workers_drain(gcxi_feed *feed);

/* In a forked child: no helper is left. */
void gcxi_workers_reset_after_fork(void);

extern uint32_t gcxi_pool_hungry;

/* Some worker has nothing to do. Hot. */
GCXI_INLINE bool gcxi_pool_is_hungry(void)
{
    return gcxi_load_relaxed(&gcxi_pool_hungry) != 0;
}

/* Takes n <= GCXI_POOL_BATCH entries of a mark stack for others; false if the
 * pool is full. */
bool gcxi_pool_give(const uintptr_t *entries, size_t n);

#endif
