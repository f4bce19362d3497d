/* finalize.c -- from "not reached" to "gone".
 *
 *   0 arguments of hooks are marked. One that leads back to its own object,
 *     which nothing else has reached, is a mistake and reported once
 *   1 short weak references and links to what was not reached are cleared
 *   2 from each object with a finalizer that was not reached, what it holds is
 *     marked; if that reaches the object itself, it is in a cycle: reported
 *     once, and kept
 *   3 those still not reached hang from no other: their finalizers are ready.
 *     They are marked, so that the finalizer finds them whole; the others wait
 *     for a later cycle
 *   4 ephemerons whose key is still not marked are emptied
 *   5 long weak references and links likewise
 *   6 cleanups of what is still not marked are ready, last added first
 *
 * So a weak reference is cleared before any cleanup or finalizer runs, long
 * ones and ephemerons outlive finalization, and a cleanup runs when its object
 * cannot come back any more.
 *
 * Z1  A hook that has hung through a cycle hangs on an old object, and its
 *     argument is old: a minor cycle looks at young ones only (N2 in hook.c).
 * Z2  Nothing here needs memory.
 * Z3  The hooks of an object that is gone are taken off all together, before
 *     its slot can be used again. A full cycle finds them by the side tables,
 *     which lie in the order of the mark bytes, and touches no hook.
 * Z4  Hooks that are queued but not READY are cleanups, and none of them is
 *     young: only step 0 of a full cycle could take them for hanging ones, so
 *     it makes them READY first.
 *
 * Rejected: tracing from each finalizable object with a mark of its own, which
 * orders cycles as well: it is quadratic.
 *
 * SPDX-License-Identifier: MIT */
#include "trace/finalize.h"

#include "heap/space.h"
#include "trace/ephemeron.h"
#include "trace/hook.h"
#include "trace/special.h"
#include "trace/weak.h"
#include "trace/workers.h"

#define LEAF_BYTES_MAX 256u /* of objects that are looked through before they are scanned */

void (*gcxi_finalize_on_mistake)(const char *what, uintptr_t object);
void (*gcxi_finalize_more)(struct gcxi_marker *m, bool is_minor);

/* ---- Walking ---- */

typedef void hook_visitor(struct gcxi_hook *hook, uint32_t number, struct gcxi_marker *m);

static void each_young(hook_visitor *visit, struct gcxi_marker *m)
{
    for (uint32_t i = 0; i < gcxi_hooks.young_count; i++) {
        uint32_t number = gcxi_hooks.young[i];
        struct gcxi_hook *hook = gcxi_hook_at(number);
        if (hook->object != 0)
            visit(hook, number, m);
    }
}

static void each_hook(bool is_minor, hook_visitor *visit, struct gcxi_marker *m)
{
    if (is_minor) {
        each_young(visit, m);
        return;
    }
    for (uint32_t number = 1, end; number <= gcxi_hooks.used; number = end) {
        struct gcxi_hook *hook = gcxi_hook_at(number);
        end = (uint32_t)gcxi_min(gcxi_hook_segment_end(number), gcxi_hooks.used + 1);
        for (; number < end; number++, hook++)
            if (hook->object != 0)
                visit(hook, number, m);
    }
}

static bool is_hanging(const struct gcxi_hook *hook)
{
    return (hook->object & GCXI_HOOK_READY) == 0;
}

static bool is_unreached(const struct gcxi_hook *hook)
{
    return is_hanging(hook) && !gcxi_is_marked(gcxi_hook_object(hook));
}

static struct gcxi_block *find_slot(const struct gcxi_hook *hook, uint32_t *slot)
{
    uintptr_t object = gcxi_hook_object(hook);
    struct gcxi_block *block = gcxi_unit_block(gcxi_addr_unit(object));
    *slot = gcxi_block_slot(block, object - gcxi_block_addr(block));
    return block;
}

static void report_once(struct gcxi_hook *hook, const char *what)
{
    if ((hook->object & GCXI_HOOK_TOLD) == 0 && gcxi_finalize_on_mistake != NULL)
        gcxi_finalize_on_mistake(what, gcxi_hook_object(hook));
    hook->object |= GCXI_HOOK_TOLD;
}

/* ---- 0: arguments ---- */

/* Most arguments are addresses of no object, or numbers. */
static bool has_argument(const struct gcxi_hook *hook)
{
    return gcxi_hook_type(hook) < GCXI_HOOK_LINK &&
           gcxi_addr_unit((uintptr_t)hook->arg) != gcxi_map.units;
}

/* Of hooks whose object was reached, or whose call is due. */
static void mark_argument(struct gcxi_hook *hook, uint32_t number, struct gcxi_marker *m)
{
    (void)number;
    if (has_argument(hook) && !is_unreached(hook))
        gcxi_special_push_root(m, (uintptr_t)hook->arg);
    if (!is_hanging(hook) && gcxi_hook_type(hook) == GCXI_HOOK_FINALIZER)
        gcxi_special_push_root(m, gcxi_hook_object(hook));
}

/* Of the others, one by one. */
static void mark_last_argument(struct gcxi_hook *hook, uint32_t number, struct gcxi_marker *m)
{
    (void)number;
    if (!has_argument(hook) || !is_hanging(hook))
        return;
    bool was_reached = !is_unreached(hook);
    gcxi_special_push_root(m, (uintptr_t)hook->arg);
    gcxi_workers_drain(gcxi_feed_nothing);
    if (!was_reached && !is_unreached(hook))
        report_once(hook, "the argument of a cleanup or finalizer leads back to its own object");
}

/* ---- 1, 5: links ---- */

/* The program may have stored something else meanwhile. */
static void clear_link(struct gcxi_hook *hook, uint32_t number)
{
    uint32_t slot;
    const struct gcxi_block *block = find_slot(hook, &slot);
    if ((uintptr_t)*hook->link - gcxi_hook_object(hook) < block->slot_bytes)
        *hook->link = NULL;
    gcxi_hook_free(hook, number);
}

static void clear_short_link(struct gcxi_hook *hook, uint32_t number, struct gcxi_marker *m)
{
    (void)m;
    if (gcxi_hook_type(hook) != GCXI_HOOK_LINK || !is_unreached(hook))
        return;
    gcxi_hook_unhang(hook, number);
    clear_link(hook, number);
}

/* ---- 2, 3: finalizers ---- */

/* No word of the object matters in this cycle: marking below it would find nothing. */
GCXI_NO_SANITIZE static bool is_leaf(const struct gcxi_marker *m, const struct gcxi_block *block,
                                     uint32_t slot)
{
    if (block->scan != GCXI_SCAN_WORDS || block->slot_bytes > LEAF_BYTES_MAX)
        return block->scan == GCXI_SCAN_NOTHING;
    const uintptr_t *word = (const uintptr_t *)gcxi_slot_addr(block, slot);
    for (size_t i = 0; i < block->slot_bytes / sizeof *word; i++)
        if (m->filter[gcxi_addr_unit(word[i])] != 0)
            return false;
    return true;
}

static void mark_below(struct gcxi_hook *hook, uint32_t number, struct gcxi_marker *m)
{
    uint32_t slot;
    (void)number;
    if (gcxi_hook_type(hook) != GCXI_HOOK_FINALIZER || !is_unreached(hook))
        return;
    const struct gcxi_block *block = find_slot(hook, &slot);
    if (is_leaf(m, block, slot))
        return;
    gcxi_mark_contents(m, block, slot);
    gcxi_workers_drain(gcxi_feed_nothing);
    if (gcxi_is_marked(gcxi_hook_object(hook)))
        report_once(hook, "a cycle of finalizers");
}

/* What the object holds is marked already; but an ephemeron may wait for it. */
static void ready_if_unreached(struct gcxi_hook *hook, uint32_t number, struct gcxi_marker *m)
{
    uint32_t slot;
    if (gcxi_hook_type(hook) != GCXI_HOOK_FINALIZER || !is_unreached(hook))
        return;
    struct gcxi_block *block = find_slot(hook, &slot);
    if (block->scan == GCXI_SCAN_SPECIAL)
        gcxi_special_push_root(m, gcxi_hook_object(hook));
    else
        block->marks[slot] = gcxi_map.epoch_kept;
    gcxi_hook_unhang(hook, number);
    gcxi_hook_make_ready(hook, number);
}

/* ---- 5, 6: gone ---- */

/* Clears the links of a list of hooks and takes them off it; the rest. */
static uint32_t clear_links(uint32_t first)
{
    uint32_t *link = &first;
    while (*link != 0) {
        uint32_t number = *link;
        struct gcxi_hook *hook = gcxi_hook_at(number);
        if (gcxi_hook_type(hook) < GCXI_HOOK_LINK) {
            link = &hook->next;
            continue;
        }
        *link = hook->next;
        gcxi_hooks.counts[gcxi_hook_type(hook)]--;
        clear_link(hook, number);
    }
    return first;
}

/* Z3: of the objects in slots lo to hi - 1. Without links no hook is touched. Hot. */
static void ready_slots(const struct gcxi_block *block, uint32_t lo, uint32_t hi)
{
    struct gcxi_hooks *h = &gcxi_hooks;
    struct gcxi_side *side = gcxi_side_of(block);
    uint32_t *hooks = side->hooks;
    const uint8_t *marks = block->marks;
    uint8_t epoch = gcxi_map.epoch;
    bool has_links = h->counts[GCXI_HOOK_LONG_LINK] != 0;
    uint32_t *ready = h->ready;
    uint32_t end = h->ready_first + h->ready_count, mask = h->ready_room - 1;
    for (uint32_t slot = lo; slot < hi; slot++) {
        uint32_t first = hooks[slot];
        if (first == 0 || marks[slot] == epoch)
            continue;
        hooks[slot] = 0;
        gcxi_side_unwatch_stw(side, slot);
        if (has_links)
            first = clear_links(first);
        ready[end & mask] = first;
        end += first != 0;
    }
    gcxi_store_relaxed(&h->ready_count, end - h->ready_first);
}

/* It may have been done with one before it on the object's list. */
static void ready_if_gone(struct gcxi_hook *hook, uint32_t number, struct gcxi_marker *m)
{
    uint32_t slot;
    (void)number;
    (void)m;
    if (!is_unreached(hook))
        return;
    const struct gcxi_block *block = find_slot(hook, &slot);
    ready_slots(block, slot, slot + 1);
}

/* In the order of the objects. */
static void ready_zone(enum gcxi_zone_index zone)
{
    uint32_t end = gcxi_zone_end(zone);
    for (uint32_t unit = gcxi_zone_first(zone); (unit = gcxi_next_used(unit, end)) < end;) {
        const struct gcxi_block *block = &gcxi_map.blocks[unit];
        if ((block->side & GCXI_SIDE_HOOKS) != 0)
            ready_slots(block, 0, block->slots);
        unit += block->units;
    }
}

static void ready_gone(bool is_minor)
{
    if (is_minor) {
        each_young(ready_if_gone, NULL);
        return;
    }
    ready_zone(GCXI_ZONE_SCAN);
    ready_zone(GCXI_ZONE_NOSCAN);
}

void gcxi_finalize(struct gcxi_marker *m, bool is_minor)
{
    const uint32_t *counts = gcxi_hooks.counts;
    if (gcxi_finalize_more != NULL)
        gcxi_finalize_more(m, is_minor);
    if (gcxi_hooks.roots != 0) {
        if (!is_minor) /* Z4 */
            gcxi_hooks_settle();
        each_hook(is_minor, mark_argument, m);
        gcxi_workers_drain(gcxi_feed_nothing);
        each_hook(is_minor, mark_last_argument, m);
    }
    gcxi_weak_clear(is_minor, false);
    if (counts[GCXI_HOOK_LINK] != 0)
        each_hook(is_minor, clear_short_link, m);
    if (counts[GCXI_HOOK_FINALIZER] != 0) {
        each_hook(is_minor, mark_below, m);
        each_hook(is_minor, ready_if_unreached, m);
        gcxi_workers_drain(gcxi_feed_nothing);
    }
    gcxi_ephemeron_clear(is_minor);
    gcxi_weak_clear(is_minor, true);
    if (counts[GCXI_HOOK_CLEANUP] + counts[GCXI_HOOK_LONG_LINK] != 0)
        ready_gone(is_minor);
    gcxi_hooks.young_count = 0;
}
