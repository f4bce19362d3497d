/* control.c -- starting, collecting on demand, heap size, barrier, roots.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "gc/cards.h"
#include "gc/check.h"
#include "gc/gc.h"
#include "gc/hooks.h"
#include "gc/scope.h"
#include "gc/tracked.h"
#include "heap/meta.h"
#include "heap/space.h"

extern inline void gcx_store(void *obj, void **slot, void *value);
extern inline void gcx_keep_alive(const void *p);

int gcx_init(const struct gcx_options *opts)
{
    if (gcxi_gc_init(opts) != 0)
        return -1;
    return gcx_thread_register();
}

const char *gcx_version(void)
{
    return GCX_VERSION_STRING;
}

/* ---- Collecting ---- */

static void collect_from(uintptr_t sp, enum gcx_cycle kind)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return;
    gcxi_gc_collect_from(self, sp, kind, GCXI_FORCED);
    gcxi_gc_leave(self);
    gcxi_hooks_after(kind);
    gcxi_check_tell();
}

static void collect_minor_from(uintptr_t sp, void *unused)
{
    (void)unused;
    collect_from(sp, GCX_MINOR);
}

static void collect_full_from(uintptr_t sp, void *unused)
{
    (void)unused;
    collect_from(sp, GCX_FULL);
}

/* Without a variable of its own, for its frame is scanned. No tail call: profiles show
 * the frame. */
void gcx_collect(enum gcx_cycle kind)
{
    gcxi_stack_with_registers(kind == GCX_MINOR ? collect_minor_from : collect_full_from, NULL);
    __asm__ volatile("");
}

void gcx_disable(void)
{
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return;
    gcxi_store_relaxed(&gcxi_gc.disable_depth, gcxi_gc.disable_depth + 1);
    gcxi_gc_unlock_and_leave(self);
}

void gcx_enable(void)
{
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return;
    if (gcxi_gc.disable_depth > 0)
        gcxi_store_relaxed(&gcxi_gc.disable_depth, gcxi_gc.disable_depth - 1);
    gcxi_gc_unlock_and_leave(self);
}

void gcx_release_memory(void)
{
    gcx_collect(GCX_FULL);
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return;
    gcxi_space_purge(GCXI_ZONE_SCAN);
    gcxi_space_purge(GCXI_ZONE_NOSCAN);
    gcxi_gc_unlock_and_leave(self);
}

/* ---- Heap size ---- */

static void replan(void)
{
    gcxi_pacer_replan(&gcxi_gc.pacer, &gcxi_gc.settings.pacer, gcxi_meta_bytes());
}

int gcx_set_heap_percent(int percent)
{
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return -1;
    int old = gcxi_gc.settings.pacer.percent;
    if (percent < -1) {
        errno = EINVAL;
    } else {
        gcxi_gc.settings.pacer.percent = percent;
        gcxi_gc.settings.pacer.is_adaptive = false;
    }
    replan();
    gcxi_gc_unlock_and_leave(self);
    return old;
}

int64_t gcx_set_memory_limit(int64_t bytes)
{
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return -1;
    int64_t old = gcxi_gc.settings.pacer.memory_limit;
    if (bytes >= 0)
        gcxi_gc.settings.pacer.memory_limit = bytes;
    replan();
    gcxi_gc_unlock_and_leave(self);
    return old;
}

int64_t gcx_set_heap_max(int64_t bytes)
{
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return -1;
    size_t old = gcxi_space_max();
    if (bytes < -1)
        errno = EINVAL;
    else
        gcxi_space_set_max(bytes == -1 ? SIZE_MAX : (size_t)bytes);
    gcxi_gc_unlock_and_leave(self);
    return old > INT64_MAX >> 1 ? -1 : (int64_t)old;
}

/* ---- Barrier and roots ---- */

void gcx_dirty(const void *obj)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    gcxi_cards_write_object((uintptr_t)obj);
    if (self != NULL && self->scopes.verified != 0)
        gcxi_scope_give_up(self); /* nobody says which pointers it holds */
}

/* Only whole words within the range are read. */
static bool range_is_valid(const void *lo, const void *hi)
{
    return lo != NULL && hi != NULL && (uintptr_t)lo <= (uintptr_t)hi;
}

int gcx_root_add(void *lo, void *hi)
{
    struct gcxi_mutator *self =
        range_is_valid(lo, hi) ? gcxi_gc_enter_and_lock() : (errno = EINVAL, NULL);
    if (self == NULL)
        return -1;
    int error = gcxi_tracked_add_root((uintptr_t)lo, (uintptr_t)hi);
    gcxi_gc_unlock_and_leave(self);
    return error == 0 ? 0 : (errno = error, -1);
}

int gcx_root_remove(void *lo, void *hi)
{
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return -1;
    int error = gcxi_tracked_remove_root((uintptr_t)lo, (uintptr_t)hi);
    gcxi_gc_unlock_and_leave(self);
    return error == 0 ? 0 : (errno = error, -1);
}
