/* check.c -- see check.h for the picture and the invariants.
 *
 * Findings are noted and told later: with the world stopped no listener of the
 * program may run.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/check.h"

#include <stdio.h>
#include <string.h>

#include "base/lock.h"
#include "gc/gc.h"
#include "heap/kind.h"
#include "heap/recycle.h"
#include "heap/space.h"
#include "os/module.h"
#include "os/vm.h"

#define GUARD_BYTE 0xfb
#define POISON_BYTE 0xdb
#define SEAL_KEY UINT64_C(0x9e3779b97f4a7c15)
#define QUEUE_ENTRIES 8192u
#define QUEUE_BYTES (32 * GCXI_MIB)
#define RETIRED (UINT64_C(1) << 63) /* in bytes of a trailer: and not found since */
#define FINDINGS 32u
#define LINE_BYTES 400

struct check_trailer {
    uint64_t bytes; /* as asked for */
    const void *born_at;
    const void *freed_at; /* NULL: not freed */
    uint64_t seal;
};

struct check_finding {
    const char *what;
    uintptr_t addr; /* of the object, complemented: a finding is no root */
    size_t offset;  /* of the byte */
    struct check_trailer trailer;
};

/* Mapped: it holds addresses of objects. */
struct check_state {
    uintptr_t queue[QUEUE_ENTRIES]; /* ring */
    uint32_t first;
    uint32_t count;
    size_t bytes;
    bool is_silent;          /* what is found is not told */
    uint32_t findings_count; /* findings_lock, as the next */
    struct check_finding findings[FINDINGS];
};

static struct check_state *check;
static struct gcxi_lock findings_lock = GCXI_LOCK_INIT(GCXI_RANK_WORK);

/* ---- One object ---- */

static struct check_trailer *trailer_of(const struct gcxi_block *block, uintptr_t addr)
{
    return (struct check_trailer *)(addr + block->slot_bytes - sizeof(struct check_trailer));
}

/* No address of user space, so that it keeps nothing alive. */
static uint64_t seal_of(const struct check_trailer *trailer)
{
    uint64_t sum = (uintptr_t)trailer ^ trailer->bytes * SEAL_KEY ^ (uintptr_t)trailer->born_at ^
                   (uintptr_t)trailer->freed_at << 1;
    return sum | UINT64_C(1) << 63;
}

static void note(const char *what, uintptr_t addr, size_t offset,
                 const struct check_trailer *trailer)
{
    gcxi_lock(&findings_lock);
    if (!check->is_silent && check->findings_count < FINDINGS)
        check->findings[check->findings_count++] =
            (struct check_finding){what, ~addr, offset, *trailer};
    gcxi_unlock(&findings_lock);
}

/* First byte of [lo, hi) that differs, or hi. */
static uintptr_t find_other(uintptr_t lo, uintptr_t hi, uint8_t value)
{
    const uint8_t *bytes = (const uint8_t *)lo;
    size_t n = hi - lo;
    if (n == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, n - 1) == 0))
        return hi;
    while (*bytes == value)
        bytes++;
    return (uintptr_t)bytes;
}

static void check_region(const char *what, uintptr_t addr, uintptr_t lo, uintptr_t hi,
                         uint8_t value, const struct check_trailer *trailer)
{
    uintptr_t bad = find_other(lo, hi, value);
    if (bad == hi)
        return;
    note(what, addr, bad - addr, trailer);
    memset((void *)lo, value, hi - lo);
}

static void seal(struct check_trailer *trailer)
{
    trailer->seal = seal_of(trailer);
}

/* K4. Zero is what they all begin with, so whoever looks at one finds nothing. */
static uint8_t freed_byte(const struct gcxi_block *block)
{
    bool is_looked_at = block->kind == GCXI_WEAK || block->kind == GCXI_EPHEMERON ||
                        gcxi_kind_has_trace(block->kind);
    return is_looked_at ? 0 : POISON_BYTE;
}

/* K3. */
static void check_object(const struct gcxi_block *block, uintptr_t addr)
{
    struct check_trailer *trailer = trailer_of(block, addr);
    if (trailer->seal != seal_of(trailer)) {
        *trailer = (struct check_trailer){.bytes = (uintptr_t)trailer - addr};
        note("overrun past the guard", addr, trailer->bytes, trailer);
        seal(trailer);
    } else if (trailer->freed_at != NULL) {
        check_region("write after free", addr, addr, (uintptr_t)trailer, freed_byte(block),
                     trailer);
    } else {
        check_region("overrun", addr, addr + trailer->bytes, (uintptr_t)trailer, GUARD_BYTE,
                     trailer);
    }
}

static void check_free_slot(uintptr_t addr, size_t bytes)
{
    struct check_trailer none = {.bytes = bytes};
    check_region("write to free memory", addr, addr, addr + bytes, POISON_BYTE, &none);
}

void gcxi_check_born(void *object, size_t bytes, const void *site)
{
    uint32_t slot;
    const struct gcxi_block *block = gcxi_find_slot((uintptr_t)object, &slot);
    GCXI_ASSERT(block != NULL);
    struct check_trailer *trailer = trailer_of(block, (uintptr_t)object);
    *trailer = (struct check_trailer){.bytes = bytes, .born_at = site};
    seal(trailer);
    memset((char *)object + bytes, GUARD_BYTE, (uintptr_t)trailer - (uintptr_t)object - bytes);
}

size_t gcxi_check_usable(const struct gcxi_block *block, uint32_t slot)
{
    const struct check_trailer *trailer = trailer_of(block, gcxi_slot_addr(block, slot));
    if (trailer->seal != seal_of(trailer))
        return block->slot_bytes - GCXI_CHECK_BYTES;
    return trailer->freed_at == NULL ? trailer->bytes : 0;
}

/* ---- The queue ---- */

static void release_slot(struct gcxi_block *block, uint32_t slot)
{
    uintptr_t addr = gcxi_slot_addr(block, slot);
    if (gcxi_block_is_large(block)) {
        gcxi_block_destroy(block);
        return;
    }
    memset((void *)addr, POISON_BYTE, block->slot_bytes);
    if (gcxi_slot_release(block, slot))
        gcxi_recycle_list(block);
}

static void queue_pop_locked(void)
{
    uint32_t slot;
    uintptr_t addr = check->queue[check->first];
    struct gcxi_block *block = gcxi_find_object(addr, &slot);
    check->queue[check->first] = 0;
    check->first = (check->first + 1) % QUEUE_ENTRIES;
    check->count--;
    check->bytes -= block->slot_bytes;
    check_object(block, addr);
    release_slot(block, slot);
}

static void queue_push_locked(const struct gcxi_block *block, uintptr_t addr)
{
    check->queue[(check->first + check->count++) % QUEUE_ENTRIES] = addr;
    check->bytes += block->slot_bytes;
    while (check->bytes > QUEUE_BYTES || check->count == QUEUE_ENTRIES)
        queue_pop_locked();
}

bool gcxi_check_free(struct gcxi_mutator *self, void *object, const void *site)
{
    uint32_t slot;
    gcxi_mutator_lock_heap(self);
    struct gcxi_block *block = gcxi_find_object((uintptr_t)object, &slot);
    bool is_freed = block != NULL && gcxi_check_usable(block, slot) != 0;
    if (is_freed) {
        struct check_trailer *trailer = trailer_of(block, (uintptr_t)object);
        check_object(block, (uintptr_t)object);
        trailer->freed_at = site;
        seal(trailer);
        memset(object, freed_byte(block), (uintptr_t)trailer - (uintptr_t)object);
        queue_push_locked(block, (uintptr_t)object);
    }
    gcxi_mutator_unlock_heap();
    return is_freed;
}

/* Only its owner and a cycle look at an object of a scope that was not freed. */
void gcxi_check_retire(struct gcxi_block *block, uint32_t slot, const void *site)
{
    uintptr_t addr = gcxi_slot_addr(block, slot);
    struct check_trailer *trailer = trailer_of(block, addr);
    check_object(block, addr);
    if (trailer->freed_at != NULL)
        return;
    trailer->bytes |= RETIRED;
    trailer->freed_at = site;
    seal(trailer);
    memset((void *)addr, freed_byte(block), (uintptr_t)trailer - addr);
}

bool gcxi_check_drain(struct gcxi_mutator *self)
{
    gcxi_mutator_lock_heap(self);
    bool had_some = check->count != 0;
    while (check->count != 0)
        queue_pop_locked();
    gcxi_mutator_unlock_heap();
    return had_some;
}

/* ---- Around a cycle ---- */

/* An object that was promised to be dead has survived a cycle. */
static void tell_retired(const struct gcxi_block *block, uintptr_t addr)
{
    struct check_trailer *trailer = trailer_of(block, addr);
    if (trailer->freed_at == NULL || (trailer->bytes & RETIRED) == 0)
        return;
    trailer->bytes &= ~RETIRED;
    seal(trailer);
    note("escape from a trusted scope", addr, 0, trailer);
}

static void walk_object(const struct gcxi_block *block, uintptr_t addr, bool is_census_over)
{
    check_object(block, addr);
    if (is_census_over)
        tell_retired(block, addr);
}

static void walk_block(struct gcxi_block *block, bool is_census_over)
{
    for (uint32_t slot = 0; slot < block->slots; slot++) {
        uintptr_t addr = gcxi_slot_addr(block, slot);
        if (gcxi_slot_is_object(block, slot) &&
            (block->owner == NULL || !gcxi_slot_is_in_run(block, slot, block->owner)))
            walk_object(block, addr, is_census_over);
        else if (gcxi_block_is_large(block))
            continue;
        else if (!is_census_over)
            check_free_slot(addr, block->slot_bytes);
        else
            memset((void *)addr, POISON_BYTE, block->slot_bytes);
    }
}

static void walk_zone(enum gcxi_zone_index zone, bool is_census_over)
{
    uint32_t end = gcxi_zone_end(zone);
    for (uint32_t unit = gcxi_zone_first(zone); (unit = gcxi_next_used(unit, end)) < end;) {
        struct gcxi_block *block = &gcxi_map.blocks[unit];
        walk_block(block, is_census_over);
        unit += block->units;
    }
}

void gcxi_check_before_stw(void)
{
    if (check == NULL)
        return;
    walk_zone(GCXI_ZONE_SCAN, false);
    walk_zone(GCXI_ZONE_NOSCAN, false);
}

/* K1: what has died becomes poison. */
void gcxi_check_after_stw(void)
{
    if (check == NULL)
        return;
    walk_zone(GCXI_ZONE_SCAN, true);
    walk_zone(GCXI_ZONE_NOSCAN, true);
}

/* K2. What is found by its address alone: the epoch may have moved already. */
void gcxi_check_mark_stw(struct gcxi_marker *m)
{
    for (uint32_t i = 0; check != NULL && i < check->count; i++) {
        uintptr_t addr = check->queue[(check->first + i) % QUEUE_ENTRIES];
        struct gcxi_block *block = gcxi_unit_block(gcxi_addr_unit(addr));
        gcxi_mark_slot(m, block, gcxi_block_slot(block, addr - gcxi_block_addr(block)));
    }
}

/* Another thread may have held the lock, or been about to make an object. */
void gcxi_check_reset_after_fork(void)
{
    gcxi_lock_reset_after_fork(&findings_lock);
    if (check == NULL)
        return;
    check->findings_count = 0;
    check->is_silent = true;
    gcxi_check_before_stw();
    check->is_silent = false;
}

/* ---- Telling ---- */

static void tell(const char *what, const char *of, const void *p, uintptr_t addr,
                 const struct check_trailer *trailer)
{
    char line[LINE_BYTES];
    struct gcxi_code code = gcxi_module_code(trailer->born_at);
    int n = snprintf(line, sizeof line, "%s %s %p: object at %p of %zu bytes", what, of, p,
                     (void *)addr, (size_t)(trailer->bytes & ~RETIRED));
    if (trailer->born_at != NULL)
        n += snprintf(line + n, sizeof line - (size_t)n, ", allocated by %s+0x%zx", code.module,
                      code.offset);
    code = gcxi_module_code(trailer->freed_at);
    if (trailer->freed_at != NULL)
        snprintf(line + n, sizeof line - (size_t)n, ", freed by %s+0x%zx", code.module,
                 code.offset);
    gcxi_gc_error("%s", line);
}

/* Outside the lock: a listener may free, and so find more. */
static bool take_finding(struct check_finding *finding)
{
    gcxi_lock(&findings_lock);
    bool is_taken = check->findings_count > 0;
    if (is_taken) {
        *finding = check->findings[0];
        check->findings_count--;
        memmove(check->findings, check->findings + 1,
                check->findings_count * sizeof *check->findings);
    }
    gcxi_unlock(&findings_lock);
    return is_taken;
}

void gcxi_check_tell(void)
{
    struct check_finding f;
    while (check != NULL && take_finding(&f))
        tell(f.what, "at", (const void *)(~f.addr + f.offset), ~f.addr, &f.trailer);
}

bool gcxi_check_tell_freed(const void *p, const char *what)
{
    uint32_t slot;
    struct check_trailer trailer = {.freed_at = NULL};
    struct gcxi_mutator *self = check != NULL ? gcxi_gc_enter() : NULL;
    if (self == NULL)
        return false;
    gcxi_mutator_lock_heap(self);
    const struct gcxi_block *block = gcxi_find_object((uintptr_t)p, &slot);
    uintptr_t addr = block != NULL ? gcxi_slot_addr(block, slot) : 0;
    if (block != NULL && gcxi_check_usable(block, slot) == 0)
        trailer = *trailer_of(block, addr);
    gcxi_mutator_unlock_heap();
    gcxi_gc_leave(self);
    if (trailer.freed_at == NULL)
        return false;
    tell(what, "again of", p, addr, &trailer);
    return true;
}

/* ---- Starting ---- */

static void on_ready(uintptr_t addr, size_t bytes)
{
    check_free_slot(addr, bytes);
}

static void on_create(struct gcxi_block *block)
{
    memset((void *)gcxi_block_addr(block), POISON_BYTE, block->slots * block->slot_bytes);
    block->needs_zero = 1;
}

int gcxi_check_init(void)
{
    if (check != NULL)
        return 0;
    check = gcxi_vm_map(sizeof *check);
    if (check == NULL)
        return -1;
    gcxi_lane_on_ready = on_ready;
    gcxi_block_on_create = on_create;
    gcxi_lane_one_slot = true;
    return 0;
}
