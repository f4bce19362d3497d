/* scope_entry.c -- scopes, hints and escapes; what becomes of objects: gc/scope.c.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/scope.h"

#include <errno.h>
#include <string.h>

#include "api/alloc.h"
#include "gc/check.h"
#include "gc/scope_report.h"
#include "heap/chain.h"
#include "trace/special.h"

#define CLEARED_BYTES 640 /* more than the frames from here to the end of a scope take */

#undef gcx_scope_alloc
extern inline void *gcx_detail_scope_alloc(size_t size, const char *site);
extern inline void *gcx_scope_alloc(size_t size);

/* ---- Promises ---- */

static bool is_promise(enum gcx_promise promise)
{
    return (unsigned)promise <= GCX_PROMISE_TRUSTED;
}

enum gcx_promise gcx_set_promise(enum gcx_promise promise)
{
    if (gcxi_gc_init(NULL) != 0)
        return GCX_PROMISE_QUARANTINED;
    uint8_t old = gcxi_load_relaxed(&gcxi_gc.settings.promise);
    if (!is_promise(promise))
        errno = EINVAL;
    else if (promise != GCX_PROMISE_DEFAULT)
        gcxi_store_relaxed(&gcxi_gc.settings.promise, (uint8_t)promise);
    return (enum gcx_promise)old;
}

static enum gcx_promise promise_meant(enum gcx_promise promise)
{
    if (promise != GCX_PROMISE_DEFAULT)
        return promise;
    return (enum gcx_promise)gcxi_load_relaxed(&gcxi_gc.settings.promise);
}

/* ---- Begin and end ---- */

static int begin(struct gcx_scope *scope, enum gcx_promise promise, const char *site,
                 uintptr_t frame)
{
    if (scope == NULL || !is_promise(promise)) {
        gcxi_gc_error("gcx_scope_begin(%p): no scope, or no promise (%d)", (void *)scope,
                      (int)promise);
        return EINVAL;
    }
    scope->serial = 0;
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return ENOMEM;
    int error = gcxi_scope_begin(self, scope, promise_meant(promise), site, frame, &scope->serial);
    gcxi_gc_leave(self);
    return error;
}

int gcx_scope_begin(struct gcx_scope *scope, enum gcx_promise promise)
{
    int error = begin(scope, promise, "?", GCXI_CALLER_FRAME());
    return error == 0 ? 0 : (errno = error, -1);
}

struct gcx_scope *gcx_detail_scope_enter(struct gcx_scope *scope, enum gcx_promise promise,
                                         const char *site)
{
    begin(scope, promise, site, GCXI_CALLER_FRAME());
    return scope;
}

struct end_request {
    struct gcx_scope *scope;
    uintptr_t frame;
    const void *site;
    enum gcxi_scope_end result;
    const char *inner;
};

/* The caller's registers lie at or above sp. */
static void end_at(uintptr_t sp, void *arg)
{
    struct end_request *request = arg;
    struct gcxi_mutator *self = gcxi_gc_enter();
    request->result = GCXI_SCOPE_UNKNOWN;
    if (self == NULL)
        return;
    gcxi_scope_unwind(self, request->frame);
    request->result =
        gcxi_scope_end(self, request->scope->serial, sp, request->site, &request->inner);
    gcxi_gc_leave(self);
}

static GCXI_COLD int refuse_end(const struct end_request *request)
{
    if (request->result == GCXI_SCOPE_OUT_OF_ORDER)
        gcxi_gc_error("gcx_scope_end(%p): the scope begun at %s is still open in it",
                      (void *)request->scope, request->inner);
    else
        gcxi_gc_error("gcx_scope_end(%p): not open, or another thread's", (void *)request->scope);
    errno = EINVAL;
    return -1;
}

/* What functions that have returned left on the stack would be taken for what
 * the program holds where our own frames come to lie on it. */
static GCXI_NOINLINE void clear_stack_below(void)
{
    unsigned char frame[CLEARED_BYTES];
    memset(frame, 0, sizeof frame);
    __asm__ volatile("" : : "r"(frame) : "memory");
}

static GCXI_NOINLINE int end(struct gcx_scope *scope, uintptr_t frame, const void *site)
{
    struct end_request request = {scope, frame, site, GCXI_SCOPE_UNKNOWN, NULL};
    if (scope != NULL)
        gcxi_stack_with_registers(end_at, &request);
    if (request.result != GCXI_SCOPE_ENDED)
        return refuse_end(&request);
    scope->serial = 0;
    return 0;
}

int gcx_scope_end(struct gcx_scope *scope)
{
    clear_stack_below();
    return end(scope, GCXI_CALLER_FRAME(), GCXI_SITE());
}

/* A scope for which there was no memory has none to end. */
void gcx_detail_scope_leave(struct gcx_scope *scope)
{
    clear_stack_below();
    if (scope->serial != 0)
        end(scope, GCXI_CALLER_FRAME(), GCXI_SITE());
}

/* ---- Allocation ---- */

/* Before an allocation that is more than taking a slot. */
static GCXI_COLD void look_at_scopes(struct gcxi_mutator *self, uintptr_t frame, bool is_seen)
{
    gcxi_critical_enter(&self->suspend);
    gcxi_scope_unwind(self, frame);
    if (!is_seen)
        gcxi_scope_give_up(self); /* what the object leads to would not be seen to leave */
    gcxi_critical_leave(&self->suspend);
}

static void *scope_alloc(enum gcxi_kind kind, size_t size, uintptr_t frame, const char *text,
                         const void *site)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    size_t added = gcxi_gc.settings.is_checked ? GCXI_CHECK_BYTES : 0;
    bool is_large = size > GCXI_CHAIN_MAX - added;
    if (self != NULL && (is_large || gcxi_scope_may_be_left(self, frame)))
        look_at_scopes(self, frame, !is_large || kind == GCXI_SCOPED_NOSCAN);
    if (is_large)
        kind = kind == GCXI_SCOPED ? GCXI_SCAN : GCXI_NOSCAN;
    void *object = gcxi_alloc_of_kind(kind, size, site);
    if (GCXI_UNLIKELY(gcxi_scope_reports))
        gcxi_alloc_report(object, size, text != NULL ? text : "(no site)", site);
    return object;
}

/* The same where the lane has another run or more of the one that it is in, as it
 * mostly has: NULL otherwise, and nothing was done. Hot: what left earlier scopes
 * leaves short runs. */
static void *scope_alloc_near(struct gcxi_mutator *self, size_t size, uintptr_t frame,
                              const void *site)
{
    if (size - 1 >= GCX_DETAIL_FAST_MAX || self->local.lanes[GCXI_SCOPED] == NULL ||
        gcxi_lane_one_slot || gcxi_is_tracing || gcxi_scope_may_be_left(self, frame))
        return NULL;
    struct gcxi_lane *lane = &self->local.lanes[GCXI_SCOPED][gcxi_class_of(size)];
    void *object = NULL;
    gcxi_critical_enter(&self->suspend);
    self->site = site;
    if (gcxi_lane_refill(&self->local, lane)) {
        object = (void *)lane->run->cur;
        gcxi_store_relaxed(&lane->run->cur, lane->run->cur + lane->block->slot_bytes);
    }
    gcxi_gc_leave(self);
    return object;
}

void *gcx_detail_scope_alloc_slow(size_t size, const char *site)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    void *object =
        self != NULL ? scope_alloc_near(self, size, GCXI_CALLER_FRAME(), GCXI_SITE()) : NULL;
    if (GCXI_LIKELY(object != NULL))
        return object;
    return scope_alloc(GCXI_SCOPED, size, GCXI_CALLER_FRAME(), site, GCXI_SITE());
}

void *gcx_scope_alloc_noscan(size_t size)
{
    return scope_alloc(GCXI_SCOPED_NOSCAN, size, GCXI_CALLER_FRAME(), NULL, GCXI_SITE());
}

/* Old at once. A cycle may come between: then it is old already, or was never
 * anything but this. */
static void *alloc_old(enum gcxi_kind kind, size_t size, const void *site)
{
    void *volatile object = gcxi_alloc_of_kind(kind, size, site);
    struct gcxi_mutator *self = object != NULL ? gcxi_gc_enter() : NULL;
    if (self == NULL)
        return object;
    uint32_t slot;
    struct gcxi_block *block = gcxi_find_slot((uintptr_t)object, &slot);
    if (block != NULL && gcxi_load_relaxed(&block->marks[slot]) == GCXI_MARK_NONE)
        gcxi_scope_make_old(block, slot);
    gcxi_gc_leave(self);
    return object;
}

void *gcx_alloc_hint(size_t size, unsigned hints)
{
    bool is_noscan = (hints & GCX_HINT_NOSCAN) != 0;
    bool is_scoped = (hints & GCX_HINT_NO_ESCAPE) != 0;
    bool is_old = (hints & GCX_HINT_LONG_LIVED) != 0;
    if (hints > 7 || (is_scoped && is_old)) {
        gcxi_gc_error("gcx_alloc_hint(%zu, %#x): no hints, or at odds", size, hints);
        errno = EINVAL;
        return NULL;
    }
    if (is_scoped)
        return scope_alloc(is_noscan ? GCXI_SCOPED_NOSCAN : GCXI_SCOPED, size, GCXI_CALLER_FRAME(),
                           NULL, GCXI_SITE());
    enum gcxi_kind kind = is_noscan ? GCXI_NOSCAN : GCXI_SCAN;
    return is_old ? alloc_old(kind, size, GCXI_SITE())
                  : gcxi_alloc_of_kind(kind, size, GCXI_SITE());
}

/* ---- Leaving ---- */

void *gcx_escape(const void *p)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (self == NULL || p == NULL)
        return (void *)(uintptr_t)p;
    gcxi_critical_enter(&self->suspend);
    gcxi_scope_escape(self, p);
    gcxi_critical_leave(&self->suspend);
    return (void *)(uintptr_t)p;
}

void gcx_detail_scope_store(const void *slot, const void *value)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (self == NULL || value == NULL)
        return;
    gcxi_critical_enter(&self->suspend);
    gcxi_scope_store(self, slot, value);
    gcxi_critical_leave(&self->suspend);
}
