/* profile_tally.c -- see profile_tally.h.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/profile_tally.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const uintptr_t *pcs, unsigned depth)
{
    uint64_t hash = depth;
    for (unsigned i = 0; i < depth; i++)
        hash = (hash ^ pcs[i]) * UINT64_C(0xff51afd7ed558ccd) + (hash >> 29);
    return hash ^ (hash >> 32);
}

static bool grow_entries(struct gcxi_tally *tally)
{
    size_t capacity = tally->capacity != 0 ? 2 * tally->capacity : 256;
    struct gcxi_tally_entry *entries = calloc(capacity, sizeof *entries);
    if (entries == NULL)
        return false;
    for (size_t i = 0; i < tally->capacity; i++) {
        size_t at = tally->entries[i].hash & (capacity - 1);
        if (tally->entries[i].count == 0)
            continue;
        while (entries[at].count != 0)
            at = (at + 1) & (capacity - 1);
        entries[at] = tally->entries[i];
    }
    free(tally->entries);
    tally->entries = entries;
    tally->capacity = capacity;
    return true;
}

static bool grow_pcs(struct gcxi_tally *tally, unsigned depth)
{
    if (tally->pc_count + depth <= tally->pc_capacity)
        return true;
    size_t capacity = gcxi_max(2 * tally->pc_capacity, 4096);
    uintptr_t *pcs = realloc(tally->pcs, capacity * sizeof *pcs);
    if (pcs == NULL)
        return false;
    tally->pcs = pcs;
    tally->pc_capacity = capacity;
    return true;
}

static bool is_same(const struct gcxi_tally *tally, const struct gcxi_tally_entry *entry,
                    uint64_t hash, const uintptr_t *pcs, unsigned depth)
{
    return entry->hash == hash && entry->depth == depth &&
           (depth == 0 || memcmp(tally->pcs + entry->first, pcs, depth * sizeof *pcs) == 0);
}

void gcxi_tally_add(struct gcxi_tally *tally, const uintptr_t *pcs, unsigned depth, uint64_t count)
{
    uint64_t hash = hash_of(pcs, depth);
    if ((2 * tally->used >= tally->capacity && !grow_entries(tally)) || !grow_pcs(tally, depth)) {
        tally->has_failed = true;
        return;
    }
    size_t at = hash & (tally->capacity - 1);
    while (tally->entries[at].count != 0 && !is_same(tally, &tally->entries[at], hash, pcs, depth))
        at = (at + 1) & (tally->capacity - 1);
    struct gcxi_tally_entry *entry = &tally->entries[at];
    if (entry->count == 0) {
        *entry = (struct gcxi_tally_entry){.hash = hash, .first = tally->pc_count, .depth = depth};
        if (depth != 0)
            memcpy(tally->pcs + tally->pc_count, pcs, depth * sizeof *pcs);
        tally->pc_count += depth;
        tally->used++;
    }
    entry->count += count;
    tally->total += count;
}

struct gcxi_profile_file *gcxi_tally_file(const struct gcxi_tally *tally,
                                          const struct gcxi_profile_head *head, int64_t unit)
{
    struct gcxi_profile_file *file = gcxi_profile_file_create(head);
    for (size_t i = 0; file != NULL && i < tally->capacity; i++) {
        const struct gcxi_tally_entry *e = &tally->entries[i];
        int64_t values[GCXI_PROFILE_VALUES] = {(int64_t)e->count, (int64_t)e->count * unit};
        if (e->count != 0)
            gcxi_profile_file_add(file, tally->pcs + e->first, e->depth, 1, values, 0);
    }
    return file;
}

void gcxi_tally_free(struct gcxi_tally *tally)
{
    free(tally->entries);
    free(tally->pcs);
    memset(tally, 0, sizeof *tally);
}
