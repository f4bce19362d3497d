/* gc.c -- starting the collector, and allocation beyond the inline path.
 *
 * Allocation here asks, in this order: the lane's reserved run, its block, the
 * lists of blocks with room and the free spans, a collection, the system. A
 * collection runs when as much was taken as the pacer planned; what a block
 * has free is counted when a lane takes it.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/gc.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gc/cards.h"
#include "gc/check.h"
#include "gc/concurrent.h"
#include "gc/cycle.h"
#include "gc/fork.h"
#include "gc/pauses.h"
#include "gc/remember.h"
#include "gc/scope_report.h"
#include "gc/statics.h"
#include "gc/summary.h"
#include "heap/idle.h"
#include "heap/lane.h"
#include "heap/meta.h"
#include "heap/recycle.h"
#include "heap/sample.h"
#include "heap/space.h"
#include "os/clock.h"
#include "os/vm.h"
#include "trace/finalize.h"
#include "trace/special.h"
#include "trace/workers.h"

#define ERROR_BYTES 512
#define LATE_ERRORS 8u
#define REFUSALS_TOLD 3 /* reports of a mistake that may come by the million */

/* ---- Mistakes found with the world stopped ---- */

/* On stderr at once; a listener that allocates, or takes a lock that a stopped thread
 * holds, would wait for ever, so it is told when the threads run again. */
static struct {
    uint32_t count;
    struct {
        const char *what;
        uintptr_t object; /* complemented, as this is static data */
    } list[LATE_ERRORS];
} late;

#define NEVER_COLLECTED "%s, the object at %p: it will never be collected"

static void error_later(const char *what, uintptr_t object)
{
    if (object == 0)
        gcxi_report("%s", what);
    else
        gcxi_report(NEVER_COLLECTED, what, (void *)object);
    uint32_t i = gcxi_add_relaxed(&late.count, 1);
    if (i < LATE_ERRORS) {
        late.list[i].what = what;
        late.list[i].object = ~object;
    }
}

void gcxi_gc_tell_late(void)
{
    char text[ERROR_BYTES];
    uint32_t count = late.count < LATE_ERRORS ? late.count : LATE_ERRORS;
    for (uint32_t i = 0; i < count && gcxi_gc.events.error != NULL; i++) {
        uintptr_t object = ~late.list[i].object;
        if (object != 0)
            snprintf(text, sizeof text, NEVER_COLLECTED, late.list[i].what, (void *)object);
        else
            snprintf(text, sizeof text, "%s", late.list[i].what);
        gcxi_gc.events.error(text, gcxi_gc.events.arg);
    }
    gcxi_store_relaxed(&late.count, 0);
}

/* ---- Starting ---- */

static pthread_mutex_t init_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool is_initialised;

/* Under the heap lock, as in a cycle: what the listener calls is refused too. */
static void tell_growth(size_t committed_bytes)
{
    if (gcxi_gc.events.heap_grow == NULL)
        return;
    struct gcxi_mutator *before = gcxi_load_relaxed(&gcxi_gc.collector);
    gcxi_store_relaxed(&gcxi_gc.collector, gcxi_mutator_self());
    gcxi_gc.events.heap_grow(committed_bytes, gcxi_gc.events.arg);
    gcxi_store_relaxed(&gcxi_gc.collector, before);
}

/* Nearly all of the library's own static data, which every stop would read: that of a
 * small heap takes 20 us. What else is there the program may own a part of, or it is
 * small. No address of an object stands in these tables, as in none of the library's
 * (tests/api/test_own_data.c), and that of no stack's or thread's record: X1 in
 * gc/verify.c. */
static void exclude_tables(void)
{
    gcxi_meta_init();
    gcxi_block_init();
    gcxi_lane_init();
    gcxi_recycle_init();
    gcxi_pauses_init();
}

static int init_parts(const struct gcxi_settings *settings)
{
    if (gcxi_suspend_init(settings->stop_signal) != 0 ||
        gcxi_space_init(settings->reserve_bytes) != 0 ||
        gcxi_workers_init(settings->mark_workers) != 0 ||
        gcxi_remember_init(settings->barrier, settings->dirty_name) != 0 ||
        (settings->is_checked && gcxi_check_init() != 0) ||
        (settings->reports_escapes && gcxi_scope_report_init() != 0) ||
        (settings->tells_summary && gcxi_summary_init() != 0))
        return -1;
    errno = gcxi_mutator_init();
    return errno == 0 ? 0 : -1;
}

static int init_locked(const struct gcx_options *opts)
{
    struct gcxi_settings *settings = &gcxi_gc.settings;
    if (gcxi_settings_read(settings, opts) != 0 || init_parts(settings) != 0)
        return -1;
    gcxi_gctrace_init();
    exclude_tables();
    gcxi_statics_init();
    settings->pacer.has_minor = !gcxi_remember_is_none();
    gcxi_gc.start_ns = gcxi_gc.cycle_end_ns = gcxi_clock_ns();
    gcxi_gc.stress_countdown = settings->stress;
    gcxi_lane_one_slot = gcxi_lane_one_slot || settings->stress != 0;
    gcxi_space_set_max(settings->heap_max);
    gcxi_space_on_grow(tell_growth);
    gcxi_finalize_on_mistake = error_later;
    gcxi_pacer_init(&gcxi_gc.pacer, &settings->pacer);
    gcxi_stacks_init();
    gcxi_fork_init();
    return 0;
}

int gcxi_gc_init(const struct gcx_options *opts)
{
    int status = 0;
    if (gcxi_load_acquire(&is_initialised))
        return 0;
    pthread_mutex_lock(&init_mutex);
    bool is_first = !is_initialised;
    if (is_first) {
        status = init_locked(opts);
        gcxi_store_release(&is_initialised, status == 0);
    }
    pthread_mutex_unlock(&init_mutex);
    if (is_first && status == 0)
        gcxi_gc_on_start();
    return status;
}

static GCXI_COLD struct gcxi_mutator *refuse_in_trace(void)
{
    static uint32_t times;
    if (gcxi_add_relaxed(&times, 1) < REFUSALS_TOLD)
        error_later("a trace callback must not allocate or call libgcx but for gcx_trace_word and "
                    "gcx_trace_range: refused",
                    0);
    errno = EPERM;
    return NULL;
}

static GCXI_COLD struct gcxi_mutator *enter_slow(void)
{
    if (gcxi_is_tracing)
        return refuse_in_trace();
    bool is_ready = gcxi_gc_init(NULL) == 0;
    struct gcxi_mutator *self =
        gcxi_mutator_self(); /* what starts with it may have registered us */
    if (is_ready && self == NULL)
        self = gcxi_mutator_register();
    if (self == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    gcxi_critical_enter(&self->suspend);
    return self;
}

/* A callback of the program's, run by the cycle: it would wait for itself. */
static GCXI_COLD struct gcxi_mutator *refuse_in_cycle(void)
{
    if (gcxi_is_tracing)
        return refuse_in_trace();
    gcxi_gc_error("libgcx was called by a callback that runs within a collection");
    errno = EDEADLK;
    return NULL;
}

struct gcxi_mutator *gcxi_gc_enter_to_read(void)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (GCXI_UNLIKELY(self == NULL || gcxi_is_tracing))
        return enter_slow();
    gcxi_critical_enter(&self->suspend);
    return self;
}

struct gcxi_mutator *gcxi_gc_enter(void)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (GCXI_UNLIKELY(self != NULL && gcxi_load_relaxed(&gcxi_gc.collector) == self))
        return refuse_in_cycle();
    return gcxi_gc_enter_to_read();
}

struct gcxi_mutator *gcxi_gc_enter_and_lock(void)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self != NULL)
        gcxi_mutator_lock_heap(self);
    return self;
}

void gcxi_gc_unlock_and_leave(struct gcxi_mutator *self)
{
    gcxi_mutator_unlock_heap();
    gcxi_gc_leave(self);
}

void gcxi_gc_error(const char *format, ...)
{
    char message[ERROR_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    gcxi_report("%s", message);
    if (gcxi_gc.events.error != NULL)
        gcxi_gc.events.error(message, gcxi_gc.events.arg);
}

/* Not inside another section, where the thread could not be stopped. */
GCXI_COLD void gcxi_gc_tell_sample(struct gcxi_mutator *self)
{
    void *volatile object = (void *)self->local.sampled;
    const struct gcxi_sampler *sampler = gcxi_load_acquire(&gcxi_sampler);
    if (self->suspend.critical != 0)
        return;
    self->local.sampled = 0;
    if (sampler != NULL)
        sampler->take(object, self->local.sampled_bytes, self->site);
    gcx_keep_alive(object);
}

/* ---- When to collect ---- */

/* A hint, read without the lock: the cycle looks again under it. */
static void collect_if_due(struct gcxi_mutator *self)
{
    gcxi_concurrent_pace(self);
    if ((gcxi_load_relaxed(&gcxi_gc.allocated_bytes) >= gcxi_gc.pacer.trigger_bytes ||
         gcxi_concurrent_waits()) &&
        !gcxi_gc_is_disabled())
        gcxi_gc_collect(self, GCX_MINOR, GCXI_TRIGGERED);
}

/* GCX_STRESS: every so many slow allocations, minor and full in turn. */
static GCXI_COLD void collect_for_stress(struct gcxi_mutator *self)
{
    if (gcxi_sub_relaxed(&gcxi_gc.stress_countdown, 1) > 1 || gcxi_gc_is_disabled())
        return;
    gcxi_store_relaxed(&gcxi_gc.stress_countdown, gcxi_gc.settings.stress);
    bool is_full = gcxi_load_relaxed(&gcxi_gc.totals.minor_cycles) % 4 == 3;
    gcxi_gc_collect(self, is_full ? GCX_FULL : GCX_MINOR, GCXI_STRESSED);
}

static void *out_of_memory(size_t size)
{
    if (gcxi_gc.events.out_of_memory != NULL)
        gcxi_gc.events.out_of_memory(size, gcxi_gc.events.arg);
    errno = ENOMEM;
    return NULL;
}

/* ---- Slots ---- */

static bool take_block_once(struct gcxi_mutator *self, struct gcxi_lane *lane)
{
    size_t fresh_bytes = 0;
    gcxi_mutator_lock_heap(self);
    gcxi_idle_look(&self->local, gcxi_gc.totals.minor_cycles + gcxi_gc.totals.full_cycles);
    bool is_taken = gcxi_lane_next_block(lane, &fresh_bytes);
    gcxi_store_relaxed(&gcxi_gc.allocated_bytes, gcxi_gc.allocated_bytes + fresh_bytes);
    gcxi_mutator_unlock_heap();
    return is_taken;
}

static bool take_recycled_block(struct gcxi_mutator *self, struct gcxi_lane *lane)
{
    if (!gcxi_recycle_is_listed(lane))
        return false;
    gcxi_mutator_lock_heap(self);
    bool is_taken = gcxi_recycle_next_block(lane);
    gcxi_mutator_unlock_heap();
    return is_taken;
}

/* What the program released by hand costs no cycle. */
static bool take_block(struct gcxi_mutator *self, struct gcxi_lane *lane)
{
    if (take_recycled_block(self, lane))
        return true;
    collect_if_due(self);
    if (GCXI_LIKELY(take_block_once(self, lane)))
        return true;
    if (gcxi_gc_is_disabled())
        return false;
    gcxi_gc_collect(self, GCX_FULL, GCXI_NO_MEMORY);
    return take_block_once(self, lane);
}

void *gcxi_gc_alloc_recycled(struct gcxi_mutator *self, struct gcxi_lane *lane)
{
    bool is_old;
    uintptr_t addr = gcxi_recycle_take(&self->local, lane, &is_old);
    if (addr != 0 && is_old)
        gcxi_cards_write_object(addr);
    if (addr != 0 && GCXI_UNLIKELY(gcxi_sampler_is_on()))
        gcxi_sample_object(&self->local, &lane->sample_left, addr, lane->slot_bytes);
    return (void *)addr;
}

static void *alloc_slot(struct gcxi_mutator *self, enum gcxi_kind kind, unsigned class_index)
{
    struct gcxi_lane *lane = gcxi_local_lane(&self->local, kind, class_index);
    size_t slot_bytes = gcxi_class_bytes(class_index);
    if (lane == NULL)
        return out_of_memory(slot_bytes);
    while (lane->run->end - lane->run->cur < slot_bytes) {
        void *recycled = gcxi_gc_alloc_recycled(self, lane);
        if (recycled != NULL)
            return recycled;
        if (!gcxi_lane_refill(&self->local, lane) && !take_block(self, lane))
            return out_of_memory(slot_bytes);
    }
    uintptr_t p = lane->run->cur;
    gcxi_store_relaxed(&lane->run->cur, p + slot_bytes);
    return (void *)p;
}

/* ---- Large objects ---- */

static struct gcxi_block *take_large_once(struct gcxi_mutator *self, enum gcxi_kind kind,
                                          size_t size, size_t align, bool may_grow)
{
    gcxi_mutator_lock_heap(self);
    struct gcxi_block *block = gcxi_block_create_large(kind, size, align, may_grow);
    if (block != NULL) {
        gcxi_store_relaxed(&gcxi_gc.allocated_bytes, gcxi_gc.allocated_bytes + block->slot_bytes);
        gcxi_gc.large_alloc_bytes += block->slot_bytes;
        gcxi_gc.large_allocs++;
        gcxi_block_set_young(block, true);
        block->young_hi = 1;
    }
    gcxi_mutator_unlock_heap();
    return block;
}

/* Zeroing may take long, so a stop may come meanwhile: the object is young and
 * its address lies on this stack. In a register alone it could be computed
 * anew after the stop from the block, which keeps nothing alive. */
static void zero_outside_critical(struct gcxi_mutator *self, const struct gcxi_block *block)
{
    void *volatile object = (void *)gcxi_block_addr(block);
    size_t bytes = block->slot_bytes;
    gcxi_critical_leave(&self->suspend);
    memset(object, 0, bytes);
    gcxi_critical_enter(&self->suspend);
    gcx_keep_alive(object);
}

/* Tries, in this order: free spans, a cycle, growing, a full cycle. */
static struct gcxi_block *take_large(struct gcxi_mutator *self, enum gcxi_kind kind, size_t size,
                                     size_t align)
{
    collect_if_due(self);
    struct gcxi_block *block = take_large_once(self, kind, size, align, false);
    if (block != NULL)
        return block;
    gcxi_gc_collect(self, GCX_MINOR, GCXI_GROWTH);
    block = take_large_once(self, kind, size, align, true);
    if (block != NULL || gcxi_gc_is_disabled())
        return block;
    gcxi_gc_collect(self, GCX_FULL, GCXI_NO_MEMORY);
    return take_large_once(self, kind, size, align, true);
}

static void *alloc_large(struct gcxi_mutator *self, enum gcxi_kind kind, size_t size, size_t align)
{
    struct gcxi_block *block = take_large(self, kind, size, align);
    if (block == NULL)
        return out_of_memory(size);
    if (GCXI_UNLIKELY(gcxi_sampler_is_on()))
        gcxi_sample_object(&self->local, &self->local.large_sample_left, gcxi_block_addr(block),
                           block->slot_bytes);
    if (!gcxi_kind_is_noscan(kind) && gcxi_gc.settings.is_checked)
        memset((void *)gcxi_block_addr(block), 0, block->slot_bytes); /* no trailer yet */
    else if (!gcxi_kind_is_noscan(kind) && block->needs_zero)
        zero_outside_critical(self, block);
    return (void *)gcxi_block_addr(block);
}

/* ---- By size and alignment ---- */

static void *alloc_any(struct gcxi_mutator *self, enum gcxi_kind kind, size_t size)
{
    if (GCXI_UNLIKELY(gcxi_gc.settings.stress != 0))
        collect_for_stress(self);
    if (size > GCXI_MEDIUM_MAX) {
        if (size >= PTRDIFF_MAX)
            return out_of_memory(size);
        return alloc_large(self, kind, size, 1);
    }
    return alloc_slot(self, kind, gcxi_class_of(size + (size == 0)));
}

static void *alloc_aligned(struct gcxi_mutator *self, enum gcxi_kind kind, size_t align,
                           size_t size)
{
    if (align <= GCXI_GRANULE)
        return alloc_any(self, kind, size);
    if (size >= PTRDIFF_MAX - align)
        return out_of_memory(size);
    size = gcxi_max(size, align);
    for (unsigned c = size <= GCXI_MEDIUM_MAX ? gcxi_class_of(size) : GCXI_CLASSES;
         c < GCXI_CLASSES; c++)
        if (gcxi_class_bytes(c) % align == 0)
            return alloc_slot(self, kind, c);
    return alloc_large(self, kind, size, align);
}

/* ---- Entry points ---- */

/* The first attempt fails for good only if nothing waits to be reused. */
static GCXI_COLD void *alloc_checked(struct gcxi_mutator *self, enum gcxi_kind kind, size_t align,
                                     size_t size)
{
    if (size >= PTRDIFF_MAX)
        return out_of_memory(size);
    void *object = alloc_aligned(self, kind, align, size + GCXI_CHECK_BYTES);
    if (object == NULL && gcxi_check_drain(self))
        object = alloc_aligned(self, kind, align, size + GCXI_CHECK_BYTES);
    if (object != NULL)
        gcxi_check_born(object, size + (size == 0), self->site);
    return object;
}

void *gcxi_gc_alloc_aligned(struct gcxi_mutator *self, enum gcxi_kind kind, size_t align,
                            size_t size)
{
    if (GCXI_UNLIKELY(gcxi_gc.settings.is_checked))
        return alloc_checked(self, kind, align, size);
    return alloc_aligned(self, kind, align, size);
}

void *gcxi_gc_alloc(struct gcxi_mutator *self, enum gcxi_kind kind, size_t size)
{
    return gcxi_gc_alloc_aligned(self, kind, 1, size);
}
