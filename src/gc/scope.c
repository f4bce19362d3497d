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
 *     number of objects. Letting crowded blocks go (B3) is paid for by what left.
 *
 * Locking: the thread's own, in critical sections; voids is also counted with
 * the world stopped.
 *
 * Rejected: one large object as a chunk, of which scope objects are the interior:
 * an object that leaves would keep 64 KiB. Slots of many sizes in one chunk: the
 * mark loop would have to find their starts.
 *
 * Files: scope_object.c knows which scope holds an object, scope_escape.c what
 * leaves; this one begins and ends scopes.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/scope.h"

#include <errno.h>

#include "base/atomic.h"
#include "gc/check.h"
#include "gc/gc.h"
#include "gc/scope_parts.h"
#include "gc/scope_report.h"

/* ---- Begin ---- */

static bool note_places(struct gcxi_mutator *self)
{
    for (unsigned part = 0; part < 2; part++)
        for (uint64_t left = self->local.chained[part]; left != 0; left &= left - 1) {
            unsigned class = (unsigned)__builtin_ctzll(left);
            const struct gcxi_lane *lane = gcxi_scope_lane(self, part, class);
            struct gcxi_scope_place *place =
                gcxi_scope_array_push(&self->scopes.places, sizeof *place);
            if (place == NULL)
                return false;
            place->unit = gcxi_block_unit(lane->block);
            place->slot = gcxi_chain_position(lane);
            place->part = (uint8_t)part;
            place->class_index = (uint8_t) class;
        }
    return true;
}

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
    struct gcxi_scope *s = is_noted ? gcxi_scope_array_push(&scopes->open, sizeof *s) : NULL;
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
           (scope->promise != GCX_PROMISE_VERIFIED || gcxi_scope_stack_is_clean(self, sp));
}

/* Visits each lane in use with the place to which it is to be set back. */
static void each_lane(struct gcxi_mutator *self, const struct gcxi_scope *scope, const void *site,
                      void (*visit)(struct gcxi_mutator *self, struct gcxi_lane *lane,
                                    const struct gcxi_scope_place *place, const void *site))
{
    for (unsigned part = 0; part < 2; part++)
        for (uint64_t left = self->local.chained[part]; left != 0; left &= left - 1) {
            struct gcxi_lane *lane = gcxi_scope_lane(self, part, (unsigned)__builtin_ctzll(left));
            struct gcxi_scope_place place =
                gcxi_scope_place_of(self, scope, self->scopes.places.count, lane);
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
    if (self->scopes.open.count == 1)
        gcxi_chain_shorten(lane);
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
        gcxi_scope_pin_reachable(self, scope->pins_first);
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
    const struct gcxi_scope *top = gcxi_scope_top(&self->scopes);
    return top != NULL ? top->serial : 0;
}

/* The innermost scope is done with. */
static void pop(struct gcxi_mutator *self)
{
    struct gcxi_scopes *scopes = &self->scopes;
    const struct gcxi_scope *scope = gcxi_scope_top(scopes);
    gcxi_scope_drop_pins(self, scope);
    count_promise(scopes, scope->promise, UINT32_MAX);
    scopes->places.count = scope->places_first;
    scopes->open.count--;
}

/* The innermost scope ends without a word on its objects. */
static void abandon(struct gcxi_mutator *self)
{
    gcxi_scope_give_up(self);
    if (GCXI_UNLIKELY(gcxi_scope_reports))
        gcxi_scope_report_end(gcxi_scope_top(&self->scopes)->serial, false,
                              gcxi_scope_top(&self->scopes)->site);
    pop(self);
}

static void pop_those_over(struct gcxi_mutator *self)
{
    const struct gcxi_scope *scope;
    while ((scope = gcxi_scope_top(&self->scopes)) != NULL && scope->is_over)
        abandon(self);
}

/* G4. On a stack that the thread has not announced nothing is known. */
void gcxi_scope_unwind(struct gcxi_mutator *self, uintptr_t sp)
{
    const struct gcx_stack *stack = self->stacks.current;
    const struct gcxi_scope *scope;
    if (self->scopes.open.count == 0 || sp - stack->lo >= stack->hi - stack->lo)
        return;
    while ((scope = gcxi_scope_top(&self->scopes)) != NULL && scope->stack == stack &&
           scope->frame >= stack->lo && scope->frame < sp)
        abandon(self);
    pop_those_over(self);
}

static struct gcxi_scope *find_open(const struct gcxi_scopes *scopes, uint64_t serial)
{
    for (uint32_t i = scopes->open.count; i > 0; i--)
        if (gcxi_scope_at(scopes, i - 1)->serial == serial)
            return gcxi_scope_at(scopes, i - 1);
    return NULL;
}

enum gcxi_scope_end gcxi_scope_end(struct gcxi_mutator *self, uint64_t serial, uintptr_t sp,
                                   const void *site, const char **inner)
{
    gcxi_scope_unwind(self, sp);
    struct gcxi_scope *scope = find_open(&self->scopes, serial);
    const struct gcxi_scope *top = gcxi_scope_top(&self->scopes);
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
    gcxi_scope_array_fini(&scopes->open, sizeof(struct gcxi_scope));
    gcxi_scope_array_fini(&scopes->places, sizeof(struct gcxi_scope_place));
    gcxi_scope_array_fini(&scopes->pins, sizeof(uintptr_t));
}
