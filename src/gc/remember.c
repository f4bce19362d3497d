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
 *     is cleared before. The world is stopped, so it matters only when marking
 *     becomes concurrent.
 * R3  A block that is allocated from is not armed: no run of a lane faults.
 *     Noscan blocks are never armed.
 * R4  A unit of which any part is unarmed is shown whole, whatever its block.
 * R5  A unit so many of whose pages were written that the faults cost more than
 *     to show all of it rests: it is armed again after a number of minor cycles
 *     in which it held no pointer to a young object, twice as many each time.
 *     Where faults are dear, a new unit rests first.
 *     While a full cycle marks no unit rests (gc/concurrent.c).
 * R6  Blocks that will be allocated from before the next cycle are not armed.
 * R7  Between the stops of a full cycle (gc/concurrent.c) what a minor cycle
 *     shows is owed to the second stop as well, which shows it once more: there
 *     pointers to all objects matter that are not marked yet.
 *
 * What a fault costs differs between machines by more than ten (0.9 us on bare
 * metal, 15 in some virtual machines; a disarming call 3 or 60), so it is
 * measured at the start. A unit rests until showing it has cost as much as the
 * faults may that arming it brings (the ski rental problem): 4 cycles or 50.
 *
 * Locking: the heap lock, and the world stopped for scan, forget and arm.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/remember.h"

#include <errno.h>
#include <string.h>

#include "base/atomic.h"
#include "gc/owed.h"
#include "heap/kind.h"
#include "heap/marks.h"
#include "heap/meta.h"
#include "heap/space.h"
#include "os/clock.h"
#include "os/dirty.h"
#include "os/vm.h"
#include "trace/special.h"

#define CARD_BYTES ((uintptr_t)1 << GCX_DETAIL_LG_CARD)
#define CARDS_PER_UNIT (GCXI_UNIT >> GCX_DETAIL_LG_CARD)

struct gcx_detail_cards gcx_detail_cards;

/* Units disarmed together, and the gap between two runs that is. */
#define REGION_UNITS 16u
#define GAP_UNITS 8u
#define DEAR_RUN_UNITS 8u
#define FEED_UNITS 4u

/* In gcxi_map.armed for the time of the planning, besides 0 and 1. */
enum { ARM = 2, DISARM = 3 };

/* Cycles without a pointer to a young object after which a unit is armed: twice
 * as many each time that it did not pay. */
#define REST_MAX 255u
#define REST_NEW 16u /* 4 is slower on trees, 48 the same */

/* To show the words of a page and of a unit; a unit is read in one sweep. */
#define PAGE_NS 600u
#define UNIT_NS 6000u
#define FAULT_DEAR_NS 3000u

static struct {
    const struct gcxi_dirty_backend *backend; /* or NULL */
    uint64_t fault_ns;                        /* first write to an armed page */
    size_t costly_pages;                      /* R5 */
    size_t rest_first;                        /* R5 */
    uint8_t rest_new;                         /* of a unit that was not used before */
    uint8_t *rest;                            /* per unit: cycles left unarmed */
    uint8_t *level;                           /* per unit: how long the next rest is */
    struct gcxi_marker *marker;               /* of the scan under way */
    enum gcxi_show kind;                      /* of that */
    size_t pages;
    uint32_t next_unit; /* of feed_unarmed; atomic */
    size_t shown_units; /* by it; atomic */
    uint64_t shown_ns;  /* it took, of all workers; atomic */
    uint32_t end_unit;
    uint32_t last_unit; /* written pages counted in it so far */
    size_t last_pages;
} remember;

/* ---- Showing words ---- */

/* Words that a precise kind calls pointers, in old objects of a block. */
static void show_special_range(struct gcxi_marker *m, const struct gcxi_block *block, uintptr_t lo,
                               uintptr_t hi)
{
    uint32_t slot = gcxi_block_slot(block, lo - gcxi_block_addr(block));
    uint8_t epoch = gcxi_map.epoch, other = m->is_beside ? epoch : gcxi_map.epoch_kept;
    for (; slot < block->slots && gcxi_slot_addr(block, slot) < hi; slot++)
        if (block->marks[slot] == epoch || block->marks[slot] == other)
            gcxi_special_show(m, block, slot, lo, hi);
}

/* Shows the words of the old objects of a block between two addresses in it.
 * Returns how many may be pointers to young objects. */
static size_t show_range(struct gcxi_marker *m, const struct gcxi_block *block, uintptr_t lo,
                         uintptr_t hi)
{
    uintptr_t start = gcxi_block_addr(block);
    uint32_t slot = gcxi_block_slot(block, lo - start);
    uint8_t epoch = gcxi_map.epoch, other = m->is_beside ? epoch : gcxi_map.epoch_kept;
    size_t young = 0;
    if (block->kind >= GCXI_KINDS) {
        uintptr_t *before = m->sp;
        show_special_range(m, block, lo, hi);
        return m->sp != before;
    }
    while (slot < block->slots) {
        slot = gcxi_marks_find_either(block->marks, slot, block->slots, epoch, other);
        if (slot == block->slots || gcxi_slot_addr(block, slot) >= hi)
            break;
        uint32_t end = gcxi_marks_find_neither(block->marks, slot, block->slots, epoch, other);
        young += gcxi_mark_old_range(m, gcxi_max(lo, gcxi_slot_addr(block, slot)),
                                     gcxi_min(hi, gcxi_slot_addr(block, end)));
        slot = end;
    }
    return young;
}

/* Shows a range of units that may span blocks and free units. */
static size_t show_units(struct gcxi_marker *m, uintptr_t lo, uintptr_t hi)
{
    size_t young = 0;
    while (lo < hi) {
        uint32_t unit = gcxi_addr_unit(lo);
        uintptr_t end = gcxi_unit_addr(unit + 1);
        if (gcxi_map.used[unit] != 0) {
            const struct gcxi_block *block = gcxi_unit_block(unit);
            end = gcxi_block_addr(block) + ((uintptr_t)block->units << GCXI_LG_UNIT);
            if (block->live != 0)
                young += show_range(m, block, lo, gcxi_min(hi, end));
        }
        lo = end;
    }
    return young;
}

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

/* R5. The unit was armed, and it did not pay. */
static void rest_longer(uint32_t unit)
{
    size_t rest = remember.rest_first << remember.level[unit];
    remember.rest[unit] = (uint8_t)gcxi_min(rest, REST_MAX);
    if (rest < REST_MAX)
        remember.level[unit]++;
}

/* At the end of a cycle. A full one, which comes seldom, has not looked for
 * pointers to young objects; but what is still armed after it can be trusted a
 * little more. */
static void rest_pass(uint32_t end, bool is_full)
{
    for (uint32_t unit = 1; unit < end; unit++) {
        if (gcxi_map.used[unit] == 0) {
            remember.rest[unit] = remember.rest_new;
            remember.level[unit] = 0;
        } else if (!is_full) {
            remember.rest[unit] = (uint8_t)(remember.rest[unit] - is_resting(unit));
        } else if (gcxi_map.armed[unit] != 0 && remember.level[unit] != 0) {
            remember.level[unit]--;
        }
    }
}

/* ---- Pages ---- */

/* Units [*lo, *hi) from *lo on whose byte is value; false if there are none. */
static bool next_run(const uint8_t *bytes, uint8_t value, uint32_t *lo, uint32_t *hi, uint32_t end)
{
    const uint8_t *first = *lo < end ? memchr(bytes + *lo, value, end - *lo) : NULL;
    if (first == NULL)
        return false;
    *lo = (uint32_t)(first - bytes);
    *hi = *lo + 1;
    while (*hi < end && bytes[*hi] == value)
        ++*hi;
    return true;
}

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
        show_units(m, lo, hi);
}

static void visit_dirty(uintptr_t lo, uintptr_t hi, void *arg)
{
    size_t page_bytes = gcxi_vm_page_bytes();
    (void)arg;
    owe(lo, hi);
    remember.pages += (hi - lo) / page_bytes;
    show_units(remember.marker, lo, hi);
    while (lo < hi) {
        uint32_t unit = gcxi_addr_unit(lo);
        uintptr_t end = gcxi_min(hi, gcxi_unit_addr(unit + 1));
        if (unit != remember.last_unit)
            remember.last_pages = 0;
        remember.last_unit = unit;
        remember.last_pages += (end - lo) / page_bytes;
        if (remember.last_pages >= remember.costly_pages)
            rest_longer(unit);
        lo = end;
    }
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
    for (uint32_t lo = 1, hi; next_run(gcxi_map.armed, 1, &lo, &hi, end); lo = hi)
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

/* Units that were not armed. */
static bool feed_unarmed(struct gcxi_marker *m)
{
    uint32_t unit, end;
    size_t shown = 0;
    if (!feed_next(&unit, &end))
        return false;
    uint64_t before = gcxi_clock_ns();
    for (; unit < end; unit++) {
        if (gcxi_map.used[unit] == 0)
            continue;
        if (gcxi_map.armed[unit] != 0) {
            if (remember.kind == GCXI_SHOW_LAST)
                show_owed(m, unit);
            continue;
        }
        shown++;
        owe(gcxi_unit_addr(unit), gcxi_unit_addr(unit + 1));
        if (show_units(m, gcxi_unit_addr(unit), gcxi_unit_addr(unit + 1)) != 0 &&
            remember.kind != GCXI_SHOW_LAST)
            rest_on(unit);
    }
    gcxi_add_relaxed(&remember.shown_units, shown);
    gcxi_add_relaxed(&remember.shown_ns, gcxi_clock_ns() - before);
    return true;
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

/* Which units shall be armed and are not: their byte becomes ARM. Which are
 * and shall not be: DISARM. */
static void plan_arming(uint32_t end, enum gcxi_arm how, size_t soon_bytes)
{
    size_t room_bytes = 0;
    for (uint32_t unit = end; --unit > 0;) {
        if (gcxi_map.used[unit] == 0)
            continue;
        uint8_t *armed = &gcxi_map.armed[unit];
        bool is_soon = is_taken_soon(gcxi_unit_block(unit), &room_bytes, soon_bytes);
        bool may_rest = how != GCXI_ARM_ALL && is_resting(unit);
        if (*armed == 0 && !is_soon && !may_rest)
            *armed = ARM;
        else if (*armed != 0 && may_rest)
            *armed = DISARM;
    }
}

/* Each run costs a call now and one in every harvest, so where calls are dear
 * short ones are rather shown whole. */
static void arm_planned(uint32_t end)
{
    uint32_t least = remember.rest_new != 0 ? DEAR_RUN_UNITS : 1;
    for (uint32_t lo = 1, hi; next_run(gcxi_map.armed, ARM, &lo, &hi, end); lo = hi) {
        bool is_armed =
            hi - lo >= least && remember.backend->arm(gcxi_unit_addr(lo), gcxi_unit_addr(hi)) == 0;
        memset(gcxi_map.armed + lo, is_armed, hi - lo);
    }
}

/* Small gaps between two runs go with them: a call costs more than to show
 * the units in between once. */
static void disarm_planned(uint32_t end)
{
    for (uint32_t lo = 1, hi; next_run(gcxi_map.armed, DISARM, &lo, &hi, end); lo = hi) {
        uint32_t next_lo = hi, next_hi;
        while (next_run(gcxi_map.armed, DISARM, &next_lo, &next_hi, end) &&
               next_lo - hi <= GAP_UNITS)
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
    memset(gcxi_map.armed + lo, 0, hi - lo);
}

/* ---- Cards ---- */

static size_t show_cards(struct gcxi_marker *m, uint32_t unit)
{
    uint8_t *cards = gcx_detail_cards.card + (size_t)unit * CARDS_PER_UNIT;
    uintptr_t start = gcxi_unit_addr(unit);
    size_t shown = 0;
    gcx_detail_cards.block[unit] = 0;
    for (size_t i = 0; i < CARDS_PER_UNIT; i++) {
        if (cards[i] == 0)
            continue;
        cards[i] = 0;
        shown++;
        owe(start + i * CARD_BYTES, start + (i + 1) * CARD_BYTES);
        show_units(m, start + i * CARD_BYTES, start + (i + 1) * CARD_BYTES);
    }
    return shown;
}

static bool feed_cards(struct gcxi_marker *m)
{
    uint32_t unit, end;
    size_t shown = 0;
    if (!feed_next(&unit, &end))
        return false;
    for (; unit < end; unit++) {
        if (gcx_detail_cards.block[unit] != 0)
            shown += show_cards(m, unit);
        if (remember.kind == GCXI_SHOW_LAST)
            show_owed(m, unit);
    }
    gcxi_add_relaxed(&remember.pages, shown);
    return true;
}

static void forget_cards(void)
{
    uint32_t end = gcxi_zone_end(GCXI_ZONE_SCAN);
    for (uint32_t lo = 1, hi; next_run(gcx_detail_cards.block, 1, &lo, &hi, end); lo = hi) {
        memset(gcx_detail_cards.card + (size_t)lo * CARDS_PER_UNIT, 0,
               (size_t)(hi - lo) * CARDS_PER_UNIT);
        memset(gcx_detail_cards.block + lo, 0, hi - lo);
    }
}

void gcxi_remember_object(uintptr_t addr)
{
    uint32_t slot;
    if (gcx_detail_cards.size == 0)
        return;
    const struct gcxi_block *block = gcxi_find_slot(addr, &slot);
    if (block == NULL || gcxi_kind_is_untracked(block->kind))
        return;
    uintptr_t lo = gcxi_slot_addr(block, slot) - gcx_detail_cards.base;
    uintptr_t hi = lo + block->slot_bytes;
    for (uintptr_t card = lo >> GCX_DETAIL_LG_CARD; card <= (hi - 1) >> GCX_DETAIL_LG_CARD; card++)
        gcxi_store_relaxed(&gcx_detail_cards.card[card], 1);
    for (uintptr_t unit = lo >> GCXI_LG_UNIT; unit <= (hi - 1) >> GCXI_LG_UNIT; unit++)
        gcxi_store_release(&gcx_detail_cards.block[unit], 1);
}

/* ---- Entry points ---- */

gcxi_feed *gcxi_remember_scan(struct gcxi_marker *m, enum gcxi_show kind)
{
    remember.kind = kind;
    remember.pages = remember.shown_units = remember.shown_ns = 0;
    feed_begin();
    if (gcx_detail_cards.size != 0)
        return feed_cards;
    remember.marker = m;
    harvest(visit_dirty);
    return feed_unarmed;
}

void gcxi_remember_forget(void)
{
    remember.pages = remember.shown_units = remember.shown_ns = 0;
    if (gcx_detail_cards.size != 0)
        forget_cards();
    else if (remember.backend != NULL)
        harvest(visit_nothing);
}

void gcxi_remember_arm(enum gcxi_arm how, size_t soon_bytes)
{
    if (remember.backend == NULL)
        return;
    uint32_t end = gcxi_zone_end(GCXI_ZONE_SCAN);
    rest_pass(end, how == GCXI_ARM_FULL);
    plan_arming(end, how, soon_bytes);
    disarm_planned(end);
    arm_planned(end);
}

/* The filter is asked first: another thread may be making a unit that is not in
 * it into a block just now (N2). */
static bool is_for_second_stop(const struct gcxi_marker *m, uint32_t unit)
{
    return m->filter[unit] == 0 || gcxi_kind_has_trace(gcxi_unit_block(unit)->kind);
}

bool gcxi_remember_show_owed(struct gcxi_marker *m)
{
    uintptr_t lo, hi;
    if (!gcxi_owed_take(&lo, &hi))
        return false;
    uint32_t unit = gcxi_addr_unit(lo);
    if (is_for_second_stop(m, unit))
        gcxi_owed_add(lo, hi);
    else
        show_range(m, gcxi_unit_block(unit), lo, hi);
    return true;
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

const char *gcxi_remember_name(void)
{
    if (gcx_detail_cards.size != 0)
        return "explicit";
    return remember.backend != NULL ? remember.backend->name : "none";
}

bool gcxi_remember_is_none(void)
{
    return gcx_detail_cards.size == 0 && remember.backend == NULL;
}

static int cards_init(size_t bytes)
{
    size_t cards = bytes >> GCX_DETAIL_LG_CARD;
    uint8_t *table = gcxi_vm_map(cards + (bytes >> GCX_DETAIL_LG_BLOCK));
    if (table == NULL)
        return -1;
    gcx_detail_cards.card = table;
    gcx_detail_cards.block = table + cards;
    gcx_detail_cards.base = gcxi_map.base;
    gcx_detail_cards.size = bytes;
    return gcxi_owed_init(CARD_BYTES);
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

/* A backend that somebody asked for by name tracks at once, whatever it costs. */
static int pages_init(bool is_chosen)
{
    remember.rest = gcxi_vm_map((size_t)gcxi_map.noscan_first * 2);
    if (remember.rest == NULL)
        return -1;
    remember.level = remember.rest + gcxi_map.noscan_first;
    if (gcxi_owed_init(gcxi_vm_page_bytes()) != 0)
        return -1;
    remember.fault_ns = remember.backend->fault_ns();
    uint64_t page_ns = remember.fault_ns + PAGE_NS;
    remember.costly_pages = UNIT_NS / page_ns + 1;
    remember.rest_first = GCXI_UNIT / gcxi_vm_page_bytes() * page_ns / UNIT_NS + 1;
    if (!is_chosen && remember.fault_ns > FAULT_DEAR_NS)
        remember.rest_new = REST_NEW;
    gcxi_space_on_disarm(disarm);
    return 0;
}

int gcxi_remember_init(enum gcx_barrier barrier, const char *name)
{
    size_t bytes = (size_t)gcxi_map.noscan_first << GCXI_LG_UNIT;
    if (barrier == GCX_BARRIER_EXPLICIT)
        return cards_init(bytes);
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
