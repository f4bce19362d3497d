/* pool.h -- objects kept for reuse, as Go's sync.Pool, with limits and checks.
 *
 *     static gcx_pool *pool;
 *     struct gcx_pool_options o = GCX_POOL_OPTIONS_DEFAULT;
 *     o.create = make_request;
 *     pool = gcx_pool_create(&o);
 *     struct request *r = gcx_pool_get(pool);
 *     ...
 *     gcx_pool_put(pool, r);
 *
 * A pool is a cache and not a store: what is in it may go at any full cycle.
 * An item that is not taken out again survives one full cycle in the pool and
 * is gone after the second. So a pool grows with the load, and shrinks by
 * itself when the load is over. Minor cycles take nothing from it.
 *
 * Each thread has a place of its own for one item and a stack beside it; a
 * thread that finds nothing there takes the oldest of another thread's stack.
 * There is no lock. What a thread left behind when it ended, others take.
 *
 * A pool is a collected object itself: a pointer to it must be kept, it need
 * not be destroyed, and a pool that was dropped goes with its items within
 * generations + 2 full cycles; gcx_free leaves it to that. Items may be
 * anything: collected objects, which the pool keeps alive, or addresses from
 * elsewhere, for which `size` and `destroy` should be set.
 *
 * With GCX_CHECK=1 every item is recorded, and these are refused and reported
 * with both places in the source: an item put twice, an item of one pool put
 * into another; and an item written to after it was put, when it is taken out.
 * In other runs only an item put twice in a row by one thread is noticed; a
 * wrong put then means that two callers get the same item.
 *
 * Example: examples/pool.c
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_POOL_H
#define GCX_POOL_H

#include <gcx/gcx.h>
#include <gcx/detail/extend.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gcx_pool gcx_pool;

/* Start from GCX_POOL_OPTIONS_DEFAULT. Hooks are called without any lock held,
 * by the thread that calls the pool; they may use the pool. */
struct gcx_pool_options {
    size_t struct_bytes;                    /* sizeof(struct gcx_pool_options) */
    void *(*create)(void *arg);             /* get found nothing; NULL: get gives NULL */
    void (*reset)(void *item, void *arg);   /* at put, before the item is visible */
    void (*destroy)(void *item, void *arg); /* the pool lets go of the item; see below */
    size_t (*size)(void *item, void *arg);  /* bytes of an item; NULL: gcx_size */
    void *arg;                              /* for the hooks; kept alive */
    const char *name;                       /* for reports; kept, not copied; or NULL */
    size_t max_items;                       /* most items cached; 0 = no limit. Threads
                                                 that have taken items out may keep up
                                                 to a quarter of it for these */
    size_t max_bytes;                       /* most bytes cached; 0 = no limit */
    size_t max_retain_bytes;                /* an item larger than this is dropped at
                                                 put; 0 = no limit */
    unsigned generations;                   /* full cycles that an unused item survives,
                                                 1 to 8; 0 = 1, as in Go */
};
#define GCX_POOL_OPTIONS_DEFAULT                                       \
    {                                                                  \
        sizeof(struct gcx_pool_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0u \
    }

/* A fresh pool; NULL opts takes the defaults. NULL with EINVAL for a field out
 * of range, ENOMEM. [collects] */
GCX_API gcx_pool *gcx_pool_create(const struct gcx_pool_options *opts);

/* An item: the one this thread put last in its own place, else the newest of
 * its stack, else another thread's oldest, else one left from before the last
 * full cycle, else what create returns. NULL if there is none, and with EINVAL
 * if pool is NULL or destroyed. About 2 ns when this thread has one.
 * [collects] only through create. */
GCX_API void *gcx_pool_get(gcx_pool *pool);

/* Gives an item back; the caller must not touch it afterwards. Returns 0, also
 * if a limit made the pool drop it: then destroy was called. NULL is a no-op.
 * -1 with EINVAL, and a report, for misuse that was noticed; the item is then
 * still the caller's. Out of memory drops the item. [collects] */
GCX_API int gcx_pool_put(gcx_pool *pool, void *item);

/* Lets go of all items, calling destroy for each; later gets give NULL and
 * later puts fail. Optional. NULL or twice is a no-op. No other thread may be
 * inside a call with this pool. */
GCX_API void gcx_pool_destroy(gcx_pool *pool);

/* Counters since the pool was created; exact while no other thread is inside a
 * call with this pool. gets == hits + steals + victim_hits + misses. */
struct gcx_pool_stats {
    size_t struct_bytes;  /* in: sizeof(struct gcx_pool_stats) or 0 */
    uint64_t hits;        /* from the thread's own place or stack */
    uint64_t steals;      /* from another thread's stack */
    uint64_t victim_hits; /* put before the last full cycle */
    uint64_t misses;      /* nothing there */
    uint64_t news;        /* misses for which create made an item */
    uint64_t puts;        /* items cached */
    uint64_t drops;       /* items not cached, by a limit or for lack of memory */
    uint64_t items;       /* cached now */
    uint64_t bytes;       /* cached now, if max_bytes was set; else 0 */
};

/* Fills *stats; NULL arguments are ignored. */
GCX_API void gcx_pool_get_stats(gcx_pool *pool, struct gcx_pool_stats *stats);

/* When destroy is called: at put for an item that a limit keeps out; in
 * gcx_pool_destroy; and for an item that was not used for too long, at the next
 * call for this pool that has to look further than the thread's own place, or
 * at the end of gcx_collect. Such items are released one full cycle later. An
 * item of a pool that was dropped without gcx_pool_destroy gets no call if it
 * is not the program but the collector that ends them together. */

/* ---- Buffers by size ----------------------------------------------------- */

/* At least size bytes that are never scanned, from pools that the process
 * shares, one per power of two from 64 bytes to 4 MiB; not zeroed. Larger ones
 * are allocated. NULL with ENOMEM. [collects]
 * Example: examples/bufpool.c */
GCX_API void *gcx_bufpool_get(size_t size);

/* Gives a buffer back, to the pool of the largest power of two that it holds;
 * one above 4 MiB is released at once. Any collected object will do that holds
 * 64 bytes and that nobody uses any more. NULL is a no-op. 0, or -1 with EINVAL
 * and a report if buf is not the start of an object. */
GCX_API int gcx_bufpool_put(void *buf);

/* The counters of all buffer pools together; bytes counts what is cached. */
GCX_API void gcx_bufpool_get_stats(struct gcx_pool_stats *stats);

/* ---- Behind the names ---------------------------------------------------- */

/* get and put with the place in the source, a string that stays: for reports. */
GCX_API void *gcx_pool_get_at(gcx_pool *pool, const char *site);
GCX_API int gcx_pool_put_at(gcx_pool *pool, void *item, const char *site);
#define gcx_pool_get(pool) gcx_pool_get_at((pool), GCX_DETAIL_SITE)
#define gcx_pool_put(pool, item) gcx_pool_put_at((pool), (item), GCX_DETAIL_SITE)

#ifdef __cplusplus
}
#endif
#endif
