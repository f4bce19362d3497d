/* bufpool.c -- pools of buffers, one per power of two; see gcx/pool.h.
 *
 * A put must know how large the buffer is. To ask the heap costs as much as the
 * rest, so a thread remembers the class of the buffer it got last. Between two
 * cycles no block changes the size of its slots, so what is remembered is true
 * of whatever lies at that address until a cycle ends. Large objects have no
 * such block and are always asked for.
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/pool.h>

#include <pthread.h>

#include "ext/ext.h"

enum { BUFPOOL_LG_FIRST = 6, BUFPOOL_LG_LAST = 22 };
#define BUFPOOL_LG_BLOCK 15u /* buffers up to here share blocks for sure */
#define BUFPOOL_CLASSES (BUFPOOL_LG_LAST - BUFPOOL_LG_FIRST + 1)

static gcx_pool *bufpool_classes[BUFPOOL_CLASSES]; /* made when first needed */

/* What the thread got last; the address complemented, to keep nothing alive. */
struct bufpool_memo {
    uintptr_t hidden;
    uint32_t cycle;
    uint32_t lg;
};

static GCXI_EXT_TLS struct bufpool_memo bufpool_memo;
static uint32_t bufpool_cycles; /* world stopped to change */
static pthread_once_t bufpool_once = PTHREAD_ONCE_INIT;

static void count_cycle_stw(enum gcx_cycle kind)
{
    (void)kind;
    bufpool_cycles++;
}

static void bufpool_init(void)
{
    static struct gcx_detail_cycle_hook hook = {NULL, count_cycle_stw, NULL, NULL};
    gcx_detail_cycle_hook_add(&hook);
}

static void remember(const void *buf, unsigned lg)
{
    uint32_t cycle = __atomic_load_n(&bufpool_cycles, __ATOMIC_RELAXED);
    bufpool_memo = (struct bufpool_memo){~(uintptr_t)buf, cycle, lg};
    gcx_keep_alive(buf);
}

static bool is_remembered(const void *buf)
{
    return bufpool_memo.hidden == ~(uintptr_t)buf && bufpool_memo.lg <= BUFPOOL_LG_BLOCK &&
           bufpool_memo.cycle == __atomic_load_n(&bufpool_cycles, __ATOMIC_RELAXED);
}

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
    pthread_once(&bufpool_once, bufpool_init);
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
    if (buf == NULL)
        buf = gcx_alloc_noscan((size_t)1 << lg);
    if (buf != NULL && pool != NULL)
        remember(buf, lg);
    return buf;
}

/* The class of the buffer; 0 if it is too small for any, -1 if it is none. */
static int class_of(const void *buf)
{
    size_t bytes;
    if (is_remembered(buf))
        return (int)bufpool_memo.lg;
    if (gcx_detail_object(buf, &bytes) != buf)
        return -1;
    unsigned lg = lg_floor(bytes);
    return lg < BUFPOOL_LG_FIRST ? 0 : (int)lg;
}

int gcx_bufpool_put(void *buf)
{
    int lg = buf != NULL ? class_of(buf) : 0;
    if (lg < 0) {
        gcx_detail_error("gcx_bufpool_put of %p: not the start of an object", buf);
        errno = EINVAL;
        return -1;
    }
    if (lg > BUFPOOL_LG_LAST)
        gcx_free(buf);
    if (lg == 0 || lg > BUFPOOL_LG_LAST)
        return 0;
    gcx_pool *pool = class_pool((unsigned)lg);
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
