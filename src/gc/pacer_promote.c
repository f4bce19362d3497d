/* pacer_promote.c -- see pacer_promote.h.
 *
 * While a large table is filled, a minor cycle reads for milliseconds what is old and
 * written, and finds that nearly all that is young lives. So some minor cycles after such
 * a one trace nothing: all that is young becomes old (trace/promote.c). What is
 * garbage of it waits for a full cycle, which comes sooner for that; but the part of a
 * full cycle that so much garbage costs is less than what is not read. Where the
 * tracing ones go on to find the same there are 1, 2, 4 and up to 16 cycles between
 * them. Should the program begin to make garbage in that time, it fills a quarter of the
 * room up to the next full cycle at most. Near a memory limit, and where nobody
 * plans full cycles, garbage is not left lying.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/pacer_promote.h"

#define OLD_LEAST_NS 2000000u /* that a tracing cycle takes to read what is old, */
#define GARBAGE_MOST 25u      /* and so much garbage it finds at most, in percent */
#define CYCLES_MOST 16u       /* that trace nothing, in a row, */
#define ROOM_SHARE 4u         /* and what is allocated up to their end */

/* What full cycles take for as much garbage. */
static uint64_t garbage_ns(const struct gcxi_pacer *pacer, size_t bytes)
{
    return (uint64_t)((double)pacer->full_ns * (double)bytes / (double)pacer->full_room_bytes);
}

/* What dies while a full cycle marks goes with its second stop, so in a heap that only grows
 * nothing is looked for before. */
bool gcxi_pacer_promotes_all(const struct gcxi_pacer *pacer, bool is_extra, bool is_between)
{
    bool is_free = is_extra || (is_between && pacer->is_growing);
    return (is_free ? pacer->promotions_next : pacer->promotions) != 0;
}

bool gcxi_pacer_may_promote_all(const struct gcxi_pacer_settings *settings)
{
    return settings->percent >= 0 && settings->memory_limit == INT64_MAX;
}

static bool pays(const struct gcxi_pacer *pacer, const struct gcxi_pacer_cycle *cycle,
                 size_t garbage_bytes)
{
    return pacer->full_ns != 0 && pacer->full_room_bytes != 0 && cycle->old_ns >= OLD_LEAST_NS &&
           pacer->garbage_percent <= GARBAGE_MOST &&
           garbage_ns(pacer, garbage_bytes) < cycle->old_ns;
}

/* It has traced what is not known from stops that did not. */
static void weigh(struct gcxi_pacer *pacer, const struct gcxi_pacer_cycle *cycle)
{
    size_t traced =
        cycle->allocated_bytes - gcxi_min(cycle->untraced_bytes, cycle->allocated_bytes);
    size_t lives = cycle->promoted_bytes - gcxi_min(cycle->untraced_bytes, cycle->promoted_bytes);
    size_t garbage = traced - gcxi_min(lives, traced);
    size_t most = pacer->full_room_bytes / ROOM_SHARE / (cycle->allocated_bytes + 1);
    size_t more = gcxi_max(2 * (size_t)pacer->promotions_next, (size_t)1);
    pacer->garbage_percent = garbage / (traced / 100 + 1);
    bool is_worth_it = pays(pacer, cycle, garbage);
    pacer->promotions_next =
        is_worth_it ? (unsigned)gcxi_min(gcxi_min(more, (size_t)CYCLES_MOST), most) : 0;
    pacer->promotions = pacer->promotions_next;
}

void gcxi_pacer_note_promotion(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                               const struct gcxi_pacer_cycle *cycle)
{
    size_t untraced = cycle->has_promoted_all ? cycle->allocated_bytes : cycle->untraced_bytes;
    if (!gcxi_pacer_may_promote_all(settings))
        return;
    pacer->untraced_garbage_bytes += untraced / 100 * pacer->garbage_percent;
    if (!cycle->has_promoted_all)
        weigh(pacer, cycle);
    else if (pacer->promotions != 0)
        pacer->promotions--;
}
