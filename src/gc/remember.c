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
 *
 * Locking: the heap lock, and the world stopped for scan, forget and arm.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/remember.h"

#include <errno.h>
#include <string.h>

#include "base/atomic.h"
#include "heap/marks.h"
#include "heap/meta.h"
#include "heap/space.h"
#include "os/dirty.h"
#include "os/vm.h"

#define CARD_BYTES ((uintptr_t)1 << GCX_DETAIL_LG_CARD)
#define CARDS_PER_UNIT (GCXI_UNIT >> GCX_DETAIL_LG_CARD)

struct gcx_detail_cards gcx_detail_cards;

static struct {
    const struct gcxi_dirty_backend *backend; /* or NULL */
    struct gcxi_marker *marker;               /* of the scan under way */
    size_t pages;
} remember;

/* ---- Showing words ---- */

/* Shows the words of the old objects of a block between two addresses in it. */
static void show_range(struct gcxi_marker *m, const struct gcxi_block *block, uintptr_t lo,
                       uintptr_t hi)
{
    uintptr_t start = gcxi_block_addr(block);
    uint32_t slot = gcxi_block_slot(block, lo - start);
    while (slot < block->slots) {
        slot = gcxi_marks_find(block->marks, slot, block->slots, gcxi_map.epoch);
        if (slot == block->slots || gcxi_slot_addr(block, slot) >= hi)
            return;
        uint32_t end = gcxi_marks_find_other(block->marks, slot, block->slots, gcxi_map.epoch);
        gcxi_mark_old_range(m, gcxi_max(lo, gcxi_slot_addr(block, slot)),
                            gcxi_min(hi, gcxi_slot_addr(block, end)));
        slot = end;
    }
}

/* Shows a range of units that may span blocks and free units. */
static void show_units(struct gcxi_marker *m, uintptr_t lo, uintptr_t hi)
{
    while (lo < hi) {
        uint32_t unit = gcxi_addr_unit(lo);
        uintptr_t end = gcxi_unit_addr(unit + 1);
        if (gcxi_map.used[unit] != 0) {
            const struct gcxi_block *block = gcxi_unit_block(unit);
            end = gcxi_block_addr(block) + ((uintptr_t)block->units << GCXI_LG_UNIT);
            show_range(m, block, lo, gcxi_min(hi, end));
        }
        lo = end;
    }
}

/* ---- Pages ---- */

/* Units [*lo, *hi) from *lo on whose byte is 1; false if there are none. */
static bool next_run(const uint8_t *bytes, uint32_t *lo, uint32_t *hi, uint32_t end)
{
    const uint8_t *first = *lo < end ? memchr(bytes + *lo, 1, end - *lo) : NULL;
    if (first == NULL)
        return false;
    *lo = (uint32_t)(first - bytes);
    const uint8_t *last = memchr(first, 0, end - *lo);
    *hi = last != NULL ? (uint32_t)(last - bytes) : end;
    return true;
}

static void visit_dirty(uintptr_t lo, uintptr_t hi, void *arg)
{
    (void)arg;
    remember.pages += (hi - lo) / gcxi_vm_page_bytes();
    show_units(remember.marker, lo, hi);
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
    for (uint32_t lo = 1, hi; next_run(gcxi_map.armed, &lo, &hi, end); lo = hi)
        if (remember.backend->harvest(gcxi_unit_addr(lo), gcxi_unit_addr(hi), visit, NULL) != 0)
            memset(gcxi_map.armed + lo, 0, hi - lo);
    remember.backend->harvest_end();
}

/* Calls visit for each block of the scan zone that is not armed. */
static void each_unarmed(void (*visit)(struct gcxi_block *block))
{
    uint32_t end = gcxi_zone_end(GCXI_ZONE_SCAN);
    for (uint32_t unit = 1; unit < end;) {
        if (gcxi_map.used[unit] != 0 && gcxi_map.armed[unit] == 0) {
            struct gcxi_block *block = &gcxi_map.blocks[unit];
            unit += block->units;
            visit(block);
        } else {
            unit++;
        }
    }
}

static void show_block(struct gcxi_block *block)
{
    uintptr_t start = gcxi_block_addr(block);
    if (block->live != 0)
        show_range(remember.marker, block, start,
                   start + ((uintptr_t)block->units << GCXI_LG_UNIT));
}

static void note_for_arming(struct gcxi_block *block)
{
    if (block->state != GCXI_BLOCK_OWNED)
        memset(gcxi_map.armed + gcxi_block_unit(block), 2, block->units);
}

/* Arms the units that note_for_arming left at 2. */
static void arm_noted(void)
{
    uint32_t end = gcxi_zone_end(GCXI_ZONE_SCAN);
    for (uint32_t lo = 1; lo < end;) {
        const uint8_t *first = memchr(gcxi_map.armed + lo, 2, end - lo);
        if (first == NULL)
            return;
        lo = (uint32_t)(first - gcxi_map.armed);
        uint32_t hi = lo + 1;
        while (hi < end && gcxi_map.armed[hi] == 2)
            hi++;
        int status = remember.backend->arm(gcxi_unit_addr(lo), gcxi_unit_addr(hi));
        memset(gcxi_map.armed + lo, status == 0, hi - lo);
        lo = hi;
    }
}

static void disarm(uint32_t unit, uint32_t units)
{
    remember.backend->disarm(gcxi_unit_addr(unit), gcxi_unit_addr(unit + units));
    memset(gcxi_map.armed + unit, 0, units);
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
        if (m != NULL)
            show_units(m, start + i * CARD_BYTES, start + (i + 1) * CARD_BYTES);
    }
    return shown;
}

/* Shows all cards that are set and clears them; only clears without marker. */
static size_t scan_cards(struct gcxi_marker *m)
{
    uint32_t end = gcxi_zone_end(GCXI_ZONE_SCAN);
    size_t shown = 0;
    for (uint32_t unit = 1; unit < end; unit++) {
        const uint8_t *set = memchr(gcx_detail_cards.block + unit, 1, end - unit);
        if (set == NULL)
            break;
        unit = (uint32_t)(set - gcx_detail_cards.block);
        shown += show_cards(m, unit);
    }
    return shown;
}

void gcxi_remember_object(uintptr_t addr)
{
    uint32_t slot;
    if (gcx_detail_cards.size == 0)
        return;
    const struct gcxi_block *block = gcxi_find_slot(addr, &slot);
    if (block == NULL || block->kind == GCXI_NOSCAN)
        return;
    uintptr_t lo = gcxi_slot_addr(block, slot) - gcx_detail_cards.base;
    uintptr_t hi = lo + block->slot_bytes;
    for (uintptr_t card = lo >> GCX_DETAIL_LG_CARD; card <= (hi - 1) >> GCX_DETAIL_LG_CARD; card++)
        gcxi_store_relaxed(&gcx_detail_cards.card[card], 1);
    for (uintptr_t unit = lo >> GCXI_LG_UNIT; unit <= (hi - 1) >> GCXI_LG_UNIT; unit++)
        gcxi_store_release(&gcx_detail_cards.block[unit], 1);
}

/* ---- Entry points ---- */

size_t gcxi_remember_scan(struct gcxi_marker *m)
{
    if (gcx_detail_cards.size != 0)
        return scan_cards(m);
    remember.marker = m;
    remember.pages = 0;
    harvest(visit_dirty);
    each_unarmed(show_block);
    return remember.pages;
}

void gcxi_remember_forget(void)
{
    if (gcx_detail_cards.size != 0)
        scan_cards(NULL);
    else if (remember.backend != NULL)
        harvest(visit_nothing);
}

void gcxi_remember_arm(void)
{
    if (remember.backend == NULL)
        return;
    each_unarmed(note_for_arming);
    arm_noted();
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
    return 0;
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

int gcxi_remember_init(enum gcx_barrier barrier, const char *name)
{
    size_t bytes = (size_t)gcxi_map.noscan_first << GCXI_LG_UNIT;
    if (barrier == GCX_BARRIER_EXPLICIT)
        return cards_init(bytes);
    if (barrier == GCX_BARRIER_AUTO)
        remember.backend = open_backend(name, bytes);
    if (remember.backend != NULL)
        gcxi_space_on_disarm(disarm);
    return 0;
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
