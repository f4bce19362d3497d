/* space.c -- the reservation, its zones and their free spans.
 *
 *   reserved --grow--> free --alloc--> in a block --free--> free
 *                       ^                                    |
 *                       '------- purged (reads as zero) <----'
 *
 * A zone is used from its low end; what lies past its end was never touched.
 * Free spans are kept in lists by length, exact up to 64 units and by powers
 * of two beyond, with the length at both ends so that neighbours coalesce in
 * constant time. The shortest list that fits is taken: single units, by far
 * the most frequent request, eat small holes first.
 *
 * S1  The first and the last unit of a free span have state SPAN_FREE, and no
 *     unit between has; head_back of the last is the length less one.
 * S2  Two free spans are never neighbours.
 * S3  A unit whose touched byte is 0 reads as zero and costs no memory.
 * S4  A unit that is armed is disarmed before it leaves the free state.
 *
 * Locking: the heap lock; the byte counts are read without it.
 *
 * Rejected: a buddy system, because large objects would be rounded to powers
 * of two. Not tried: first fit by address.
 *
 * SPDX-License-Identifier: MIT */
#include "heap/space.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "base/atomic.h"
#include "base/delay.h"
#include "heap/huge.h"
#include "heap/meta.h"
#include "os/clock.h"
#include "os/cpu.h"
#include "os/vm.h"

#define BINS 96u
#define BINS_EXACT 64u
/* Address space is committed 2 to 4 MiB at a time and up to the end of a huge
 * page: one that is not committed whole at its first touch is never huge. */
#define GROW_UNITS 64u
#define SMALL_HEAP_UNITS 128u /* below, huge pages would cost more than they save */

struct zone {
    uint32_t first; /* units [first, end) were handed out at least once */
    uint32_t end;
    uint32_t committed; /* units below are readable and writable */
    uint32_t limit;     /* first unit of the next zone */
    uint32_t bins[BINS];
    uint64_t bin_bits[2];
};

struct gcxi_map gcxi_map;
struct gcxi_lock gcxi_heap_lock = GCXI_LOCK_INIT(GCXI_RANK_HEAP);

static struct {
    struct zone zones[GCXI_ZONES];
    uint8_t *touched; /* per unit, S3 */
    size_t max_units;
    size_t committed_units; /* touched */
    size_t free_units;      /* touched and free */
    size_t peak_units;
    uint32_t huge_from_units; /* of a zone: huge pages past these */
    struct gcxi_huge huge;
    void (*on_grow)(size_t committed_bytes);
    void (*on_disarm)(uint32_t unit, uint32_t units);
} space;

/* ---- Free lists ---- */

static unsigned bin_of(uint32_t units)
{
    if (units < BINS_EXACT)
        return units;
    return BINS_EXACT + 31u - (unsigned)__builtin_clz(units / BINS_EXACT);
}

static void bin_push(struct zone *zone, uint32_t unit, uint32_t units)
{
    struct gcxi_block *first = &gcxi_map.blocks[unit];
    struct gcxi_block *last = first + units - 1;
    unsigned bin = bin_of(units);
    last->state = GCXI_SPAN_FREE;
    last->head_back = units - 1;
    first->state = GCXI_SPAN_FREE;
    first->head_back = 0;
    first->units = units;
    first->prev = 0;
    first->next = zone->bins[bin];
    if (first->next != 0)
        gcxi_map.blocks[first->next].prev = unit;
    zone->bins[bin] = unit;
    zone->bin_bits[bin / 64] |= UINT64_C(1) << bin % 64;
}

static void bin_remove(struct zone *zone, uint32_t unit)
{
    struct gcxi_block *first = &gcxi_map.blocks[unit];
    struct gcxi_block *last = first + first->units - 1;
    unsigned bin = bin_of(first->units);
    if (first->prev != 0)
        gcxi_map.blocks[first->prev].next = first->next;
    else
        zone->bins[bin] = first->next;
    if (first->next != 0)
        gcxi_map.blocks[first->next].prev = first->prev;
    if (zone->bins[bin] == 0)
        zone->bin_bits[bin / 64] &= ~(UINT64_C(1) << bin % 64);
    last->state = GCXI_UNIT_NONE;
    first->state = GCXI_UNIT_NONE;
}

/* First bin at or after the given one that is not empty, or BINS. */
static unsigned bin_next(const struct zone *zone, unsigned bin)
{
    for (unsigned word = bin / 64; word < 2; word++) {
        uint64_t bits = zone->bin_bits[word];
        if (word == bin / 64)
            bits &= ~UINT64_C(0) << bin % 64;
        if (bits != 0)
            return word * 64 + (unsigned)__builtin_ctzll(bits);
    }
    return BINS;
}

/* A free span of at least that many units, or 0. */
static uint32_t bin_find(const struct zone *zone, uint32_t units)
{
    for (unsigned bin = bin_of(units); (bin = bin_next(zone, bin)) < BINS; bin++) {
        for (uint32_t unit = zone->bins[bin]; unit != 0; unit = gcxi_map.blocks[unit].next)
            if (gcxi_map.blocks[unit].units >= units)
                return unit;
    }
    return 0;
}

/* ---- Accounting ---- */

static size_t count_touched(uint32_t unit, uint32_t units)
{
    size_t n = 0;
    for (uint32_t i = 0; i < units; i++)
        n += space.touched[unit + i];
    return n;
}

static void set_counts(size_t committed, size_t free)
{
    gcxi_store_relaxed(&space.committed_units, committed);
    gcxi_store_relaxed(&space.free_units, free);
    if (committed > space.peak_units)
        gcxi_store_relaxed(&space.peak_units, committed);
}

/* ---- Growing and purging ---- */

/* Asks for huge pages in a piece that nothing lies in yet, and touches the first. */
static void advise_huge(uintptr_t base, size_t bytes)
{
    uintptr_t page = gcxi_align_up(base, GCXI_HUGE_BYTES);
    if (page + GCXI_HUGE_BYTES > base + bytes || !gcxi_huge_is_wanted(&space.huge))
        return;
    gcxi_vm_advise_huge((void *)base, bytes);
    uint64_t begin_ns = gcxi_clock_ns();
    *(volatile char *)page = 0;
    gcxi_huge_note(&space.huge, gcxi_clock_ns() - begin_ns);
}

/* Commits address space up to the unit; false if the system refuses. */
static bool zone_commit(struct zone *zone, uint32_t end)
{
    if (end <= zone->committed)
        return true;
    uint32_t units = end - zone->committed;
    uint32_t grown = (uint32_t)gcxi_align_up(end + GROW_UNITS / 2, GROW_UNITS / 2);
    uint32_t step = (uint32_t)gcxi_min(grown, zone->limit) - zone->committed;
    void *base = (void *)gcxi_unit_addr(zone->committed);
    if (gcxi_vm_commit(base, (size_t)step << GCXI_LG_UNIT) != 0) {
        step = units;
        if (gcxi_vm_commit(base, (size_t)step << GCXI_LG_UNIT) != 0)
            return false;
    }
    if (zone->committed - zone->first >= space.huge_from_units)
        advise_huge((uintptr_t)base, (size_t)step << GCXI_LG_UNIT);
    zone->committed += step;
    return true;
}

/* A span from past the end of the zone. */
static uint32_t zone_extend(struct zone *zone, uint32_t units)
{
    uint32_t unit = zone->end;
    if (units > zone->limit - zone->end || !zone_commit(zone, zone->end + units))
        return 0;
    zone->end += units;
    return unit;
}

static size_t purge_span(uint32_t unit, uint32_t units)
{
    size_t touched = count_touched(unit, units);
    if (touched == 0)
        return 0;
    gcxi_space_disarm(unit, units);
    if (gcxi_vm_purge((void *)gcxi_unit_addr(unit), (size_t)units << GCXI_LG_UNIT) != 0)
        return 0;
    for (uint32_t i = 0; i < units; i++)
        space.touched[unit + i] = 0;
    return touched;
}

size_t gcxi_space_purge(enum gcxi_zone_index index)
{
    const struct zone *zone = &space.zones[index];
    size_t purged = 0;
    for (unsigned bin = 0; (bin = bin_next(zone, bin)) < BINS; bin++)
        for (uint32_t unit = zone->bins[bin]; unit != 0; unit = gcxi_map.blocks[unit].next)
            purged += purge_span(unit, gcxi_map.blocks[unit].units);
    set_counts(space.committed_units - purged, space.free_units - purged);
    return purged << GCXI_LG_UNIT;
}

/* The last non-empty bin below the given one, or BINS. */
static unsigned bin_before(const struct zone *zone, unsigned bin)
{
    while (bin-- > 0)
        if (zone->bins[bin] != 0)
            return bin;
    return BINS;
}

/* A part of at most so many units of a span: from its end, which is taken last. */
static size_t purge_part(uint32_t unit, size_t most_units)
{
    uint32_t end = unit + gcxi_map.blocks[unit].units;
    while (end > unit && space.touched[end - 1] == 0)
        end--;
    uint32_t units = (uint32_t)gcxi_min(most_units, end - unit);
    return purge_span(end - units, units);
}

static size_t purge_largest(const struct zone *zone, size_t most_units)
{
    size_t purged = 0;
    for (unsigned bin = BINS; purged < most_units && (bin = bin_before(zone, bin)) < BINS;)
        for (uint32_t unit = zone->bins[bin]; unit != 0 && purged < most_units;
             unit = gcxi_map.blocks[unit].next)
            purged += purge_part(unit, most_units - purged);
    return purged;
}

size_t gcxi_space_purge_some(size_t bytes)
{
    size_t units = bytes >> GCXI_LG_UNIT;
    size_t purged = purge_largest(&space.zones[GCXI_ZONE_SCAN], units);
    if (purged < units)
        purged += purge_largest(&space.zones[GCXI_ZONE_NOSCAN], units - purged);
    set_counts(space.committed_units - purged, space.free_units - purged);
    return purged << GCXI_LG_UNIT;
}

/* Makes room under the hard maximum for fresh units by purging free spans of
 * both zones. */
static bool space_admit(size_t fresh_units)
{
    if (space.committed_units + fresh_units <= space.max_units)
        return true;
    gcxi_space_purge(GCXI_ZONE_SCAN);
    gcxi_space_purge(GCXI_ZONE_NOSCAN);
    return space.committed_units + fresh_units <= space.max_units;
}

/* ---- Spans ---- */

/* Gives the ends of a span that are not wanted back to the lists. */
static uint32_t span_trim(struct zone *zone, uint32_t unit, uint32_t have, uint32_t units,
                          uint32_t align_units)
{
    uint32_t start = (uint32_t)gcxi_align_up(gcxi_unit_addr(unit) >> GCXI_LG_UNIT, align_units) -
                     (uint32_t)(gcxi_map.base >> GCXI_LG_UNIT);
    uint32_t front = start - unit;
    if (front > 0)
        bin_push(zone, unit, front);
    if (have - front > units)
        bin_push(zone, start + units, have - front - units);
    return start;
}

static uint32_t span_take(struct zone *zone, uint32_t units, uint32_t align_units, bool may_grow)
{
    uint32_t want = units + align_units - 1;
    uint32_t unit = bin_find(zone, want);
    uint32_t have = want;
    if (unit != 0) {
        have = gcxi_map.blocks[unit].units;
        bin_remove(zone, unit);
    } else if (!may_grow || (unit = zone_extend(zone, want)) == 0) {
        return 0;
    }
    return span_trim(zone, unit, have, units, align_units);
}

static void span_return(struct zone *zone, uint32_t unit, uint32_t units)
{
    const struct gcxi_block *before = &gcxi_map.blocks[unit - 1];
    if (unit > zone->first && before->state == GCXI_SPAN_FREE) {
        uint32_t head = unit - 1 - before->head_back;
        units += gcxi_map.blocks[head].units;
        bin_remove(zone, head);
        unit = head;
    }
    const struct gcxi_block *after = &gcxi_map.blocks[unit + units];
    if (unit + units < zone->end && after->state == GCXI_SPAN_FREE) {
        uint32_t head = unit + units;
        units += after->units;
        bin_remove(zone, head);
    }
    bin_push(zone, unit, units);
}

uint32_t gcxi_span_alloc(enum gcxi_zone_index index, uint32_t units, size_t align, bool may_grow,
                         bool *is_zero)
{
    struct zone *zone = &space.zones[index];
    uint32_t align_units = (uint32_t)gcxi_max(align >> GCXI_LG_UNIT, 1);
    uint32_t unit = span_take(zone, units, align_units, may_grow);
    if (unit == 0)
        return 0;
    size_t touched = count_touched(unit, units);
    if (!space_admit(units - touched)) {
        span_return(zone, unit, units);
        return 0;
    }
    touched = count_touched(unit, units);
    gcxi_space_disarm(unit, units);
    for (uint32_t i = 0; i < units; i++)
        space.touched[unit + i] = 1;
    *is_zero = touched == 0;
    set_counts(space.committed_units + units - touched, space.free_units - touched);
    if (units > touched && space.on_grow != NULL)
        space.on_grow(gcxi_space_committed_bytes());
    return unit;
}

void gcxi_span_free(enum gcxi_zone_index index, uint32_t unit, uint32_t units)
{
    span_return(&space.zones[index], unit, units);
    set_counts(space.committed_units, space.free_units + units);
}

/* ---- Set-up ---- */

static size_t default_reserve_bytes(void)
{
    size_t bytes = (size_t)gcxi_cpu_memory_bytes() * 4;
    struct rlimit limit;
    bytes = gcxi_min(gcxi_max(bytes, 64 * GCXI_GIB), 1024 * GCXI_GIB);
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        bytes = gcxi_min(bytes, (size_t)limit.rlim_cur / 2);
    return bytes;
}

static void zone_init(struct zone *zone, uint32_t first, uint32_t limit)
{
    zone->first = first;
    zone->end = first;
    zone->committed = first;
    zone->limit = limit;
}

/* The tables for that many units in one mapping; NULL without memory. */
static char *tables_map(uint32_t units)
{
    size_t bytes =
        gcxi_align_up((size_t)units * (sizeof(struct gcxi_block) + 5) + 8 * 64, GCXI_UNIT);
    char *p = gcxi_vm_map(bytes);
    if (p == NULL)
        return NULL;
    size_t stride = (size_t)units + 64;
    gcxi_map.blocks = (struct gcxi_block *)(void *)p;
    p += (size_t)units * sizeof(struct gcxi_block);
    gcxi_map.used = (uint8_t *)p;
    gcxi_map.young = gcxi_map.used + stride;
    gcxi_map.armed = gcxi_map.young + stride;
    gcxi_map.kind = gcxi_map.armed + stride;
    space.touched = gcxi_map.kind + stride;
    return p;
}

int gcxi_space_init(size_t bytes)
{
    bytes = bytes != 0 ? bytes : default_reserve_bytes();
    bytes = gcxi_align_up(gcxi_max(bytes, 16 * GCXI_MIB), 4 * GCXI_MIB);
    void *base;
    while ((base = gcxi_vm_reserve(bytes, 2 * GCXI_MIB)) == NULL ||
           tables_map((uint32_t)(bytes >> GCXI_LG_UNIT)) == NULL) {
        if (base != NULL)
            gcxi_vm_unreserve(base, bytes);
        bytes = gcxi_align_up(bytes / 2, 4 * GCXI_MIB);
        if (bytes < 16 * GCXI_MIB) {
            errno = ENOMEM;
            return -1;
        }
    }
    gcxi_map.units = (uint32_t)(bytes >> GCXI_LG_UNIT);
    gcxi_map.noscan_first = gcxi_map.units / 2;
    gcxi_map.epoch = gcxi_map.epoch_before = gcxi_map.epoch_kept = 1;
    zone_init(&space.zones[GCXI_ZONE_SCAN], 1, gcxi_map.noscan_first);
    zone_init(&space.zones[GCXI_ZONE_NOSCAN], gcxi_map.noscan_first, gcxi_map.units);
    space.max_units = SIZE_MAX >> GCXI_LG_UNIT;
    space.huge_from_units = SMALL_HEAP_UNITS;
    gcxi_store_release(&gcxi_map.base, (uintptr_t)base);
    return 0;
}

uint32_t gcxi_zone_first(enum gcxi_zone_index zone)
{
    return space.zones[zone].first;
}

uint32_t gcxi_zone_end(enum gcxi_zone_index zone)
{
    return space.zones[zone].end;
}

size_t gcxi_space_committed_bytes(void)
{
    return gcxi_load_relaxed(&space.committed_units) << GCXI_LG_UNIT;
}

size_t gcxi_space_free_bytes(void)
{
    return gcxi_load_relaxed(&space.free_units) << GCXI_LG_UNIT;
}

size_t gcxi_space_peak_bytes(void)
{
    return gcxi_load_relaxed(&space.peak_units) << GCXI_LG_UNIT;
}

void gcxi_space_set_max(size_t bytes)
{
    space.max_units = bytes >> GCXI_LG_UNIT;
}

size_t gcxi_space_max(void)
{
    return space.max_units << GCXI_LG_UNIT;
}

void gcxi_space_set_huge_from(size_t bytes)
{
    space.huge_from_units = (uint32_t)(bytes >> GCXI_LG_UNIT);
}

void gcxi_space_on_grow(void (*hook)(size_t committed_bytes))
{
    space.on_grow = hook;
}

void gcxi_space_disarm(uint32_t unit, uint32_t units)
{
    if (space.on_disarm == NULL || memchr(&gcxi_map.armed[unit], 1, units) == NULL)
        return;
    gcxi_delay(GCXI_EDGE_DISARM);
    space.on_disarm(unit, units);
    gcxi_delay(GCXI_EDGE_DISARM);
}

void gcxi_space_on_disarm(void (*hook)(uint32_t unit, uint32_t units))
{
    space.on_disarm = hook;
}
