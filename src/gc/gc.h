/* gc.h -- the collector as the public entry points see it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_GC_H
#define GCXI_GC_GC_H

#include "gc/mutator.h"
#include "gc/pacer.h"
#include "gc/settings.h"
#include "gcx/gcx.h"

/* Why a cycle runs. */
enum gcxi_reason {
    GCXI_TRIGGERED,   /* as much was allocated as planned */
    GCXI_GROWTH,      /* a large object would make the heap grow */
    GCXI_FORCED,      /* the program asked */
    GCXI_QUIET,       /* it has not allocated for a while */
    GCXI_STRESSED,    /* GCX_STRESS did */
    GCXI_LEAK_SEARCH, /* gcx_thread_leaks did */
    GCXI_ROOT_SEARCH, /* gcx_get_roots did */
    GCXI_NO_MEMORY    /* the system or the maximum refused */
};

/* Before the heap grows for a large object, a cycle is worth it when this
 * part of the nursery was used. */
#define GCXI_GROWTH_SHARE 16u

/* Counters of cycles; heap lock to write, single words read without. */
struct gcxi_totals {
    uint64_t minor_cycles;
    uint64_t full_cycles;
    uint64_t pause_last_ns;
    uint64_t pause_max_ns;
    uint64_t pause_total_ns;
    uint64_t minor_pause_max_ns;
    uint64_t full_pause_max_ns;
    uint64_t mark_total_ns;
    uint64_t stop_total_ns;
    uint64_t stop_max_ns;
    uint64_t dirty_pages;
    uint64_t live_bytes;
};

struct gcxi_gc {
    struct gcxi_settings settings;
    struct gcxi_pacer pacer; /* heap lock */
    struct gcxi_totals totals;
    struct gcx_events events;   /* heap lock */
    size_t allocated_bytes;     /* since the last cycle; heap lock */
    uint64_t start_ns;          /* constant */
    uint64_t cycle_end_ns;      /* of the last cycle; heap lock */
    uint64_t large_alloc_bytes; /* ever, in large objects; heap lock */
    uint64_t large_allocs;
    uint64_t told_alloc_bytes; /* the most that statistics have said; heap lock */
    uint64_t told_allocs;
    struct gcxi_mutator *collector; /* runs a cycle now, or NULL */
    unsigned disable_depth;         /* heap lock */
    const int *veto;                /* not 0: as disabled; constant, or NULL */
    unsigned stress_countdown;      /* slow allocations until the next cycle */
};
extern struct gcxi_gc gcxi_gc;

/* Collections that allocation starts are held back. Any thread. */
GCXI_INLINE bool gcxi_gc_is_disabled(void)
{
    return gcxi_load_relaxed(&gcxi_gc.disable_depth) != 0 ||
           (gcxi_gc.veto != NULL && gcxi_load_relaxed(gcxi_gc.veto) != 0);
}

/* Initialises everything once; opts may be NULL. 0, or -1 with errno. */
int gcxi_gc_init(const struct gcx_options *opts);

/* Called once, by the thread that initialised, when all is ready. Of the floor
 * above (api/diag.c). */
extern void (*const gcxi_gc_on_start)(void);

/* The calling thread's record, initialising and registering as needed. NULL
 * with errno ENOMEM, or EDEADLK in a callback that a cycle runs. */
struct gcxi_mutator *gcxi_gc_enter(void);

/* With the heap lock held; and back. */
struct gcxi_mutator *gcxi_gc_enter_and_lock(void);
void gcxi_gc_unlock_and_leave(struct gcxi_mutator *self);

/* As gcxi_gc_enter for statistics, which such a callback may read. */
struct gcxi_mutator *gcxi_gc_enter_to_read(void);

/* Tells of the object that was sampled meanwhile. */
void gcxi_gc_tell_sample(struct gcxi_mutator *self);

/* Objects that the program gets meanwhile are held by the caller's frames. */
GCXI_INLINE void gcxi_gc_leave(struct gcxi_mutator *self)
{
    gcxi_critical_leave(&self->suspend);
    if (GCXI_UNLIKELY(self->local.sampled != 0))
        gcxi_gc_tell_sample(self);
}

/* Runs a cycle. The caller is in a critical section, without the heap lock. A
 * triggered cycle is skipped when another thread has just run one. */
void gcxi_gc_collect(struct gcxi_mutator *self, enum gcx_cycle kind, enum gcxi_reason reason);

/* The same where the program entered the library at sp, with its registers above, as
 * gcxi_stack_with_registers tells: what lies in frames of the library, left there by
 * earlier calls, keeps nothing alive. */
void gcxi_gc_collect_from(struct gcxi_mutator *self, uintptr_t sp, enum gcx_cycle kind,
                          enum gcxi_reason reason);

/* Memory for one object: see gcx.h. The caller is in a critical section. NULL
 * with errno ENOMEM. */
void *gcxi_gc_alloc(struct gcxi_mutator *self, enum gcxi_kind kind, size_t size);
void *gcxi_gc_alloc_aligned(struct gcxi_mutator *self, enum gcxi_kind kind, size_t align,
                            size_t size);

/* An object released by gcx_free that the lane may have, or NULL. The caller is
 * in a critical section. */
void *gcxi_gc_alloc_recycled(struct gcxi_mutator *self, struct gcxi_lane *lane);

/* Reports misuse on stderr and to the error event. */
void gcxi_gc_error(const char *format, ...) GCXI_PRINTF(1, 2);

/* The error events of a cycle, once its threads run again. Heap lock. */
void gcxi_gc_tell_late(void);

#endif
