/* server_sites.c -- see server_sites.h.
 *
 *   {"left_out": 0, "locations": [[["function", "file", line], ...], ...],
 *    "stacks": [[inuse_bytes, inuse_objects, alloc_bytes, alloc_objects,
 *                [location, ...]], ...]}
 *
 * The innermost comes first everywhere.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/server_sites.h"

#include <stdlib.h>

#include "diag/telemetry/profile_symbol.h"

#define SITES_MAX 1000u

struct site {
    const struct gcxi_profile_bucket *bucket;
    double inuse_bytes;
    double alloc_bytes;
};

struct sites {
    struct site *items;
    uintptr_t *pcs; /* sorted, each once */
    size_t count;
    size_t pc_count;
};

static int compare_sites(const void *a, const void *b)
{
    const struct site *x = a, *y = b;
    double left = x->inuse_bytes + x->alloc_bytes / 16,
           right = y->inuse_bytes + y->alloc_bytes / 16;
    return (left < right) - (left > right);
}

static int compare_pcs(const void *a, const void *b)
{
    uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
    return (x > y) - (x < y);
}

static bool choose_sites(struct sites *sites, const struct gcxi_profile_snapshot *s)
{
    sites->items = malloc((s->bucket_count + 1) * sizeof *sites->items);
    if (sites->items == NULL)
        return false;
    for (size_t i = 0; i < s->bucket_count; i++) {
        const struct gcxi_profile_bucket *b = &s->buckets[i];
        double bytes = gcxi_profile_weight(b) * (double)b->slot_bytes;
        if (b->allocs != 0)
            sites->items[sites->count++] =
                (struct site){b, bytes * (double)b->inuse, bytes * (double)b->allocs};
    }
    qsort(sites->items, sites->count, sizeof *sites->items, compare_sites);
    return true;
}

static bool gather_pcs(struct sites *sites, const struct gcxi_profile_snapshot *s)
{
    size_t shown = gcxi_min(sites->count, SITES_MAX), all = 0;
    sites->pcs = malloc((s->pc_count + 1) * sizeof *sites->pcs);
    if (sites->pcs == NULL)
        return false;
    for (size_t i = 0; i < shown; i++)
        for (unsigned j = 0; j < sites->items[i].bucket->depth; j++)
            sites->pcs[all++] = s->pcs[sites->items[i].bucket->stack + j];
    qsort(sites->pcs, all, sizeof *sites->pcs, compare_pcs);
    for (size_t i = 0; i < all; i++)
        if (i == 0 || sites->pcs[i] != sites->pcs[sites->pc_count - 1])
            sites->pcs[sites->pc_count++] = sites->pcs[i];
    return true;
}

static void put_location(struct gcxi_text *text, struct gcxi_profile_symbols *symbols, uintptr_t pc)
{
    struct gcxi_profile_line lines[GCXI_PROFILE_INLINED];
    unsigned count = symbols != NULL ? gcxi_profile_symbols_find(symbols, pc - 1, lines) : 0;
    if (count == 0)
        gcxi_text_format(text, "[[\"%#lx\",\"\",0]]", (unsigned long)pc);
    for (unsigned i = 0; i < count; i++) {
        gcxi_text_add(text, i == 0 ? "[[" : ",[");
        gcxi_text_json(text, lines[i].function != NULL ? lines[i].function : "?");
        gcxi_text_add(text, ",");
        gcxi_text_json(text, lines[i].file != NULL ? lines[i].file : "");
        gcxi_text_format(text, ",%d]", lines[i].line);
    }
    gcxi_text_add(text, count != 0 ? "]" : "");
}

static void put_locations(struct gcxi_text *text, const struct sites *sites)
{
    struct gcxi_profile_symbols *symbols = gcxi_profile_symbols_open();
    for (size_t i = 0; i < sites->pc_count; i++) {
        gcxi_text_add(text, i != 0 ? "," : "");
        put_location(text, symbols, sites->pcs[i]);
    }
    gcxi_profile_symbols_close(symbols);
}

static void put_stack(struct gcxi_text *text, const struct sites *sites,
                      const struct gcxi_profile_snapshot *s, const struct site *site)
{
    const struct gcxi_profile_bucket *b = site->bucket;
    double size = (double)b->slot_bytes;
    gcxi_text_format(text, "[%.0f,%.0f,%.0f,%.0f,[", site->inuse_bytes, site->inuse_bytes / size,
                     site->alloc_bytes, site->alloc_bytes / size);
    for (unsigned i = 0; i < b->depth; i++) {
        const uintptr_t *at = bsearch(&s->pcs[b->stack + i], sites->pcs, sites->pc_count,
                                      sizeof *sites->pcs, compare_pcs);
        gcxi_text_format(text, "%s%td", i != 0 ? "," : "", at - sites->pcs);
    }
    gcxi_text_add(text, "]]");
}

void gcxi_sites_json(struct gcxi_text *text, const struct gcxi_profile_snapshot *snapshot)
{
    struct sites sites = {0};
    if (choose_sites(&sites, snapshot) && gather_pcs(&sites, snapshot)) {
        size_t shown = gcxi_min(sites.count, SITES_MAX);
        gcxi_text_format(text, "{\"left_out\":%zu,\"locations\":[", sites.count - shown);
        put_locations(text, &sites);
        gcxi_text_add(text, "],\"stacks\":[");
        for (size_t i = 0; i < shown; i++) {
            gcxi_text_add(text, i != 0 ? "," : "");
            put_stack(text, &sites, snapshot, &sites.items[i]);
        }
        gcxi_text_add(text, "]}\n");
    } else {
        text->has_failed = true;
    }
    free(sites.items);
    free(sites.pcs);
}
