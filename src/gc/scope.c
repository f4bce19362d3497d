/* scope.c -- scopes: what was allocated since their begin goes at their end.
 *
 *   begin: note where each lane stands      end: set the lanes back there
 *
 * Objects of scopes are ordinary ones in blocks of kinds of their own, whose
 * lanes keep their blocks between two cycles (heap/chain.h). Doing nothing at the
 * end of a scope is therefore always right, and is what a quarantined scope does:
 * the next cycle finds what lives. Setting the lanes back needs a promise:
 *
 *   trusted    whatever leaves is named by gcx_escape
 *   verified   whatever is stored outside is stored by gcx_store; what is
 *              returned is found on the stack
 *
 * and is left out whenever it cannot be known to be right.
 *
 * G1  A scope is set back only if, since it began, there was no cycle, no end
 *     without setting back, no object of a scope that came to be watched, and
 *     no escape of an object that another thread's lane handed out. The first
 *     two are counted by voids, the others by gcxi_scoped_alarm.
 * G2  What leaves is pinned: its mark byte becomes the epoch, so it is an old
 *     object, which setting back leaves out (B2), and it is remembered.
 * G3  What a pinned object leads to in scopes is pinned with it, and again at the
 *     end of each scope that holds it, because it may have been written since.
 * G4  Open scopes are kept in the order of their begin. One whose frame lies below
 *     the stack pointer of the stack that it was begun on is gone by longjmp.
 *     One that ends while others in it are open stays until they are gone.
 * G5  An end takes a time that depends on the number of lanes in use, of pinned
 *     objects, and, if verified, on at most STACK_MAX_BYTES of stack; not on the
 *     number of objects.
 *
 * Locking: the thread's own, in critical sections; voids is also counted with
 * the world stopped.
 *
 * Rejected: one large object as a chunk, of which scope objects are the interior:
 * an object that leaves would keep 64 KiB. Slots of many sizes in one chunk: the
 * mark loop would have to find their starts.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/scope.h"

#include <errno.h>
#include <string.h>

#include "base/atomic.h"
#include "gc/cards.h"
#include "gc/check.h"
#include "gc/gc.h"
#include "gc/scope_report.h"
#include "heap/chain.h"
#include "os/vm.h"

#define STACK_MAX_BYTES (32 * GCXI_KIB)
#define ARRAY_FIRST_BYTES (16 * GCXI_KIB)

/* ---- Arrays ---- */

/* Room for one more; NULL without memory. */
static void *array_push(struct gcxi_scope_array *array, size_t item_bytes)
{
    if (array->count == array->max) {
        size_t old_bytes = gcxi_align_up(array->max * item_bytes, ARRAY_FIRST_BYTES);
        size_t bytes = old_bytes != 0 ? 2 * old_bytes : ARRAY_FIRST_BYTES;
        void *items = gcxi_vm_map(bytes);
        if (items == NULL)
            return NULL;
        if (old_bytes != 0) {
            memcpy(items, array->items, array->count * item_bytes);
            gcxi_vm_unmap(array->items, old_bytes);
        }
        array->items = items;
        array->max = (uint32_t)(bytes / item_bytes);
    }
    return (char *)array->items + array->count++ * item_bytes;
}

static void array_fini(struct gcxi_scope_array *array, size_t item_bytes)
{
    if (array->max != 0)
        gcxi_vm_unmap(array->items, gcxi_align_up(array->max * item_bytes, ARRAY_FIRST_BYTES));
    memset(array, 0, sizeof *array);
}

static struct gcxi_scope *scope_at(const struct gcxi_scopes *scopes, uint32_t i)
{
    return (struct gcxi_scope *)scopes->open.items + i;
}

static struct gcxi_scope *scope_top(const struct gcxi_scopes *scopes)
{
    return scopes->open.count != 0 ? scope_at(scopes, scopes->open.count - 1) : NULL;
}

static const struct gcxi_scope_place *places_of(const struct gcxi_scopes *scopes)
{
    return scopes->places.items;
}

static uintptr_t *pins_of(const struct gcxi_scopes *scopes)
{
    return scopes->pins.items;
}

/* ---- Lanes ---- */

static enum gcxi_kind part_kind(unsigned part)
{
    return part == 0 ? GCXI_SCOPED : GCXI_SCOPED_NOSCAN;
}

static struct gcxi_lane *lane_of(const struct gcxi_mutator *self, unsigned part, unsigned class)
{
    return &self->local.lanes[part_kind(part)][class];
}

/* Where the lane stood when the scope began. */
static struct gcxi_scope_place place_of(const struct gcxi_mutator *self,
                                        const struct gcxi_scope *scope, uint32_t end,
                                        const struct gcxi_lane *lane)
{
    unsigned part = lane->kind == GCXI_SCOPED_NOSCAN;
    const struct gcxi_scope_place *place = places_of(&self->scopes) + scope->places_first;
    for (uint32_t i = scope->places_first; i < end; i++, place++)
        if (place->part == part && place->class_index == lane->class_index)
            return *place;
    return (struct gcxi_scope_place){.unit = gcxi_block_unit(lane->chain),
                                     .slot = lane->chain->young_lo};
}

/* One past the places of the ith open scope. */
static uint32_t places_end(const struct gcxi_scopes *scopes, uint32_t i)
{
    return i + 1 < scopes->open.count ? scope_at(scopes, i + 1)->places_first
                                      : scopes->places.count;
}

static bool note_places(struct gcxi_mutator *self)
{
    for (unsigned part = 0; part < 2; part++)
        for (uint64_t left = self->local.chained[part]; left != 0; left &= left - 1) {
            unsigned class = (unsigned)__builtin_ctzll(left);
            const struct gcxi_lane *lane = lane_of(self, part, class);
            struct gcxi_scope_place *place = array_push(&self->scopes.places, sizeof *place);
            if (place == NULL)
                return false;
            place->unit = gcxi_block_unit(lane->block);
            place->slot = gcxi_chain_position(lane);
            place->part = (uint8_t)part;
            place->class_index = (uint8_t) class;
        }
    return true;
}

/* ---- Which scope holds an object ---- */

/* A young object that one of the thread's lanes handed out. */
struct scope_object {
    struct gcxi_block *block; /* NULL: none such */
    uint32_t slot;
    const struct gcxi_lane *lane;
};

static bool is_scoped_addr(uintptr_t addr)
{
    return gcxi_kind_is_scoped(gcxi_map.kind[gcxi_addr_unit(addr)]);
}

static bool is_own_lane(const struct gcxi_mutator *self, const struct gcxi_block *block,
                        const struct gcxi_lane *lane)
{
    const struct gcxi_lane *lanes = self->local.lanes[block->kind];
    return lanes != NULL && lane == &lanes[block->class_index];
}

/* *is_foreign: it is another thread's. */
static struct scope_object find_any(const struct gcxi_mutator *self, uintptr_t addr,
                                    bool *is_foreign)
{
    struct scope_object o = {NULL, 0, NULL};
    *is_foreign = false;
    if (!is_scoped_addr(addr))
        return o;
    struct gcxi_block *block = gcxi_find_slot(addr, &o.slot);
    if (block == NULL || gcxi_mark_is_old(gcxi_load_relaxed(&block->marks[o.slot])))
        return o;
    o.lane = gcxi_load_acquire(&block->owner);
    if (!is_own_lane(self, block, o.lane))
        *is_foreign = o.lane != NULL;
    else if (!gcxi_slot_is_in_run(block, o.slot, o.lane))
        o.block = block;
    return o;
}

static struct scope_object find_young(const struct gcxi_mutator *self, uintptr_t addr)
{
    bool is_foreign;
    return find_any(self, addr, &is_foreign);
}

/* G1: for what leaves. */
static struct scope_object find_leaving(const struct gcxi_mutator *self, uintptr_t addr)
{
    bool is_foreign;
    struct scope_object o = find_any(self, addr, &is_foreign);
    if (is_foreign)
        gcxi_add_seq_cst(&gcxi_scoped_alarm, 1);
    return o;
}

/* The ith open scope, or one in it, handed the object out. */
static bool holds(const struct gcxi_mutator *self, uint32_t i, const struct scope_object *o)
{
    const struct gcxi_scope *scope = scope_at(&self->scopes, i);
    if (scope->voids != self->scopes.voids)
        return false;
    struct gcxi_scope_place place = place_of(self, scope, places_end(&self->scopes, i), o->lane);
    return gcxi_chain_is_after(o->lane, o->block, o->slot, &gcxi_map.blocks[place.unit],
                               place.slot);
}

/* How many scopes hold the object: those that can be set back. */
static uint32_t depth_of(const struct gcxi_mutator *self, const struct scope_object *o)
{
    uint32_t i = self->scopes.open.count;
    while (i > 0 && !holds(self, i - 1, o))
        i--;
    return i;
}

/* ---- Pins ---- */

void gcxi_scope_make_old(struct gcxi_block *block, uint32_t slot)
{
    gcxi_store_relaxed(&block->marks[slot], gcxi_map.epoch_before);
    gcxi_add_relaxed(&block->live, 1);
    gcxi_cards_write_object(gcxi_slot_addr(block, slot));
}

void gcxi_scope_give_up(struct gcxi_mutator *self)
{
    self->scopes.voids++;
}

static void push_pin(struct gcxi_mutator *self, uintptr_t addr)
{
    uintptr_t *at = array_push(&self->scopes.pins, sizeof *at);
    if (at != NULL)
        *at = addr;
    else
        gcxi_scope_give_up(self);
}

/* G2. */
static void pin(struct gcxi_mutator *self, const struct scope_object *o)
{
    gcxi_scope_make_old(o->block, o->slot);
    push_pin(self, gcxi_slot_addr(o->block, o->slot));
}

static GCXI_NO_SANITIZE void pin_words(struct gcxi_mutator *self, uintptr_t lo, uintptr_t hi)
{
    for (; lo < hi; lo += sizeof(uintptr_t)) {
        struct scope_object o = find_leaving(self, *(const uintptr_t *)lo);
        if (o.block != NULL)
            pin(self, &o);
    }
}

/* G3: what pins from the ith on lead to. A pin that died in a cycle since leads
 * nowhere, or its slot is another object, which is pinned for nothing. */
static void pin_reachable(struct gcxi_mutator *self, uint32_t i)
{
    for (; i < self->scopes.pins.count; i++) {
        uint32_t slot;
        uintptr_t addr = pins_of(&self->scopes)[i];
        const struct gcxi_block *block = gcxi_find_slot(addr, &slot);
        if (block == NULL || block->scan == GCXI_SCAN_NOTHING)
            continue;
        gcxi_cards_write_object(addr);
        addr = gcxi_slot_addr(block, slot);
        pin_words(self, addr, addr + block->slot_bytes);
    }
}

/* What is no object of a scope may hold some that are. */
void gcxi_scope_escape(struct gcxi_mutator *self, const void *p)
{
    struct scope_object o = find_leaving(self, (uintptr_t)p);
    uint32_t first = self->scopes.pins.count;
    if (self->scopes.promising == 0)
        return;
    if (o.block != NULL)
        pin(self, &o);
    else
        push_pin(self, (uintptr_t)p);
    pin_reachable(self, first);
}

/* An object of a scope that a slot lies in may hold what goes no earlier. */
void gcxi_scope_store(struct gcxi_mutator *self, const void *slot, const void *value)
{
    struct scope_object o = find_leaving(self, (uintptr_t)value);
    if (o.block == NULL || self->scopes.promising == 0)
        return;
    struct scope_object into = find_young(self, (uintptr_t)slot);
    if (into.block == NULL || depth_of(self, &into) < depth_of(self, &o))
        gcxi_scope_escape(self, value);
}

/* Drops the pins that the scope, the innermost, holds; keeps the others for the
 * scopes around it. */
static void drop_pins(struct gcxi_mutator *self, const struct gcxi_scope *scope)
{
    struct gcxi_scopes *scopes = &self->scopes;
    uint32_t kept = scope->pins_first;
    uint32_t depth = scopes->open.count;
    bool has_use = depth > 1 && scope_at(scopes, depth - 2)->voids == scopes->voids;
    for (uint32_t i = kept; has_use && i < scopes->pins.count; i++) {
        struct scope_object o = {NULL, 0, NULL};
        uintptr_t addr = pins_of(scopes)[i];
        o.block = gcxi_find_slot(addr, &o.slot);
        o.lane = o.block != NULL ? gcxi_load_acquire(&o.block->owner) : NULL;
        if (o.block != NULL && !(is_own_lane(self, o.block, o.lane) && holds(self, depth - 1, &o)))
            pins_of(scopes)[kept++] = addr;
    }
    scopes->pins.count = kept;
}

/* ---- The stack of a verified scope ---- */

static bool leads_in(const struct gcxi_mutator *self, uintptr_t word)
{
    struct scope_object o = find_young(self, word);
    return o.block != NULL && holds(self, self->scopes.open.count - 1, &o);
}

/* Does [lo, hi) hold an address in an object, or one past its end, that the
 * innermost scope holds and that is not pinned? */
static GCXI_NO_SANITIZE bool stack_leads_in(const struct gcxi_mutator *self, uintptr_t lo,
                                            uintptr_t hi)
{
    uintptr_t base = gcxi_map.base, bytes = (uintptr_t)gcxi_map.units << GCXI_LG_UNIT;
    for (lo = gcxi_align_up(lo, sizeof lo); lo + sizeof lo <= hi; lo += sizeof lo) {
        uintptr_t word = *(const uintptr_t *)lo;
        if (GCXI_UNLIKELY(word - base <= bytes) &&
            (leads_in(self, word) || leads_in(self, word - 1)))
            return true;
    }
    return false;
}

/* G5: a deep stack is not looked through. */
static bool stack_is_clean(const struct gcxi_mutator *self, uintptr_t sp)
{
    const struct gcx_stack *stack = self->stacks.current;
    return sp - stack->lo < stack->hi - stack->lo && stack->hi - sp <= STACK_MAX_BYTES &&
           !stack_leads_in(self, sp, stack->hi);
}

/* ---- Begin ---- */

static enum gcx_promise effective(enum gcx_promise promise)
{
    if (promise == GCX_PROMISE_VERIFIED && gcx_detail_cards.size == 0)
        return GCX_PROMISE_QUARANTINED;
    return promise;
}

static void count_promise(struct gcxi_scopes *scopes, uint8_t promise, uint32_t by)
{
    scopes->promising += promise != GCX_PROMISE_QUARANTINED ? by : 0;
    scopes->verified += promise == GCX_PROMISE_VERIFIED ? by : 0;
    if (promise == GCX_PROMISE_VERIFIED)
        gcxi_add_relaxed(&gcx_detail_cards.scopes, (uint64_t)(int64_t)(int32_t)by);
}

static uint64_t next_serial(struct gcxi_scopes *scopes)
{
    static uint64_t threads;
    if (scopes->serial == 0)
        scopes->serial = (gcxi_add_relaxed(&threads, 1) + 1) << 40;
    return ++scopes->serial;
}

int gcxi_scope_begin(struct gcxi_mutator *self, const struct gcx_scope *scope,
                     enum gcx_promise promise, const char *site, uintptr_t sp, uint64_t *serial)
{
    struct gcxi_scopes *scopes = &self->scopes;
    gcxi_scope_unwind(self, sp);
    uint32_t places_first = scopes->places.count;
    promise = effective(promise);
    bool is_noted = promise == GCX_PROMISE_QUARANTINED || note_places(self);
    struct gcxi_scope *s = is_noted ? array_push(&scopes->open, sizeof *s) : NULL;
    if (s == NULL) {
        scopes->places.count = places_first;
        return ENOMEM;
    }
    *s = (struct gcxi_scope){.serial = next_serial(scopes),
                             .frame = (uintptr_t)scope,
                             .stack = self->stacks.current,
                             .voids = scopes->voids,
                             .alarm = gcxi_load_seq_cst(&gcxi_scoped_alarm),
                             .places_first = places_first,
                             .pins_first = scopes->pins.count,
                             .promise = (uint8_t)promise,
                             .site = site};
    count_promise(scopes, s->promise, 1);
    *serial = s->serial;
    return 0;
}

/* ---- End ---- */

/* G1. */
static bool is_sound(struct gcxi_mutator *self, const struct gcxi_scope *scope, uintptr_t sp)
{
    return scope->promise != GCX_PROMISE_QUARANTINED && scope->voids == self->scopes.voids &&
           scope->alarm == gcxi_load_seq_cst(&gcxi_scoped_alarm) &&
           (scope->promise != GCX_PROMISE_VERIFIED || stack_is_clean(self, sp));
}

/* Visits each lane in use with the place to which it is to be set back. */
static void each_lane(struct gcxi_mutator *self, const struct gcxi_scope *scope, const void *site,
                      void (*visit)(struct gcxi_mutator *self, struct gcxi_lane *lane,
                                    const struct gcxi_scope_place *place, const void *site))
{
    for (unsigned part = 0; part < 2; part++)
        for (uint64_t left = self->local.chained[part]; left != 0; left &= left - 1) {
            struct gcxi_lane *lane = lane_of(self, part, (unsigned)__builtin_ctzll(left));
            struct gcxi_scope_place place = place_of(self, scope, self->scopes.places.count, lane);
            visit(self, lane, &place, site);
        }
}

static void set_back(struct gcxi_mutator *self, struct gcxi_lane *lane,
                     const struct gcxi_scope_place *place, const void *site)
{
    struct gcxi_block *block = &gcxi_map.blocks[place->unit];
    (void)site;
    if (block != lane->block || gcxi_chain_position(lane) != place->slot)
        gcxi_chain_set_back(&self->local, lane, block, place->slot);
}

/* Checked mode: the objects that were promised to be dead are taken for freed. */
static void retire(struct gcxi_mutator *self, struct gcxi_lane *lane,
                   const struct gcxi_scope_place *place, const void *site)
{
    uint32_t slot = place->slot;
    (void)self;
    for (struct gcxi_block *block = &gcxi_map.blocks[place->unit]; block != NULL;
         block = block != lane->block ? gcxi_chain_next(block) : NULL, slot = 0) {
        uint32_t end = block == lane->block ? gcxi_chain_position(lane) : block->young_hi;
        for (; slot < end; slot++)
            if (block->marks[slot] == GCXI_MARK_NONE)
                gcxi_check_retire(block, slot, site);
    }
}

static void settle(struct gcxi_mutator *self, const struct gcxi_scope *scope, uintptr_t sp,
                   const void *site)
{
    bool is_checked = gcxi_gc.settings.is_checked;
    if (scope->promise != GCX_PROMISE_QUARANTINED)
        pin_reachable(self, scope->pins_first);
    bool can_go = is_sound(self, scope, sp);
    if (can_go && !is_checked)
        each_lane(self, scope, site, set_back);
    else if (can_go && scope->promise == GCX_PROMISE_TRUSTED)
        each_lane(self, scope, site, retire);
    else
        gcxi_scope_give_up(self);
    if (GCXI_UNLIKELY(gcxi_scope_reports))
        gcxi_scope_report_end(scope->serial, can_go, scope->site);
}

uint64_t gcxi_scope_serial(const struct gcxi_mutator *self)
{
    const struct gcxi_scope *top = scope_top(&self->scopes);
    return top != NULL ? top->serial : 0;
}

/* The innermost scope is done with. */
static void pop(struct gcxi_mutator *self)
{
    struct gcxi_scopes *scopes = &self->scopes;
    const struct gcxi_scope *scope = scope_top(scopes);
    drop_pins(self, scope);
    count_promise(scopes, scope->promise, UINT32_MAX);
    scopes->places.count = scope->places_first;
    scopes->open.count--;
}

/* The innermost scope ends without a word on its objects. */
static void abandon(struct gcxi_mutator *self)
{
    gcxi_scope_give_up(self);
    if (GCXI_UNLIKELY(gcxi_scope_reports))
        gcxi_scope_report_end(scope_top(&self->scopes)->serial, false,
                              scope_top(&self->scopes)->site);
    pop(self);
}

static void pop_those_over(struct gcxi_mutator *self)
{
    const struct gcxi_scope *scope;
    while ((scope = scope_top(&self->scopes)) != NULL && scope->is_over)
        abandon(self);
}

/* G4. On a stack that the thread has not announced nothing is known. */
void gcxi_scope_unwind(struct gcxi_mutator *self, uintptr_t sp)
{
    const struct gcx_stack *stack = self->stacks.current;
    const struct gcxi_scope *scope;
    if (self->scopes.open.count == 0 || sp - stack->lo >= stack->hi - stack->lo)
        return;
    while ((scope = scope_top(&self->scopes)) != NULL && scope->stack == stack &&
           scope->frame >= stack->lo && scope->frame < sp)
        abandon(self);
    pop_those_over(self);
}

static struct gcxi_scope *find_open(const struct gcxi_scopes *scopes, uint64_t serial)
{
    for (uint32_t i = scopes->open.count; i > 0; i--)
        if (scope_at(scopes, i - 1)->serial == serial)
            return scope_at(scopes, i - 1);
    return NULL;
}

enum gcxi_scope_end gcxi_scope_end(struct gcxi_mutator *self, uint64_t serial, uintptr_t sp,
                                   const void *site, const char **inner)
{
    gcxi_scope_unwind(self, sp);
    struct gcxi_scope *scope = find_open(&self->scopes, serial);
    const struct gcxi_scope *top = scope_top(&self->scopes);
    if (scope == NULL || scope->is_over)
        return GCXI_SCOPE_UNKNOWN;
    if (scope != top) {
        *inner = top->site;
        scope->is_over = true;
        gcxi_scope_give_up(self);
        return top->stack == scope->stack ? GCXI_SCOPE_OUT_OF_ORDER : GCXI_SCOPE_ENDED;
    }
    settle(self, scope, sp, site);
    pop(self);
    pop_those_over(self);
    return GCXI_SCOPE_ENDED;
}

void gcxi_scopes_fini(struct gcxi_scopes *scopes)
{
    if (scopes->verified != 0)
        gcxi_sub_relaxed(&gcx_detail_cards.scopes, scopes->verified);
    array_fini(&scopes->open, sizeof(struct gcxi_scope));
    array_fini(&scopes->places, sizeof(struct gcxi_scope_place));
    array_fini(&scopes->pins, sizeof(uintptr_t));
}
