/* retained.c -- see retained.h.
 *
 * In a full cycle of its own, before the ordinary marking, one root after the other
 * is marked from until nothing is left, and what is marked by then is counted. So a
 * root is told to keep what none before it keeps: first objects that are roots, which
 * are no guess and not listed, then static data, added ranges, suspended stacks and
 * threads. The marking that follows finds all of it marked.
 *
 * Counting reads the mark bytes of the heap once for each root.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/retained.h"

#include "gc/stacks.h"
#include "heap/marks.h"
#include "heap/space.h"
#include "os/module.h"
#include "os/vm.h"
#include "trace/roots.h"
#include "trace/workers.h"

struct gcxi_retained_list gcxi_retained;

static struct gcxi_mutator *asker; /* heap lock */

/* ---- Counting ---- */

struct sums {
    uint64_t objects, bytes;
};

static void count_zone(enum gcxi_zone_index zone, struct sums *sums)
{
    uint32_t end = gcxi_zone_end(zone);
    for (uint32_t unit = gcxi_zone_first(zone); (unit = gcxi_next_used(unit, end)) < end;) {
        const struct gcxi_block *block = &gcxi_map.blocks[unit];
        uint64_t objects = gcxi_marks_count(block->marks, block->slots, gcxi_map.epoch);
        sums->objects += objects;
        sums->bytes += objects * block->slot_bytes;
        unit += block->units;
    }
}

static struct sums count_marked(void)
{
    struct sums sums = {0, 0};
    count_zone(GCXI_ZONE_SCAN, &sums);
    count_zone(GCXI_ZONE_NOSCAN, &sums);
    return sums;
}

GCXI_NO_SANITIZE static void count_words(uintptr_t lo, uintptr_t hi, void *arg)
{
    uint64_t *words = arg;
    lo = gcxi_align_up(lo, sizeof lo);
    for (; lo + sizeof lo <= hi; lo += sizeof lo) {
        uint32_t slot;
        const struct gcxi_block *block = gcxi_find_slot(*(const uintptr_t *)lo, &slot);
        *words += block != NULL && gcxi_slot_is_object(block, slot);
    }
}

/* ---- One root after the other ---- */

struct search {
    struct gcxi_marker *m;
    struct sums before;
};

/* What has been pushed for the row is marked from. */
static void settle(struct search *search, struct gcxi_retained row)
{
    gcxi_workers_drain(gcxi_feed_nothing);
    struct sums now = count_marked();
    row.objects = now.objects - search->before.objects;
    row.bytes = now.bytes - search->before.bytes;
    search->before = now;
    gcxi_retained.rows[gcxi_retained.count++] = row;
}

static void take_range(struct search *search, enum gcx_root_source source, struct gcxi_range range)
{
    struct gcxi_retained row = {.source = source, .lo = range.lo};
    count_words(range.lo, range.hi, &row.words);
    gcxi_mark_range(search->m, range.lo, range.hi);
    settle(search, row);
}

static void take_ranges(struct search *search, enum gcx_root_source source,
                        const struct gcxi_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        take_range(search, source, ranges[i]);
}

static void mark_suspended(struct gcx_stack *stack, void *arg)
{
    gcxi_stack_mark_suspended_stw(arg, stack);
}

static void take_suspended(struct search *search)
{
    struct gcxi_retained row = {.source = GCX_ROOT_SUSPENDED};
    gcxi_stacks_visit_suspended_stw(count_words, &row.words, true);
    gcxi_stacks_each_suspended(mark_suspended, search->m);
    settle(search, row);
}

static void take_threads(struct search *search)
{
    for (struct gcxi_mutator *t = gcxi_mutators_next(NULL); t != NULL; t = gcxi_mutators_next(t)) {
        struct gcxi_retained row = {.source = GCX_ROOT_THREAD, .tid = t->suspend.tid};
        gcxi_mutator_visit_stw(t, count_words, &row.words);
        gcxi_mutator_mark_stw(search->m, t);
        settle(search, row);
    }
}

/* ---- The list ---- */

/* The suspended stacks are one. */
static size_t count_roots(size_t ranges)
{
    size_t count = ranges + 1;
    for (struct gcxi_mutator *t = gcxi_mutators_next(NULL); t != NULL; t = gcxi_mutators_next(t))
        count++;
    return count;
}

void gcxi_retained_mark_stw(struct gcxi_marker *m)
{
    const struct gcxi_range *modules, *added;
    size_t module_count = gcxi_module_ranges(&modules);
    size_t added_count = gcxi_roots_added(&added);
    struct gcxi_retained_list *list = &gcxi_retained;
    struct search search = {.m = m};
    list->mapped_bytes = count_roots(module_count + added_count) * sizeof *list->rows;
    list->rows = gcxi_vm_map(list->mapped_bytes);
    if (list->rows == NULL)
        return;
    gcxi_roots_mark_objects(m);
    gcxi_workers_drain(gcxi_feed_nothing);
    search.before = count_marked();
    take_ranges(&search, GCX_ROOT_STATIC, modules, module_count);
    take_ranges(&search, GCX_ROOT_ADDED, added, added_count);
    take_suspended(&search);
    take_threads(&search);
    list->is_complete = true;
}

static void drop_locked(void)
{
    if (gcxi_retained.rows != NULL)
        gcxi_vm_unmap(gcxi_retained.rows, gcxi_retained.mapped_bytes);
    gcxi_retained = (struct gcxi_retained_list){0};
    asker = NULL;
}

bool gcxi_retained_claim(struct gcxi_mutator *self)
{
    gcxi_mutator_lock_heap(self);
    bool is_free = asker == NULL;
    if (is_free)
        asker = self;
    gcxi_mutator_unlock_heap();
    return is_free;
}

void gcxi_retained_release(struct gcxi_mutator *self)
{
    gcxi_mutator_lock_heap(self);
    drop_locked();
    gcxi_mutator_unlock_heap();
}

void gcxi_retained_reset_after_fork(void)
{
    if (asker != gcxi_mutator_self())
        drop_locked();
}
