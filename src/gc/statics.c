/* statics.c -- see statics.h.
 *
 *              cycle                  write                next cycle
 *   all read --------> armed, clean --------> page written ----------> read, clean
 *
 * What survives a cycle is old at once (gc/cycle.c). So after one no word of static
 * data leads to a young object, and in the next minor cycle only pages matter that
 * were written since; in the second stop of a full one, those written since the
 * first. The kernel tells which, if it can track memory outside the heap
 * (os/dirty_outside.h); with the explicit barrier too, for that is about objects.
 *
 * Tracked are large ranges, static data and others (gc/tracked.h), by chunks as large
 * as a unit of the heap.
 *
 * V1  A page of an armed chunk that was not written since the last cycle holds no
 *     pointer to a young object; between the stops of a full cycle, one that was not
 *     written since the first stop, none to an object that is neither marked nor
 *     will be.
 * V2  A page is armed before its words are read, so a write at the same time (by a
 *     system call of a thread that counts as stopped) shows in the next cycle.
 * V3  What a minor cycle between the stops reads, whole chunks as well, is owed to the
 *     next pass that reads it beside the program, or to the second stop: there pointers
 *     to all objects matter that are not marked yet.
 * V4  Beside the program only memory is read that stays (M5 in trace/mark.c): of the
 *     program itself, which is never unloaded, and added ranges, under a lock that
 *     their removal takes. A chunk that is pending, or not armed any more, at the
 *     second stop is read whole there.
 * V5  If tracking fails, because the program has mapped something else there, a chunk
 *     is read whole from then on.
 * V6  A chunk so many of whose pages were written that the faults cost more than to
 *     read all of it rests, twice as long each time (R5 in gc/arm.c). Where faults
 *     are cheap not at the first time, which may be the only one, and not while a full
 *     cycle marks: what rests is read in each stop.
 * V7  What was never touched is not read: zeroes, and what the program's own file holds,
 *     for that is older than any object. A library may have been written by the program.
 *
 * Full cycles in one stop read all that was ever touched.
 *
 * Locking: world stopped; gcxi_statics_show_beside is called by the marker while it is
 * busy (N5 in gc/concurrent.c).
 *
 * SPDX-License-Identifier: MIT */
#include "gc/statics.h"

#include <string.h>

#include "base/atomic.h"
#include "base/delay.h"
#include "base/lock.h"
#include "gc/arm.h"
#include "gc/cards.h"
#include "gc/gc.h"
#include "gc/remember.h"
#include "gc/tracked.h"
#include "os/dirty_outside.h"
#include "os/module.h"
#include "os/vm.h"
#include "trace/roots.h"

#define VISIT_MOST_CHUNKS 256u

/* In gcxi_tracked.armed; the last two for the time of a stop. */
enum { NOT_ARMED, ARMED, ARM, DISARM };

/* V6. */
#define CHUNK_NS 8000u
#define REST_MAX 254u

static struct {
    size_t visited_range; /* where gcxi_statics_visit_armed_stw goes on */
    uint32_t visited_chunk;
    size_t beside_bytes; /* in ranges that are read beside the program; atomic */
    size_t bytes;
    uint64_t written_pages;
} statics;

typedef void range_visitor(struct gcxi_tracked *r);

static void each_range(range_visitor *visit)
{
    for (struct gcxi_tracked *r = gcxi_tracked.ranges; r < gcxi_tracked_end(); r++)
        visit(r);
}

/* ---- What was written ---- */

static size_t note_pages(struct gcxi_tracked *r, uintptr_t lo, uintptr_t hi)
{
    size_t pages = (hi - lo) / gcxi_tracked.page_bytes;
    memset(r->written + (lo - r->lo) / gcxi_tracked.page_bytes, 1, pages);
    return pages;
}

static void note_written(uintptr_t lo, uintptr_t hi, void *arg)
{
    statics.written_pages += note_pages(arg, lo, hi);
}

/* V5. */
static void read_whole_from_now_on(struct gcxi_tracked *r, uint32_t lo, uint32_t hi)
{
    memset(r->armed + lo, NOT_ARMED, hi - lo);
    memset(r->rest + lo, GCXI_REST_EVER, hi - lo);
}

static void harvest(struct gcxi_tracked *r)
{
    memset(r->written, 0, gcxi_chunk_page(r->chunks));
    for (uint32_t lo = 0, hi; gcxi_next_run(r->armed, ARMED, &lo, &hi, r->chunks); lo = hi) {
        if (gcxi_dirty_outside_harvest(gcxi_chunk_addr(r, lo), gcxi_chunk_addr(r, hi), note_written,
                                       r) != 0)
            read_whole_from_now_on(r, lo, hi);
    }
}

static size_t count_written(const struct gcxi_tracked *r, uint32_t chunk)
{
    size_t count = 0;
    const uint8_t *written = r->written + gcxi_chunk_page(chunk);
    for (size_t i = 0; i < gcxi_tracked.chunk_pages; i++)
        count += written[i];
    return count;
}

/* ---- What is armed ---- */

static bool is_full(enum gcxi_statics what)
{
    return what == GCXI_STATICS_ALL || what == GCXI_STATICS_LAST;
}

/* V6. */
static bool may_rest(enum gcxi_statics what)
{
    return gcxi_tracked.is_dear || (what != GCXI_STATICS_BEGIN && what != GCXI_STATICS_BETWEEN);
}

static void rest_longer(struct gcxi_tracked *r, uint32_t chunk)
{
    uint8_t *level = &r->level[chunk];
    uint64_t page_ns = gcxi_tracked.fault_ns + GCXI_PAGE_NS;
    size_t first = gcxi_tracked.chunk_pages * page_ns / CHUNK_NS + 1;
    size_t rest = first << (*level - !gcxi_tracked.is_dear);
    r->rest[chunk] = (uint8_t)gcxi_min(rest, REST_MAX);
    *level = (uint8_t)(*level + (rest < REST_MAX));
    r->armed[chunk] = DISARM;
}

/* V6. A full cycle in one stop asks what is there (V7). */
static void plan_armed(struct gcxi_tracked *r, uint32_t chunk, enum gcxi_statics what)
{
    uint8_t *level = &r->level[chunk];
    size_t costly_pages = CHUNK_NS / (gcxi_tracked.fault_ns + GCXI_PAGE_NS) + 1;
    bool is_costly = count_written(r, chunk) >= costly_pages;
    bool is_first = *level == 0 && !gcxi_tracked.is_dear;
    if (what == GCXI_STATICS_ALL)
        r->armed[chunk] = ARM;
    if (is_costly && !is_first && may_rest(what))
        rest_longer(r, chunk);
    else if (is_costly && is_first)
        *level = 1;
    else if (!is_costly && is_full(what) && *level != 0)
        --*level;
}

static void plan_unarmed(struct gcxi_tracked *r, uint32_t chunk, enum gcxi_statics what)
{
    uint8_t *rest = &r->rest[chunk];
    if (*rest == GCXI_REST_EVER)
        return;
    if (*rest != 0 && may_rest(what))
        --*rest;
    else
        r->armed[chunk] = ARM;
}

static void plan(struct gcxi_tracked *r, enum gcxi_statics what)
{
    for (uint32_t chunk = 0; chunk < r->chunks; chunk++) {
        if (r->armed[chunk] == ARMED)
            plan_armed(r, chunk, what);
        else
            plan_unarmed(r, chunk, what);
    }
}

static void note_filled(uintptr_t lo, uintptr_t hi, void *arg)
{
    note_pages(arg, lo, hi);
}

/* V2: before anything is read. */
static void arm_planned(struct gcxi_tracked *r)
{
    for (uint32_t lo = 0, hi; gcxi_next_run(r->armed, ARM, &lo, &hi, r->chunks); lo = hi) {
        if (gcxi_dirty_outside_arm(gcxi_chunk_addr(r, lo), gcxi_chunk_addr(r, hi), note_filled,
                                   r) != 0)
            read_whole_from_now_on(r, lo, hi);
    }
}

/* When it is known what is to be read. */
static void settle(struct gcxi_tracked *r)
{
    for (uint32_t lo = 0, hi; gcxi_next_run(r->armed, DISARM, &lo, &hi, r->chunks); lo = hi) {
        gcxi_dirty_outside_disarm(gcxi_chunk_addr(r, lo), gcxi_chunk_addr(r, hi));
        memset(r->armed + lo, NOT_ARMED, hi - lo);
    }
    for (uint32_t lo = 0, hi; gcxi_next_run(r->armed, ARM, &lo, &hi, r->chunks); lo = hi)
        memset(r->armed + lo, ARMED, hi - lo);
}

static void track(enum gcxi_statics what)
{
    statics.written_pages = 0;
    if (what == GCXI_STATICS_ONLY)
        return;
    for (struct gcxi_tracked *r = gcxi_tracked.ranges; r < gcxi_tracked_end(); r++) {
        harvest(r);
        plan(r, what);
        arm_planned(r);
    }
}

/* ---- What is read ---- */

/* Joins what follows each other, so that workers can share it as they like. */
struct walk {
    struct gcxi_marker *m;
    uintptr_t lo, hi;
    enum gcxi_statics what;
};

static void walk_flush(struct walk *walk)
{
    statics.bytes += walk->hi - walk->lo;
    if (walk->lo < walk->hi)
        gcxi_mark_range(walk->m, walk->lo, walk->hi);
    walk->lo = walk->hi = 0;
}

static void walk_to(struct walk *walk, uintptr_t lo, uintptr_t hi)
{
    if (walk->hi != lo) {
        walk_flush(walk);
        walk->lo = lo;
    }
    walk->hi = hi;
}

/* Of what was armed until this stop only what was written matters, and of what is from
 * now on, what is there; else all. */
static bool is_known(const struct gcxi_tracked *r, uint32_t chunk, enum gcxi_statics what)
{
    switch (r->armed[chunk]) {
    case NOT_ARMED:
        return false;
    case ARM:
        return gcxi_chunk_addr(r, chunk) >= r->whole_hi; /* V7 */
    default:
        return what != GCXI_STATICS_ALL && what != GCXI_STATICS_ONLY &&
               (what != GCXI_STATICS_LAST || r->pending[chunk] == 0); /* V4 */
    }
}

static bool is_among(const uint8_t *pages)
{
    return memchr(pages, 1, gcxi_tracked.chunk_pages) != NULL;
}

/* V3. */
static void owe(struct gcxi_tracked *r, size_t page, size_t pages, enum gcxi_statics what)
{
    if (what == GCXI_STATICS_BETWEEN)
        memset(r->owed + page, 1, pages);
}

static void walk_pages(struct walk *walk, struct gcxi_tracked *r, uint32_t chunk)
{
    uintptr_t lo = gcxi_chunk_addr(r, chunk), hi = gcxi_chunk_addr(r, chunk + 1);
    size_t page = gcxi_chunk_page(chunk);
    bool is_last = walk->what == GCXI_STATICS_LAST;
    if (!is_among(r->written + page) && !(is_last && is_among(r->owed + page)))
        return;
    for (; lo < hi; lo += gcxi_tracked.page_bytes, page++) {
        if (r->written[page] == 0 && !(is_last && r->owed[page] != 0))
            continue;
        owe(r, page, 1, walk->what);
        walk_to(walk, lo, lo + gcxi_tracked.page_bytes);
    }
}

static void walk_chunk(struct walk *walk, struct gcxi_tracked *r, uint32_t chunk)
{
    if (is_known(r, chunk, walk->what)) {
        walk_pages(walk, r, chunk);
        return;
    }
    owe(r, gcxi_chunk_page(chunk), gcxi_tracked.chunk_pages, walk->what);
    walk_to(walk, gcxi_chunk_addr(r, chunk), gcxi_chunk_addr(r, chunk + 1));
}

typedef void chunk_walker(struct walk *walk, struct gcxi_tracked *r, uint32_t chunk);

static void walk_tracked(struct walk *walk, chunk_walker *walk_one)
{
    for (struct gcxi_tracked *r = gcxi_tracked.ranges; r < gcxi_tracked_end(); r++)
        for (uint32_t chunk = 0; chunk < r->chunks; chunk++)
            walk_one(walk, r, chunk);
}

/* What of these ranges is not tracked. */
static void walk_rest(struct walk *walk, const struct gcxi_range *ranges, size_t count)
{
    for (; count > 0; count--, ranges++) {
        uintptr_t lo = ranges->lo;
        for (const struct gcxi_tracked *r = gcxi_tracked_from(lo);
             r < gcxi_tracked_end() && r->lo < ranges->hi; r++) {
            if (lo < r->lo)
                walk_to(walk, lo, r->lo);
            lo = r->hi;
        }
        if (lo < ranges->hi)
            walk_to(walk, lo, ranges->hi);
    }
}

static void walk_roots(struct walk *walk, chunk_walker *walk_one)
{
    const struct gcxi_range *roots;
    walk_tracked(walk, walk_one);
    size_t count = gcxi_module_ranges(&roots);
    walk_rest(walk, roots, count);
    count = gcxi_roots_added(&roots);
    walk_rest(walk, roots, count);
    walk_flush(walk);
}

/* ---- Entry points ---- */

void gcxi_statics_init(void)
{
    const char *name = gcxi_gc.settings.dirty_name;
    bool is_free = name == NULL || strcmp(name, "auto") == 0;
    bool is_chosen = name != NULL && strcmp(name, "uffd") == 0;
    bool is_wanted = strcmp(gcxi_remember_name(), "uffd") == 0 ||
                     (gcxi_cards_are_used() && (is_free || is_chosen));
    gcxi_tracked_init(is_wanted, is_chosen);
}

/* Not while a full cycle marks, whose limits count from what there was. */
static void measure_beside(enum gcxi_statics what)
{
    size_t bytes = 0;
    if (what == GCXI_STATICS_BETWEEN || what == GCXI_STATICS_LAST)
        return;
    for (const struct gcxi_tracked *r = gcxi_tracked.ranges; r < gcxi_tracked_end(); r++)
        if (r->source != GCXI_TRACKED_LIBRARY)
            bytes += r->hi - r->lo;
    gcxi_store_relaxed(&statics.beside_bytes, bytes);
}

void gcxi_statics_mark_stw(struct gcxi_marker *m, enum gcxi_statics what)
{
    struct walk walk = {.m = m, .what = what};
    statics.bytes = 0;
    gcxi_tracked_refresh_stw();
    measure_beside(what);
    track(what);
    walk_roots(&walk, walk_chunk);
    each_range(settle);
    gcxi_roots_mark_rest(m);
}

void gcxi_statics_put_off(void)
{
    statics.bytes = statics.written_pages = 0;
}

/* V4. */
static void note_chunk(struct walk *walk, struct gcxi_tracked *r, uint32_t chunk)
{
    size_t pages = gcxi_tracked.chunk_pages;
    r->pending[chunk] = r->source != GCXI_TRACKED_LIBRARY && r->armed[chunk] == ARMED;
    if (r->pending[chunk] == 0)
        walk_to(walk, gcxi_chunk_addr(r, chunk), gcxi_chunk_addr(r, chunk + 1));
    else
        memset(r->owed + gcxi_chunk_page(chunk), 0, pages); /* V3 */
}

static void note_owed(struct walk *walk, struct gcxi_tracked *r, uint32_t chunk)
{
    if (is_among(r->owed + gcxi_chunk_page(chunk)))
        note_chunk(walk, r, chunk);
}

static void begin_search(struct gcxi_tracked *r)
{
    r->next_pending = 0;
}

static void owe_nothing(struct gcxi_tracked *r)
{
    memset(r->owed, 0, gcxi_chunk_page(r->chunks));
}

void gcxi_statics_begin_beside_stw(struct gcxi_marker *m, bool is_first)
{
    struct walk walk = {.m = m};
    size_t bytes = statics.bytes;
    if (is_first)
        each_range(owe_nothing);
    each_range(begin_search);
    walk_roots(&walk, is_first ? note_chunk : note_owed);
    gcxi_roots_mark_rest(m);
    statics.bytes = bytes;
}

/* Some of what is pending of the range. */
static bool show_pending(struct gcxi_marker *m, struct gcxi_tracked *r)
{
    uint32_t chunk = r->next_pending, end;
    if (!gcxi_next_run(r->pending, 1, &chunk, &end, r->chunks)) {
        r->next_pending = r->chunks;
        return false;
    }
    gcxi_delay(GCXI_EDGE_PIECE);
    gcxi_mark_old_range(m, gcxi_chunk_addr(r, chunk), gcxi_chunk_addr(r, chunk + 1));
    r->pending[chunk] = 0;
    r->next_pending = chunk + 1;
    return true;
}

bool gcxi_statics_show_beside(struct gcxi_marker *m)
{
    bool is_any = false;
    gcxi_lock(&gcxi_tracked_lock);
    for (struct gcxi_tracked *r = gcxi_tracked.ranges; r < gcxi_tracked_end() && !is_any; r++)
        is_any = show_pending(m, r);
    gcxi_unlock(&gcxi_tracked_lock);
    return is_any;
}

size_t gcxi_statics_beside_bytes(void)
{
    return gcxi_load_relaxed(&statics.beside_bytes);
}

size_t gcxi_statics_bytes(void)
{
    return statics.bytes;
}

uint64_t gcxi_statics_fault_ns(void)
{
    return gcxi_tracked.fault_ns * statics.written_pages;
}

/* What the collector has written in this stop, to data of its own that lies among the
 * program's, is seen in the next. */
bool gcxi_statics_is_clean_stw(uintptr_t addr)
{
    uintptr_t page = gcxi_align_down(addr, gcxi_tracked.page_bytes);
    return !gcxi_dirty_outside_is_written(page, page + gcxi_tracked.page_bytes);
}

static size_t count_chunks(void)
{
    size_t chunks = 0;
    for (const struct gcxi_tracked *r = gcxi_tracked.ranges; r < gcxi_tracked_end(); r++)
        chunks += r->chunks;
    return chunks;
}

/* The range of the next chunk in turn. */
static const struct gcxi_tracked *visit_next(void)
{
    if (statics.visited_range >= gcxi_tracked.count)
        statics.visited_range = statics.visited_chunk = 0;
    if (statics.visited_chunk >= gcxi_tracked.ranges[statics.visited_range].chunks) {
        statics.visited_range = (statics.visited_range + 1) % gcxi_tracked.count;
        statics.visited_chunk = 0;
    }
    return &gcxi_tracked.ranges[statics.visited_range];
}

void gcxi_statics_visit_armed_stw(void (*visit)(uintptr_t lo, uintptr_t hi))
{
    for (size_t n = gcxi_min(count_chunks(), VISIT_MOST_CHUNKS); n > 0; n--) {
        const struct gcxi_tracked *r = visit_next();
        uint32_t chunk = statics.visited_chunk++;
        if (r->armed[chunk] == ARMED)
            visit(gcxi_chunk_addr(r, chunk), gcxi_chunk_addr(r, chunk + 1));
    }
}
