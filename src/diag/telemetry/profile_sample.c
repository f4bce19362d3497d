/* profile_sample.c -- sampled allocations and what has become of them.
 *
 *   take ---> record: object and bucket, young
 *               |  the end of the next cycle: the bucket counts an allocation
 *               '--> kept: in use, old ---> gone: in use no longer, forgotten
 *
 * Counts are therefore those of the last completed cycle, all of them. A minor
 * cycle looks at the young records only, for it frees nothing old.
 *
 * A sampled object is watched (gcx_free leaves it to the collector), so that
 * its slot cannot hold another object before the cycle that ends its record.
 *
 * P1  A record's object has been allocated and not been freed by a cycle.
 * P2  records [0, old_count) have been counted, the others not.
 * P3  A bucket's numbers change with the world stopped only.
 *
 * Locking: table_lock, held between enter and leave alone: so nobody holds it
 * while the world is stopped, and the hook needs none.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/profile_sample.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "base/parse.h"
#include "base/scatter.h"
#include "diag/telemetry/profile_stack.h"
#include "diag/telemetry/telemetry.h"
#include "gcx/profile.h"
#include "os/vm.h"

#define CHAINS 4096u
#define TABLE_FIRST_BYTES ((size_t)256 * 1024)

struct record {
    uintptr_t object;
    uint64_t bucket;
};

/* A mapped array that doubles. */
struct table {
    void *base;
    size_t capacity_bytes;
    size_t count;
};

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct table records, buckets, pcs;
static size_t old_count;
static uint32_t chains[CHAINS]; /* bucket number + 1 */
static uint64_t sample_rate;
static bool is_rate_set;
static uint64_t random_state = 1;
static __thread bool is_taking __attribute__((tls_model("initial-exec")));

/* ---- Tables ---- */

/* Room for n items more; false without memory. */
static bool table_reserve(struct table *table, size_t n, size_t item_bytes)
{
    size_t wanted = (table->count + n) * item_bytes;
    if (wanted <= table->capacity_bytes)
        return true;
    size_t bytes = table->capacity_bytes != 0 ? table->capacity_bytes * 2 : TABLE_FIRST_BYTES;
    void *base = gcxi_vm_map(bytes);
    if (base == NULL)
        return false;
    if (table->base != NULL) {
        memcpy(base, table->base, table->count * item_bytes);
        gcxi_vm_unmap(table->base, table->capacity_bytes);
    }
    table->base = base;
    table->capacity_bytes = bytes;
    return true;
}

static struct gcxi_profile_bucket *bucket_at(size_t i)
{
    return (struct gcxi_profile_bucket *)buckets.base + i;
}

/* ---- Buckets ---- */

static uint32_t hash_of(const uintptr_t *stack, unsigned depth, uint64_t slot_bytes)
{
    uint64_t hash = slot_bytes * UINT64_C(0x9e3779b97f4a7c15);
    for (unsigned i = 0; i < depth; i++)
        hash = (hash ^ stack[i]) * UINT64_C(0xff51afd7ed558ccd) + (hash >> 29);
    return (uint32_t)(hash >> 32);
}

static bool bucket_is(const struct gcxi_profile_bucket *b, const struct gcxi_profile_bucket *key,
                      const uintptr_t *stack)
{
    return b->hash == key->hash && b->slot_bytes == key->slot_bytes &&
           b->rate_bytes == key->rate_bytes && b->depth == key->depth &&
           memcmp((uintptr_t *)pcs.base + b->stack, stack, b->depth * sizeof *stack) == 0;
}

/* Number of the bucket, or SIZE_MAX without memory for a new one. */
static size_t bucket_find(const struct gcxi_profile_bucket *key, const uintptr_t *stack)
{
    uint32_t *chain = &chains[key->hash % CHAINS];
    for (uint32_t i = *chain; i != 0; i = bucket_at(i - 1)->next)
        if (bucket_is(bucket_at(i - 1), key, stack))
            return i - 1;
    if (!table_reserve(&buckets, 1, sizeof *key) || !table_reserve(&pcs, key->depth, sizeof *stack))
        return SIZE_MAX;
    struct gcxi_profile_bucket *b = bucket_at(buckets.count);
    *b = *key;
    b->stack = (uint32_t)pcs.count;
    b->next = *chain;
    memcpy((uintptr_t *)pcs.base + pcs.count, stack, key->depth * sizeof *stack);
    pcs.count += key->depth;
    gcxi_store_release(chain, (uint32_t)++buckets.count); /* fork: never half made */
    return buckets.count - 1;
}

/* ---- Sampling ---- */

static double uniform(void)
{
    uint64_t x = gcxi_scatter(gcxi_add_relaxed(&random_state, GCXI_SCATTER_STEP));
    return ((double)(x >> 11) + 0.5) * 0x1p-53;
}

static uint64_t sample_gap(void)
{
    uint64_t rate = gcxi_load_relaxed(&sample_rate);
    return rate <= 1 ? 1 : 1 + (uint64_t)(-log(uniform()) * (double)rate);
}

static void record_add(uintptr_t object, const struct gcxi_profile_bucket *key,
                       const uintptr_t *stack)
{
    size_t bucket = bucket_find(key, stack);
    if (bucket == SIZE_MAX || !table_reserve(&records, 1, sizeof(struct record)))
        return;
    struct record *record = (struct record *)records.base + records.count;
    record->object = object;
    record->bucket = bucket;
    gcxi_store_release(&records.count, records.count + 1);
}

static void take(void *object, size_t slot_bytes, const void *site)
{
    uintptr_t stack[GCXI_PROFILE_DEPTH];
    struct gcxi_profile_bucket key = {.slot_bytes = slot_bytes,
                                      .rate_bytes = gcxi_load_relaxed(&sample_rate)};
    key.depth = gcxi_profile_stack(stack, site);
    key.hash = hash_of(stack, key.depth, slot_bytes);
    struct gcxi_mutator *self = gcxi_diag->enter();
    if (self == NULL)
        return;
    if (key.rate_bytes != 0 && gcxi_diag->watch(object)) {
        pthread_mutex_lock(&table_lock);
        record_add((uintptr_t)object, &key, stack);
        pthread_mutex_unlock(&table_lock);
    }
    gcxi_diag->leave(self);
}

/* What unwinding allocates is not sampled. */
static void sample_take(void *object, size_t slot_bytes, const void *site)
{
    int saved_errno = errno;
    if (is_taking)
        return;
    is_taking = true;
    take(object, slot_bytes, site);
    is_taking = false;
    errno = saved_errno;
}

/* ---- Cycles ---- */

static void sample_end_stw(enum gcx_cycle kind)
{
    struct record *all = records.base;
    size_t kept = kind == GCX_MINOR ? old_count : 0;
    for (size_t i = kept; i < records.count; i++) {
        struct gcxi_profile_bucket *bucket = bucket_at(all[i].bucket);
        bool is_old = i < old_count;
        bool is_kept = gcxi_diag->settle_stw((const void *)all[i].object);
        bucket->allocs += !is_old;
        if (is_kept != is_old)
            bucket->inuse += is_kept ? 1 : UINT64_MAX;
        if (is_kept)
            all[kept++] = all[i];
    }
    records.count = old_count = kept;
}

/* ---- Starting, reading ---- */

static const struct gcxi_sampler sampler = {.gap_bytes = sample_gap, .take = sample_take};
static struct gcx_detail_cycle_hook cycle_hook = {.end_stw = sample_end_stw};

/* The thread that held it is not in the child. */
static void unlock_in_child(void)
{
    pthread_mutex_init(&table_lock, NULL);
}

static void start(void)
{
    pthread_atfork(NULL, NULL, unlock_in_child);
    gcxi_diag->hook_add(&cycle_hook);
}

int64_t gcxi_profile_set_rate(int64_t bytes)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (bytes < 0) {
        errno = EINVAL;
        return -1;
    }
    pthread_once(&once, start);
    gcxi_store_relaxed(&is_rate_set, true);
    uint64_t before = __atomic_exchange_n(&sample_rate, (uint64_t)bytes, __ATOMIC_RELAXED);
    gcxi_diag->set_sampler(bytes != 0 ? &sampler : NULL);
    return (int64_t)before;
}

static int64_t rate_of_environment(void)
{
    const char *text = getenv("GCX_PROFILE_RATE");
    int64_t rate;
    if (text == NULL || *text == '\0')
        return GCX_PROFILE_RATE_DEFAULT;
    if (gcxi_parse_bytes(text, &rate))
        return rate;
    gcxi_report("GCX_PROFILE_RATE=%s: expected a size such as 512KiB, or 0; ignored", text);
    return GCX_PROFILE_RATE_DEFAULT;
}

void gcxi_profile_start(void)
{
    if (!gcxi_load_relaxed(&is_rate_set))
        gcxi_profile_set_rate(rate_of_environment());
}

static void *copy(const struct table *table, size_t item_bytes)
{
    void *to = gcxi_vm_map(table->count * item_bytes + 1);
    if (to != NULL && table->count != 0)
        memcpy(to, table->base, table->count * item_bytes);
    return to;
}

bool gcxi_profile_snapshot(struct gcxi_profile_snapshot *s)
{
    struct gcxi_mutator *self = gcxi_diag->enter();
    if (self == NULL)
        return false;
    pthread_mutex_lock(&table_lock);
    s->bucket_count = buckets.count;
    s->pc_count = pcs.count;
    s->buckets = copy(&buckets, sizeof *s->buckets);
    s->pcs = copy(&pcs, sizeof *s->pcs);
    pthread_mutex_unlock(&table_lock);
    gcxi_diag->leave(self);
    if (s->buckets != NULL && s->pcs != NULL)
        return true;
    gcxi_profile_snapshot_drop(s);
    errno = ENOMEM;
    return false;
}

void gcxi_profile_snapshot_drop(struct gcxi_profile_snapshot *s)
{
    if (s->buckets != NULL)
        gcxi_vm_unmap(s->buckets, s->bucket_count * sizeof *s->buckets + 1);
    if (s->pcs != NULL)
        gcxi_vm_unmap(s->pcs, s->pc_count * sizeof *s->pcs + 1);
    s->buckets = NULL;
    s->pcs = NULL;
}

double gcxi_profile_weight(const struct gcxi_profile_bucket *bucket)
{
    if (bucket->rate_bytes <= 1)
        return 1;
    return -1 / expm1(-(double)bucket->slot_bytes / (double)bucket->rate_bytes);
}
