/* alloc.c -- public allocation: the slow halves of the inline calls, and the
 * calls that have no inline half.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "api/alloc.h"
#include "gc/gc.h"
#include "trace/special.h"
#include "gc/check.h"
#include "gc/scope.h"
#include "gc/scope_report.h"

/* The inline functions as symbols, for callers that do not inline. */
extern inline void *gcx_detail_bump(struct gcx_detail_run *runs, size_t size,
                                    void *(*slow)(size_t));
extern inline void *gcx_alloc(size_t size);
extern inline void *gcx_alloc_noscan(size_t size);

struct request {
    enum gcxi_kind kind;
    size_t align;
    size_t size;
    const void *site;
    void *result;
};

/* Everything the program holds lies at or above sp. */
static void alloc_at(uintptr_t sp, void *arg)
{
    struct request *request = arg;
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return;
    self->suspend.entry_sp = sp;
    self->site = request->site;
    request->result = gcxi_gc_alloc_aligned(self, request->kind, request->align, request->size);
    self->suspend.entry_sp = 0;
    gcxi_gc_leave(self);
    if (GCXI_UNLIKELY(gcxi_gc.settings.is_checked))
        gcxi_check_tell();
}

static void *alloc_kind(enum gcxi_kind kind, size_t align, size_t size, const void *site)
{
    struct request request = {kind, align, size, site, NULL};
    gcxi_stack_with_registers(alloc_at, &request);
    return request.result;
}

/* The next ready slot of the lane's own run, that of classes past the inline path's
 * largest. Hot. */
GCXI_INLINE void *bump_past_exact(struct gcxi_lane *lane, size_t size)
{
    struct gcx_detail_run *run = &lane->own_run;
    uintptr_t p = run->cur;
    size_t slot_bytes = gcxi_slot_bytes_past_exact(size);
    if (run->end - p < slot_bytes)
        return NULL;
    gcxi_store_relaxed(&run->cur, p + slot_bytes);
    return (void *)p;
}

/* The run is used up. From what was released by hand, or from a further run of the
 * block: what needs neither the heap lock nor a cycle, and so not the caller's
 * registers. */
GCXI_INLINE void *alloc_from_block(struct gcxi_mutator *self, struct gcxi_lane *lane)
{
    void *object = NULL;
    if (GCXI_UNLIKELY(gcxi_lane_one_slot))
        return NULL;
    gcxi_critical_enter(&self->suspend);
    if (GCXI_UNLIKELY(lane->recycler != NULL))
        object = gcxi_gc_alloc_recycled(self, lane);
    if (object == NULL && gcxi_lane_refill(&self->local, lane)) {
        uintptr_t p = lane->run->cur;
        gcxi_store_relaxed(&lane->run->cur, p + lane->slot_bytes);
        object = (void *)p;
    }
    gcxi_gc_leave(self);
    return object;
}

static void *alloc_unaligned(enum gcxi_kind kind, size_t size, const void *site)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (GCXI_LIKELY(self != NULL && size - 1 < GCXI_MEDIUM_MAX && !gcxi_is_tracing)) {
        unsigned class_index = gcxi_class_of(size);
        void *object = gcxi_local_bump(&self->local, kind, class_index);
        self->site = site;
        if (object == NULL && self->local.lanes[kind] != NULL)
            object = alloc_from_block(self, &self->local.lanes[kind][class_index]);
        if (GCXI_LIKELY(object != NULL))
            return object;
    }
    return alloc_kind(kind, 1, size, site);
}

/* The same where the run is known to be used up. */
static GCXI_HOT GCXI_NOINLINE void *alloc_further(struct gcxi_mutator *self, struct gcxi_lane *lane,
                                                  size_t size, const void *site)
{
    if (GCXI_LIKELY(!gcxi_is_tracing)) {
        self->site = site;
        void *object = alloc_from_block(self, lane);
        if (GCXI_LIKELY(object != NULL))
            return object;
    }
    return alloc_kind((enum gcxi_kind)lane->kind, 1, size, site);
}

void *gcxi_alloc_checked(enum gcxi_kind kind, size_t size, const void *site)
{
    return alloc_kind(kind, 1, size, site);
}

void *gcxi_alloc_of_kind(unsigned kind, size_t size, const void *site)
{
    return alloc_unaligned((enum gcxi_kind)kind, size, site);
}

void gcxi_alloc_report(const void *object, size_t size, const char *text, const void *site)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    uint64_t serial = self != NULL ? gcxi_scope_serial(self) : 0;
    if (object == NULL || serial == 0)
        return;
    gcxi_critical_enter(&self->suspend);
    gcxi_scope_report_born(object, size, serial, text, site);
    gcxi_critical_leave(&self->suspend);
}

static GCXI_NOINLINE void *alloc_unhinted(enum gcxi_kind kind, size_t size, const void *site)
{
    void *object = alloc_unaligned(kind, size, site);
    if (GCXI_UNLIKELY(gcxi_scope_reports))
        gcxi_alloc_report(object, size, NULL, site);
    return object;
}

/* Where the inline path has found no slot: of classes past its largest it has not
 * looked for one. Hot. */
GCXI_INLINE void *alloc_slow(enum gcxi_kind kind, size_t size, const void *site)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (GCXI_UNLIKELY(self == NULL || size - 1 >= GCXI_MEDIUM_MAX || gcxi_scope_reports ||
                      self->local.lanes[kind] == NULL))
        return alloc_unhinted(kind, size, site);
    struct gcxi_lane *lane = &self->local.lanes[kind][gcxi_class_of(size)];
    if (size > GCX_DETAIL_FAST_MAX) {
        void *object = bump_past_exact(lane, size);
        if (GCXI_LIKELY(object != NULL))
            return object;
    }
    return alloc_further(self, lane, size, site);
}

static GCXI_HOT GCXI_NOINLINE void *alloc_scan_slow(size_t size, const void *site)
{
    return alloc_slow(GCXI_SCAN, size, site);
}

static GCXI_HOT GCXI_NOINLINE void *alloc_loose_slow(size_t size, const void *site)
{
    return alloc_slow(size <= GCX_DETAIL_FAST_MAX ? GCXI_LOOSE : GCXI_SCAN, size, site);
}

static GCXI_HOT GCXI_NOINLINE void *alloc_noscan_slow(size_t size, const void *site)
{
    return alloc_slow(GCXI_NOSCAN, size, site);
}

/* Cold for their callers, and so compiled for size. What they alone call would be, too,
 * were it not said to be hot. */
void *gcx_detail_alloc_slow(size_t size)
{
    return alloc_scan_slow(size, GCXI_SITE());
}

void *gcx_detail_alloc_loose_slow(size_t size)
{
    return alloc_loose_slow(size, GCXI_SITE());
}

void *gcx_detail_alloc_noscan_slow(size_t size)
{
    return alloc_noscan_slow(size, GCXI_SITE());
}

void *gcx_alloc_root(size_t size)
{
    return alloc_kind(GCXI_ROOT, 1, size, GCXI_SITE());
}

void *gcx_alloc_aligned(size_t align, size_t size)
{
    if (!gcxi_is_pow2(align) || align > GCXI_MIB) {
        errno = EINVAL;
        return NULL;
    }
    return alloc_kind(GCXI_SCAN, align, size, GCXI_SITE());
}

void *gcx_calloc(size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return gcxi_alloc_for(GCXI_SCAN, bytes, GCXI_SITE());
}
