/* owed.c -- see owed.h. A byte per granule, searched by memchr.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/owed.h"

#include <string.h>

#include "base/atomic.h"
#include "heap/space.h"
#include "os/vm.h"

static struct {
    uint8_t *added;
    uint8_t *taken;
    size_t granule_bytes;
    size_t next;     /* where the search for what to take goes on, */
    size_t end;      /* and where it ends: the heap grows meanwhile */
    size_t used_end; /* past it both tables are as they were mapped */
} owed;

static size_t granule_of(uintptr_t addr)
{
    return (addr - gcxi_map.base) / owed.granule_bytes;
}

static uintptr_t granule_addr(size_t granule)
{
    return gcxi_map.base + granule * owed.granule_bytes;
}

static size_t granules_end(void)
{
    return granule_of(gcxi_unit_addr(gcxi_zone_end(GCXI_ZONE_SCAN)));
}

int gcxi_owed_init(size_t granule_bytes)
{
    size_t granules = ((size_t)gcxi_map.noscan_first << GCXI_LG_UNIT) / granule_bytes;
    owed.granule_bytes = granule_bytes;
    owed.added = gcxi_vm_map(2 * granules);
    owed.taken = owed.added + granules;
    return owed.added != NULL ? 0 : -1;
}

void gcxi_owed_add(uintptr_t lo, uintptr_t hi)
{
    GCXI_ASSERT(granule_of(hi) <= owed.used_end);
    memset(owed.added + granule_of(lo), 1, granule_of(hi) - granule_of(lo));
}

/* Of the rest each page would be made here: where memory of the machine is cold, the
 * first stop at 4 GB took 7 ms longer for it. */
void gcxi_owed_clear_stw(void)
{
    memset(owed.added, 0, owed.used_end);
    memset(owed.taken, 0, owed.used_end);
    owed.next = owed.end = owed.used_end = 0;
}

void gcxi_owed_begin_stw(void)
{
    owed.used_end = gcxi_max(owed.used_end, granules_end());
}

void gcxi_owed_turn_stw(void)
{
    uint8_t *empty = owed.taken;
    owed.taken = owed.added;
    owed.added = empty;
    owed.next = 0;
    owed.end = owed.used_end;
}

bool gcxi_owed_take(uintptr_t *lo, uintptr_t *hi)
{
    size_t first = owed.next;
    const uint8_t *found =
        first < owed.end ? memchr(owed.taken + first, 1, owed.end - first) : NULL;
    if (found == NULL)
        return false;
    first = (size_t)(found - owed.taken);
    uintptr_t unit_end = gcxi_unit_addr(gcxi_addr_unit(granule_addr(first)) + 1);
    size_t last = first, end = granule_of(unit_end);
    for (; last < end && owed.taken[last] != 0; last++)
        owed.taken[last] = 0;
    owed.next = last;
    *lo = granule_addr(first);
    *hi = granule_addr(last);
    return true;
}

static bool is_owed(size_t granule)
{
    return (owed.added[granule] | owed.taken[granule]) != 0;
}

/* Eight at a time where nothing is owed, which is nearly everywhere. */
static size_t skip_clear(size_t first, size_t last)
{
    while (first + 8 <= last &&
           (gcxi_load_bytes(owed.added + first) | gcxi_load_bytes(owed.taken + first)) == 0)
        first += 8;
    return first;
}

bool gcxi_owed_next_stw(uintptr_t *lo, uintptr_t *hi, uintptr_t end)
{
    size_t first = granule_of(*lo), last = gcxi_min(granule_of(end), owed.used_end);
    first = skip_clear(first, last);
    while (first < last && !is_owed(first))
        first++;
    if (first >= last)
        return false;
    *lo = granule_addr(first);
    for (*hi = *lo; *hi < end && is_owed(granule_of(*hi)); *hi += owed.granule_bytes)
        ;
    return *lo < *hi;
}
