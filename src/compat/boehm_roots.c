/* boehm_roots.c -- roots, marks and pushing of the Boehm interface.
 *
 * Static data of the program and of all libraries is scanned in any case.
 * What GC_push_all and its kin are given is pushed to the marker of the thread
 * that is inside a callback.
 *
 * SPDX-License-Identifier: MIT */
#include "compat/boehm.h"

#include "gc/tracked.h"
#include "heap/space.h"
#include "trace/roots.h"
#include "trace/special.h"
#include "trace/weak.h"

/* What is there already: the threads' stacks, pushed by the collector. */
static void push_no_roots(void)
{
}

GC_push_other_roots_proc GC_push_other_roots = push_no_roots;

/* Under the heap lock: a cycle tracks what is written to them (gc/tracked.h). */
static struct gcxi_boehm_table ranges = {.item_bytes = 2 * sizeof(uintptr_t)};
static struct gcxi_boehm_table pinned = {.item_bytes = sizeof(uintptr_t)};
static char *first_stackbottom;

/* ---- Ranges ---- */

static void remove_range(size_t i)
{
    const uintptr_t *item = gcxi_boehm_item(&ranges, i);
    gcxi_tracked_remove_root(item[0], item[1]);
    gcxi_boehm_table_remove(&ranges, i);
}

/* The larger of two that begin at the same address stays. */
static bool add_range(uintptr_t lo, uintptr_t hi)
{
    size_t i = gcxi_boehm_table_find(&ranges, lo);
    uintptr_t *item = i != GCXI_BOEHM_NONE ? gcxi_boehm_item(&ranges, i) : NULL;
    if (item != NULL && item[1] >= hi)
        return true;
    if (gcxi_tracked_add_root(lo, hi) != 0)
        return false;
    if (item != NULL)
        remove_range(i);
    item = gcxi_boehm_table_add(&ranges, lo);
    if (item != NULL)
        item[1] = hi;
    else
        gcxi_tracked_remove_root(lo, hi);
    return item != NULL;
}

void GC_add_roots(void *lo, void *hi)
{
    gcxi_boehm_start();
    if ((uintptr_t)lo >= (uintptr_t)hi)
        return;
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return;
    bool is_added = add_range((uintptr_t)lo, (uintptr_t)hi);
    gcxi_gc_unlock_and_leave(self);
    if (!is_added)
        gcxi_boehm_warn("no memory for the roots at 0x%lx\n", (GC_word)lo);
}

/* Ranges that lie within. */
void GC_remove_roots(void *lo, void *hi)
{
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return;
    for (size_t i = ranges.count; i-- > 0;) {
        const uintptr_t *item = gcxi_boehm_item(&ranges, i);
        if (item[0] >= (uintptr_t)lo && item[1] <= (uintptr_t)hi)
            remove_range(i);
    }
    gcxi_gc_unlock_and_leave(self);
}

void GC_clear_roots(void)
{
    GC_remove_roots(NULL, (void *)UINTPTR_MAX);
}

/* Excluding is a hint: the data is scanned all the same. */
void GC_exclude_static_roots(void *lo, void *hi)
{
    (void)lo;
    (void)hi;
}

void GC_clear_exclusion_table(void)
{
}

void GC_register_has_static_roots_callback(GC_has_static_roots_func func)
{
    (void)func;
}

int GC_is_tmp_root(void *p)
{
    (void)p;
    return 0;
}

/* ---- Pinned objects ---- */

void *gcxi_boehm_pin(void *object)
{
    if (object == NULL)
        return NULL;
    struct gcxi_mutator *self = gcxi_boehm_lock();
    bool is_added = gcxi_boehm_table_add(&pinned, ~(uintptr_t)object) != NULL;
    gcxi_boehm_unlock(self);
    return is_added ? object : NULL;
}

bool gcxi_boehm_unpin(void *object)
{
    if (gcxi_load_relaxed(&pinned.count) == 0)
        return false;
    struct gcxi_mutator *self = gcxi_boehm_lock();
    size_t i = gcxi_boehm_table_find(&pinned, ~(uintptr_t)object);
    if (i != GCXI_BOEHM_NONE)
        gcxi_boehm_table_remove(&pinned, i);
    gcxi_boehm_unlock(self);
    return i != GCXI_BOEHM_NONE;
}

bool gcxi_boehm_is_pinned(const void *object)
{
    if (gcxi_load_relaxed(&pinned.count) == 0)
        return false;
    struct gcxi_mutator *self = gcxi_boehm_lock();
    size_t i = gcxi_boehm_table_find(&pinned, ~(uintptr_t)object);
    gcxi_boehm_unlock(self);
    return i != GCXI_BOEHM_NONE;
}

void gcxi_boehm_mark_pinned(struct gcxi_marker *m)
{
    for (size_t i = 0; i < pinned.count; i++)
        gcxi_special_push_root(m, ~*(const uintptr_t *)gcxi_boehm_item(&pinned, i));
}

/* ---- In a cycle ---- */

/* GC_stackbottom was set by a program that runs the first thread on a stack of
 * its own: it reaches from the stack pointer to there. */
static void mark_moved_stack(struct gcxi_marker *m)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (first_stackbottom == NULL)
        first_stackbottom = GC_stackbottom;
    if (GC_stackbottom == first_stackbottom || here >= (uintptr_t)GC_stackbottom)
        return;
    gcxi_mark_stack_range(m, here, (uintptr_t)GC_stackbottom);
}

void gcxi_boehm_roots_mark(struct gcxi_marker *m)
{
    gcxi_boehm_marker = m;
    mark_moved_stack(m);
    gcxi_boehm_mark_pinned(m);
    gcxi_boehm_final_mark(m);
    gcxi_boehm_disclaim_mark(m);
    if (m->filter == gcxi_map.young)
        gcxi_boehm_show_procs(m);
    if (GC_push_other_roots != push_no_roots)
        GC_push_other_roots();
    gcxi_boehm_marker = NULL;
}

void GC_set_push_other_roots(GC_push_other_roots_proc proc)
{
    GC_push_other_roots = proc;
}

GC_push_other_roots_proc GC_get_push_other_roots(void)
{
    return GC_push_other_roots;
}

GCXI_NO_SANITIZE void GC_push_all(void *lo, void *hi)
{
    struct gcxi_marker *m = gcxi_boehm_marker;
    if (m == NULL)
        return;
    if (gcxi_is_tracing)
        gcx_trace_range((struct gcx_tracer *)m, lo, hi);
    else
        gcxi_mark_stack_range(m, (uintptr_t)lo, (uintptr_t)hi);
}

void GC_push_all_eager(void *lo, void *hi)
{
    GC_push_all(lo, hi);
}

void GC_push_conditional(void *lo, void *hi, int all)
{
    (void)all;
    GC_push_all(lo, hi);
}

/* ---- Marks ---- */

static bool is_stopped_here(void)
{
    return gcxi_is_tracing || (gcxi_load_relaxed(&gcxi_gc.collector) != NULL &&
                               gcxi_load_relaxed(&gcxi_gc.collector) == gcxi_mutator_self());
}

static struct gcxi_block *find_stopped(const void *p, uint32_t *slot)
{
    uint32_t unit = gcxi_addr_unit((uintptr_t)p);
    if (unit == gcxi_map.units || gcxi_map.used[unit] == 0)
        return NULL;
    struct gcxi_block *block = gcxi_unit_block(unit);
    *slot = gcxi_block_slot(block, (uintptr_t)p - gcxi_block_addr(block));
    return *slot < block->slots && gcxi_slot_is_object(block, *slot) ? block : NULL;
}

struct gcxi_block *gcxi_boehm_find(const void *p, uint32_t *slot)
{
    if (is_stopped_here())
        return find_stopped(p, slot);
    if (gcxi_map.used == NULL)
        return NULL;
    struct gcxi_mutator *self = gcxi_gc_enter();
    struct gcxi_block *block = gcxi_find_object((uintptr_t)p, slot);
    if (self != NULL)
        gcxi_gc_leave(self);
    return block;
}

int GC_is_marked(const void *p)
{
    uint32_t slot;
    const struct gcxi_block *block = gcxi_boehm_find(p, &slot);
    if (block == NULL)
        return 0;
    uint8_t mark = block->marks[slot];
    return is_stopped_here() ? gcxi_mark_is_kept(mark) : gcxi_mark_is_old(mark);
}

/* Not while the heap is marked beside the program, which would then leave out what
 * the object leads to. */
void GC_set_mark_bit(const void *p)
{
    uint32_t slot;
    struct gcxi_block *block = gcxi_boehm_find(p, &slot);
    if (block != NULL && (is_stopped_here() || gcxi_map.epoch == gcxi_map.epoch_before))
        block->marks[slot] = gcxi_map.epoch_kept;
}

/* Only while the world is stopped: later it would free the object. */
void GC_clear_mark_bit(const void *p)
{
    uint32_t slot;
    struct gcxi_block *block = gcxi_boehm_find(p, &slot);
    if (block != NULL && is_stopped_here())
        block->marks[slot] = gcxi_map.epoch_before;
}

/* ---- Walking ---- */

static void each_in_block(struct gcxi_block *block,
                          void (*visit)(struct gcxi_block *, uint32_t, void *), void *arg)
{
    for (uint32_t slot = 0; slot < block->slots; slot++)
        if (gcxi_slot_is_object(block, slot))
            visit(block, slot, arg);
}

static void each_in_zone(enum gcxi_zone_index zone, int number, bool only_young,
                         void (*visit)(struct gcxi_block *, uint32_t, void *), void *arg)
{
    uint32_t end = gcxi_zone_end(zone);
    for (uint32_t unit = gcxi_zone_first(zone); (unit = gcxi_next_used(unit, end)) < end;) {
        struct gcxi_block *block = &gcxi_map.blocks[unit];
        uint32_t units = block->units;
        if ((number < 0 || block->kind == number) && (!only_young || gcxi_map.young[unit] != 0))
            each_in_block(block, visit, arg);
        unit += units;
    }
}

void gcxi_boehm_each_object(int number, bool only_young,
                            void (*visit)(struct gcxi_block *, uint32_t, void *), void *arg)
{
    each_in_zone(GCXI_ZONE_SCAN, number, only_young, visit, arg);
    each_in_zone(GCXI_ZONE_NOSCAN, number, only_young, visit, arg);
}

struct enumeration {
    GC_reachable_object_proc proc;
    void *arg;
};

static void enumerate(struct gcxi_block *block, uint32_t slot, void *opaque)
{
    const struct enumeration *e = opaque;
    e->proc((void *)gcxi_slot_addr(block, slot), block->slot_bytes, e->arg);
}

/* The caller holds the allocation lock. */
void GC_enumerate_reachable_objects_inner(GC_reachable_object_proc proc, void *arg)
{
    struct enumeration e = {proc, arg};
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return;
    gcxi_boehm_each_object(-1, false, enumerate, &e);
    gcxi_gc_unlock_and_leave(self);
}
