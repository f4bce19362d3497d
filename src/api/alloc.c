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

/* From the lane as it is, from what was released by hand, or from a further run
 * of its block: what needs
 * neither the heap lock nor a cycle, and so not the caller's registers. */
static void *alloc_from_lane(struct gcxi_mutator *self, enum gcxi_kind kind, unsigned class_index)
{
    void *object = gcxi_local_bump(&self->local, kind, class_index);
    if (object != NULL || self->local.lanes[kind] == NULL || gcxi_lane_one_slot)
        return object;
    gcxi_critical_enter(&self->suspend);
    struct gcxi_lane *lane = &self->local.lanes[kind][class_index];
    object = lane->recycler != NULL ? gcxi_gc_alloc_recycled(self, lane) : NULL;
    if (object == NULL && gcxi_lane_refill(&self->local, lane))
        object = gcxi_local_bump(&self->local, kind, class_index);
    gcxi_gc_leave(self);
    return object;
}

/* From the lane as it is, for classes past the inline path's largest. NULL where
 * there is more to do. Hot. */
GCXI_INLINE void *alloc_ready(enum gcxi_kind kind, size_t size)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (self == NULL || size - GCX_DETAIL_FAST_MAX - 1 >= GCXI_MEDIUM_MAX - GCX_DETAIL_FAST_MAX ||
        gcxi_scope_reports)
        return NULL;
    return gcxi_local_bump(&self->local, kind, gcxi_class_of(size));
}

static void *alloc_unaligned(enum gcxi_kind kind, size_t size, const void *site)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (GCXI_LIKELY(self != NULL && size - 1 < GCXI_MEDIUM_MAX && !gcxi_is_tracing)) {
        self->site = site;
        void *object = alloc_from_lane(self, kind, gcxi_class_of(size));
        if (GCXI_LIKELY(object != NULL))
            return object;
    }
    return alloc_kind(kind, 1, size, site);
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

static void *alloc_unhinted(enum gcxi_kind kind, size_t size, const void *site)
{
    void *object = alloc_unaligned(kind, size, site);
    if (GCXI_UNLIKELY(gcxi_scope_reports))
        gcxi_alloc_report(object, size, NULL, site);
    return object;
}

void *gcx_detail_alloc_slow(size_t size)
{
    void *object = alloc_ready(GCXI_SCAN, size);
    return GCXI_LIKELY(object != NULL) ? object : alloc_unhinted(GCXI_SCAN, size, GCXI_SITE());
}

void *gcx_detail_alloc_loose_slow(size_t size)
{
    return alloc_unhinted(size <= GCX_DETAIL_FAST_MAX ? GCXI_LOOSE : GCXI_SCAN, size, GCXI_SITE());
}

void *gcx_detail_alloc_noscan_slow(size_t size)
{
    void *object = alloc_ready(GCXI_NOSCAN, size);
    return GCXI_LIKELY(object != NULL) ? object : alloc_unhinted(GCXI_NOSCAN, size, GCXI_SITE());
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
