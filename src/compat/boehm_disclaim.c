/* boehm_disclaim.c -- procedures that are asked before an object goes, and
 * suspending single threads.
 *
 * An object whose kind has such a procedure is kept for one more cycle: the
 * procedure may use any part of the C library, whose locks a stopped thread
 * may hold, so it is called after the cycle. If it returns 0 the object is
 * freed then.
 *
 * SPDX-License-Identifier: MIT */
#include "compat/boehm.h"

#include <gc/gc_disclaim.h>

#include "heap/kind.h"
#include "trace/special.h"
#include "trace/weak.h"
#include "trace/workers.h"

struct disclaimed {
    uintptr_t key; /* complemented */
    GC_disclaim_proc proc;
};

static GC_disclaim_proc procs[GCXI_KINDS_MAX]; /* by our kind number */
static unsigned proc_count;
static struct gcxi_boehm_table waiting = {.item_bytes = sizeof(struct disclaimed)};
static gcx_kind finalized;

void gcxi_boehm_disclaim_mark(struct gcxi_marker *m)
{
    for (size_t i = 0; i < waiting.count; i++)
        gcxi_special_push_root(m, ~*(const uintptr_t *)gcxi_boehm_item(&waiting, i));
}

/* An object whose first word is 0 was never in use. */
static void keep_unreached(struct gcxi_block *block, uint32_t slot, void *arg)
{
    uintptr_t object = gcxi_slot_addr(block, slot);
    if (gcxi_mark_is_kept(block->marks[slot]) || *(const uintptr_t *)object == 0)
        return;
    struct disclaimed *item = gcxi_boehm_table_add(&waiting, ~object);
    if (item == NULL)
        return;
    item->proc = procs[block->kind];
    gcxi_special_push_root(arg, object);
    gcxi_store_relaxed(&gcxi_boehm.is_due, 1);
}

void gcxi_boehm_disclaim_cycle(struct gcxi_marker *m, bool is_minor)
{
    if (proc_count == 0)
        return;
    for (unsigned kind = GCXI_KINDS; kind < gcxi_kind_count; kind++)
        if (procs[kind] != NULL)
            gcxi_boehm_each_object((int)kind, is_minor, keep_unreached, m);
    gcxi_workers_drain(gcxi_feed_nothing);
}

bool gcxi_boehm_disclaim_run(void)
{
    bool is_any = waiting.count != 0;
    while (waiting.count != 0) {
        struct gcxi_mutator *self = gcxi_boehm_lock();
        struct disclaimed item = *(struct disclaimed *)gcxi_boehm_item(&waiting, waiting.count - 1);
        void *volatile object = (void *)~item.key;
        gcxi_boehm_table_remove(&waiting, waiting.count - 1);
        gcxi_boehm_unlock(self);
        if (item.proc(object) == 0)
            gcx_free(object);
    }
    return is_any;
}

static void proc_set(unsigned number, GC_disclaim_proc proc)
{
    proc_count += procs[number] == NULL;
    procs[number] = proc;
}

void GC_register_disclaim_proc(int kind, GC_disclaim_proc proc, int mark_unconditionally)
{
    (void)mark_unconditionally; /* what the object leads to is always kept */
    gcxi_boehm_start();
    unsigned number = gcxi_boehm_kind_set_apart(kind);
    if (number < GCXI_KINDS || number >= GCXI_KINDS_MAX)
        GC_get_abort_func()("a disclaim procedure needs a kind made by GC_new_kind");
    else
        proc_set(number, proc);
}

/* ---- Objects with a closure in front ---- */

static void finalized_trace(void *object, size_t bytes, struct gcx_tracer *tracer)
{
    gcx_trace_range(tracer, object, (char *)object + bytes);
}

static int finalized_disclaim(void *object)
{
    const struct GC_finalizer_closure *closure = *(struct GC_finalizer_closure *const *)object;
    *(void **)object = NULL;
    closure->proc((void **)object + 1, closure->cd);
    return 0;
}

void GC_init_finalized_malloc(void)
{
    gcxi_boehm_start();
    if (finalized != 0)
        return;
    struct gcx_kind_layout layout = GCX_KIND_LAYOUT_DEFAULT;
    layout.name = "finalized";
    layout.trace = finalized_trace;
    finalized = gcx_kind_create(&layout);
    if (finalized != 0)
        proc_set(finalized, finalized_disclaim);
}

void *GC_finalized_malloc(size_t bytes, const struct GC_finalizer_closure *closure)
{
    GC_init_finalized_malloc();
    void **object = gcx_alloc_kind(finalized, gcxi_boehm_padded(bytes + sizeof(void *)));
    if (object == NULL)
        return gcxi_boehm_or_oom(NULL, bytes);
    *(const struct GC_finalizer_closure *volatile *)object = closure;
    if (gcxi_load_relaxed(&gcxi_boehm.is_due) != 0)
        gcxi_boehm_run_due();
    return object + 1;
}
