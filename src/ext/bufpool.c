/* bufpool.c -- pools of buffers, one per power of two; see gcx/pool.h.
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/pool.h>

#include "ext/ext.h"

enum { BUFPOOL_LG_FIRST = 6, BUFPOOL_LG_LAST = 22 };
#define BUFPOOL_CLASSES (BUFPOOL_LG_LAST - BUFPOOL_LG_FIRST + 1)

static gcx_pool *bufpool_classes[BUFPOOL_CLASSES]; /* made when first needed */

/* Position of the highest bit; bytes is not 0. */
static unsigned lg_floor(size_t bytes)
{
    return 63u - (unsigned)__builtin_clzll(bytes);
}

/* The first to store a pool for the class wins. */
static GCXI_EXT_COLD gcx_pool *class_create(gcx_pool **place)
{
    struct gcx_pool_options options = GCX_POOL_OPTIONS_DEFAULT;
    options.name = "buffers";
    gcx_pool *found = NULL;
    gcx_pool *fresh = gcx_pool_create(&options);
    if (fresh == NULL)
        return NULL;
    return __atomic_compare_exchange_n(place, &found, fresh, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE)
               ? fresh
               : found;
}

static gcx_pool *class_pool(unsigned lg)
{
    gcx_pool **place = &bufpool_classes[lg - BUFPOOL_LG_FIRST];
    gcx_pool *pool = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    return pool != NULL ? pool : class_create(place);
}

void *gcx_bufpool_get(size_t size)
{
    unsigned lg = size <= (1u << BUFPOOL_LG_FIRST) ? BUFPOOL_LG_FIRST : lg_floor(size - 1) + 1;
    if (lg > BUFPOOL_LG_LAST)
        return gcx_alloc_noscan(size);
    gcx_pool *pool = class_pool(lg);
    void *buf = pool != NULL ? gcx_pool_get_at(pool, "gcx_bufpool_get") : NULL;
    return buf != NULL ? buf : gcx_alloc_noscan((size_t)1 << lg);
}

int gcx_bufpool_put(void *buf)
{
    if (buf == NULL)
        return 0;
    size_t bytes;
    if (gcx_detail_object(buf, &bytes) != buf) {
        gcx_detail_error("gcx_bufpool_put of %p: not the start of an object", buf);
        errno = EINVAL;
        return -1;
    }
    unsigned lg = lg_floor(bytes);
    if (lg < BUFPOOL_LG_FIRST)
        return 0;
    if (lg > BUFPOOL_LG_LAST) {
        gcx_free(buf);
        return 0;
    }
    gcx_pool *pool = class_pool(lg);
    return pool != NULL ? gcx_pool_put_at(pool, buf, "gcx_bufpool_put") : 0;
}

void gcx_bufpool_get_stats(struct gcx_pool_stats *stats)
{
    struct gcx_pool_stats sum = {.struct_bytes = sizeof sum};
    if (stats == NULL)
        return;
    for (unsigned i = 0; i < BUFPOOL_CLASSES; i++) {
        struct gcx_pool_stats one = {.struct_bytes = sizeof one};
        gcx_pool_get_stats(__atomic_load_n(&bufpool_classes[i], __ATOMIC_ACQUIRE), &one);
        sum.hits += one.hits;
        sum.steals += one.steals;
        sum.victim_hits += one.victim_hits;
        sum.misses += one.misses;
        sum.puts += one.puts;
        sum.drops += one.drops;
        sum.items += one.items;
        sum.bytes += one.items << (i + BUFPOOL_LG_FIRST);
    }
    *stats = sum;
}
