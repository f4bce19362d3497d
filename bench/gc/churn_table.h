/* churn_table.h -- the hash table of churn.c and marklimit.c: chains of 32-byte
 * entries, each with a pointer-free value of 64 to 128 bytes.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_BENCH_CHURN_TABLE_H
#define GCX_BENCH_CHURN_TABLE_H

#include "alloc_layer.h"

enum { CHURN_VALUE_MIN = 64, CHURN_VALUE_MAX = 128 };

struct churn_entry {
    struct churn_entry *next;
    uint64_t key;
    unsigned char *val;
    uint64_t len;
};

struct churn_table {
    struct churn_entry **bucket;
    uint64_t mask;
};

/* The table of a heap is itself in the heap: half as many buckets as entries,
 * rounded up to a power of two. */
static inline void churn_table_init(struct churn_table *table, uint64_t entries)
{
    uint64_t buckets = 1;
    while (2 * buckets < entries)
        buckets *= 2;
    table->mask = buckets - 1;
    table->bucket = ALLOC(buckets * sizeof *table->bucket);
}

static inline uint64_t churn_value_length(uint64_t random)
{
    return CHURN_VALUE_MIN + ((random >> 32) * (CHURN_VALUE_MAX - CHURN_VALUE_MIN + 1) >> 32);
}

static inline unsigned char *churn_value_make(uint64_t key, uint64_t len)
{
    unsigned char *val = ALLOC_NOSCAN(len);
    memset(val, (int)(key & 255), len);
    return val;
}

static inline void churn_table_insert(struct churn_table *table, uint64_t key, uint64_t len)
{
    struct churn_entry **bucket = &table->bucket[bench_mix(key) & table->mask];
    unsigned char *val = churn_value_make(key, len);
    struct churn_entry *entry = ALLOC_INIT(sizeof *entry);
    *entry = (struct churn_entry){*bucket, key, val, len};
    STORE(table->bucket, bucket, entry);
}

static inline struct churn_entry *churn_table_find(const struct churn_table *table, uint64_t key)
{
    struct churn_entry *entry = table->bucket[bench_mix(key) & table->mask];
    while (entry != NULL && entry->key != key)
        entry = entry->next;
    return entry;
}

#endif
