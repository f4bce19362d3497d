/* lock.h -- mutexes with ranks.
 *
 * A thread takes locks in rising rank only; checked builds prove it on every
 * acquisition. The ranks, lowest first:
 *
 *   GCXI_RANK_LOADER held around the dynamic loader's lock, so that a forked child
 *                    never finds that one taken by a cycle of another thread.
 *   GCXI_RANK_HEAP   the heap lock: everything that is shared between mutators
 *                    and not atomic (free spans, block lists, registered
 *                    threads, roots, settings). A collection holds it from
 *                    before the world stops until after it starts again.
 *   GCXI_RANK_SIDE   side tables and hooks (heap/side.h).
 *   GCXI_RANK_WORK   the mark workers' shared pool.
 *   GCXI_RANK_META   the collector's own tables.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_LOCK_H
#define GCXI_LOCK_H

#include <pthread.h>

#include "base/base.h"

enum gcxi_lock_rank {
    GCXI_RANK_LOADER = 1,
    GCXI_RANK_HEAP,
    GCXI_RANK_SIDE,
    GCXI_RANK_WORK,
    GCXI_RANK_META
};

struct gcxi_lock {
    pthread_mutex_t mutex;
    enum gcxi_lock_rank rank;
};

#define GCXI_LOCK_INIT(rank)            \
    {                                   \
        PTHREAD_MUTEX_INITIALIZER, rank \
    }

void gcxi_lock(struct gcxi_lock *lock);
bool gcxi_lock_try(struct gcxi_lock *lock);
void gcxi_unlock(struct gcxi_lock *lock);

/* In a forked child: the lock is free, whoever held it in the parent. */
void gcxi_lock_reset_after_fork(struct gcxi_lock *lock);

#endif
