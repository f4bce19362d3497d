/* lock.c -- see lock.h. The ranks a thread holds are bits of one word of its
 * own, so the check costs an and and a compare, in checked builds only.
 *
 * SPDX-License-Identifier: MIT */
#include "base/lock.h"

static __thread unsigned held_ranks __attribute__((tls_model("initial-exec")));

static void rank_take(enum gcxi_lock_rank rank)
{
    GCXI_ASSERT(held_ranks >> rank == 0);
    held_ranks |= 1u << rank;
}

void gcxi_lock(struct gcxi_lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
    rank_take(lock->rank);
}

bool gcxi_lock_try(struct gcxi_lock *lock)
{
    if (pthread_mutex_trylock(&lock->mutex) != 0)
        return false;
    rank_take(lock->rank);
    return true;
}

void gcxi_unlock(struct gcxi_lock *lock)
{
    held_ranks &= ~(1u << lock->rank);
    pthread_mutex_unlock(&lock->mutex);
}

/* ThreadSanitizer takes what threads of the parent did before for a race. */
GCXI_NO_SANITIZE void gcxi_lock_reset_after_fork(struct gcxi_lock *lock)
{
    pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
    lock->mutex = fresh;
    held_ranks &= ~(1u << lock->rank);
}
