/* account.c -- see account.h.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/account.h"

#include "gc/concurrent.h"
#include "gc/pauses.h"
#include "gc/remember.h"
#include "gc/statics.h"
#include "heap/meta.h"
#include "heap/space.h"
#include "os/cpu.h"
#include "trace/workers.h"

/* Of early cycles since the last that was planned, which is told as one with them:
 * only what they cost is the full cycle's. */
static struct {
    size_t allocated_bytes; /* up to the last of them */
    uint64_t interval_ns;
    uint64_t young_ns;
    size_t promoted_bytes;
    size_t untraced_bytes; /* of them */
    uint64_t cost_ns;      /* since the first stop */
} early;

void gcxi_account_pause(const struct gcxi_cycle *cycle)
{
    struct gcxi_totals *t = &gcxi_gc.totals;
    uint64_t pause = cycle->end_ns - cycle->begin_ns;
    uint64_t stop = cycle->stopped_ns - cycle->begin_ns;
    uint64_t *kind_max = cycle->kind == GCX_MINOR ? &t->minor_pause_max_ns : &t->full_pause_max_ns;
    uint64_t *kind_count = cycle->kind == GCX_MINOR ? &t->minor_cycles : &t->full_cycles;
    gcxi_store_relaxed(kind_count, *kind_count + 1);
    gcxi_store_relaxed(&t->pause_last_ns, pause);
    gcxi_pauses_note(&(struct gcx_pause){.at_ns = cycle->end_ns - gcxi_gc.start_ns,
                                         .pause_ns = pause,
                                         .stop_ns = stop,
                                         .mark_ns = cycle->marked_ns - cycle->stopped_ns,
                                         .kind = cycle->kind});
    gcxi_store_relaxed(&t->pause_total_ns, t->pause_total_ns + pause);
    gcxi_store_relaxed(&t->mark_total_ns, t->mark_total_ns + cycle->marked_ns - cycle->stopped_ns);
    gcxi_store_relaxed(&t->stop_total_ns, t->stop_total_ns + stop);
    if (stop > t->stop_max_ns)
        gcxi_store_relaxed(&t->stop_max_ns, stop);
    gcxi_store_relaxed(&t->dirty_pages, t->dirty_pages + cycle->dirty_pages);
    gcxi_store_relaxed(&t->live_bytes, cycle->live_bytes);
    if (pause > t->pause_max_ns)
        gcxi_store_relaxed(&t->pause_max_ns, pause);
    if (pause > *kind_max)
        gcxi_store_relaxed(kind_max, pause);
}

/* Of the program since the last cycle, because its writes are tracked. */
static uint64_t fault_ns(void)
{
    return gcxi_remember_fault_ns() + gcxi_statics_fault_ns();
}

/* The part of a minor cycle on what is old and written. */
static uint64_t old_ns(const struct gcxi_cycle *cycle)
{
    return cycle->remember_ns + gcxi_remember_shown_ns() / gcxi_workers_count();
}

static uint64_t young_ns(const struct gcxi_cycle *cycle)
{
    uint64_t pause = cycle->swept_ns - cycle->stopped_ns, old = old_ns(cycle);
    return pause > old ? pause - old : 0;
}

static void note_early(const struct gcxi_cycle *cycle)
{
    if (cycle->promotes_all)
        early.untraced_bytes += gcxi_gc.allocated_bytes - early.allocated_bytes;
    early.allocated_bytes = gcxi_gc.allocated_bytes;
    early.interval_ns += cycle->begin_ns - gcxi_gc.cycle_end_ns;
    early.young_ns += young_ns(cycle);
    early.promoted_bytes += cycle->promoted_bytes;
    early.cost_ns += cycle->swept_ns - cycle->begin_ns + fault_ns();
}

void gcxi_account_plan(const struct gcxi_cycle *cycle)
{
    if (cycle->is_early) {
        note_early(cycle);
        return;
    }
    uint64_t beside_ns = cycle->ends_concurrent ? gcxi_concurrent_mark_ns() : 0;
    uint64_t beside_cost_ns = beside_ns != 0 ? gcxi_concurrent_cpu_ns() + early.cost_ns : 0;
    uint64_t pages_ns = gcxi_remember_pages_ns() / gcxi_workers_count();
    struct gcxi_pacer_cycle summary = {
        .is_full = cycle->kind == GCX_FULL,
        .has_promoted_all = cycle->promotes_all,
        .live_bytes = cycle->live_bytes,
        .promoted_bytes = cycle->promoted_bytes + early.promoted_bytes,
        .allocated_bytes = gcxi_gc.allocated_bytes,
        .untraced_bytes = early.untraced_bytes,
        .committed_bytes = gcxi_space_committed_bytes(),
        .used_bytes = gcxi_space_used_bytes(),
        .overhead_bytes = gcxi_meta_bytes(),
        .interval_ns = cycle->begin_ns - gcxi_gc.cycle_end_ns + early.interval_ns,
        .pause_ns = cycle->swept_ns - cycle->begin_ns + beside_cost_ns,
        .fault_ns = fault_ns(),
        .beside_ns = beside_ns,
        .begin_bytes = cycle->ends_concurrent ? gcxi_concurrent_begin_bytes() : 0,
        .threads = cycle->threads,
        .has_idle_processor = gcxi_mutators_of_program_stw() < gcxi_cpu_count(),
        .remember_ns = cycle->remember_ns + fault_ns() + gcxi_remember_shown_ns(),
        .young_ns = young_ns(cycle) + early.young_ns,
        .old_ns = old_ns(cycle) - pages_ns + pages_ns / cycle->intervals,
        .pages_ns = pages_ns / cycle->intervals,
        .now_ns = cycle->swept_ns - gcxi_gc.start_ns,
    };
    gcxi_pacer_update(&gcxi_gc.pacer, &gcxi_gc.settings.pacer, &summary);
    early.interval_ns = early.young_ns = 0;
    early.promoted_bytes = early.allocated_bytes = early.untraced_bytes = 0;
    if (cycle->kind == GCX_FULL)
        early.cost_ns = 0;
    gcxi_store_relaxed(&gcxi_gc.allocated_bytes, 0);
}

size_t gcxi_account_percent(void)
{
    return (gcxi_gc.allocated_bytes - early.allocated_bytes) /
           (gcxi_gc.pacer.trigger_bytes / 100 + 1);
}

void gcxi_account_nothing(void)
{
    gcxi_store_relaxed(&gcxi_gc.allocated_bytes, 0);
    early.allocated_bytes = 0;
}
