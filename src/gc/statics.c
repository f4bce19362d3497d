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
 * Tracked is what begins as zeroes (.bss), by chunks as large as a unit of the heap.
 * Initialised data is mapped from a file, and most often small.
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
 * V4  Beside the program only memory of the program itself is read, which is never
 *     unloaded (M5 in trace/mark.c). A chunk that is pending, or not armed any more,
 *     at the second stop is read whole there.
 * V5  Only memory is tracked that is private and of no file when it is first seen. If
 *     tracking fails, because the program has mapped something else there, it is read
 *     whole from then on.
 * V6  When libraries were loaded or unloaded nothing counts as armed.
 * V7  A chunk so many of whose pages were written that the faults cost more than to
 *     read all of it rests, twice as long each time (R5 in gc/remember.c).
 *
 * Full cycles in one stop read everything.
 *
 * Locking: world stopped; gcxi_statics_show_beside is called by the marker while it is
 * busy (N5 in gc/concurrent.c).
 *
 * SPDX-License-Identifier: MIT */
#include "gc/statics.h"

#include <string.h>

#include "base/atomic.h"
#include "gc/cards.h"
#include "gc/gc.h"
#include "gc/remember.h"
#include "os/dirty_outside.h"
#include "os/mapping.h"
#include "os/module.h"
#include "os/vm.h"
#include "trace/roots.h"

#define CHUNK_BYTES GCXI_UNIT
#define LEAST_BYTES (GCXI_CHECKED ? CHUNK_BYTES : GCXI_MIB)
#define RANGES_MAX 64u
#define CHUNKS_MAX (UINT32_C(1) << 20)
#define VISIT_MOST_CHUNKS 256u

/* In statics.armed; the last two for the time of a stop. */
enum { NOT_ARMED, ARMED, ARM, DISARM };

/* V7. */
#define PAGE_NS 600u
#define CHUNK_NS 8000u
#define FAULT_DEAR_NS 3000u
#define REST_NEW 8u
#define REST_MAX 254u
#define REST_EVER 255u /* V5 */

struct static_range {
    uintptr_t lo, hi;
    uint32_t chunk; /* number of its first */
    uint32_t chunks;
    bool is_program;
};

static struct {
    bool is_wanted;
    bool is_chosen;   /* page tracking was asked for by name */
    uint64_t version; /* of the list of modules that the ranges come from; 0: none */
    size_t page_bytes;
    size_t chunk_pages;
    uint64_t fault_ns;
    size_t costly_pages; /* V7 */
    size_t rest_first;
    struct static_range ranges[RANGES_MAX]; /* in the order of os/module.h */
    uint32_t count;
    uint32_t chunks;
    uint8_t *tables; /* mapped */
    size_t tables_bytes;
    uint8_t *armed;   /* per chunk */
    uint8_t *rest;    /* per chunk: cycles left until it is armed */
    uint8_t *level;   /* per chunk: how long the next rest is */
    uint8_t *pending; /* per chunk: to be read beside the program */
    uint8_t *written; /* per page: since the last cycle */
    uint8_t *owed;    /* per page: V3 */
    uint32_t next_pending;
    uint32_t next_visited;
    size_t beside_bytes; /* in tracked ranges of the program; atomic */
    size_t bytes;
    uint64_t written_pages;
} statics;

/* ---- Which ranges are tracked ---- */

static void forget(void)
{
    if (statics.tables != NULL)
        gcxi_vm_unmap(statics.tables, statics.tables_bytes);
    statics.tables = NULL;
    statics.count = statics.chunks = 0;
    statics.written_pages = 0;
    gcxi_store_relaxed(&statics.beside_bytes, 0);
}

static bool make_tables(void)
{
    size_t chunks = statics.chunks, pages = chunks * statics.chunk_pages;
    if (chunks == 0)
        return false;
    statics.tables_bytes = gcxi_align_up(4 * chunks + 2 * pages, statics.page_bytes);
    statics.tables = gcxi_vm_map(statics.tables_bytes);
    if (statics.tables == NULL)
        return false;
    statics.armed = statics.tables;
    statics.rest = statics.armed + chunks;
    statics.level = statics.rest + chunks;
    statics.pending = statics.level + chunks;
    statics.written = statics.pending + chunks;
    statics.owed = statics.written + pages;
    bool rests = statics.fault_ns > FAULT_DEAR_NS && !statics.is_chosen;
    memset(statics.rest, rests ? REST_NEW : 0, chunks);
    return true;
}

static void measure_costs(void)
{
    statics.page_bytes = gcxi_vm_page_bytes();
    statics.chunk_pages = gcxi_max(CHUNK_BYTES / statics.page_bytes, (size_t)1);
    statics.fault_ns = gcxi_dirty_outside_fault_ns();
    uint64_t page_ns = statics.fault_ns + PAGE_NS;
    statics.costly_pages = CHUNK_NS / page_ns + 1;
    statics.rest_first = statics.chunk_pages * page_ns / CHUNK_NS + 1;
}

/* V5. */
static void add_range(const struct gcxi_zeroes *zeroes)
{
    size_t chunks = (zeroes->hi - zeroes->lo + CHUNK_BYTES - 1) / CHUNK_BYTES;
    if (statics.count == RANGES_MAX || chunks > CHUNKS_MAX - statics.chunks ||
        !gcxi_mapping_is_private(zeroes->lo, zeroes->hi) ||
        gcxi_dirty_outside_add(zeroes->lo, zeroes->hi) != 0)
        return;
    statics.ranges[statics.count++] = (struct static_range){zeroes->lo, zeroes->hi, statics.chunks,
                                                            (uint32_t)chunks, zeroes->is_program};
    statics.chunks += (uint32_t)chunks;
}

/* V6. */
static void refresh(void)
{
    const struct gcxi_zeroes *zeroes;
    if (!statics.is_wanted || statics.version == gcxi_module_version())
        return;
    statics.version = gcxi_module_version();
    forget();
    for (size_t i = 0, count = gcxi_module_zeroes(&zeroes); i < count; i++) {
        if (zeroes[i].hi - zeroes[i].lo < LEAST_BYTES)
            continue;
        if (gcxi_dirty_outside_open() != 0) {
            statics.is_wanted = false;
            return;
        }
        measure_costs();
        add_range(&zeroes[i]);
    }
    if (!make_tables())
        statics.count = statics.chunks = 0;
    size_t beside_bytes = 0;
    for (uint32_t i = 0; i < statics.count; i++)
        if (statics.ranges[i].is_program)
            beside_bytes += statics.ranges[i].hi - statics.ranges[i].lo;
    gcxi_store_relaxed(&statics.beside_bytes, beside_bytes);
}

static uintptr_t chunk_addr(const struct static_range *r, uint32_t chunk)
{
    return gcxi_min(r->lo + (uintptr_t)(chunk - r->chunk) * CHUNK_BYTES, r->hi);
}

static size_t page_of(const struct static_range *r, uintptr_t addr)
{
    return r->chunk * statics.chunk_pages + (addr - r->lo) / statics.page_bytes;
}

/* ---- What was written ---- */

static void note_written(uintptr_t lo, uintptr_t hi, void *arg)
{
    size_t pages = (hi - lo) / statics.page_bytes;
    memset(statics.written + page_of(arg, lo), 1, pages);
    statics.written_pages += pages;
}

/* V5. */
static void read_whole_from_now_on(uint32_t lo, uint32_t hi)
{
    memset(statics.armed + lo, NOT_ARMED, hi - lo);
    memset(statics.rest + lo, REST_EVER, hi - lo);
}

static void harvest(struct static_range *r)
{
    uint32_t end = r->chunk + r->chunks;
    for (uint32_t lo = r->chunk, hi; gcxi_next_run(statics.armed, ARMED, &lo, &hi, end); lo = hi) {
        if (gcxi_dirty_outside_harvest(chunk_addr(r, lo), chunk_addr(r, hi), note_written, r) != 0)
            read_whole_from_now_on(lo, hi);
    }
}

static size_t count_written(uint32_t chunk)
{
    size_t count = 0;
    const uint8_t *written = statics.written + chunk * statics.chunk_pages;
    for (size_t i = 0; i < statics.chunk_pages; i++)
        count += written[i];
    return count;
}

/* ---- What is armed ---- */

/* V7. */
static void plan_armed(uint32_t chunk, bool is_full)
{
    uint8_t *level = &statics.level[chunk];
    if (count_written(chunk) < statics.costly_pages) {
        *level = (uint8_t)(*level - (is_full && *level != 0));
        return;
    }
    size_t rest = statics.rest_first << *level;
    statics.rest[chunk] = (uint8_t)gcxi_min(rest, REST_MAX);
    *level = (uint8_t)(*level + (rest < REST_MAX));
    statics.armed[chunk] = DISARM;
}

static void plan_unarmed(uint32_t chunk)
{
    uint8_t *rest = &statics.rest[chunk];
    if (*rest == REST_EVER)
        return;
    if (*rest != 0)
        --*rest;
    else
        statics.armed[chunk] = ARM;
}

static void plan(const struct static_range *r, bool is_full)
{
    for (uint32_t chunk = r->chunk; chunk < r->chunk + r->chunks; chunk++) {
        if (statics.armed[chunk] == ARMED)
            plan_armed(chunk, is_full);
        else
            plan_unarmed(chunk);
    }
}

static void note_filled(uintptr_t lo, uintptr_t hi, void *arg)
{
    memset(statics.written + page_of(arg, lo), 1, (hi - lo) / statics.page_bytes);
}

/* V2: before anything is read. What was never touched need not be. */
static void arm_planned(struct static_range *r)
{
    uint32_t end = r->chunk + r->chunks;
    for (uint32_t lo = r->chunk, hi; gcxi_next_run(statics.armed, ARM, &lo, &hi, end); lo = hi) {
        if (gcxi_dirty_outside_arm(chunk_addr(r, lo), chunk_addr(r, hi), note_filled, r) != 0)
            read_whole_from_now_on(lo, hi);
    }
}

/* When it is known what is to be read. */
static void settle(const struct static_range *r)
{
    uint32_t end = r->chunk + r->chunks;
    for (uint32_t lo = r->chunk, hi; gcxi_next_run(statics.armed, DISARM, &lo, &hi, end); lo = hi) {
        gcxi_dirty_outside_disarm(chunk_addr(r, lo), chunk_addr(r, hi));
        memset(statics.armed + lo, NOT_ARMED, hi - lo);
    }
    for (uint32_t lo = r->chunk, hi; gcxi_next_run(statics.armed, ARM, &lo, &hi, end); lo = hi)
        memset(statics.armed + lo, ARMED, hi - lo);
}

static bool is_full(enum gcxi_statics what)
{
    return what == GCXI_STATICS_ALL || what == GCXI_STATICS_LAST;
}

static void track(enum gcxi_statics what)
{
    statics.written_pages = 0;
    if (statics.count == 0 || what == GCXI_STATICS_ONLY)
        return;
    memset(statics.written, 0, statics.chunks * statics.chunk_pages);
    for (uint32_t i = 0; i < statics.count; i++) {
        harvest(&statics.ranges[i]);
        plan(&statics.ranges[i], is_full(what));
        arm_planned(&statics.ranges[i]);
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

static bool reads_all(enum gcxi_statics what)
{
    return what == GCXI_STATICS_ALL || what == GCXI_STATICS_ONLY;
}

/* Of what was armed until this stop only what was written matters; of what was not,
 * all that there is. */
static bool is_known(uint32_t chunk, enum gcxi_statics what)
{
    bool is_pending = what == GCXI_STATICS_LAST && statics.pending[chunk] != 0; /* V4 */
    return statics.armed[chunk] != NOT_ARMED && !reads_all(what) && !is_pending;
}

static bool is_among(const uint8_t *pages)
{
    return memchr(pages, 1, statics.chunk_pages) != NULL;
}

/* V3. */
static void owe(size_t page, size_t pages, enum gcxi_statics what)
{
    if (what == GCXI_STATICS_BETWEEN)
        memset(statics.owed + page, 1, pages);
}

static void walk_pages(struct walk *walk, const struct static_range *r, uint32_t chunk)
{
    uintptr_t lo = chunk_addr(r, chunk), hi = chunk_addr(r, chunk + 1);
    size_t page = page_of(r, lo);
    bool is_last = walk->what == GCXI_STATICS_LAST;
    if (!is_among(statics.written + page) && !(is_last && is_among(statics.owed + page)))
        return;
    for (; lo < hi; lo += statics.page_bytes, page++) {
        if (statics.written[page] == 0 && !(is_last && statics.owed[page] != 0))
            continue;
        owe(page, 1, walk->what);
        walk_to(walk, lo, lo + statics.page_bytes);
    }
}

static void walk_chunk(struct walk *walk, const struct static_range *r, uint32_t chunk)
{
    if (is_known(chunk, walk->what)) {
        walk_pages(walk, r, chunk);
        return;
    }
    owe(chunk * statics.chunk_pages, statics.chunk_pages, walk->what);
    walk_to(walk, chunk_addr(r, chunk), chunk_addr(r, chunk + 1));
}

static void walk_tracked(struct walk *walk, const struct static_range *r)
{
    for (uint32_t chunk = r->chunk; chunk < r->chunk + r->chunks; chunk++)
        walk_chunk(walk, r, chunk);
}

typedef void range_walker(struct walk *walk, const struct static_range *r);

/* Tracked ranges lie within those of modules, in the same order. */
static void walk_roots(struct walk *walk, range_walker *walk_range)
{
    const struct gcxi_range *roots;
    uint32_t i = 0;
    for (size_t n = gcxi_module_ranges(&roots); n > 0; n--, roots++) {
        uintptr_t lo = roots->lo;
        for (; i < statics.count && statics.ranges[i].lo >= lo && statics.ranges[i].hi <= roots->hi;
             i++) {
            walk_to(walk, lo, statics.ranges[i].lo);
            walk_range(walk, &statics.ranges[i]);
            lo = statics.ranges[i].hi;
        }
        walk_to(walk, lo, roots->hi);
    }
    for (size_t n = gcxi_roots_added(&roots); n > 0; n--, roots++)
        walk_to(walk, roots->lo, roots->hi);
    walk_flush(walk);
    GCXI_ASSERT(i == statics.count);
}

/* ---- Entry points ---- */

void gcxi_statics_init(void)
{
    const char *name = gcxi_gc.settings.dirty_name;
    bool is_free = name == NULL || strcmp(name, "auto") == 0;
    statics.is_chosen = name != NULL && strcmp(name, "uffd") == 0;
    statics.is_wanted = strcmp(gcxi_remember_name(), "uffd") == 0 ||
                        (gcxi_cards_are_used() && (is_free || statics.is_chosen));
}

void gcxi_statics_mark_stw(struct gcxi_marker *m, enum gcxi_statics what)
{
    struct walk walk = {.m = m, .what = what};
    statics.bytes = 0;
    refresh();
    track(what);
    walk_roots(&walk, walk_tracked);
    for (uint32_t i = 0; i < statics.count; i++)
        settle(&statics.ranges[i]);
    gcxi_roots_mark_rest(m);
}

/* V4. */
static void note_chunk(struct walk *walk, const struct static_range *r, uint32_t chunk)
{
    statics.pending[chunk] = r->is_program && statics.armed[chunk] == ARMED;
    if (statics.pending[chunk] == 0)
        walk_to(walk, chunk_addr(r, chunk), chunk_addr(r, chunk + 1));
    else
        memset(statics.owed + chunk * statics.chunk_pages, 0, statics.chunk_pages); /* V3 */
}

static void note_all(struct walk *walk, const struct static_range *r)
{
    for (uint32_t chunk = r->chunk; chunk < r->chunk + r->chunks; chunk++)
        note_chunk(walk, r, chunk);
}

static void note_owed(struct walk *walk, const struct static_range *r)
{
    for (uint32_t chunk = r->chunk; chunk < r->chunk + r->chunks; chunk++)
        if (is_among(statics.owed + chunk * statics.chunk_pages))
            note_chunk(walk, r, chunk);
}

void gcxi_statics_begin_beside_stw(struct gcxi_marker *m, bool is_first)
{
    struct walk walk = {.m = m};
    size_t bytes = statics.bytes;
    if (statics.count != 0 && is_first)
        memset(statics.owed, 0, statics.chunks * statics.chunk_pages);
    statics.next_pending = 0;
    walk_roots(&walk, is_first ? note_all : note_owed);
    gcxi_roots_mark_rest(m);
    statics.bytes = bytes;
}

static const struct static_range *range_of(uint32_t chunk)
{
    const struct static_range *r = statics.ranges;
    while (chunk - r->chunk >= r->chunks)
        r++;
    return r;
}

bool gcxi_statics_show_beside(struct gcxi_marker *m)
{
    uint32_t chunk = statics.next_pending, end;
    if (statics.count == 0 || !gcxi_next_run(statics.pending, 1, &chunk, &end, statics.chunks))
        return false;
    const struct static_range *r = range_of(chunk);
    gcxi_mark_old_range(m, chunk_addr(r, chunk), chunk_addr(r, chunk + 1));
    statics.pending[chunk] = 0;
    statics.next_pending = chunk + 1;
    return true;
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
    return statics.fault_ns * statics.written_pages;
}

/* What the collector has written in this stop, to data of its own that lies among the
 * program's, is seen in the next. */
bool gcxi_statics_is_clean_stw(uintptr_t addr)
{
    uintptr_t page = gcxi_align_down(addr, statics.page_bytes);
    return !gcxi_dirty_outside_is_written(page, page + statics.page_bytes);
}

void gcxi_statics_visit_armed_stw(void (*visit)(uintptr_t lo, uintptr_t hi))
{
    for (size_t n = gcxi_min(statics.chunks, VISIT_MOST_CHUNKS); n > 0; n--) {
        uint32_t chunk = statics.next_visited < statics.chunks ? statics.next_visited : 0;
        const struct static_range *r = range_of(chunk);
        statics.next_visited = chunk + 1;
        if (statics.armed[chunk] == ARMED)
            visit(chunk_addr(r, chunk), chunk_addr(r, chunk + 1));
    }
}

void gcxi_statics_reset_after_fork(void)
{
    forget();
    statics.version = 0;
    gcxi_dirty_outside_reset_after_fork();
}
