/* remember.c -- which old objects may point at young ones.
 *
 * A minor cycle traces the young only, so it must learn of every old object
 * written since the last cycle. C has no barrier to hook; the MMU tells us, or
 * the program does when it promised to.
 *
 *            census              write                minor cycle
 *   young --------> old, armed --------> page dirty --------------> old, armed
 *                     |  ^                             words shown
 *          allocation |  | census
 *                     v  |
 *                  old, unarmed: all of it is shown in every minor cycle
 *
 * Everything that survives a cycle is old at once, so after a cycle no old
 * object points at a young one and nothing needs to be kept for the next.
 *
 * R1  An old object on a clean page of an armed unit, or with the explicit
 *     barrier on a clean card, holds no pointer to a young object.
 * R2  A page is armed again before its words are shown (os/dirty.h, D2); a card
 *     is cleared before. Written pages are collected first and shown by all
 *     workers when all are armed.
 * R3  A block that is allocated from is not armed: no run of a lane faults.
 *     Noscan blocks are never armed.
 * R4  A unit of which any part is unarmed is shown whole, whatever its block.
 * R5  A unit so many of whose pages were written that the faults cost more than
 *     to show all of it rests: it is armed again after a number of minor cycles
 *     in which it held no pointer to a young object, twice as many each time.
 *     Where faults are dear, a new unit rests first. Where they are cheap all
 *     cycles count, and each without such a pointer for half of what is left.
 * R6  Blocks that will be allocated from before the next cycle are not armed.
 * R7  Between the stops of a full cycle (gc/concurrent.c) what a minor cycle
 *     shows is owed to the second stop as well, which shows it once more: there
 *     pointers to all objects matter that are not marked yet.
 * R8  Units that are not armed at the second stop are shown whole there. So while
 *     a full cycle marks, no unit rests; but where faults are dear all stay as
 *     they are, and gc/digest.c finds what of the others was written.
 * R9  What rests is read in every minor cycle. A unit most of whose pages are written
 *     is read sooner as a whole, and may rest. Of those written in moderation, where
 *     faults cost the program time but the pause none, a number may at most.
 *
 * What a fault costs differs between machines by more than ten (0.9 us on bare
 * metal, 15 in some virtual machines; a disarming call 3 or 60), so it is
 * measured at the start. A unit rests until showing it has cost as much as the
 * faults may that arming it brings (the ski rental problem): 50 cycles, or 5, and six
 * times as many, for in a program that goes on to write the trials would lengthen each stop.
 *
 * Locking: the heap lock, and the world stopped for scan, forget and arm.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/remember.h"

#include <errno.h>
#include <string.h>

#include "base/atomic.h"
#include "gc/cards.h"
#include "gc/concurrent.h"
#include "gc/digest.h"
#include "gc/owed.h"
#include "gc/show.h"
#include "heap/kind.h"
#include "heap/space.h"
#include "os/clock.h"
#include "os/dirty.h"
#include "os/vm.h"

/* Units disarmed together, and the gap between two runs that is. */
#define REGION_UNITS 16u
#define GAP_UNITS 8u
#define DEAR_RUN_UNITS 8u

/* Changed in one stop at most, for that takes .6 and 2 us each; the others stay as
 * they are until the next. */
#define ARM_MOST_UNITS 2048u
#define ARM_AGAIN_UNITS 64u /* of those, that have rested; or a quarter of what is due */
#define DISARM_MOST_UNITS 1024u
#define DISARM_MINOR_UNITS 128u /* after a minor cycle; or a quarter */
#define MODERATE_UNITS 64u      /* at rest, for each worker (R9): .3 ms */
#define FEED_UNITS 4u
#define FEED_WRITTEN 16u
#define PREFETCH_BYTES 1024u /* of the next page; 2048 and 4096: as fast */
#define LINE_BYTES 64u

/* In gcxi_map.armed for the time of the planning, besides 0 and 1. */
enum { ARM = 2, DISARM = 3 };

/* Cycles without a pointer to a young object after which a unit is armed: twice
 * as many each time that it did not pay. */
#define REST_MAX 255u
#define REST_TIMES 6u /* longer where faults are cheap: trials take .5 ms of each stop */
#define REST_NEW 8u   /* 16 is slower on quads, 4 on trees; 0 makes churn 2.5 times slower */

/* To show the words of a page and of a unit; a unit is read in one sweep. */
#define PAGE_NS 600u
#define PAGE_MOST_NS 2000u /* the rest was the machine's, busy with something else */
#define UNIT_NS 6000u
#define FAULT_DEAR_NS 3000u

/* Written pages of one unit. */
struct written {
    uintptr_t lo, hi;
};

static struct {
    const struct gcxi_dirty_backend *backend; /* or NULL */
    uint64_t fault_ns;                        /* first write to an armed page */
    size_t costly_pages;                      /* R5 */
    size_t costly_now;                        /* of an interval that was shorter */
    size_t most_pages;                        /* R9: more than the whole unit costs; */
    size_t most_now;                          /* of a shorter interval */
    uint32_t moderate_most;                   /* R9: units at rest */
    uint32_t moderate;                        /* those that are */
    uint32_t arm_due;                         /* units that have rested, and shall no more */
    uint32_t disarm_due;                      /* units written all over, and shall rest */
    size_t rest_first;                        /* R5 */
    uint8_t rest_new;                         /* of a unit that was not used before */
    bool has_digests;                         /* R8 */
    bool is_chosen;                           /* the backend was asked for by name */
    uint8_t *rest;                            /* per unit: cycles left unarmed */
    uint32_t rest_end;                        /* units below have been used */
    uint8_t *level;                           /* per unit: how long the next rest is */
    uint8_t *is_moderate;                     /* per unit: R9 */
    enum gcxi_show kind;                      /* of the scan under way */
    bool decays;                              /* rests of armed units do: between stops, */
                                              /* after no short interval                 */
    struct written *written;                  /* that it found; mapped, room for all pages */
    size_t written_max;
    size_t written_count;
    size_t next_written; /* to be shown; atomic */
    size_t pages;
    uint32_t next_unit; /* of feed_unarmed; atomic */
    size_t shown_units; /* by it; atomic */
    uint64_t shown_ns;  /* what was written took, of all workers; atomic */
    uint64_t pages_ns;  /* of that, pages by themselves; atomic */
    uint32_t end_unit;
    uint32_t last_unit; /* written pages counted in it so far */
    size_t last_pages;
    uint32_t beside_unit; /* where gcxi_remember_show_beside goes on, */
    uint32_t beside_end;  /* and where it ends */
} remember;

/* ---- Units that are written often ---- */

static bool is_resting(uint32_t unit)
{
    return remember.rest[unit] != 0;
}

/* R5. An unarmed unit held a pointer to a young object, or to an old one beside
 * young ones: nobody may have written it. */
static void rest_on(uint32_t unit)
{
    if (remember.rest[unit] < remember.rest_new)
        remember.rest[unit] = remember.rest_new;
}

/* R5. Between the stops of a full cycle units that would rest are armed: those that are
 * written keep what is left of their rest, the others lose half. */
static void rest_as_before(uint32_t unit)
{
    if (remember.decays && is_resting(unit))
        remember.rest[unit] = (uint8_t)gcxi_min(2u * remember.rest[unit] + 1, REST_MAX);
}

/* R5. The unit was armed, and it did not pay. */
static void rest_longer(uint32_t unit, size_t pages)
{
    size_t rest = remember.rest_first << remember.level[unit];
    remember.rest[unit] = (uint8_t)gcxi_min(rest, REST_MAX);
    if (rest < REST_MAX)
        remember.level[unit]++;
    remember.is_moderate[unit] = pages < remember.most_now;
    rest_as_before(unit);
}

/* R9. May it rest, or go on? */
static bool has_place(uint32_t unit)
{
    if (remember.is_moderate[unit] == 0)
        return true;
    return gcxi_map.armed[unit] != 0 ? remember.moderate < remember.moderate_most
                                     : remember.moderate <= remember.moderate_most;
}

/* At the end of a cycle. A full one, which comes seldom, has not looked for
 * pointers to young objects; but what is still armed after it can be trusted a
 * little more. */
static void rest_pass(uint32_t end, bool is_full)
{
    remember.moderate = remember.arm_due = remember.disarm_due = 0;
    for (; remember.rest_end < end; remember.rest_end++)
        remember.rest[remember.rest_end] = remember.rest_new;
    for (uint32_t unit = 1; unit < end; unit++) {
        if (gcxi_map.used[unit] == 0) {
            remember.rest[unit] = remember.rest_new;
            remember.level[unit] = 0;
        } else if (remember.decays && gcxi_map.armed[unit] != 0) {
            remember.rest[unit] /= 2;
        } else if (!is_full) {
            remember.rest[unit] = (uint8_t)(remember.rest[unit] - is_resting(unit));
        } else if (gcxi_map.armed[unit] != 0 && remember.level[unit] != 0) {
            remember.level[unit]--;
        }
        if (is_resting(unit) && gcxi_map.armed[unit] == 0)
            remember.moderate += remember.is_moderate[unit];
        else if (is_resting(unit))
            remember.disarm_due += remember.is_moderate[unit] == 0;
        else if (gcxi_map.armed[unit] == 0)
            remember.arm_due += remember.level[unit] != 0;
    }
}

/* ---- Pages ---- */

/* R7. */
static void owe(uintptr_t lo, uintptr_t hi)
{
    if (remember.kind == GCXI_SHOW_BETWEEN)
        gcxi_owed_add(lo, hi);
}

static void show_owed(struct gcxi_marker *m, uint32_t unit)
{
    uintptr_t lo = gcxi_unit_addr(unit), end = gcxi_unit_addr(unit + 1), hi;
    for (; gcxi_owed_next_stw(&lo, &hi, end); lo = hi)
        gcxi_show_units(m, lo, hi);
}

/* Written pages wait until all are known, for the workers to show them. */
static void visit_dirty(uintptr_t lo, uintptr_t hi, void *arg)
{
    size_t page_bytes = gcxi_vm_page_bytes();
    (void)arg;
    owe(lo, hi);
    if (remember.has_digests && remember.kind == GCXI_SHOW_BETWEEN)
        gcxi_digest_forget_stw(lo, hi);
    remember.pages += (hi - lo) / page_bytes;
    while (lo < hi) {
        uint32_t unit = gcxi_addr_unit(lo);
        uintptr_t end = gcxi_min(hi, gcxi_unit_addr(unit + 1));
        GCXI_ASSERT(remember.written_count < remember.written_max);
        remember.written[remember.written_count++] = (struct written){lo, end};
        if (unit != remember.last_unit) {
            remember.last_pages = 0;
            rest_as_before(unit);
        }
        remember.last_unit = unit;
        remember.last_pages += (end - lo) / page_bytes;
        if (remember.last_pages >= remember.costly_now)
            rest_longer(unit, remember.last_pages);
        lo = end;
    }
}

/* Pages written here and there: nothing that showing them reads is in a cache. */
static void prefetch_blocks(const struct written *written, size_t n)
{
    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(&gcxi_map.blocks[gcxi_addr_unit(written[i].lo)]);
    for (size_t i = 0; i < n; i++) {
        if (gcxi_map.used[gcxi_addr_unit(written[i].lo)] == 0)
            continue;
        const struct gcxi_block *block = gcxi_unit_block(gcxi_addr_unit(written[i].lo));
        size_t offset = written[i].lo - gcxi_block_addr(block);
        __builtin_prefetch(block->marks + gcxi_block_slot(block, offset));
    }
}

static void prefetch_words(const struct written *written)
{
    uintptr_t end = gcxi_min(written->hi, written->lo + PREFETCH_BYTES);
    for (uintptr_t lo = written->lo; lo < end; lo += LINE_BYTES)
        __builtin_prefetch((const void *)lo);
}

/* Some of them. For 4,000 pages of churn two workers took 1.3 ms without the
 * prefetches, 1.1 so. */
static bool feed_written(struct gcxi_marker *m)
{
    size_t begin = gcxi_add_relaxed(&remember.next_written, FEED_WRITTEN);
    if (begin >= remember.written_count)
        return false;
    uint64_t before = gcxi_clock_ns();
    const struct written *written = remember.written + begin;
    size_t n = gcxi_min(remember.written_count - begin, FEED_WRITTEN);
    prefetch_blocks(written, n);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n)
            prefetch_words(written + i + 1);
        gcxi_show_units(m, written[i].lo, written[i].hi);
    }
    uint64_t took_ns = gcxi_clock_ns() - before;
    gcxi_add_relaxed(&remember.shown_ns, took_ns);
    gcxi_add_relaxed(&remember.pages_ns, took_ns);
    return true;
}

static void visit_nothing(uintptr_t lo, uintptr_t hi, void *arg)
{
    (void)lo;
    (void)hi;
    (void)arg;
}

/* Harvests all armed units; what cannot be harvested becomes unarmed. */
static void harvest(gcxi_dirty_visitor *visit)
{
    uint32_t end = gcxi_zone_end(GCXI_ZONE_SCAN);
    remember.last_unit = 0;
    remember.written_count = remember.next_written = 0;
    for (uint32_t lo = 1, hi; gcxi_next_run(gcxi_map.armed, 1, &lo, &hi, end); lo = hi)
        if (remember.backend->harvest(gcxi_unit_addr(lo), gcxi_unit_addr(hi), visit, NULL) != 0)
            memset(gcxi_map.armed + lo, 0, hi - lo);
    remember.backend->harvest_end();
}

static void feed_begin(void)
{
    remember.next_unit = 1;
    remember.end_unit = gcxi_zone_end(GCXI_ZONE_SCAN);
}

/* The next few units for a worker; false at the end. */
static bool feed_next(uint32_t *lo, uint32_t *hi)
{
    *lo = gcxi_add_relaxed(&remember.next_unit, FEED_UNITS);
    *hi = (uint32_t)gcxi_min(*lo + FEED_UNITS, remember.end_unit);
    return *lo < *hi;
}

static bool has_digest(uint32_t unit)
{
    const struct gcxi_block *block = gcxi_unit_block(unit);
    return remember.has_digests && gcxi_load_relaxed(&block->scan) == GCXI_SCAN_WORDS &&
           gcxi_load_relaxed(&block->live) != 0;
}

static void forget_digests(uint32_t unit)
{
    if (remember.has_digests && remember.kind == GCXI_SHOW_BETWEEN)
        gcxi_digest_forget_stw(gcxi_unit_addr(unit), gcxi_unit_addr(unit + 1));
}

/* As gcxi_show_units for one unit. */
static size_t show_unarmed(struct gcxi_marker *m, uint32_t unit)
{
    uintptr_t lo = gcxi_unit_addr(unit), hi = gcxi_unit_addr(unit + 1);
    if (remember.kind == GCXI_SHOW_BETWEEN && has_digest(unit))
        return gcxi_digest_show_between_stw(m, unit);
    if (remember.kind == GCXI_SHOW_LAST && has_digest(unit)) {
        gcxi_digest_show_last_stw(m, unit);
        return 0;
    }
    forget_digests(unit);
    if (!remember.has_digests)
        owe(lo, hi);
    return gcxi_show_units(m, lo, hi);
}

/* Units that were not armed. */
static bool feed_unarmed(struct gcxi_marker *m)
{
    uint32_t unit, end;
    size_t shown = 0;
    if (!feed_next(&unit, &end))
        return false;
    uint64_t before = gcxi_clock_ns();
    for (; unit < end; unit++) {
        if (gcxi_map.used[unit] == 0) {
            forget_digests(unit);
            continue;
        }
        if (gcxi_map.armed[unit] != 0) {
            if (remember.kind == GCXI_SHOW_LAST)
                show_owed(m, unit);
            continue;
        }
        shown++;
        if (remember.kind == GCXI_SHOW_LAST)
            show_unarmed(m, unit);
        else if (show_unarmed(m, unit) != 0)
            rest_on(unit);
        else if (!remember.has_digests)
            remember.rest[unit] /= 2;
    }
    gcxi_add_relaxed(&remember.shown_units, shown);
    gcxi_add_relaxed(&remember.shown_ns, gcxi_clock_ns() - before);
    return true;
}

static bool feed_pages(struct gcxi_marker *m)
{
    return feed_written(m) || feed_unarmed(m);
}

/* R6. Blocks are taken from the list of those with room from its end, which
 * lies at the high addresses: those are left for the program. */
static bool is_taken_soon(const struct gcxi_block *block, size_t *room_bytes, size_t soon_bytes)
{
    if (block->state == GCXI_BLOCK_OWNED)
        return true;
    if (block->state != GCXI_BLOCK_AVAIL || *room_bytes >= soon_bytes)
        return false;
    *room_bytes += (block->slots - block->live) * block->slot_bytes / block->units;
    return true;
}

/* What may be changed in one stop. */
struct arm_limits {
    uint32_t arm;
    uint32_t arm_again; /* of those, units that have rested */
    uint32_t disarm;
};

static struct arm_limits arm_limits(enum gcxi_arm how)
{
    struct arm_limits limits = {ARM_MOST_UNITS, ARM_MOST_UNITS, DISARM_MOST_UNITS};
    if (how == GCXI_ARM_NOTHING)
        limits.disarm = UINT32_MAX;
    if (how == GCXI_ARM_MINOR) {
        limits.arm_again = (uint32_t)gcxi_max(ARM_AGAIN_UNITS, remember.arm_due / 4);
        limits.disarm = (uint32_t)gcxi_max(DISARM_MINOR_UNITS, remember.disarm_due / 4);
    }
    return limits;
}

static void plan_arm(uint32_t unit, struct arm_limits *left)
{
    bool has_rested = remember.level[unit] != 0;
    if (left->arm == 0 || (has_rested && left->arm_again == 0))
        return;
    left->arm--;
    left->arm_again -= has_rested;
    remember.moderate -= is_resting(unit) && remember.is_moderate[unit] != 0;
    gcxi_map.armed[unit] = ARM;
}

static void plan_disarm(uint32_t unit, struct arm_limits *left)
{
    if (left->disarm == 0)
        return;
    left->disarm--;
    remember.moderate += remember.is_moderate[unit];
    gcxi_map.armed[unit] = DISARM;
}

/* Which units shall be armed and are not: their byte becomes ARM. Which are
 * and shall not be: DISARM. */
static void plan_arming(uint32_t end, enum gcxi_arm how, size_t soon_bytes)
{
    size_t room_bytes = 0;
    struct arm_limits left = arm_limits(how);
    for (uint32_t unit = end; --unit > 0;) {
        if (gcxi_map.used[unit] == 0)
            continue;
        bool is_armed = gcxi_map.armed[unit] != 0;
        bool is_soon = is_taken_soon(gcxi_unit_block(unit), &room_bytes, soon_bytes);
        bool may_rest =
            how == GCXI_ARM_NOTHING ||
            (is_resting(unit) && (how < GCXI_ARM_BEGIN || remember.has_digests) && has_place(unit));
        if (!is_armed && !is_soon && !may_rest)
            plan_arm(unit, &left);
        else if (is_armed && may_rest)
            plan_disarm(unit, &left);
    }
}

/* Each run costs a call now and one in every harvest, so where calls are dear
 * short ones are rather shown whole. */
static void arm_planned(uint32_t end)
{
    uint32_t least = remember.rest_new != 0 ? DEAR_RUN_UNITS : 1;
    for (uint32_t lo = 1, hi; gcxi_next_run(gcxi_map.armed, ARM, &lo, &hi, end); lo = hi) {
        bool is_armed =
            hi - lo >= least && remember.backend->arm(gcxi_unit_addr(lo), gcxi_unit_addr(hi)) == 0;
        memset(gcxi_map.armed + lo, is_armed, hi - lo);
    }
}

/* Small gaps between two runs go with them: a call costs more than to show
 * the units in between once. */
static void disarm_planned(uint32_t end)
{
    for (uint32_t lo = 1, hi; gcxi_next_run(gcxi_map.armed, DISARM, &lo, &hi, end); lo = hi) {
        uint32_t next_lo = hi, next_hi;
        while (gcxi_next_run(gcxi_map.armed, DISARM, &next_lo, &next_hi, end) &&
               next_lo - hi <= (remember.has_digests ? GAP_UNITS : 1))
            hi = next_lo = next_hi;
        remember.backend->disarm(gcxi_unit_addr(lo), gcxi_unit_addr(hi));
        memset(gcxi_map.armed + lo, 0, hi - lo);
    }
}

/* Before an armed unit is allocated from. Its whole region is disarmed: what
 * is taken next is most often there, and each call flushes the translations of
 * all processors. */
static void disarm(uint32_t unit, uint32_t units)
{
    uint32_t lo = (uint32_t)gcxi_align_down(unit, REGION_UNITS);
    uint32_t hi = (uint32_t)gcxi_align_up(unit + units, REGION_UNITS);
    lo = lo != 0 ? lo : 1;
    hi = hi < gcxi_zone_end(GCXI_ZONE_SCAN) ? hi : gcxi_zone_end(GCXI_ZONE_SCAN);
    remember.backend->disarm(gcxi_unit_addr(lo), gcxi_unit_addr(hi));
    gcxi_clear_bytes(gcxi_map.armed + lo, hi - lo); /* the marker may look */
}

/* ---- Cards ---- */

static bool feed_cards(struct gcxi_marker *m)
{
    uint32_t unit, end;
    size_t shown = 0;
    if (!feed_next(&unit, &end))
        return false;
    for (; unit < end; unit++) {
        shown += gcxi_cards_show(m, unit, remember.kind == GCXI_SHOW_BETWEEN);
        if (remember.kind == GCXI_SHOW_LAST)
            show_owed(m, unit);
    }
    gcxi_add_relaxed(&remember.pages, shown);
    return true;
}

/* ---- Beside the program ---- */

int gcxi_remember_beside_init(void)
{
    return remember.has_digests ? gcxi_digest_init() : 0;
}

void gcxi_remember_beside_begin_stw(bool is_new_cycle)
{
    remember.beside_unit = 1;
    remember.beside_end = gcxi_zone_end(GCXI_ZONE_SCAN);
    if (is_new_cycle && remember.has_digests)
        gcxi_digest_begin_stw();
}

/* Another thread may be making a unit that was not in use at the last stop into a
 * block just now (N2). */
static bool is_for_second_stop(uint32_t unit)
{
    return !gcxi_concurrent_knows(unit) || gcxi_kind_has_trace(gcxi_unit_block(unit)->kind);
}

static bool show_owed_beside(struct gcxi_marker *m)
{
    uintptr_t lo, hi;
    if (!gcxi_owed_take(&lo, &hi))
        return false;
    uint32_t unit = gcxi_addr_unit(lo);
    if (is_for_second_stop(unit))
        gcxi_owed_add(lo, hi);
    else
        gcxi_show_range(m, gcxi_unit_block(unit), lo, hi);
    return true;
}

/* R8. The next unit whose writes are not tracked. */
static bool show_untracked_beside(struct gcxi_marker *m)
{
    if (!remember.has_digests)
        return false;
    while (remember.beside_unit < remember.beside_end) {
        uint32_t unit = remember.beside_unit++;
        if (!gcxi_concurrent_knows(unit) || gcxi_load_relaxed(&gcxi_map.armed[unit]) != 0 ||
            !has_digest(unit))
            continue;
        gcxi_digest_show_beside(m, unit);
        return true;
    }
    return false;
}

bool gcxi_remember_show_beside(struct gcxi_marker *m)
{
    return show_owed_beside(m) || show_untracked_beside(m);
}

/* ---- Entry points ---- */

gcxi_feed *gcxi_remember_scan(enum gcxi_show kind, size_t percent)
{
    remember.kind = kind;
    percent = gcxi_min(percent, (size_t)100);
    remember.costly_now = remember.costly_pages * percent / 100 + 1;
    remember.most_now = remember.most_pages * gcxi_max(percent, (size_t)50) / 100 + 1;
    remember.pages = remember.shown_units = remember.shown_ns = remember.pages_ns = 0;
    remember.decays = kind == GCXI_SHOW_BETWEEN && percent >= 50;
    if (kind == GCXI_SHOW_BETWEEN)
        gcxi_owed_begin_stw();
    feed_begin();
    if (gcxi_cards_are_used())
        return feed_cards;
    harvest(visit_dirty);
    if (kind == GCXI_SHOW_LAST && remember.has_digests)
        gcxi_digest_begin_last_stw();
    return feed_pages;
}

void gcxi_remember_forget(void)
{
    remember.pages = remember.shown_units = remember.shown_ns = remember.pages_ns = 0;
    remember.decays = false;
    if (gcxi_cards_are_used())
        gcxi_cards_forget();
    else if (remember.backend != NULL)
        harvest(visit_nothing);
}

void gcxi_remember_arm(enum gcxi_arm how, size_t soon_bytes)
{
    if (how == GCXI_ARM_NOTHING && remember.is_chosen)
        how = GCXI_ARM_FULL;
    if (remember.backend == NULL || (how == GCXI_ARM_BETWEEN && remember.has_digests)) /* R8 */
        return;
    uint32_t end = gcxi_zone_end(GCXI_ZONE_SCAN);
    rest_pass(end, how == GCXI_ARM_FULL || how == GCXI_ARM_NOTHING);
    plan_arming(end, how, soon_bytes);
    disarm_planned(end);
    arm_planned(end);
}

size_t gcxi_remember_pages(void)
{
    return remember.pages + remember.shown_units * (GCXI_UNIT / gcxi_vm_page_bytes());
}

uint64_t gcxi_remember_fault_ns(void)
{
    return remember.fault_ns * remember.pages; /* with cards fault_ns is 0 */
}

uint64_t gcxi_remember_shown_ns(void)
{
    return remember.shown_ns;
}

uint64_t gcxi_remember_pages_ns(void)
{
    return gcxi_min(remember.pages_ns, remember.pages * PAGE_MOST_NS);
}

const char *gcxi_remember_name(void)
{
    if (gcxi_cards_are_used())
        return "explicit";
    return remember.backend != NULL ? remember.backend->name : "none";
}

bool gcxi_remember_is_none(void)
{
    return !gcxi_cards_are_used() && remember.backend == NULL;
}

/* The one asked for, else the best that works. */
static const struct gcxi_dirty_backend *open_backend(const char *name, size_t bytes)
{
    const struct gcxi_dirty_backend *backend = gcxi_dirty_open(name, gcxi_map.base, bytes);
    if (backend != NULL || name == NULL || strcmp(name, "none") == 0)
        return backend;
    backend = gcxi_dirty_open(NULL, gcxi_map.base, bytes);
    gcxi_report("GCX_DIRTY=%s is not to be had here: %s instead", name,
                backend != NULL ? backend->name : "full cycles only");
    return backend;
}

/* So many written pages cost as much as the unit. The program waits for each fault,
 * and for what is shown as long as it takes several workers together. */
static size_t costly_pages(uint64_t page_ns)
{
    uint64_t workers = gcxi_workers_count() > 1 ? 2 : 1;
    if (remember.fault_ns > FAULT_DEAR_NS)
        return UNIT_NS / page_ns;
    return UNIT_NS / (workers * remember.fault_ns + PAGE_NS);
}

/* A backend that somebody asked for by name tracks at once, whatever it costs. */
static int pages_init(bool is_chosen)
{
    remember.rest = gcxi_vm_map((size_t)gcxi_map.noscan_first * 3);
    if (remember.rest == NULL)
        return -1;
    remember.level = remember.rest + gcxi_map.noscan_first;
    remember.is_moderate = remember.level + gcxi_map.noscan_first;
    remember.written_max = ((size_t)gcxi_map.noscan_first << GCXI_LG_UNIT) / gcxi_vm_page_bytes();
    remember.written = gcxi_vm_map(remember.written_max * sizeof *remember.written);
    if (remember.written == NULL)
        return -1;
    if (gcxi_owed_init(gcxi_vm_page_bytes()) != 0)
        return -1;
    remember.is_chosen = is_chosen;
    remember.fault_ns = gcxi_dirty_fault_ns(remember.backend);
    uint64_t page_ns = remember.fault_ns + PAGE_NS;
    remember.costly_pages = costly_pages(page_ns);
    remember.most_pages = UNIT_NS / PAGE_NS;
    remember.rest_first = GCXI_UNIT / gcxi_vm_page_bytes() * page_ns / UNIT_NS + 1;
    remember.has_digests = remember.fault_ns > FAULT_DEAR_NS;
    if (!remember.has_digests)
        remember.rest_first *= REST_TIMES;
    remember.moderate_most =
        remember.has_digests ? UINT32_MAX : MODERATE_UNITS * gcxi_workers_count();
    if (!is_chosen && remember.has_digests)
        remember.rest_new = REST_NEW;
    gcxi_space_on_disarm(disarm);
    return 0;
}

int gcxi_remember_init(enum gcx_barrier barrier, const char *name)
{
    size_t bytes = (size_t)gcxi_map.noscan_first << GCXI_LG_UNIT;
    if (barrier == GCX_BARRIER_EXPLICIT)
        return gcxi_cards_init(bytes);
    if (barrier == GCX_BARRIER_AUTO)
        remember.backend = open_backend(name, bytes);
    bool is_chosen = name != NULL && strcmp(name, "auto") != 0;
    return remember.backend != NULL ? pages_init(is_chosen) : 0;
}

void gcxi_remember_reset_after_fork(void)
{
    if (remember.backend == NULL)
        return;
    memset(gcxi_map.armed, 0, gcxi_zone_end(GCXI_ZONE_SCAN));
    if (remember.backend->reopen_after_fork() == 0)
        return;
    remember.backend = NULL;
    gcxi_space_on_disarm(NULL);
}
