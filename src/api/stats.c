/* stats.c -- the snapshot of gcx_get_stats, and the event listener.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "gc/gc.h"
#include "gc/remember.h"
#include "heap/meta.h"
#include "heap/space.h"
#include "trace/workers.h"

static void fill_totals(struct gcx_stats *stats)
{
    const struct gcxi_totals *t = &gcxi_gc.totals;
    stats->live_bytes = t->live_bytes;
    stats->minor_cycles = t->minor_cycles;
    stats->full_cycles = t->full_cycles;
    stats->pause_last_ns = t->pause_last_ns;
    stats->pause_max_ns = t->pause_max_ns;
    stats->pause_total_ns = t->pause_total_ns;
    stats->minor_pause_max_ns = t->minor_pause_max_ns;
    stats->full_pause_max_ns = t->full_pause_max_ns;
    stats->mark_total_ns = t->mark_total_ns;
    stats->stop_total_ns = t->stop_total_ns;
    stats->stop_max_ns = t->stop_max_ns;
    stats->dirty_pages_total = t->dirty_pages;
}

/* Other threads allocate while their runs are counted, so a total may seem to
 * shrink by a run. */
static void never_less(uint64_t *value, uint64_t *told)
{
    *value = *told = *value > *told ? *value : *told;
}

static void fill_heap(struct gcx_stats *stats)
{
    stats->heap_bytes = gcxi_space_committed_bytes();
    stats->free_bytes = gcxi_space_free_bytes();
    stats->peak_heap_bytes = gcxi_space_peak_bytes();
    stats->meta_bytes = gcxi_meta_bytes();
    stats->goal_bytes = gcxi_gc.pacer.goal_bytes;
    stats->nursery_bytes = gcxi_gc.pacer.nursery_bytes;
    stats->mark_workers = gcxi_workers_count();
    stats->dirty_backend = gcxi_remember_name();
    gcxi_mutators_count(&stats->total_alloc_bytes, &stats->total_allocs, &stats->threads);
    stats->total_alloc_bytes += gcxi_gc.large_alloc_bytes;
    stats->total_allocs += gcxi_gc.large_allocs;
    never_less(&stats->total_alloc_bytes, &gcxi_gc.told_alloc_bytes);
    never_less(&stats->total_allocs, &gcxi_gc.told_allocs);
}

/* A listener calls from inside a cycle, whose thread holds the heap lock. */
void gcx_get_stats(struct gcx_stats *stats)
{
    struct gcx_stats all = {.struct_bytes = sizeof all};
    struct gcxi_mutator *self = stats != NULL ? gcxi_gc_enter_to_read() : NULL;
    if (self == NULL)
        return;
    bool holds_lock = gcxi_load_relaxed(&gcxi_gc.collector) == self;
    if (!holds_lock)
        gcxi_mutator_lock_heap(self);
    fill_totals(&all);
    fill_heap(&all);
    if (!holds_lock)
        gcxi_mutator_unlock_heap();
    gcxi_gc_leave(self);
    size_t bytes = stats->struct_bytes;
    bytes = bytes == 0 || bytes > sizeof all ? sizeof all : bytes;
    all.struct_bytes = bytes;
    memcpy(stats, &all, bytes);
}

int gcx_set_event_listener(const struct gcx_events *events)
{
    static const struct gcx_events none;
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return -1;
    gcxi_gc.events = events != NULL ? *events : none;
    gcxi_gc_unlock_and_leave(self);
    return 0;
}
