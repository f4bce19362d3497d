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

static bool may_promote_all(const struct gcxi_pacer *pacer,
                            const struct gcxi_pacer_settings *settings)
{
    return pacer->full_ns != 0 && pacer->full_room_bytes != 0 && settings->percent >= 0 &&
           settings->memory_limit == INT64_MAX;
}

void gcxi_pacer_weigh_promotion(struct gcxi_pacer *pacer,
                                const struct gcxi_pacer_settings *settings,
                                const struct gcxi_pacer_cycle *cycle)
{
    size_t allocated = cycle->allocated_bytes;
    size_t garbage = allocated - gcxi_min(cycle->promoted_bytes, allocated);
    size_t percent = garbage / (allocated / 100 + 1);
    bool pays = may_promote_all(pacer, settings) && cycle->old_ns >= OLD_LEAST_NS &&
                percent <= GARBAGE_MOST && garbage_ns(pacer, garbage) < cycle->old_ns;
    size_t more = gcxi_max(2 * (size_t)pacer->promotions_next, (size_t)1);
    size_t most = pacer->full_room_bytes / ROOM_SHARE / (allocated + 1);
    pacer->garbage_percent = percent;
    pacer->promotions_next = pays ? (unsigned)gcxi_min(more, (size_t)CYCLES_MOST) : 0;
    pacer->promotions = (unsigned)gcxi_min((size_t)pacer->promotions_next, most);
}

void gcxi_pacer_count_promotion(struct gcxi_pacer *pacer, const struct gcxi_pacer_cycle *cycle)
{
    if (pacer->promotions != 0)
        pacer->promotions--;
    pacer->untraced_garbage_bytes += cycle->allocated_bytes / 100 * pacer->garbage_percent;
}
