/* arm.c -- see arm.h.
 *
 * R3  A block that is allocated from is not armed: no run of a lane faults.
 *     Noscan blocks are never armed.
 * R5  A unit so many of whose pages were written that the faults cost more than
 *     to show all of it rests: it is armed again after a number of minor cycles
 *     in which it held no pointer to a young object, twice as many each time.
 *     Where faults are dear, a new unit rests first. Where they are cheap all
 *     cycles count, and each with fewer such pointers than it takes costly pages
 *     for half of what is left.
 * R6  Blocks that will be allocated from before the next cycle are not armed.
 * R9  What rests is read in every minor cycle. A unit most of whose pages are written
 *     is read sooner as a whole, and may rest. Of those written in moderation, where
 *     faults cost the program time but the pause none, a number may at most, and only
 *     those that are so time and again.
 *
 * What a fault costs differs between machines by more than ten (0.9 us on bare
 * metal, 15 in some virtual machines; a disarming call 3 or 60), so it is
 * measured at the start. A unit rests until showing it has cost as much as the
 * faults may that arming it brings (the ski rental problem): 50 cycles, or 5, and six
 * times as many, for in a program that goes on to write the trials would lengthen each stop.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/arm.h"

#include <string.h>

#include "heap/block.h"
#include "heap/space.h"
#include "os/dirty.h"
#include "os/vm.h"
#include "trace/workers.h"

/* Units disarmed together, and the gap between two runs that is. */
#define REGION_UNITS 16u
#define GAP_UNITS 8u
#define DEAR_RUN_UNITS 8u

/* Changed in one stop at most, for that takes .6 and 2 us each; the others stay as
 * they are until the next. */
#define ARM_MOST_UNITS 2048u
#define ARM_AGAIN_UNITS 64u /* of those, that have rested; or a quarter of what is due */
#define DISARM_MOST_UNITS 1024u
#define DISARM_MINOR_UNITS 128u /* after a minor cycle or the second stop; or an eighth */
#define DISARM_UNSEEN_TIMES 4u  /* more where nothing else takes time */
#define BESIDE_UNITS 1024u      /* at rest while a full cycle marks, for each worker (R8) */
#define MODERATE_UNITS 128u     /* at rest, for each worker (R9): .5 ms */

/* In gcxi_map.armed for the time of the planning, besides 0 and 1. */
enum { ARM = 2, DISARM = 3 };

/* Cycles without a pointer to a young object after which a unit is armed: twice
 * as many each time that it did not pay. */
#define REST_MAX 255u
#define REST_TIMES 6u /* longer where faults are cheap: trials take .5 ms of each stop */

/* R9. Up with each interval, down by one with each; enough are four in a row, and less
 * than one in three never is. */
#define OFTEN_STEP 3u
#define OFTEN_ENOUGH 9u

#define UNIT_NS 6000u /* to show the words of one; it is read in one sweep */

static struct {
    const struct gcxi_dirty_backend *backend;
    bool is_dear;           /* the fault of a first write to an armed page */
    size_t costly_pages;    /* R5 */
    size_t costly_now;      /* of an interval that was shorter */
    size_t most_pages;      /* R9: more than the whole unit costs; */
    size_t most_now;        /* of a shorter interval */
    uint32_t moderate_most; /* R9: units at rest */
    uint32_t moderate;      /* those that are */
    uint32_t arm_due;       /* units that have rested, and shall no more */
    uint32_t disarm_due;    /* units written all over, and shall rest */
    size_t rest_first;      /* R5 */
    uint8_t rest_new;       /* of a unit that was not used before */
    uint8_t *rest;          /* per unit: cycles left unarmed */
    uint32_t rest_end;      /* units below have been used */
    uint8_t *level;         /* per unit: how long the next rest is */
    uint8_t *is_moderate;   /* per unit: R9 */
    uint8_t *often;         /* per unit: R9, how often it was written lately */
    bool is_short;          /* the interval was, and tells little */
    bool decays;            /* rests of armed units do: between stops */
    bool is_unseen;         /* what is not armed is not looked at, so it rests no shorter */
} arm;

/* ---- Units that are written often ---- */

static bool is_resting(uint32_t unit)
{
    return arm.rest[unit] != 0;
}

/* R5. So many that they may be are found, and each is on a page that somebody may have
 * written to. */
void gcxi_arm_note_shown(uint32_t unit, size_t young)
{
    bool is_costly = young >= (arm.is_dear ? 1 : arm.costly_now);
    if (!is_costly && !arm.is_dear)
        arm.rest[unit] /= 2;
    else if (is_costly && arm.rest[unit] < arm.rest_new)
        arm.rest[unit] = arm.rest_new;
}

/* R9. Counts it; was it often enough? Chance decides how much of a unit is written in one
 * interval: where a page or two are on average, three are in one of six. */
static bool count_costly(uint32_t unit, size_t pages)
{
    if (arm.is_dear || pages >= arm.most_now)
        return true;
    if (!arm.is_short)
        arm.often[unit] += OFTEN_STEP;
    return arm.often[unit] >= OFTEN_ENOUGH;
}

static void begin_rest(uint32_t unit, bool is_moderate)
{
    size_t rest = arm.rest_first << arm.level[unit];
    arm.rest[unit] = (uint8_t)gcxi_min(rest, REST_MAX);
    if (rest < REST_MAX)
        arm.level[unit]++;
    arm.is_moderate[unit] = is_moderate;
    arm.often[unit] = 0;
}

/* R5. Does it not pay that the unit is armed? Between the stops of a full cycle units
 * that would rest are: those that are written keep what is left of it, the others lose
 * half. */
void gcxi_arm_note_written(uint32_t unit, size_t pages)
{
    if (pages >= arm.costly_now && count_costly(unit, pages))
        begin_rest(unit, pages < arm.most_now);
    if (arm.decays && is_resting(unit))
        arm.rest[unit] = (uint8_t)gcxi_min(2u * arm.rest[unit] + 1, REST_MAX);
}

void gcxi_arm_begin_stw(bool is_between, size_t percent)
{
    arm.costly_now = arm.costly_pages * percent / 100 + 1;
    arm.most_now = arm.most_pages * gcxi_max(percent, (size_t)50) / 100 + 1;
    arm.is_short = percent < 50;
    arm.decays = is_between && !arm.is_short;
    arm.is_unseen = false;
}

void gcxi_arm_unseen_stw(void)
{
    arm.is_unseen = true;
}

/* R9. May it rest, or go on? */
static bool has_place(uint32_t unit)
{
    if (arm.is_moderate[unit] == 0)
        return true;
    return gcxi_map.armed[unit] != 0 ? arm.moderate < arm.moderate_most
                                     : arm.moderate <= arm.moderate_most;
}

/* At the end of a cycle. A full one, which comes seldom, has not looked for
 * pointers to young objects; but what is still armed after it can be trusted a
 * little more. */
static void rest_pass(uint32_t end, bool is_full)
{
    arm.moderate = arm.arm_due = arm.disarm_due = 0;
    for (; arm.rest_end < end; arm.rest_end++)
        arm.rest[arm.rest_end] = arm.rest_new;
    for (uint32_t unit = 1; unit < end; unit++) {
        if (!arm.is_short)
            arm.often[unit] = (uint8_t)(arm.often[unit] - (arm.often[unit] != 0));
        if (gcxi_map.used[unit] == 0) {
            arm.rest[unit] = arm.rest_new;
            arm.level[unit] = arm.often[unit] = 0;
        } else if (arm.decays && gcxi_map.armed[unit] != 0) {
            arm.rest[unit] /= 2;
        } else if (!is_full) {
            arm.rest[unit] = (uint8_t)(arm.rest[unit] - (is_resting(unit) && !arm.is_unseen));
        } else if (gcxi_map.armed[unit] != 0 && arm.level[unit] != 0) {
            arm.level[unit]--;
        }
        if (is_resting(unit) && gcxi_map.armed[unit] == 0)
            arm.moderate += arm.is_moderate[unit];
        else if (is_resting(unit))
            arm.disarm_due += arm.is_moderate[unit] == 0;
        else if (gcxi_map.armed[unit] == 0)
            arm.arm_due += arm.level[unit] != 0;
    }
}

/* ---- Arming ---- */

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

/* What may be changed in one stop, and stay as it is. */
struct arm_limits {
    uint32_t arm;
    uint32_t arm_again; /* of those, units that have rested */
    uint32_t disarm;
    uint32_t rest_beside; /* R8 */
};

static struct arm_limits arm_limits(enum gcxi_arm how)
{
    struct arm_limits limits = {ARM_MOST_UNITS, ARM_MOST_UNITS, DISARM_MOST_UNITS,
                                BESIDE_UNITS * gcxi_workers_count()};
    if (how == GCXI_ARM_NOTHING)
        limits.disarm = UINT32_MAX;
    if (how == GCXI_ARM_MINOR)
        limits.arm_again = (uint32_t)gcxi_max(ARM_AGAIN_UNITS, arm.arm_due / 4);
    if (how == GCXI_ARM_MINOR || how == GCXI_ARM_FULL)
        limits.disarm = (uint32_t)gcxi_max(DISARM_MINOR_UNITS, arm.disarm_due / 8);
    if (how == GCXI_ARM_MINOR && arm.is_unseen)
        limits.disarm *= DISARM_UNSEEN_TIMES;
    return limits;
}

static void plan_arm(uint32_t unit, struct arm_limits *left)
{
    bool has_rested = arm.level[unit] != 0;
    if (left->arm == 0 || (has_rested && left->arm_again == 0))
        return;
    left->arm--;
    left->arm_again -= has_rested;
    arm.moderate -= is_resting(unit) && arm.is_moderate[unit] != 0;
    gcxi_map.armed[unit] = ARM;
}

static void plan_disarm(uint32_t unit, struct arm_limits *left)
{
    if (left->disarm == 0)
        return;
    left->disarm--;
    arm.moderate += arm.is_moderate[unit];
    gcxi_map.armed[unit] = DISARM;
}

/* R8. While a full cycle marks, a number of those that are written all over. */
static bool may_rest_beside(uint32_t unit, struct arm_limits *left)
{
    if (arm.is_moderate[unit] != 0 || gcxi_map.armed[unit] != 0 || left->rest_beside == 0)
        return false;
    left->rest_beside--;
    return true;
}

static bool may_rest(uint32_t unit, enum gcxi_arm how, struct arm_limits *left)
{
    if (how == GCXI_ARM_NOTHING)
        return true;
    if (!is_resting(unit))
        return false;
    return how < GCXI_ARM_BEGIN || arm.is_dear ? has_place(unit) : may_rest_beside(unit, left);
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
        bool rests = may_rest(unit, how, &left);
        if (!is_armed && !is_soon && !rests)
            plan_arm(unit, &left);
        else if (is_armed && rests)
            plan_disarm(unit, &left);
    }
}

/* Each run costs a call now and one in every harvest, so where calls are dear
 * short ones are rather shown whole. */
static void arm_planned(uint32_t end)
{
    uint32_t least = arm.rest_new != 0 ? DEAR_RUN_UNITS : 1;
    for (uint32_t lo = 1, hi; gcxi_next_run(gcxi_map.armed, ARM, &lo, &hi, end); lo = hi) {
        bool is_armed =
            hi - lo >= least && arm.backend->arm(gcxi_unit_addr(lo), gcxi_unit_addr(hi)) == 0;
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
               next_lo - hi <= (arm.is_dear ? GAP_UNITS : 1))
            hi = next_lo = next_hi;
        arm.backend->disarm(gcxi_unit_addr(lo), gcxi_unit_addr(hi));
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
    arm.backend->disarm(gcxi_unit_addr(lo), gcxi_unit_addr(hi));
    gcxi_clear_bytes(gcxi_map.armed + lo, hi - lo); /* the marker may look */
}

void gcxi_arm_units_stw(enum gcxi_arm how, size_t soon_bytes)
{
    uint32_t end = gcxi_zone_end(GCXI_ZONE_SCAN);
    rest_pass(end, how == GCXI_ARM_FULL || how == GCXI_ARM_NOTHING);
    plan_arming(end, how, soon_bytes);
    disarm_planned(end);
    arm_planned(end);
}

/* So many written pages cost as much as the unit. The program waits for each fault,
 * and for what is shown as long as it takes several workers together. */
static size_t costly_pages(uint64_t fault_ns)
{
    uint64_t workers = gcxi_workers_count() > 1 ? 2 : 1;
    return UNIT_NS / ((arm.is_dear ? 1 : workers) * fault_ns + GCXI_PAGE_NS);
}

int gcxi_arm_init(const struct gcxi_dirty_backend *backend, uint64_t fault_ns, bool is_dear,
                  bool is_chosen)
{
    arm.rest = gcxi_vm_map((size_t)gcxi_map.noscan_first * 4);
    if (arm.rest == NULL)
        return -1;
    arm.level = arm.rest + gcxi_map.noscan_first;
    arm.is_moderate = arm.level + gcxi_map.noscan_first;
    arm.often = arm.is_moderate + gcxi_map.noscan_first;
    arm.backend = backend;
    arm.is_dear = is_dear;
    arm.costly_pages = costly_pages(fault_ns);
    arm.most_pages = UNIT_NS / GCXI_PAGE_NS;
    arm.rest_first = GCXI_UNIT / gcxi_vm_page_bytes() * (fault_ns + GCXI_PAGE_NS) / UNIT_NS + 1;
    if (!is_dear)
        arm.rest_first *= REST_TIMES;
    arm.moderate_most = is_dear ? UINT32_MAX : MODERATE_UNITS * gcxi_workers_count();
    if (!is_chosen && is_dear)
        arm.rest_new = GCXI_REST_NEW;
    gcxi_space_on_disarm(disarm);
    return 0;
}
