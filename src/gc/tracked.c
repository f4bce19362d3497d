/* tracked.c -- see tracked.h.
 *
 * Tracked are the whole pages of large ranges: of static data, be it zeroed or
 * initialised, and of what the program added. Each has tables of its own, so that one
 * that comes or goes leaves the others as they are: what is armed stays so.
 *
 * T1  No two overlap. A range that overlaps one is not tracked, and read whole where it
 *     does not. Static data comes first: what was added of it is dropped.
 * T2  Only memory is tracked that is private when it is first seen, and of no file but
 *     a module's own: nobody else changes it.
 * T3  When libraries were loaded or unloaded nothing of modules counts as armed.
 * T4  Each that is no module's is the whole pages of an added range. When that is
 *     removed, the tracking goes while the memory is still there.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/tracked.h"

#include <string.h>

#include "base/sort.h"
#include "gc/arm.h"
#include "os/dirty.h"
#include "os/dirty_outside.h"
#include "os/mapping.h"
#include "os/module.h"
#include "os/vm.h"
#include "trace/roots.h"

#define RANGES_MAX 1024u
#define LEAST_BYTES (GCXI_CHECKED ? GCXI_CHUNK_BYTES : GCXI_MIB)

static struct gcxi_tracked none[1];
struct gcxi_tracked_list gcxi_tracked = {.ranges = none};
struct gcxi_lock gcxi_tracked_lock = GCXI_LOCK_INIT(GCXI_RANK_WORK);

static struct {
    bool is_wanted;
    bool is_chosen;
    bool is_open;
    bool is_forked;   /* added ranges are not tracked any more */
    uint64_t version; /* of the list of modules that the ranges come from; 0: none */
} tracking;

/* What may be tracked. */
struct trackable {
    uintptr_t lo, hi;
    uintptr_t file_hi; /* what a file has there ends, and zeroes begin */
    enum gcxi_tracked_source source;
};

/* ---- The list ---- */

struct gcxi_tracked *gcxi_tracked_from(uintptr_t addr)
{
    size_t n = gcxi_count_up_to(gcxi_tracked.ranges, gcxi_tracked.count,
                                sizeof *gcxi_tracked.ranges, addr);
    return gcxi_tracked.ranges + n - (n != 0 && gcxi_tracked.ranges[n - 1].hi > addr);
}

/* NULL if none has a part in [lo, hi). */
static struct gcxi_tracked *find_overlap(uintptr_t lo, uintptr_t hi)
{
    struct gcxi_tracked *r = gcxi_tracked_from(lo);
    return r != gcxi_tracked_end() && r->lo < hi ? r : NULL;
}

/* Leaves the memory alone, which may be gone. */
static void drop(struct gcxi_tracked *r)
{
    gcxi_vm_unmap(r->armed, r->tables_bytes);
    memmove(r, r + 1, (size_t)(gcxi_tracked_end() - (r + 1)) * sizeof *r);
    gcxi_tracked.count--;
}

static void insert(const struct gcxi_tracked *range)
{
    struct gcxi_tracked *at = gcxi_tracked_from(range->lo);
    memmove(at + 1, at, (size_t)(gcxi_tracked_end() - at) * sizeof *at);
    *at = *range;
    gcxi_tracked.count++;
}

static bool make_tables(struct gcxi_tracked *r)
{
    bool rests = gcxi_tracked.is_dear && !tracking.is_chosen;
    size_t chunks = r->chunks, pages = chunks * gcxi_tracked.chunk_pages;
    r->tables_bytes = gcxi_align_up(4 * chunks + 2 * pages, gcxi_tracked.page_bytes);
    r->armed = gcxi_vm_map(r->tables_bytes);
    if (r->armed == NULL)
        return false;
    r->rest = r->armed + chunks;
    r->level = r->rest + chunks;
    r->pending = r->level + chunks;
    r->written = r->pending + chunks;
    r->owed = r->written + pages;
    memset(r->rest, rests ? GCXI_REST_NEW : 0, chunks);
    return true;
}

/* ---- Tracking ---- */

static bool make_list(void)
{
    if (gcxi_tracked.ranges != none)
        return true;
    void *ranges = gcxi_vm_map(RANGES_MAX * sizeof *none);
    if (ranges != NULL)
        gcxi_tracked.ranges = ranges;
    return ranges != NULL;
}

static bool open_tracking(void)
{
    if (tracking.is_open || !tracking.is_wanted)
        return tracking.is_open;
    if (gcxi_dirty_outside_open() != 0 || !make_list()) {
        tracking.is_wanted = false;
        return false;
    }
    gcxi_tracked.page_bytes = gcxi_vm_page_bytes();
    gcxi_tracked.chunk_pages = gcxi_max(GCXI_CHUNK_BYTES / gcxi_tracked.page_bytes, (size_t)1);
    gcxi_tracked.fault_ns = gcxi_dirty_outside_fault_ns();
    gcxi_tracked.is_dear = gcxi_tracked.fault_ns > GCXI_FAULT_DEAR_NS;
    tracking.is_open = true;
    return true;
}

/* T2. */
static bool is_private(const struct trackable *range)
{
    return gcxi_mapping_is_private(range->lo, range->file_hi, true) &&
           gcxi_mapping_is_private(range->file_hi, range->hi, false);
}

static void track(const struct trackable *range)
{
    struct gcxi_tracked r = {.lo = range->lo, .hi = range->hi, .source = range->source};
    r.whole_hi = range->source == GCXI_TRACKED_LIBRARY ? range->file_hi : r.lo;
    r.chunks = (uint32_t)((r.hi - r.lo + GCXI_CHUNK_BYTES - 1) / GCXI_CHUNK_BYTES);
    if (!open_tracking() || gcxi_tracked.count == RANGES_MAX || !is_private(range) ||
        !make_tables(&r))
        return;
    if (gcxi_dirty_outside_add(r.lo, r.hi) == 0)
        insert(&r);
    else
        gcxi_vm_unmap(r.armed, r.tables_bytes);
}

/* ---- Modules ---- */

static void track_module(const struct gcxi_data *data)
{
    struct gcxi_tracked *overlap;
    struct trackable range = {data->lo, data->hi, data->zeroes_lo, GCXI_TRACKED_LIBRARY};
    if (data->is_program)
        range.source = GCXI_TRACKED_PROGRAM;
    while ((overlap = find_overlap(data->lo, data->hi)) != NULL) /* T1 */
        drop(overlap);
    track(&range);
}

/* T3. */
static void track_modules(void)
{
    const struct gcxi_data *data;
    for (size_t i = gcxi_tracked.count; i-- > 0;)
        if (gcxi_tracked.ranges[i].source != GCXI_TRACKED_ADDED)
            drop(&gcxi_tracked.ranges[i]);
    for (size_t n = gcxi_module_data(&data); n > 0; n--, data++)
        if (data->hi - data->lo >= LEAST_BYTES)
            track_module(data);
}

/* ---- Added ranges ---- */

static struct gcxi_range whole_pages(uintptr_t lo, uintptr_t hi)
{
    uintptr_t page_bytes = gcxi_vm_page_bytes();
    return (struct gcxi_range){gcxi_align_up(lo, page_bytes), gcxi_align_down(hi, page_bytes)};
}

static bool is_large(struct gcxi_range pages)
{
    return pages.lo < pages.hi && pages.hi - pages.lo >= LEAST_BYTES;
}

/* T1. */
static void track_added(struct gcxi_range pages)
{
    if (is_large(pages) && find_overlap(pages.lo, pages.hi) == NULL)
        track(&(struct trackable){pages.lo, pages.hi, pages.lo, GCXI_TRACKED_ADDED});
}

/* Those that have a part in [lo, hi). */
static void track_all_added(uintptr_t lo, uintptr_t hi)
{
    const struct gcxi_range *roots;
    for (size_t n = gcxi_roots_added(&roots); n > 0; n--, roots++)
        if (roots->lo < hi && lo < roots->hi)
            track_added(whole_pages(roots->lo, roots->hi));
}

/* T4. Another range may have a part in it. */
static void untrack_added(struct gcxi_range pages)
{
    struct gcxi_tracked *r = find_overlap(pages.lo, pages.hi);
    if (r == NULL || r->source != GCXI_TRACKED_ADDED || r->lo != pages.lo || r->hi != pages.hi)
        return;
    drop(r);
    gcxi_dirty_outside_remove(pages.lo, pages.hi);
    track_all_added(pages.lo, pages.hi);
}

/* ---- Entry points ---- */

void gcxi_tracked_init(bool is_wanted, bool is_chosen)
{
    tracking.is_wanted = is_wanted;
    tracking.is_chosen = is_chosen;
}

void gcxi_tracked_refresh_stw(void)
{
    if (!tracking.is_wanted)
        return;
    if (tracking.version != gcxi_module_version())
        track_modules();
    tracking.version = gcxi_module_version();
    if (tracking.is_forked)
        track_all_added(0, UINTPTR_MAX);
    tracking.is_forked = false;
}

static void change_added(void (*change)(struct gcxi_range pages), uintptr_t lo, uintptr_t hi)
{
    struct gcxi_range pages = whole_pages(lo, hi);
    if (!is_large(pages))
        return;
    gcxi_lock(&gcxi_tracked_lock);
    change(pages);
    gcxi_unlock(&gcxi_tracked_lock);
}

int gcxi_tracked_add_root(uintptr_t lo, uintptr_t hi)
{
    int error = gcxi_roots_add(lo, hi);
    if (error == 0)
        change_added(track_added, lo, hi);
    return error;
}

int gcxi_tracked_remove_root(uintptr_t lo, uintptr_t hi)
{
    int error = gcxi_roots_remove(lo, hi);
    if (error == 0)
        change_added(untrack_added, lo, hi);
    return error;
}

void gcxi_tracked_reset_after_fork(void)
{
    while (gcxi_tracked.count != 0)
        drop(gcxi_tracked_end() - 1);
    tracking.is_open = false;
    tracking.is_forked = true;
    tracking.version = 0;
    gcxi_lock_reset_after_fork(&gcxi_tracked_lock);
    gcxi_dirty_outside_reset_after_fork();
}
