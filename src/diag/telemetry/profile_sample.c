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

#define INDEX_FIRST 4096u
#define LG_SEGMENT_FIRST 12u
#define SEGMENTS 20u
#define POPULATE_BYTES ((size_t)64 * 1024)

struct record {
    uintptr_t object;
    uint64_t bucket;
};

/* An array in mapped segments, each twice as long as the one before: none is
 * ever copied or moved. Pages are had many at a time: where all stacks differ,
 * a fault for each of them was a sixth of what a sample costs. */
struct table {
    const size_t item_bytes;
    char *segments[SEGMENTS];
    size_t count;
    size_t populated; /* items; that many and more are in memory */
};

/* Buckets by hash: open addressing, at most half full. A program whose stacks
 * all differ has a new bucket for most samples, and what a search then reads is
 * this and no bucket. */
struct index {
    uint32_t mask;
    struct index_entry {
        uint32_t hash;
        uint32_t bucket; /* number + 1; 0: free */
    } entries[];
};

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct table records = {.item_bytes = sizeof(struct record)};
static struct table buckets = {.item_bytes = sizeof(struct gcxi_profile_bucket)};
static struct table pcs = {.item_bytes = sizeof(uintptr_t)};
static struct index *buckets_index;
static size_t old_count;
static uint64_t sample_rate;
static bool is_rate_set;
static uint64_t random_state = 1;
static __thread bool is_taking __attribute__((tls_model("initial-exec")));

/* ---- Tables ---- */

static unsigned segment_of(size_t i)
{
    return 63 - (unsigned)__builtin_clzll(i + (1u << LG_SEGMENT_FIRST)) - LG_SEGMENT_FIRST;
}

static size_t segment_items(unsigned segment)
{
    return (size_t)1 << (LG_SEGMENT_FIRST + segment);
}

/* Number of its first item. */
static size_t segment_first(unsigned segment)
{
    return segment_items(segment) - segment_items(0);
}

static void *item_at(const struct table *table, size_t i)
{
    unsigned segment = segment_of(i);
    return table->segments[segment] + (i - segment_first(segment)) * table->item_bytes;
}

/* From the page of that item on. */
static void table_populate(struct table *table, unsigned segment, size_t i)
{
    size_t page = gcxi_vm_page_bytes();
    size_t all = segment_items(segment) * table->item_bytes;
    size_t lo = (i - segment_first(segment)) * table->item_bytes / page * page;
    size_t hi = gcxi_min(lo + POPULATE_BYTES, all);
    gcxi_vm_advise_populate(table->segments[segment] + lo, hi - lo);
    table->populated = segment_first(segment) + hi / table->item_bytes;
}

/* Room for n items more, at least 1, in one segment: what is too short for them
 * is left. False without memory. */
static bool table_reserve(struct table *table, size_t n)
{
    unsigned segment = segment_of(table->count + n - 1);
    if (segment == SEGMENTS)
        return false;
    if (GCXI_UNLIKELY(table->segments[segment] == NULL)) {
        char *items = gcxi_vm_map(segment_items(segment) * table->item_bytes);
        if (items == NULL)
            return false;
        table->segments[segment] = items;
    }
    table->count = gcxi_max(table->count, segment_first(segment));
    if (table->count + n > table->populated)
        table_populate(table, segment, table->count);
    return true;
}

static struct gcxi_profile_bucket *bucket_at(size_t i)
{
    return item_at(&buckets, i);
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
    return b->slot_bytes == key->slot_bytes && b->rate_bytes == key->rate_bytes &&
           b->depth == key->depth &&
           memcmp(item_at(&pcs, b->stack), stack, b->depth * sizeof *stack) == 0;
}

static size_t index_bytes(size_t entries)
{
    return sizeof(struct index) + entries * sizeof(struct index_entry);
}

/* Where the bucket of that key is, or is to be. */
static struct index_entry *index_find(struct index *index, uint32_t hash,
                                      const struct gcxi_profile_bucket *key, const uintptr_t *stack)
{
    for (uint32_t i = hash;; i++) {
        struct index_entry *entry = &index->entries[i & index->mask];
        if (entry->bucket == 0 ||
            (entry->hash == hash && bucket_is(bucket_at(entry->bucket - 1), key, stack)))
            return entry;
    }
}

static struct index_entry *index_free_place(struct index *index, uint32_t hash)
{
    uint32_t i = hash;
    while (index->entries[i & index->mask].bucket != 0)
        i++;
    return &index->entries[i & index->mask];
}

/* Room for one bucket more; false without memory. */
static bool index_reserve(void)
{
    struct index *before = buckets_index;
    size_t size = before != NULL ? (size_t)before->mask + 1 : 0;
    if ((buckets.count + 1) * 2 <= size)
        return true;
    size_t wanted = before != NULL ? size * 2 : INDEX_FIRST;
    struct index *index = gcxi_vm_map(index_bytes(wanted));
    if (index == NULL)
        return false;
    index->mask = (uint32_t)wanted - 1;
    for (size_t i = 0; i < size; i++)
        if (before->entries[i].bucket != 0)
            *index_free_place(index, before->entries[i].hash) = before->entries[i];
    gcxi_store_release(&buckets_index, index); /* fork: never half made */
    if (before != NULL)
        gcxi_vm_unmap(before, index_bytes(size));
    return true;
}

static void bucket_add(struct index_entry *entry, uint32_t hash,
                       const struct gcxi_profile_bucket *key, const uintptr_t *stack)
{
    struct gcxi_profile_bucket *b = bucket_at(buckets.count);
    *b = *key;
    b->stack = (uint32_t)pcs.count;
    memcpy(item_at(&pcs, pcs.count), stack, key->depth * sizeof *stack);
    pcs.count += key->depth;
    entry->hash = hash;
    gcxi_store_release(&entry->bucket, (uint32_t)++buckets.count); /* fork: never half made */
}

/* Number of the bucket, or SIZE_MAX without memory for a new one. */
static size_t bucket_find(const struct gcxi_profile_bucket *key, const uintptr_t *stack)
{
    if (!index_reserve() || !table_reserve(&buckets, 1) || !table_reserve(&pcs, key->depth + 1))
        return SIZE_MAX;
    uint32_t hash = hash_of(stack, key->depth, key->slot_bytes);
    struct index_entry *entry = index_find(buckets_index, hash, key, stack);
    if (entry->bucket == 0)
        bucket_add(entry, hash, key, stack);
    return entry->bucket - 1;
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
    if (bucket == SIZE_MAX || !table_reserve(&records, 1))
        return;
    struct record *record = item_at(&records, records.count);
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
    size_t kept = kind == GCX_MINOR ? old_count : 0;
    for (size_t i = kept; i < records.count; i++) {
        const struct record *record = item_at(&records, i);
        struct gcxi_profile_bucket *bucket = bucket_at(record->bucket);
        bool is_old = i < old_count;
        bool is_kept = gcxi_diag->settle_stw((const void *)record->object);
        bucket->allocs += !is_old;
        if (is_kept != is_old)
            bucket->inuse += is_kept ? 1 : UINT64_MAX;
        if (is_kept)
            *(struct record *)item_at(&records, kept++) = *record;
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

static void *copy(const struct table *table)
{
    size_t bytes = table->item_bytes;
    char *to = gcxi_vm_map(table->count * bytes + 1);
    if (to == NULL)
        return NULL;
    for (unsigned i = 0; segment_first(i) < table->count; i++) {
        size_t first = segment_first(i);
        size_t n = gcxi_min(table->count - first, segment_items(i));
        memcpy(to + first * bytes, table->segments[i], n * bytes);
    }
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
    s->buckets = copy(&buckets);
    s->pcs = copy(&pcs);
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
