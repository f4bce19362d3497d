/* stats_detail.c -- gcx/stats.h.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gc/check.h"
#include "gc/gc.h"
#include "gc/hooks.h"
#include "gc/pauses.h"
#include "gc/retained.h"
#include "heap/space.h"
#include "os/module.h"

#define LARGE GCXI_CLASSES

/* ---- Pauses ---- */

size_t gcx_get_pauses(struct gcx_pause *pauses, size_t n)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return 0;
    if (pauses == NULL) {
        gcxi_gc_leave(self);
        errno = EINVAL;
        return 0;
    }
    gcxi_mutator_lock_heap(self);
    n = gcxi_pauses_read(pauses, n);
    gcxi_mutator_unlock_heap();
    gcxi_gc_leave(self);
    return n;
}

static int compare_pauses(const void *a, const void *b)
{
    uint64_t x = ((const struct gcx_pause *)a)->pause_ns;
    uint64_t y = ((const struct gcx_pause *)b)->pause_ns;
    return (x > y) - (x < y);
}

uint64_t gcx_pause_quantile(double q)
{
    struct gcx_pause pauses[GCX_PAUSES];
    size_t n = gcx_get_pauses(pauses, GCX_PAUSES);
    if (n == 0)
        return 0;
    qsort(pauses, n, sizeof *pauses, compare_pauses);
    double at = q >= 1 ? (double)n : q > 0 ? q * (double)n : 0;
    size_t rank = (size_t)at;
    rank += (double)rank < at; /* rounded up: that many do not exceed it */
    return pauses[rank > 0 ? rank - 1 : 0].pause_ns;
}

/* ---- Classes ---- */

struct classes {
    struct gcx_class_stats of[2][GCXI_CLASSES + 1];
};

static void count_block(struct classes *classes, const struct gcxi_block *block)
{
    bool is_large = gcxi_block_is_large(block);
    unsigned noscan = gcxi_kind_is_noscan(block->kind);
    struct gcx_class_stats *c = &classes->of[noscan][is_large ? LARGE : block->class_index];
    uint64_t live = gcxi_load_relaxed(&block->live);
    c->slot_bytes = is_large ? 0 : block->slot_bytes;
    c->is_noscan = (int)noscan;
    c->blocks++;
    c->heap_bytes += block->units * (uint64_t)GCXI_UNIT;
    c->live_objects += live;
    c->live_bytes += live * block->slot_bytes;
    c->other_slots += block->slots > live ? block->slots - live : 0;
}

/* Heap lock. */
static void count_zone(struct classes *classes, enum gcxi_zone_index zone)
{
    uint32_t end = gcxi_zone_end(zone);
    for (uint32_t unit = gcxi_zone_first(zone); (unit = gcxi_next_used(unit, end)) < end;) {
        const struct gcxi_block *block = &gcxi_map.blocks[unit];
        count_block(classes, block);
        unit += block->units;
    }
}

static void count_all(struct gcxi_mutator *self, struct classes *classes)
{
    memset(classes, 0, sizeof *classes);
    gcxi_mutator_lock_heap(self);
    count_zone(classes, GCXI_ZONE_SCAN);
    count_zone(classes, GCXI_ZONE_NOSCAN);
    gcxi_mutator_unlock_heap();
}

size_t gcx_get_classes(struct gcx_class_stats *to, size_t n)
{
    struct classes classes;
    size_t found = 0;
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return 0;
    count_all(self, &classes);
    gcxi_gc_leave(self);
    for (unsigned noscan = 0; noscan < 2; noscan++) {
        for (unsigned i = 0; i <= LARGE; i++) {
            if (classes.of[noscan][i].blocks == 0)
                continue;
            if (to != NULL && found < n)
                to[found] = classes.of[noscan][i];
            found++;
        }
    }
    return found;
}

/* ---- Roots ---- */

static void describe(struct gcx_root_stats *to, const struct gcxi_retained *from)
{
    bool is_range = from->source == GCX_ROOT_STATIC || from->source == GCX_ROOT_ADDED;
    *to = (struct gcx_root_stats){
        .source = from->source,
        .tid = from->tid,
        .start = is_range ? (const void *)from->lo : NULL,
        .words = from->words,
        .retained_objects = from->objects,
        .retained_bytes = from->bytes,
    };
    if (from->source == GCX_ROOT_THREAD)
        gcxi_suspend_name(from->tid, to->name);
    else if (from->source == GCX_ROOT_STATIC)
        memcpy(to->name, gcxi_module_code(to->start).module, sizeof to->name);
}

/* The number of roots; 0 with errno. */
static size_t ask(struct gcxi_mutator *self, uintptr_t sp, struct gcx_root_stats *roots, size_t n)
{
    if (!gcxi_retained_claim(self)) {
        errno = EBUSY;
        return 0;
    }
    gcxi_gc_collect_from(self, sp, GCX_FULL, GCXI_ROOT_SEARCH);
    size_t count = gcxi_retained.is_complete ? gcxi_retained.count : 0;
    for (size_t i = 0; i < count && i < n; i++)
        describe(&roots[i], &gcxi_retained.rows[i]);
    gcxi_retained_release(self);
    errno = count != 0 ? errno : ENOMEM;
    return count;
}

struct question {
    struct gcx_root_stats *roots;
    size_t n;
    size_t count;
};

static void ask_from(uintptr_t sp, void *arg)
{
    struct question *q = arg;
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return;
    q->count = ask(self, sp, q->roots, q->n);
    gcxi_gc_leave(self);
    gcxi_hooks_after(GCX_FULL);
    gcxi_check_tell();
}

size_t gcx_get_roots(struct gcx_root_stats *roots, size_t n)
{
    struct question q = {roots, n, 0};
    if (roots == NULL && n != 0) {
        errno = EINVAL;
        return 0;
    }
    gcxi_stack_with_registers(ask_from, &q);
    return q.count;
}
