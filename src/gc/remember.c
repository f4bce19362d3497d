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
 * R4  A unit of which any part is unarmed is shown whole, whatever its block.
 * R7  Between the stops of a full cycle (gc/concurrent.c) what a minor cycle
 *     shows is owed to the second stop as well, which shows it once more: there
 *     pointers to all objects matter that are not marked yet.
 * R8  Units that are not armed at the second stop are shown whole there. So while
 *     a full cycle marks, none rests but a number of those that are written all over;
 *     but where faults are dear all stay as they are, and gc/digest.c finds what of
 *     the others was written.
 *
 * Which units are armed, and which rest, is decided in gc/arm.c (R3, R5, R6 and R9).
 *
 * Locking: the heap lock, and the world stopped for scan, forget and arm.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/remember.h"

#include <string.h>

#include "base/atomic.h"
#include "gc/arm.h"
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

#define FEED_UNITS 8u
#define FEED_WRITTEN 16u
#define PREFETCH_MARKS 512u

/* Of work on a page; the rest was the machine's, busy with something else. */
#define PAGE_MOST_NS 2000u

/* Written pages of one unit. */
struct written {
    uintptr_t lo, hi;
};

static struct {
    const struct gcxi_dirty_backend *backend; /* or NULL */
    uint64_t fault_ns;                        /* first write to an armed page */
    bool has_digests;                         /* R8 */
    bool is_chosen;                           /* the backend was asked for by name */
    enum gcxi_show kind;                      /* of the scan under way */
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
    uint32_t last_unit;   /* the one that is harvested, */
    size_t last_pages;    /* and its written pages so far */
    uint32_t beside_unit; /* where gcxi_remember_show_beside goes on, */
    uint32_t beside_end;  /* and where it ends */
} remember;

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

static void note_last_unit(void)
{
    if (remember.last_pages != 0)
        gcxi_arm_note_written(remember.last_unit, remember.last_pages);
    remember.last_pages = 0;
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
        if (unit != remember.last_unit)
            note_last_unit();
        remember.last_unit = unit;
        remember.last_pages += (end - lo) / page_bytes;
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
            gcxi_show_prefetch(written[i + 1].lo, written[i + 1].hi);
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
    remember.last_pages = 0;
    remember.written_count = remember.next_written = 0;
    for (uint32_t lo = 1, hi; gcxi_next_run(gcxi_map.armed, 1, &lo, &hi, end); lo = hi)
        if (remember.backend->harvest(gcxi_unit_addr(lo), gcxi_unit_addr(hi), visit, NULL) != 0)
            memset(gcxi_map.armed + lo, 0, hi - lo);
    note_last_unit();
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

/* Most hold little that is old, and are not in a cache: the first marks of those. */
static void prefetch_unarmed(uint32_t lo, uint32_t hi)
{
    for (uint32_t unit = lo; unit < hi; unit++)
        if (gcxi_map.used[unit] != 0 && gcxi_map.armed[unit] == 0)
            __builtin_prefetch(gcxi_unit_block(unit));
    for (uint32_t unit = lo; unit < hi; unit++) {
        if (gcxi_map.used[unit] == 0 || gcxi_map.armed[unit] != 0)
            continue;
        const struct gcxi_block *block = gcxi_unit_block(unit);
        for (uint32_t slot = 0; block->live != 0 && slot < PREFETCH_MARKS; slot += 64)
            __builtin_prefetch(block->marks + slot);
    }
}

/* Units that were not armed. */
static bool feed_unarmed(struct gcxi_marker *m)
{
    uint32_t unit, end;
    size_t shown = 0;
    if (!feed_next(&unit, &end))
        return false;
    uint64_t before = gcxi_clock_ns();
    prefetch_unarmed(unit, end);
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
        else
            gcxi_arm_note_shown(unit, show_unarmed(m, unit));
    }
    gcxi_add_relaxed(&remember.shown_units, shown);
    gcxi_add_relaxed(&remember.shown_ns, gcxi_clock_ns() - before);
    return true;
}

static bool feed_pages(struct gcxi_marker *m)
{
    return feed_written(m) || feed_unarmed(m);
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

static void clear_counts(void)
{
    remember.pages = remember.shown_units = remember.shown_ns = remember.pages_ns = 0;
}

gcxi_feed *gcxi_remember_scan(enum gcxi_show kind, size_t percent)
{
    remember.kind = kind;
    clear_counts();
    gcxi_arm_begin_stw(kind == GCXI_SHOW_BETWEEN, percent);
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

void gcxi_remember_put_off(bool harvests)
{
    clear_counts();
    gcxi_arm_begin_stw(false, 0);
    gcxi_arm_unseen_stw();
    if (harvests)
        harvest(visit_nothing);
}

/* R7. A unit that is armed from now on was written before. */
static void owe_unarmed(uint32_t unit, uint32_t end)
{
    for (uint32_t hi; gcxi_next_run(gcxi_map.armed, 0, &unit, &hi, end); unit = hi)
        gcxi_owed_add(gcxi_unit_addr(unit), gcxi_unit_addr(hi));
}

void gcxi_remember_owe(bool harvests, size_t percent)
{
    uint32_t end = gcxi_zone_end(GCXI_ZONE_SCAN);
    if (harvests)
        gcxi_remember_scan(GCXI_SHOW_BETWEEN, percent);
    else
        gcxi_remember_put_off(false);
    gcxi_arm_unseen_stw();
    gcxi_owed_begin_stw();
    for (uint32_t lo = 1, hi; gcxi_next_run(gcxi_map.used, 1, &lo, &hi, end); lo = hi)
        owe_unarmed(lo, hi);
}

bool gcxi_remember_may_put_off(void)
{
    return remember.backend != NULL && !remember.has_digests;
}

void gcxi_remember_forget(void)
{
    clear_counts();
    gcxi_arm_begin_stw(false, 100);
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
    gcxi_arm_units_stw(how, soon_bytes);
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

/* A backend that somebody asked for by name tracks at once, whatever it costs. */
static int pages_init(bool is_chosen)
{
    remember.written_max = ((size_t)gcxi_map.noscan_first << GCXI_LG_UNIT) / gcxi_vm_page_bytes();
    remember.written = gcxi_vm_map(remember.written_max * sizeof *remember.written);
    if (remember.written == NULL)
        return -1;
    if (gcxi_owed_init(gcxi_vm_page_bytes()) != 0)
        return -1;
    remember.is_chosen = is_chosen;
    remember.fault_ns = gcxi_dirty_fault_ns(remember.backend);
    remember.has_digests = remember.fault_ns > GCXI_FAULT_DEAR_NS;
    return gcxi_arm_init(remember.backend, remember.fault_ns, remember.has_digests, is_chosen);
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
