/* cycle.c -- one collection from beginning to end. The file to read first.
 *
 *   1 stop     every other thread stops where it is, or has blocked
 *   2 flush    lanes tell how far they have handed out slots
 *   3 epoch    a full cycle takes the next epoch, so that nothing is marked;
 *              a minor one keeps it, so that all that is old stays marked
 *   4 roots    static data (gc/statics.c), ranges, stacks, registers, thread-local
 *              storage
 *   5 remember minor: the old objects that may have been written
 *   6 mark     everything that can be reached from there      (trace/mark.c)
 *   7 finalize weak references, ephemerons, finalizers, cleanups: in the order
 *              of trace/finalize.c
 *   8 census   empty blocks are freed, blocks with room listed (trace/sweep.c)
 *   9 arm      from now on writes to what is old are seen     (gc/arm.c)
 *  10 restart  lanes go on where they were, threads run
 *
 * What survives a cycle is old: marks are sticky, and an object is old exactly
 * if its mark byte is the epoch. So a minor cycle is a full one that finds the
 * old objects marked already. A concurrent one is two of these stops, the first
 * of them a minor cycle, with marking between them (gc/concurrent.c).
 *
 * C1  From 1 to 10 no mutator runs and the heap lock is held.
 * C2  After 6 every object that the roots lead to is marked, after 7 also what
 *     finalizers will see.
 * C3  After 8 what is not marked is free, but for slots lanes have reserved.
 * C4  After 9 no old object points at a young one, and none can come to
 *     without being remembered.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/cycle.h"

#include <string.h>

#include "base/delay.h"
#include "gc/account.h"
#include "gc/cards.h"
#include "gc/check.h"
#include "gc/concurrent.h"
#include "gc/hooks.h"
#include "gc/keeper.h"
#include "gc/pacer_promote.h"
#include "gc/probes.h"
#include "gc/remember.h"
#include "gc/retained.h"
#include "gc/runner.h"
#include "gc/scope_report.h"
#include "gc/statics.h"
#include "gc/verify.h"
#include "gc/waits.h"
#include "heap/meta.h"
#include "heap/space.h"
#include "os/clock.h"
#include "os/module.h"
#include "trace/finalize.h"
#include "trace/promote.h"
#include "trace/sweep.h"
#include "trace/workers.h"

#define UNHARVESTED_MOST 3u

struct gcxi_gc gcxi_gc;

/* A request on its way through the dynamic loader's lock. */
struct cycle_request {
    struct gcxi_mutator *self;
    struct gcxi_cycle cycle;
    bool is_moot;   /* another thread did it */
    bool is_paused; /* every thread has stopped */
};

/* ---- 1, 2: stop ---- */

static bool is_planned(const struct gcxi_cycle *cycle)
{
    return cycle->reason == GCXI_TRIGGERED || cycle->reason == GCXI_GROWTH;
}

static bool is_still_wanted(const struct gcxi_cycle *cycle)
{
    size_t least = gcxi_gc.pacer.trigger_bytes;
    if (cycle->reason == GCXI_GROWTH)
        least /= GCXI_GROWTH_SHARE;
    bool is_due = gcxi_gc.allocated_bytes >= least || gcxi_concurrent_waits();
    return !is_planned(cycle) || (is_due && !gcxi_gc_is_disabled());
}

/* Between the stops of a full cycle: the second, or a minor cycle. The program
 * that asks for a full one wants what died meanwhile as well. */
static void choose_between(struct gcxi_cycle *cycle)
{
    bool is_asked_for = cycle->kind == GCX_FULL && !is_planned(cycle);
    cycle->abandons_concurrent = is_asked_for && cycle->reason != GCXI_STRESSED;
    if (cycle->abandons_concurrent)
        return;
    cycle->ends_concurrent = gcxi_concurrent_is_due() || is_asked_for;
    cycle->is_between = !cycle->ends_concurrent;
    cycle->is_early = cycle->is_between && gcxi_gc.allocated_bytes < gcxi_gc.pacer.trigger_bytes;
    cycle->kind = cycle->is_between ? GCX_MINOR : GCX_FULL;
}

/* A planned cycle is what the pacer says now, and without tracking of writes
 * every cycle is full. */
static void choose_kind(struct gcxi_cycle *cycle)
{
    if (gcxi_concurrent_is_under_way()) {
        choose_between(cycle);
        return;
    }
    if (is_planned(cycle))
        cycle->kind = gcxi_gc.pacer.next_is_full ? GCX_FULL : GCX_MINOR;
    if (gcxi_remember_is_none())
        cycle->kind = GCX_FULL;
    bool may_wait =
        is_planned(cycle) || cycle->reason == GCXI_STRESSED || cycle->reason == GCXI_QUIET;
    /* Between its stops minor cycles would go on, which have been given up. */
    cycle->begins_concurrent = may_wait && cycle->kind == GCX_FULL &&
                               gcxi_gc.pacer.full_only == 0 && gcxi_concurrent_is_possible();
    if (cycle->begins_concurrent)
        cycle->kind = GCX_MINOR;
}

/* Tests see them in any place. */
static bool promotes_by_chance(void)
{
    uint64_t n = gcxi_gc.totals.minor_cycles + gcxi_delay_seed;
    return gcxi_delays_are_on() && n * UINT64_C(0x9e3779b97f4a7c15) >> 62 == 0;
}

/* What tells of objects that outlive something wants no garbage among them. */
static bool promotes_all(const struct gcxi_cycle *cycle)
{
    bool is_stressed = cycle->reason == GCXI_STRESSED;
    bool may = !gcxi_gc.settings.is_checked && !gcxi_scope_reports && gcxi_remember_may_put_off();
    if (cycle->kind != GCX_MINOR || !may || !(is_planned(cycle) || is_stressed))
        return false;
    bool is_extra = cycle->is_early || cycle->begins_concurrent;
    return gcxi_pacer_promotes_all(&gcxi_gc.pacer, is_extra, cycle->is_between) ||
           promotes_by_chance();
}

/* Called with the loader's lock held, the caller counting as stopped. */
static void stop_world(void *arg)
{
    struct cycle_request *request = arg;
    gcxi_lock(&gcxi_heap_lock);
    gcxi_suspend_unblock_collector(&request->self->suspend);
    request->is_moot = !is_still_wanted(&request->cycle);
    if (request->is_moot)
        return;
    choose_kind(&request->cycle);
    request->cycle.promotes_all = promotes_all(&request->cycle);
    GCXI_PROBE(cycle_begin, (int)request->cycle.kind);
    gcxi_store_relaxed(&gcxi_gc.collector, request->self); /* whom the listener calls is refused */
    if (gcxi_gc.events.cycle_begin != NULL)
        gcxi_gc.events.cycle_begin(request->cycle.kind, gcxi_gc.events.arg);
    request->cycle.begin_ns = gcxi_clock_ns();
    GCXI_PROBE(pause_begin, (int)request->cycle.kind);
    request->is_paused = gcxi_mutators_stop(request->self);
    if (request->is_paused && gcxi_gc.events.pause_begin != NULL)
        gcxi_gc.events.pause_begin(gcxi_gc.events.arg);
    request->cycle.stopped_ns = gcxi_clock_ns();
}

/* ---- 3: epoch ---- */

static void renumber_zone(enum gcxi_zone_index zone)
{
    uint32_t end = gcxi_zone_end(zone);
    for (uint32_t unit = gcxi_zone_first(zone); (unit = gcxi_next_used(unit, end)) < end;) {
        struct gcxi_block *block = &gcxi_map.blocks[unit];
        for (uint32_t i = 0; i < block->slots; i++) {
            if (block->marks[i] == gcxi_map.epoch)
                block->marks[i] = 1;
            else if (block->marks[i] != GCXI_MARK_FREED)
                block->marks[i] = GCXI_MARK_NONE;
        }
        unit += block->units;
    }
}

/* The epoch becomes 1. A byte that stayed in a slot whose object died is never
 * larger than the epoch, so no later one can make it look alive. */
static void renumber(void)
{
    renumber_zone(GCXI_ZONE_SCAN);
    renumber_zone(GCXI_ZONE_NOSCAN);
    gcxi_map.epoch = gcxi_map.epoch_kept = 1;
}

static void begin_epoch(void)
{
    if (gcxi_map.epoch == GCXI_EPOCH_LAST)
        renumber();
    gcxi_map.epoch_before = gcxi_map.epoch;
    gcxi_map.epoch_kept = ++gcxi_map.epoch;
}

/* ---- 4 to 7: mark ---- */

static gcxi_feed *remember_feed;

/* Cycles since the last harvest of what was written: what they leave makes the next that
 * traces longer. */
static unsigned unharvested;

/* What the concurrent marker has left, then what was written beside it. */
static bool feed_rest(struct gcxi_marker *m)
{
    return gcxi_concurrent_feed(m) || remember_feed(m);
}

static size_t allocated_percent(const struct gcxi_cycle *cycle)
{
    return gcxi_min(gcxi_account_percent(), (size_t)100) + 100 * (size_t)(cycle->intervals - 1);
}

static gcxi_feed *show_written(const struct gcxi_cycle *cycle)
{
    size_t percent = allocated_percent(cycle);
    if (cycle->kind == GCX_MINOR)
        return gcxi_remember_scan(cycle->is_between ? GCXI_SHOW_BETWEEN : GCXI_SHOW_MINOR, percent);
    if (cycle->ends_concurrent) {
        remember_feed = gcxi_remember_scan(GCXI_SHOW_LAST, percent);
        return feed_rest;
    }
    gcxi_remember_forget();
    return gcxi_feed_nothing;
}

static void add_range(uintptr_t lo, uintptr_t hi, void *arg)
{
    *(size_t *)arg += hi - lo;
}

static void measure_roots(struct gcxi_cycle *cycle)
{
    gcxi_mutators_visit_stw(add_range, &cycle->stack_bytes, false);
    cycle->mark_cpu_ns = gcxi_clock_process_cpu_ns();
}

static enum gcxi_statics statics_of(const struct gcxi_cycle *cycle)
{
    if (cycle->is_between)
        return GCXI_STATICS_BETWEEN;
    if (cycle->begins_concurrent)
        return GCXI_STATICS_BEGIN;
    if (cycle->kind == GCX_MINOR)
        return GCXI_STATICS_MINOR;
    if (cycle->ends_concurrent)
        return GCXI_STATICS_LAST;
    return gcxi_gc.pacer.is_full_only ? GCXI_STATICS_ONLY : GCXI_STATICS_ALL;
}

/* From the roots, and what was written. */
static void trace(struct gcxi_cycle *cycle)
{
    bool is_minor = cycle->kind == GCX_MINOR;
    bool seeks_leaks = cycle->reason == GCXI_LEAK_SEARCH;
    if (cycle->ends_concurrent)
        gcxi_marker_narrow(gcxi_marker, gcxi_concurrent_open_stw());
    if (cycle->reason == GCXI_ROOT_SEARCH)
        gcxi_retained_mark_stw(gcxi_marker);
    if (seeks_leaks)
        gcxi_waits_put_off_stw(gcxi_gc.collector);
    gcxi_mutators_mark_stw(gcxi_marker, is_minor);
    gcxi_check_mark_stw(gcxi_marker);
    gcxi_statics_mark_stw(gcxi_marker, statics_of(cycle));
    cycle->static_bytes = gcxi_statics_bytes();
    uint64_t before = gcxi_clock_ns();
    gcxi_feed *feed = show_written(cycle);
    unharvested = 0;
    cycle->remember_ns = gcxi_clock_ns() - before;
    if (cycle->ends_concurrent)
        gcxi_concurrent_end_stw();
    gcxi_workers_drain(feed);
    if (seeks_leaks)
        gcxi_waits_resolve_stw(gcxi_marker);
}

/* Instead. What was written meanwhile matters no more, but the harvest that says so is put
 * off a few times; not before one that traces. Nor where marking or a pass begins, which has
 * to see what is written from now on, and the list of static data as it is now. */
static void promote_all(const struct gcxi_cycle *cycle)
{
    bool begins_pass = cycle->is_between && gcxi_concurrent_is_marked();
    bool harvests = cycle->begins_concurrent || begins_pass ||
                    cycle->intervals > UNHARVESTED_MOST || gcxi_gc.pacer.promotions == 1;
    gcxi_promote_all_stw();
    if (harvests)
        gcxi_statics_mark_stw(gcxi_marker, statics_of(cycle));
    else
        gcxi_statics_put_off();
    if (cycle->is_between)
        gcxi_remember_owe(harvests, allocated_percent(cycle));
    else
        gcxi_remember_put_off(harvests);
    if (harvests)
        unharvested = 0;
    gcxi_workers_drain(gcxi_feed_nothing);
}

static void mark(struct gcxi_cycle *cycle)
{
    bool is_minor = cycle->kind == GCX_MINOR;
    bool is_traced = gcxi_gc.settings.trace == GCXI_TRACE_LINE;
    if (is_traced)
        measure_roots(cycle);
    gcxi_marker_begin(gcxi_marker, is_minor);
    cycle->intervals = ++unharvested;
    if (cycle->promotes_all)
        promote_all(cycle);
    else
        trace(cycle);
    gcxi_finalize(gcxi_marker, is_minor);
    cycle->dirty_pages = gcxi_remember_pages();
    gcxi_verify_marked_stw(cycle->ends_concurrent);
    if (!cycle->is_between)
        gcxi_map.epoch_before = gcxi_map.epoch;
    cycle->marked_ns = gcxi_clock_ns();
    if (is_traced)
        cycle->mark_cpu_ns = gcxi_clock_process_cpu_ns() - cycle->mark_cpu_ns;
}

/* ---- 8, 9: census ---- */

/* With the explicit barrier old objects beside young ones cost nothing extra,
 * so even an eighth of a block is worth filling. */
static struct gcxi_sweep_policy sweep_policy(const struct gcxi_cycle *cycle)
{
    struct gcxi_sweep_policy policy = {.scan_share = 8, .noscan_share = 8};
    if (cycle->ends_concurrent)
        policy.open = gcxi_concurrent_open_stw();
    if (!gcxi_cards_are_used() && !gcxi_remember_is_none())
        policy.scan_share = gcxi_gc.settings.refill_share != 0 ? gcxi_gc.settings.refill_share : 2;
    return policy;
}

static enum gcxi_arm arming_after(const struct gcxi_cycle *cycle)
{
    if (cycle->begins_concurrent)
        return GCXI_ARM_BEGIN;
    if (cycle->is_between)
        return GCXI_ARM_BETWEEN;
    if (cycle->kind == GCX_MINOR)
        return GCXI_ARM_MINOR;
    return gcxi_gc.pacer.is_full_only ? GCXI_ARM_NOTHING : GCXI_ARM_FULL;
}

static void census(struct gcxi_cycle *cycle)
{
    struct gcxi_census result;
    struct gcxi_sweep_policy policy = sweep_policy(cycle);
    bool is_minor = cycle->kind == GCX_MINOR;
    gcxi_sweep_census(is_minor, &policy, &result);
    cycle->live_bytes = is_minor
                            ? gcxi_gc.totals.live_bytes + result.live_bytes - result.live_before
                            : result.live_bytes;
    if (is_minor && result.live_bytes > result.live_before) /* less where objects were freed */
        cycle->promoted_bytes = result.live_bytes - result.live_before;
    gcxi_remember_arm(arming_after(cycle), gcxi_gc.pacer.trigger_bytes);
    cycle->swept_ns = gcxi_clock_ns();
}

/* ---- The cycle ---- */

/* Past the soft limit free memory goes back to the system. */
static void respect_limit(const struct gcxi_cycle *cycle)
{
    int64_t limit = gcxi_gc.settings.pacer.memory_limit;
    if (cycle->kind != GCX_FULL ||
        gcxi_space_committed_bytes() + gcxi_meta_bytes() <= (size_t)limit)
        return;
    gcxi_space_purge(GCXI_ZONE_SCAN);
    gcxi_space_purge(GCXI_ZONE_NOSCAN);
}

/* 2 to 10. */
static void run_stopped(struct gcxi_mutator *self, struct gcxi_cycle *cycle)
{
    cycle->heap_before = gcxi_space_used_bytes();
    gcxi_hooks_begin_stw(cycle->kind);
    cycle->threads = gcxi_mutators_flush_stw();
    gcxi_local_freeze(&self->local);
    gcxi_verify_stw("before marking");
    gcxi_check_before_stw();
    if (cycle->ends_concurrent || cycle->is_between)
        gcxi_concurrent_halt_stw();
    if (cycle->abandons_concurrent)
        gcxi_concurrent_abandon_stw();
    if (cycle->ends_concurrent)
        gcxi_map.epoch_kept = gcxi_map.epoch;
    else if (cycle->kind == GCX_FULL)
        begin_epoch();
    mark(cycle);
    census(cycle);
    if (cycle->is_between)
        gcxi_concurrent_resume_stw();
    if (cycle->begins_concurrent) {
        begin_epoch();
        gcxi_map.epoch_kept = gcxi_map.epoch_before;
        gcxi_concurrent_begin_stw();
    }
    gcxi_local_thaw(&self->local);
    gcxi_mutators_restart_stw();
    gcxi_verify_stw("after the census");
    gcxi_hooks_end_stw(cycle->kind);
    gcxi_check_after_stw();
    gcxi_account_plan(cycle);
    respect_limit(cycle);
    gcxi_mutators_start(self);
    cycle->end_ns = gcxi_clock_ns();
    gcxi_gc.cycle_end_ns = cycle->end_ns;
    gcxi_account_pause(cycle);
}

static gcxi_cycle_listener *cycle_listener;

void gcxi_cycle_set_listener(gcxi_cycle_listener *listener)
{
    gcxi_store_release(&cycle_listener, listener);
}

/* The listener's own data was made before it was set: pairs with that. */
static void tell_end(const struct gcxi_cycle *cycle)
{
    const struct gcx_events *events = &gcxi_gc.events;
    gcxi_cycle_listener *listener = gcxi_load_acquire(&cycle_listener);
    GCXI_PROBE(pause_end, cycle->end_ns - cycle->begin_ns);
    GCXI_PROBE(cycle_end, (int)cycle->kind);
    if (listener != NULL)
        listener(cycle);
    gcxi_gc_tell_late();
    if (events->pause_end != NULL)
        events->pause_end(cycle->end_ns - cycle->begin_ns, events->arg);
    if (events->cycle_end != NULL)
        events->cycle_end(cycle->kind, events->arg);
    gcxi_gctrace(cycle);
}

/* Without the list of static data, for lack of memory, or with a thread that
 * cannot be stopped, a cycle would free what only they lead to: there is none. */
static void give_up(const struct cycle_request *request)
{
    const struct gcx_events *events = &gcxi_gc.events;
    gcxi_mutators_start(request->self);
    GCXI_PROBE(pause_end, UINT64_C(0));
    gcxi_account_nothing();
    gcxi_concurrent_refuse();
    if (request->is_paused)
        gcxi_report("no memory for the list of roots: a collection was left out");
    if (request->is_paused && events->pause_end != NULL)
        events->pause_end(0, events->arg);
}

/* Frames from sp up hold what the program held when it asked for the cycle. */
static void collect_at(uintptr_t sp, void *arg)
{
    struct cycle_request *request = arg;
    gcxi_suspend_block(&request->self->suspend, sp);
    gcxi_workers_start_threads();
    gcxi_concurrent_start_thread();
    gcxi_runner_start_thread();
    gcxi_keeper_start_thread();
    gcxi_lock(&gcxi_loader_lock);
    bool knows_roots = gcxi_module_freeze(stop_world, request) == 0;
    gcxi_unlock(&gcxi_loader_lock);
    if (request->is_paused && knows_roots) {
        run_stopped(request->self, &request->cycle);
        tell_end(&request->cycle);
    } else if (!request->is_moot) {
        give_up(request);
    }
    gcxi_store_relaxed(&gcxi_gc.collector, NULL);
    gcxi_mutator_unlock_heap();
    gcxi_concurrent_wake();
    gcxi_runner_wake();
    gcxi_keeper_wake();
}

void gcxi_gc_collect(struct gcxi_mutator *self, enum gcx_cycle kind, enum gcxi_reason reason)
{
    struct cycle_request request = {.self = self, .cycle = {.kind = kind, .reason = reason}};
    gcxi_stack_with_registers(collect_at, &request);
    gcxi_stack_forget_copies();
}

void gcxi_gc_collect_from(struct gcxi_mutator *self, uintptr_t sp, enum gcx_cycle kind,
                          enum gcxi_reason reason)
{
    self->suspend.entry_sp = sp;
    gcxi_gc_collect(self, kind, reason);
    self->suspend.entry_sp = 0;
}
