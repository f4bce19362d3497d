/* peer_malloc.h -- malloc and free, of whichever library is linked.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_BENCH_PEER_MALLOC_H
#define GCX_BENCH_PEER_MALLOC_H

#include <stdlib.h>

#define PEER_FREES 1
#define ALLOC(size) calloc(1, (size))
#define ALLOC_INIT(size) malloc(size)
#define ALLOC_NOSCAN(size) malloc(size)
#define FREE(ptr) free(ptr)
#define STORE(obj, slot, value) (*(slot) = (value))

static inline void peer_init(void)
{
}

static inline void peer_thread_begin(void)
{
}

static inline void peer_thread_end(void)
{
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
}

static inline void peer_get_stats(struct peer_stats *stats)
{
    *stats = (struct peer_stats){0};
}

#endif
