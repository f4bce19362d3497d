/* boehm_figures.c -- what the Boehm interface tells of the heap.
 *
 * SPDX-License-Identifier: MIT */
#include "compat/boehm.h"

#include <string.h>

#include "heap/kind.h"
#include "heap/meta.h"
#include "heap/space.h"
#include "trace/workers.h"

static struct {
    uint64_t alloc_bytes_before; /* when the last cycle ended */
    uint64_t live_before;
    uint64_t reclaimed_before;
    bool is_measured;
} figures;

void gcxi_boehm_figures_cycle(void)
{
    uint64_t slots, threads, bytes;
    gcxi_mutators_count(&bytes, &slots, &threads);
    bytes += gcxi_gc.large_alloc_bytes;
    uint64_t made = figures.live_before + bytes - figures.alloc_bytes_before;
    uint64_t live = gcxi_gc.totals.live_bytes;
    figures.reclaimed_before += made > live ? made - live : 0;
    figures.alloc_bytes_before = bytes;
    figures.live_before = live;
    gcxi_store_relaxed(&gcxi_boehm.freed_bytes, 0);
}

/* What was asked for counts as there and free, though it is taken as it is used:
 * programs ask until the heap is as large as they want. */
static size_t asked_bytes(void)
{
    size_t asked = gcxi_load_relaxed(&gcxi_boehm.heap_bytes);
    size_t committed = gcxi_space_committed_bytes();
    return asked > committed ? asked - committed : 0;
}

size_t GC_get_heap_size(void)
{
    return gcxi_max(gcxi_space_committed_bytes(), gcxi_load_relaxed(&gcxi_boehm.heap_bytes));
}

size_t GC_get_free_bytes(void)
{
    return gcxi_space_free_bytes() + asked_bytes();
}

size_t GC_get_unmapped_bytes(void)
{
    size_t peak = gcxi_space_peak_bytes(), now = gcxi_space_committed_bytes();
    return peak > now ? peak - now : 0;
}

size_t GC_get_total_bytes(void)
{
    struct gcx_stats stats = {.struct_bytes = sizeof stats};
    gcx_get_stats(&stats);
    return stats.total_alloc_bytes;
}

size_t GC_get_bytes_since_gc(void)
{
    size_t total = GC_get_total_bytes();
    return total > figures.alloc_bytes_before ? total - figures.alloc_bytes_before : 0;
}

size_t GC_get_expl_freed_bytes_since_gc(void)
{
    return gcxi_load_relaxed(&gcxi_boehm.freed_bytes);
}

size_t GC_get_obtained_from_os_bytes(void)
{
    return gcxi_space_peak_bytes() + gcxi_meta_bytes();
}

size_t GC_get_memory_use(void)
{
    return gcxi_space_used_bytes();
}

size_t GC_get_size_map_at(int i)
{
    if (i <= 0 || (size_t)i > GCXI_SMALL_MAX)
        return i == 0 ? GCXI_GRANULE : (size_t)-1;
    return gcxi_class_bytes(gcxi_class_of(gcxi_boehm_padded((size_t)i)));
}

static void put(GC_word *to, size_t value)
{
    if (to != NULL)
        *to = value;
}

void GC_get_heap_usage_safe(GC_word *heap, GC_word *free_bytes, GC_word *unmapped, GC_word *since,
                            GC_word *total)
{
    put(heap, GC_get_heap_size());
    put(free_bytes, GC_get_free_bytes());
    put(unmapped, GC_get_unmapped_bytes());
    put(since, GC_get_bytes_since_gc());
    put(total, GC_get_total_bytes());
}

static void fill_stats(struct GC_prof_stats_s *s)
{
    s->unmapped_bytes = GC_get_unmapped_bytes();
    s->heapsize_full = GC_get_heap_size();
    s->free_bytes_full = GC_get_free_bytes();
    s->bytes_allocd_since_gc = GC_get_bytes_since_gc();
    s->allocd_bytes_before_gc = figures.alloc_bytes_before;
    s->non_gc_bytes = GC_non_gc_bytes;
    s->gc_no = GC_gc_no;
    s->markers_m1 = gcxi_workers_count() - 1;
    s->reclaimed_bytes_before_gc = figures.reclaimed_before;
    s->expl_freed_bytes_since_gc = GC_get_expl_freed_bytes_since_gc();
    s->obtained_from_os_bytes = GC_get_obtained_from_os_bytes();
}

/* A larger structure than ours is filled up with -1. */
size_t GC_get_prof_stats(struct GC_prof_stats_s *stats, size_t bytes)
{
    struct GC_prof_stats_s all = {0};
    fill_stats(&all);
    size_t known = gcxi_min(bytes, sizeof all);
    memcpy(stats, &all, known);
    memset((char *)stats + known, 0xff, bytes - known);
    return known;
}

size_t GC_get_prof_stats_unsafe(struct GC_prof_stats_s *stats, size_t bytes)
{
    return GC_get_prof_stats(stats, bytes);
}

void GC_start_performance_measurement(void)
{
    figures.is_measured = true;
}

unsigned long GC_get_full_gc_total_time(void)
{
    return figures.is_measured ? (unsigned long)(gcxi_gc.totals.pause_total_ns / 1000000) : 0;
}

void GC_dump_named(const char *name)
{
    struct gcx_stats s = {.struct_bytes = sizeof s};
    gcxi_boehm_start();
    gcx_get_stats(&s);
    if (name != NULL)
        GC_printf("***GC Dump %s\n", name);
    GC_printf("heap %lu bytes, free %lu, live after the last cycle %lu, tables %lu\n"
              "cycles: %lu minor, %lu full; pauses %lu us in all, %lu us at most\n",
              (unsigned long)s.heap_bytes, (unsigned long)s.free_bytes, (unsigned long)s.live_bytes,
              (unsigned long)s.meta_bytes, (unsigned long)s.minor_cycles,
              (unsigned long)s.full_cycles, (unsigned long)(s.pause_total_ns / 1000),
              (unsigned long)(s.pause_max_ns / 1000));
    GC_dump_finalization();
}

void GC_dump(void)
{
    GC_dump_named(NULL);
}

/* Blocks of one kind and slot size. */
struct region_sum {
    size_t blocks;
    size_t slots;
    size_t live; /* slots, at the last census */
};

static void sum_block(struct region_sum *sum, const struct gcxi_block *block)
{
    sum->blocks++;
    sum->slots += block->slots;
    sum->live += gcxi_load_relaxed(&block->live);
}

static void dump_class(unsigned kind, unsigned class_index)
{
    struct region_sum sum = {0};
    for (unsigned i = 0; i < GCXI_ZONES; i++) {
        enum gcxi_zone_index zone = (enum gcxi_zone_index)i;
        uint32_t end = gcxi_zone_end(zone);
        for (uint32_t unit = gcxi_zone_first(zone); (unit = gcxi_next_used(unit, end)) < end;) {
            const struct gcxi_block *block = &gcxi_map.blocks[unit];
            uint8_t class_here = gcxi_block_is_large(block) ? GCXI_CLASSES : block->class_index;
            if (block->kind == kind && class_here == class_index)
                sum_block(&sum, block);
            unit += block->units;
        }
    }
    if (sum.blocks != 0)
        GC_printf("kind %u, %5lu bytes: %5lu blocks, %8lu of %8lu slots live\n", kind,
                  (unsigned long)(class_index < GCXI_CLASSES ? gcxi_class_bytes(class_index) : 0),
                  (unsigned long)sum.blocks, (unsigned long)sum.live, (unsigned long)sum.slots);
}

void GC_dump_regions(void)
{
    GC_printf("heap at %p, %lu bytes, %lu free\n", (void *)gcxi_map.base,
              (unsigned long)gcxi_space_committed_bytes(), (unsigned long)gcxi_space_free_bytes());
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return;
    for (unsigned kind = 0; kind < gcxi_kind_count; kind++)
        for (unsigned i = 0; i <= GCXI_CLASSES; i++)
            dump_class(kind, i);
    gcxi_gc_unlock_and_leave(self);
}
