/* pacer.c -- see pacer.h.
 *
 * Two questions after each cycle. How much may be allocated until the next?
 * Garbage is cheapest while the nursery stays in the last-level cache, so its
 * size follows the cache, and on small heaps the heap, so that little programs
 * stay little. It grows while cycles pay badly: most of the young survive (the
 * heap is being built), or rescanning written old pages takes more than a few
 * per cent of the time (each page costs the same whether the cycle comes after
 * 4 MiB or 64). It shrinks back otherwise, and stays so small that a minor cycle
 * takes 4 ms, or 2 where full cycles mark beside the program, and single written pages .4
 * of them: the more survive, the smaller it is. What else is old and written takes the
 * same time in a smaller one, so up to half of the time is taken off for that.
 *
 * And is the next one full? When the heap would pass the goal: what the last
 * full cycle left, plus a percentage (Go's GOGC rule). Unless the program asked
 * for one, the percentage adapts between a quarter and three quarters of what is live: a
 * heap whose full cycles are cheap, because they are rare or little in it is
 * scanned, stays small; one whose full cycles take a share of the time worth
 * mentioning gets more room (MemBalancer trades the same two costs). Where several
 * threads allocate, each of which a stop holds up, it may be one and a half times what
 * is live. Without minor cycles the goal alone decides.
 *
 * Minor cycles are worth little where most of the young survive, or where all
 * that is old is read in each. For their short pauses they may cost three times
 * what full cycles would for the same allocation; what they cost beyond that is
 * summed up, and when it is as much as some full cycles, there are only those
 * for a while, without tracking of writes. So never much more is lost than by
 * knowing better (the ski rental problem). Trees built by 8 threads on 2
 * processors: 64 to 103 s with minor cycles throughout, 30 to 34 so, 27 without any.
 *
 * Does a minor cycle trace? That is gc/pacer_promote.c.
 *
 * Marking beside the program keeps what dies meanwhile: that costs room and time
 * where much dies, and a moderate heap is marked in one stop. While it only grows,
 * and a processor is there for the marker, it is marked so from 48 MiB on. What
 * came to live meanwhile is young and may die soon, so the goal counts from what
 * was live before: without this trees took 170 to 180 MB, not 120 to 130.
 *
 * Near the memory limit the goal is the limit. Past it, at least an eighth of
 * the live heap is allocated between full cycles, and as much as the program
 * allocates while one runs, so that a limit that is too low makes a program
 * slower but does not stop it.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/pacer.h"

#include "gc/pacer_promote.h"

#define NURSERY_MIN (2 * GCXI_MIB)
#define GOAL_MIN (4 * GCXI_MIB)
#define LITTLE_LIVE (8 * GCXI_MIB)

/* Shares in percent. */
#define SURVIVAL_HIGH 50u
#define SURVIVAL_LOW 20u
#define REMEMBER_HIGH 4u
#define REMEMBER_LOW 1u
#define HEADROOM_MIN ((size_t)25)
#define HEADROOM_MAX ((size_t)75)
#define HEADROOM_SHARED ((size_t)150) /* where a stop holds up several threads */
#define HEADROOM_FREE ((size_t)150)   /* where the heap has been as large before */
#define LITTLE_HEADROOM ((size_t)45)  /* below LITTLE_LIVE: little programs stay little */
#define HEADROOM_HEAVY ((size_t)200)  /* of a little heap that does nothing but collect */
#define FULL_HEAVY 25u
#define HEAVY_CYCLES 8u /* in a row */
#define FULL_HIGH 6u
#define FULL_LOW 3u

#define MINOR_WORTH 3u           /* times as dear as a full cycle: for short pauses */
#define REGRET_CYCLES 4u         /* full cycles that minor ones may cost in excess, */
#define REGRET_MIN_NS 200000000u /* and so much at least; later one cycle */
#define FULL_ONLY_MIN 8u
#define FULL_ONLY_MAX 64u

#define GROWING_SHARE 16u /* at most one in so many bytes dies in a heap that only grows */

/* By so much and what was live a heap may grow while a full cycle marks beside the program. */
#define AHEAD_BYTES (4 * GCXI_MIB)

#define PAUSE_CAP_FIRST (4 * GCXI_MIB) /* while no minor cycle has told */
#define MINOR_PAYS 4u                  /* times shorter than a full cycle, at least */
#define MINOR_NS 4000000u              /* what a minor cycle should take at most, */
#define MINOR_BESIDE_NS 2000000u       /* and where no full one stops the program for long; */
#define PAGES_BESIDE_NS 400000u        /* of that, single written pages */
#define FULL_CHEAP_NS (200 * 1000u)

/* The nursery that suits the cache and the heap when cycles pay well. */
static size_t nursery_base(const struct gcxi_pacer *pacer,
                           const struct gcxi_pacer_settings *settings)
{
    size_t most = gcxi_max(settings->cache_bytes / 2, NURSERY_MIN);
    return gcxi_min(gcxi_max(pacer->live_bytes / 2, NURSERY_MIN), most);
}

/* The most it may grow to when they do not. */
static size_t nursery_cap(const struct gcxi_pacer *pacer,
                          const struct gcxi_pacer_settings *settings)
{
    return gcxi_max(nursery_base(pacer, settings),
                    gcxi_min(pacer->live_bytes / 4, 4 * settings->cache_bytes));
}

/* What the survivors of a minor cycle took: no more than twice what full cycles
 * take for so much. The rest was the machine's, busy with something else, and a
 * smaller nursery would not shorten it. */
static uint64_t survivors_ns(const struct gcxi_pacer *pacer, const struct gcxi_pacer_cycle *cycle)
{
    double per_byte = (double)pacer->full_ns / ((double)pacer->live_at_full + 1);
    uint64_t most = (uint64_t)(2 * per_byte * (double)cycle->promoted_bytes);
    return pacer->full_ns != 0 ? gcxi_min(cycle->young_ns, most) : cycle->young_ns;
}

/* Do full cycles of a heap as large mark beside the program? */
static bool is_beside(const struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings)
{
    return pacer->live_bytes >= gcxi_pacer_beside_bytes(pacer, settings);
}

/* What is left of that for survivors: half at least, and as much as is fixed. */
static uint64_t young_most_ns(const struct gcxi_pacer *pacer,
                              const struct gcxi_pacer_settings *settings, uint64_t fixed_ns)
{
    uint64_t most_ns = is_beside(pacer, settings) ? MINOR_BESIDE_NS : MINOR_NS;
    return gcxi_max(most_ns - gcxi_min(fixed_ns, most_ns / 2),
                    gcxi_min(fixed_ns, (uint64_t)MINOR_NS / 2));
}

/* The largest nursery whose survivors are marked within the time a minor cycle
 * should take, as far as the last one tells. Single written pages are fewer in a
 * smaller one too, unless the program writes the same ones again and again: for them it
 * becomes no smaller than what suits the cache. */
static size_t nursery_for_pause(const struct gcxi_pacer *pacer,
                                const struct gcxi_pacer_settings *settings,
                                const struct gcxi_pacer_cycle *cycle)
{
    uint64_t fixed_ns = cycle->old_ns - gcxi_min(cycle->pages_ns, cycle->old_ns);
    uint64_t most_us = young_most_ns(pacer, settings, fixed_ns) / 1000;
    uint64_t young_ns = survivors_ns(pacer, cycle);
    uint64_t bytes = cycle->allocated_bytes * most_us / (young_ns / 1000 + 1);
    uint64_t both = cycle->allocated_bytes * most_us / ((young_ns + cycle->pages_ns) / 1000 + 1);
    if (is_beside(pacer, settings))
        both = gcxi_min(both, cycle->allocated_bytes * (PAGES_BESIDE_NS / 1000) /
                                  (cycle->pages_ns / 1000 + 1));
    bytes = gcxi_min(bytes, gcxi_max(both, nursery_base(pacer, settings)));
    return gcxi_max((size_t)bytes, 2 * NURSERY_MIN);
}

/* Most of it is one large object, which tells nothing of others. */
static bool is_large(const struct gcxi_pacer *pacer, const struct gcxi_pacer_cycle *cycle,
                     size_t base_bytes)
{
    return cycle->allocated_bytes > 2 * gcxi_max(pacer->nursery_bytes, base_bytes);
}

static size_t pause_cap(const struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                        const struct gcxi_pacer_cycle *cycle)
{
    size_t bytes = nursery_for_pause(pacer, settings, cycle);
    return is_large(pacer, cycle, 0) ? gcxi_min(bytes, pacer->pause_cap_bytes) : bytes;
}

/* The most that a heap of some size may grow by. The time of a stop is lost to each
 * thread: what it costs grows with them, and what it takes to have few of them does not. */
static size_t headroom_most(const struct gcxi_pacer *pacer)
{
    return pacer->threads > 1 ? HEADROOM_SHARED : HEADROOM_MAX;
}

static size_t headroom_of(const struct gcxi_pacer *pacer,
                          const struct gcxi_pacer_settings *settings)
{
    size_t percent = (size_t)settings->percent;
    if (!settings->is_adaptive)
        return percent;
    if (pacer->live_at_full >= LITTLE_LIVE)
        return gcxi_min(pacer->headroom, settings->most_percent != 0 ? settings->most_percent
                                                                     : headroom_most(pacer));
    if (settings->little_percent != 0)
        return settings->little_percent;
    return pacer->headroom > HEADROOM_MAX ? pacer->headroom
                                          : gcxi_min(pacer->headroom, LITTLE_HEADROOM);
}

/* What share of the time since the last full cycle did that take, in percent? */
static uint64_t share_of(const struct gcxi_pacer *pacer, const struct gcxi_pacer_cycle *cycle,
                         uint64_t ns)
{
    return ns / ((cycle->now_ns - pacer->full_end_ns) / 100 + 1);
}

static size_t headroom_next(const struct gcxi_pacer *pacer, uint64_t share)
{
    size_t most = pacer->heavy_cycles >= HEAVY_CYCLES ? HEADROOM_HEAVY : headroom_most(pacer);
    if (share > FULL_HIGH)
        return gcxi_max(pacer->headroom, gcxi_min(pacer->headroom * 3 / 2, most));
    if (share < FULL_LOW)
        return gcxi_max(pacer->headroom * 3 / 4, HEADROOM_MIN);
    return pacer->headroom;
}

/* May the goal rise to what the heap holds? Two thirds of that, so that it
 * does not creep up. */
static bool has_free_room(const struct gcxi_pacer *pacer,
                          const struct gcxi_pacer_settings *settings)
{
    return settings->percent >= 0 && settings->is_adaptive && pacer->headroom >= HEADROOM_MAX &&
           settings->most_percent == 0 && pacer->live_at_full >= LITTLE_LIVE;
}

static size_t limit_room(const struct gcxi_pacer_settings *settings, size_t overhead_bytes)
{
    size_t limit = (size_t)settings->memory_limit;
    return limit > overhead_bytes ? limit - overhead_bytes : 0;
}

/* As much as the program allocates in the time of a full cycle is the least that
 * it gets before the next: collection takes half of the time at most. */
static size_t limited_goal(const struct gcxi_pacer *pacer,
                           const struct gcxi_pacer_settings *settings, size_t overhead_bytes)
{
    size_t live = pacer->live_at_full;
    size_t least = pacer->allocated_per_ms * (size_t)(pacer->full_ns / 1000000);
    return gcxi_max(limit_room(settings, overhead_bytes), live + gcxi_max(live / 8, least));
}

/* Of a little heap that collects much. What its blocks hold beside what is live counts
 * twice: where objects lie scattered, new ones need more blocks than they fill. */
static size_t little_room(const struct gcxi_pacer *pacer,
                          const struct gcxi_pacer_settings *settings)
{
    size_t most = pacer->is_busy ? settings->little_heap_bytes : 0;
    size_t used = gcxi_max(pacer->used_at_full, pacer->live_at_full);
    size_t taken = used + (used - pacer->live_at_full);
    size_t room = most > taken ? most - taken : 0;
    return gcxi_max(room, settings->little_room_bytes);
}

/* Between full cycles. A heap that is no longer little has as much as before. */
static size_t room_of(const struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings)
{
    size_t room = pacer->base_bytes / 100 * headroom_of(pacer, settings);
    if (!settings->is_adaptive || settings->little_room_bytes == 0)
        return room;
    return pacer->live_at_full < LITTLE_LIVE ? gcxi_min(room, little_room(pacer, settings))
                                             : gcxi_max(room, settings->little_room_bytes);
}

/* Of a little heap that has much more room because its objects lie close together: most
 * of that, whatever the cache. What survives is what the program is just building, as
 * much after 8 MiB as after 3. */
static size_t little_nursery(const struct gcxi_pacer *pacer,
                             const struct gcxi_pacer_settings *settings)
{
    size_t room = room_of(pacer, settings);
    bool is_dense = settings->is_adaptive && settings->little_room_bytes != 0 &&
                    pacer->live_at_full < LITTLE_LIVE && room > 2 * settings->little_room_bytes;
    return is_dense ? room / 3 * 2 : 0;
}

static size_t nursery_next(const struct gcxi_pacer *pacer,
                           const struct gcxi_pacer_settings *settings,
                           const struct gcxi_pacer_cycle *cycle)
{
    size_t base = nursery_base(pacer, settings);
    size_t nursery = gcxi_max(pacer->nursery_bytes, base);
    size_t survival = cycle->promoted_bytes / (cycle->allocated_bytes / 100 + 1);
    uint64_t remember = cycle->remember_ns / ((cycle->interval_ns + cycle->pause_ns) / 100 + 1);
    size_t little = little_nursery(pacer, settings);
    if (settings->nursery_bytes != 0)
        return settings->nursery_bytes;
    if (little != 0)
        return gcxi_min(little, pacer->pause_cap_bytes);
    if (cycle->is_full)
        return gcxi_min(gcxi_min(nursery, nursery_cap(pacer, settings)), pacer->pause_cap_bytes);
    if (!is_large(pacer, cycle, base) && (survival > SURVIVAL_HIGH || remember > REMEMBER_HIGH))
        nursery *= 2;
    else if (survival < SURVIVAL_LOW && remember < REMEMBER_LOW)
        nursery = gcxi_max(base, nursery / 2);
    return gcxi_min(gcxi_min(nursery, nursery_cap(pacer, settings)), pacer->pause_cap_bytes);
}

/* After a cycle that has traced: others tell nothing of how long it takes. */
static void size_nursery(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                         const struct gcxi_pacer_cycle *cycle)
{
    if (!cycle->is_full)
        pacer->pause_cap_bytes = pause_cap(pacer, settings, cycle);
    pacer->nursery_bytes = nursery_next(pacer, settings, cycle);
}

static size_t goal_of(const struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                      size_t overhead_bytes)
{
    size_t live = pacer->live_at_full;
    size_t goal = SIZE_MAX / 2;
    if (settings->percent >= 0)
        goal = gcxi_max(gcxi_max(GOAL_MIN, settings->goal_least_bytes),
                        pacer->base_bytes + room_of(pacer, settings));
    if (has_free_room(pacer, settings))
        goal = gcxi_max(
            goal, gcxi_min(live + live / 100 * HEADROOM_FREE, pacer->committed_bytes / 3 * 2));
    return settings->memory_limit != INT64_MAX
               ? gcxi_min(goal, limited_goal(pacer, settings, overhead_bytes))
               : goal;
}

static uint64_t smoothed(uint64_t before, uint64_t now)
{
    return before == 0 ? now : (3 * before + now) / 4;
}

/* Nobody waits for a full cycle as short as a minor one may be: there a minor
 * cycle is worth no more than it saves. */
static bool full_is_short(const struct gcxi_pacer *pacer)
{
    return pacer->full_ns <= MINOR_NS;
}

static uint64_t regret_most(const struct gcxi_pacer *pacer)
{
    if (pacer->full_only_next != 0)
        return pacer->full_ns;
    return gcxi_max(REGRET_CYCLES * pacer->full_ns, full_is_short(pacer) ? 0 : REGRET_MIN_NS);
}

/* Full cycles beside the program need minor ones: where it wants those all the time,
 * and where the heap only grows and a processor would be idle. */
static bool needs_minor(const struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings)
{
    return settings->concurrent_bytes == 0 ||
           (pacer->is_growing && pacer->live_bytes >= settings->growing_bytes);
}

/* Is the loss by minor cycles more than can be borne? */
static void weigh_minor(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                        const struct gcxi_pacer_cycle *cycle)
{
    uint64_t cost = pacer->regret_ns + cycle->pause_ns + cycle->fault_ns;
    if (pacer->full_ns == 0 || pacer->full_room_bytes == 0 || needs_minor(pacer, settings))
        return;
    double share = (double)cycle->allocated_bytes / (double)pacer->full_room_bytes;
    uint64_t times = full_is_short(pacer) ? 1 : MINOR_WORTH;
    uint64_t worth = (uint64_t)((double)(times * pacer->full_ns) * share);
    pacer->regret_ns = cost > worth ? cost - worth : 0;
    if (pacer->regret_ns <= regret_most(pacer))
        return;
    unsigned cycles = pacer->full_only_next;
    pacer->regret_ns = 0;
    pacer->full_only_live_bytes = cycle->live_bytes;
    pacer->full_only = cycles > FULL_ONLY_MIN ? cycles : FULL_ONLY_MIN;
    pacer->full_only_next = cycles < FULL_ONLY_MAX ? 2 * pacer->full_only : cycles;
}

/* At a full cycle. A heap that has doubled is another program's. */
static void count_full_only(struct gcxi_pacer *pacer)
{
    if (pacer->full_only == 0)
        pacer->full_only_next /= 2;
    else if (pacer->live_bytes / 2 > pacer->full_only_live_bytes)
        pacer->full_only = pacer->full_only_next = 0;
    else
        pacer->full_only--;
}

static bool minor_pays(const struct gcxi_pacer *pacer)
{
    if (pacer->full_only != 0)
        return false;
    return pacer->minor_ns == 0 || pacer->full_ns == 0 || pacer->full_ns > FULL_CHEAP_NS ||
           pacer->minor_ns * MINOR_PAYS < pacer->full_ns;
}

size_t gcxi_pacer_beside_bytes(const struct gcxi_pacer *pacer,
                               const struct gcxi_pacer_settings *settings)
{
    return pacer->is_growing ? gcxi_min(settings->growing_bytes, settings->concurrent_bytes)
                             : settings->concurrent_bytes;
}

size_t gcxi_pacer_beside_most(size_t begin_bytes)
{
    return 2 * begin_bytes + AHEAD_BYTES;
}

/* A program that waits from the second pass on takes 4 to 7 % longer to build the table of
 * churn, and its passes grow short without. */
unsigned gcxi_pacer_wait(size_t begin_bytes, size_t now_bytes, bool is_late)
{
    size_t sixteenth = (begin_bytes + AHEAD_BYTES) / 16;
    size_t grown = now_bytes > begin_bytes ? (now_bytes - begin_bytes) / sixteenth : 0;
    if (grown >= 14)
        return 10;
    if (grown >= (is_late ? 12 : 7))
        return 3;
    return grown >= (is_late ? 8 : 5);
}

/* At a full cycle: next to nothing died of what there was before. */
static bool has_only_grown(const struct gcxi_pacer_cycle *cycle, size_t before_bytes)
{
    return cycle->live_bytes >= before_bytes - before_bytes / GROWING_SHARE;
}

/* What a cycle that marked beside the program has found is live, but for what died
 * meanwhile: in a large heap about as much as became old, unless it grows; in a
 * moderate one all that became old may be young and die soon. The goal lies a quarter
 * above what was found at least. */
static size_t base_bytes(const struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                         const struct gcxi_pacer_cycle *cycle, size_t before_bytes, bool has_grown)
{
    size_t live = cycle->live_bytes, begin = cycle->begin_bytes;
    bool is_large = begin >= settings->concurrent_bytes;
    if (begin == 0 || (is_large && has_grown))
        return live;
    size_t died = gcxi_max(before_bytes, begin) - begin;
    size_t least = live / (100 + headroom_of(pacer, settings)) * (100 + HEADROOM_MIN);
    size_t most = !is_large ? begin : live > died ? live - died : 0;
    return gcxi_min(live, gcxi_max(most, least));
}

/* What becomes old while a full cycle marks beside the program: so much before
 * the goal it begins, but at most half way. */
static size_t bytes_ahead(const struct gcxi_pacer *pacer,
                          const struct gcxi_pacer_settings *settings)
{
    size_t live = pacer->live_at_full;
    if (!is_beside(pacer, settings) || pacer->goal_bytes <= live)
        return 0;
    uint64_t bytes = pacer->promoted_per_ms * (pacer->beside_ns / 1000000);
    return (size_t)gcxi_min(bytes, (pacer->goal_bytes - live) / 2);
}

static void pacer_plan(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings)
{
    size_t room = pacer->goal_bytes > pacer->live_bytes ? pacer->goal_bytes - pacer->live_bytes : 0;
    pacer->is_full_only = !settings->has_minor || !minor_pays(pacer);
    pacer->trigger_bytes = pacer->nursery_bytes;
    pacer->next_is_full = true;
    if (pacer->is_full_only)
        pacer->trigger_bytes = gcxi_max(room, NURSERY_MIN / 4);
    else if (room >= pacer->nursery_bytes + bytes_ahead(pacer, settings))
        pacer->next_is_full = false;
    else if (!is_beside(pacer, settings))
        pacer->trigger_bytes =
            gcxi_min(pacer->nursery_bytes, gcxi_max(room, pacer->nursery_bytes / 2));
}

void gcxi_pacer_init(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings)
{
    *pacer = (struct gcxi_pacer){0};
    pacer->nursery_bytes = settings->nursery_bytes != 0 ? settings->nursery_bytes : NURSERY_MIN;
    pacer->headroom = 2 * HEADROOM_MIN;
    pacer->pause_cap_bytes = PAUSE_CAP_FIRST;
    pacer->goal_bytes = goal_of(pacer, settings, 0);
    pacer_plan(pacer, settings);
}

/* As many as have allocated between two cycles since the last full one. */
static void count_threads(struct gcxi_pacer *pacer, const struct gcxi_pacer_cycle *cycle)
{
    if (cycle->threads > pacer->threads_seen)
        pacer->threads_seen = cycle->threads;
    if (!cycle->is_full)
        return;
    pacer->threads = pacer->threads_seen;
    pacer->threads_seen = 0;
}

void gcxi_pacer_update(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                       const struct gcxi_pacer_cycle *cycle)
{
    size_t before_bytes = pacer->live_bytes + cycle->allocated_bytes;
    size_t known_bytes = before_bytes - gcxi_min(pacer->untraced_garbage_bytes, before_bytes);
    bool has_grown = cycle->is_full && has_only_grown(cycle, known_bytes);
    if (cycle->is_full)
        pacer->is_growing = has_grown && cycle->has_idle_processor;
    count_threads(pacer, cycle);
    pacer->live_bytes = cycle->live_bytes;
    pacer->committed_bytes = cycle->committed_bytes;
    pacer->spent_ns += cycle->pause_ns;
    uint64_t *mean_ns = cycle->is_full ? &pacer->full_ns : &pacer->minor_ns;
    if (!cycle->has_promoted_all)
        *mean_ns = smoothed(*mean_ns, cycle->pause_ns);
    if (cycle->is_full) {
        pacer->live_at_full = cycle->live_bytes;
        pacer->used_at_full = cycle->used_bytes;
        pacer->is_busy = share_of(pacer, cycle, pacer->spent_ns) > FULL_LOW;
        pacer->spent_ns = 0;
        uint64_t share = share_of(pacer, cycle, cycle->pause_ns);
        bool is_heavy = share > FULL_HEAVY && cycle->live_bytes < LITTLE_LIVE;
        pacer->heavy_cycles = is_heavy ? pacer->heavy_cycles + 1 : 0;
        pacer->headroom = headroom_next(pacer, share);
        pacer->base_bytes = base_bytes(pacer, settings, cycle, before_bytes, has_grown);
        pacer->full_end_ns = cycle->now_ns;
        pacer->untraced_garbage_bytes = 0;
        count_full_only(pacer);
    } else {
        weigh_minor(pacer, settings, cycle);
        gcxi_pacer_note_promotion(pacer, settings, cycle);
    }
    if (cycle->beside_ns != 0)
        pacer->beside_ns = smoothed(pacer->beside_ns, cycle->beside_ns);
    pacer->allocated_per_ms = smoothed(pacer->allocated_per_ms,
                                       cycle->allocated_bytes / (cycle->interval_ns / 1000000 + 1));
    if (!cycle->is_full) {
        uint64_t ms = (cycle->interval_ns + cycle->pause_ns) / 1000000 + 1;
        pacer->promoted_per_ms = smoothed(pacer->promoted_per_ms, cycle->promoted_bytes / ms);
    }
    if (!cycle->has_promoted_all)
        size_nursery(pacer, settings, cycle);
    gcxi_pacer_replan(pacer, settings, cycle->overhead_bytes);
    if (cycle->is_full)
        pacer->full_room_bytes = gcxi_max(pacer->goal_bytes, pacer->live_bytes) - pacer->live_bytes;
}

void gcxi_pacer_replan(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                       size_t overhead_bytes)
{
    if (!gcxi_pacer_may_promote_all(settings))
        pacer->promotions = pacer->promotions_next = 0;
    pacer->goal_bytes = goal_of(pacer, settings, overhead_bytes);
    pacer->is_over_limit = settings->memory_limit != INT64_MAX &&
                           pacer->goal_bytes > limit_room(settings, overhead_bytes);
    pacer_plan(pacer, settings);
}
