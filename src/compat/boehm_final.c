/* boehm_final.c -- finalizers, disappearing links and toggle references, in
 * the order of the Boehm interface.
 *
 * After everything that the roots lead to is marked:
 *   1 toggle references that are weak are dropped with their object
 *   2 short links to what was not reached are cleared
 *   3 from each object with an ordered finalizer that was not reached, what it
 *     holds is marked; "ignore self" leaves out its pointers to itself
 *   4 finalizers of what is still not reached become due; their objects and
 *     all they hold are marked. One registered as "unreachable" that another
 *     due one leads to goes back
 *   5 long links to what is not marked are cleared, and links that lie in
 *     objects that are gone are forgotten
 *
 * Keys are complemented: no table keeps anything alive by lying somewhere.
 *
 * Locking: the tables' lock; in a cycle nothing.
 *
 * SPDX-License-Identifier: MIT */
#include "compat/boehm.h"

#include <gc/javaxfc.h>

#include "heap/space.h"
#include "trace/special.h"
#include "trace/weak.h"
#include "trace/workers.h"

enum final_order { FINAL_NORMAL, FINAL_IGNORE_SELF, FINAL_NO_ORDER, FINAL_UNREACHABLE };

struct final_item {
    uintptr_t key; /* the object, complemented */
    GC_finalization_proc proc;
    void *data;
    enum final_order order;
};

struct link_item {
    uintptr_t key;    /* where the link lies, complemented */
    uintptr_t object; /* complemented */
};

struct toggle_item {
    uintptr_t key; /* the object, complemented */
    bool is_strong;
};

static struct gcxi_boehm_table finals = {.item_bytes = sizeof(struct final_item)};
static struct gcxi_boehm_table dues = {.item_bytes = sizeof(struct final_item)};
static struct gcxi_boehm_table links = {.item_bytes = sizeof(struct link_item)};
static struct gcxi_boehm_table long_links = {.item_bytes = sizeof(struct link_item)};
static struct gcxi_boehm_table toggles = {.item_bytes = sizeof(struct toggle_item)};
static GC_toggleref_func toggle_func;
static GC_await_finalize_proc await_proc;

static uintptr_t hidden(const void *p)
{
    return ~(uintptr_t)p;
}

/* ---- Registering finalizers ---- */

struct final_old {
    GC_finalization_proc proc;
    void *data;
};

static struct final_old final_take(uintptr_t key)
{
    size_t i = gcxi_boehm_table_find(&finals, key);
    if (i == GCXI_BOEHM_NONE)
        return (struct final_old){NULL, NULL};
    const struct final_item *item = gcxi_boehm_item(&finals, i);
    struct final_old old = {item->proc, item->data};
    gcxi_boehm_table_remove(&finals, i);
    return old;
}

/* What is not from the heap is never collected: it has no finalizer. */
static void final_register(void *object, const struct final_item *like,
                           GC_finalization_proc *old_proc, void **old_data)
{
    gcxi_boehm_start();
    bool wanted = like->proc != NULL && GC_is_heap_ptr(object);
    struct gcxi_mutator *self = gcxi_boehm_lock();
    struct final_old old = final_take(hidden(object));
    struct final_item *item = wanted ? gcxi_boehm_table_add(&finals, hidden(object)) : NULL;
    if (item != NULL) {
        *item = *like;
        item->key = hidden(object);
    }
    gcxi_boehm_unlock(self);
    if (wanted && item == NULL)
        gcxi_boehm_or_oom(NULL, sizeof *item);
    if (old_proc != NULL)
        *old_proc = old.proc;
    if (old_data != NULL)
        *old_data = old.data;
}

void GC_register_finalizer(void *object, GC_finalization_proc proc, void *data,
                           GC_finalization_proc *old_proc, void **old_data)
{
    final_register(object, &(struct final_item){0, proc, data, FINAL_NORMAL}, old_proc, old_data);
}

void GC_register_finalizer_ignore_self(void *object, GC_finalization_proc proc, void *data,
                                       GC_finalization_proc *old_proc, void **old_data)
{
    final_register(object, &(struct final_item){0, proc, data, FINAL_IGNORE_SELF}, old_proc,
                   old_data);
}

void GC_register_finalizer_no_order(void *object, GC_finalization_proc proc, void *data,
                                    GC_finalization_proc *old_proc, void **old_data)
{
    final_register(object, &(struct final_item){0, proc, data, FINAL_NO_ORDER}, old_proc, old_data);
}

void GC_register_finalizer_unreachable(void *object, GC_finalization_proc proc, void *data,
                                       GC_finalization_proc *old_proc, void **old_data)
{
    final_register(object, &(struct final_item){0, proc, data, FINAL_UNREACHABLE}, old_proc,
                   old_data);
}

/* ---- Links ---- */

static int link_add(struct gcxi_boehm_table *table, void **link, const void *object)
{
    gcxi_boehm_start();
    struct gcxi_mutator *self = gcxi_boehm_lock();
    size_t i = gcxi_boehm_table_find(table, hidden(link));
    bool is_there = i != GCXI_BOEHM_NONE;
    if (is_there) /* again among the young: the object may be new */
        gcxi_boehm_table_remove(table, i);
    struct link_item *item = gcxi_boehm_table_add(table, hidden(link));
    if (item != NULL)
        item->object = hidden(object);
    gcxi_boehm_unlock(self);
    if (item == NULL)
        return GC_NO_MEMORY;
    return is_there ? GC_DUPLICATE : GC_SUCCESS;
}

static int link_remove(struct gcxi_boehm_table *table, void **link)
{
    struct gcxi_mutator *self = gcxi_boehm_lock();
    size_t i = gcxi_boehm_table_find(table, hidden(link));
    if (i != GCXI_BOEHM_NONE)
        gcxi_boehm_table_remove(table, i);
    gcxi_boehm_unlock(self);
    return i != GCXI_BOEHM_NONE;
}

static int link_move_locked(struct gcxi_boehm_table *table, void **link, void **to)
{
    size_t i = gcxi_boehm_table_find(table, hidden(link));
    if (i == GCXI_BOEHM_NONE)
        return GC_NOT_FOUND;
    if (link == to)
        return GC_SUCCESS;
    if (gcxi_boehm_table_find(table, hidden(to)) != GCXI_BOEHM_NONE)
        return GC_DUPLICATE;
    uintptr_t object = ((struct link_item *)gcxi_boehm_item(table, i))->object;
    gcxi_boehm_table_remove(table, i);
    struct link_item *item = gcxi_boehm_table_add(table, hidden(to)); /* there is room */
    item->object = object;
    return GC_SUCCESS;
}

static int link_move(struct gcxi_boehm_table *table, void **link, void **to)
{
    struct gcxi_mutator *self = gcxi_boehm_lock();
    int result = link_move_locked(table, link, to);
    gcxi_boehm_unlock(self);
    return result;
}

int GC_general_register_disappearing_link(void **link, const void *object)
{
    return link_add(&links, link, object);
}

int GC_register_disappearing_link(void **link)
{
    return link_add(&links, link, GC_base(link));
}

int GC_unregister_disappearing_link(void **link)
{
    return link_remove(&links, link);
}

int GC_move_disappearing_link(void **link, void **to)
{
    return link_move(&links, link, to);
}

int GC_register_long_link(void **link, const void *object)
{
    return link_add(&long_links, link, object);
}

int GC_unregister_long_link(void **link)
{
    return link_remove(&long_links, link);
}

int GC_move_long_link(void **link, void **to)
{
    return link_move(&long_links, link, to);
}

/* ---- Toggle references ---- */

void GC_set_toggleref_func(GC_toggleref_func func)
{
    toggle_func = func;
}

GC_toggleref_func GC_get_toggleref_func(void)
{
    return toggle_func;
}

int GC_toggleref_add(void *object, int is_strong)
{
    gcxi_boehm_start();
    struct gcxi_mutator *self = gcxi_boehm_lock();
    int result = GC_SUCCESS;
    if (toggle_func != NULL && gcxi_boehm_table_find(&toggles, hidden(object)) == GCXI_BOEHM_NONE) {
        struct toggle_item *item = gcxi_boehm_table_add(&toggles, hidden(object));
        if (item != NULL)
            item->is_strong = is_strong != 0;
        result = item != NULL ? GC_SUCCESS : GC_NO_MEMORY;
    }
    gcxi_boehm_unlock(self);
    return result;
}

void GC_set_await_finalize_proc(GC_await_finalize_proc proc)
{
    await_proc = proc;
}

GC_await_finalize_proc GC_get_await_finalize_proc(void)
{
    return await_proc;
}

/* ---- In a cycle ---- */

static bool is_unreached(uintptr_t key)
{
    uintptr_t object = ~key;
    uint32_t unit = gcxi_addr_unit(object);
    return unit != gcxi_map.units && gcxi_map.used[unit] != 0 && !gcxi_is_marked(object);
}

static void toggles_ask(struct gcxi_marker *m)
{
    for (size_t i = toggles.count; i-- > 0;) {
        struct toggle_item *item = gcxi_boehm_item(&toggles, i);
        GC_ToggleRefStatus status =
            toggle_func != NULL ? toggle_func((void *)~item->key) : GC_TOGGLE_REF_STRONG;
        item->is_strong = status == GC_TOGGLE_REF_STRONG;
        if (status == GC_TOGGLE_REF_DROP)
            gcxi_boehm_table_remove(&toggles, i);
        else if (item->is_strong)
            gcxi_special_push_root(m, ~item->key);
    }
}

/* With the other roots: what is due or may become so needs its data. */
void gcxi_boehm_final_mark(struct gcxi_marker *m)
{
    bool is_minor = m->filter == gcxi_map.young;
    toggles_ask(m);
    for (size_t i = is_minor ? finals.young : 0; i < finals.count; i++) {
        const struct final_item *item = gcxi_boehm_item(&finals, i);
        gcxi_special_push_root(m, (uintptr_t)item->data);
    }
    for (size_t i = 0; i < dues.count; i++) {
        const struct final_item *item = gcxi_boehm_item(&dues, i);
        gcxi_special_push_root(m, (uintptr_t)item->data);
        gcxi_special_push_root(m, ~item->key);
    }
}

static void links_clear(struct gcxi_boehm_table *table, bool is_minor)
{
    for (size_t i = table->count, lo = is_minor ? table->young : 0; i-- > lo;) {
        const struct link_item *item = gcxi_boehm_item(table, i);
        if (!is_unreached(item->object))
            continue;
        *(void **)~item->key = NULL;
        gcxi_boehm_table_remove(table, i);
    }
}

static void links_forget(struct gcxi_boehm_table *table, bool is_minor)
{
    for (size_t i = table->count, lo = is_minor ? table->young : 0; i-- > lo;) {
        const struct link_item *item = gcxi_boehm_item(table, i);
        if (is_unreached(item->key))
            gcxi_boehm_table_remove(table, i);
    }
    table->young = table->count;
}

static void toggles_clear(void)
{
    for (size_t i = toggles.count; i-- > 0;) {
        const struct toggle_item *item = gcxi_boehm_item(&toggles, i);
        if (is_unreached(item->key))
            gcxi_boehm_table_remove(&toggles, i);
    }
}

static struct gcxi_block *find_slot(uintptr_t object, uint32_t *slot)
{
    struct gcxi_block *block = gcxi_unit_block(gcxi_addr_unit(object));
    *slot = gcxi_block_slot(block, object - gcxi_block_addr(block));
    return block;
}

/* What the object holds, but for words that lead into itself. */
static void mark_others(struct gcxi_marker *m, const struct gcxi_block *block, uint32_t slot)
{
    uintptr_t lo = gcxi_slot_addr(block, slot), hi = lo + block->slot_bytes;
    if (block->scan == GCXI_SCAN_NOTHING)
        return;
    for (uintptr_t p = lo; p < hi; p += sizeof(uintptr_t))
        if (*(const uintptr_t *)p - lo >= hi - lo)
            gcxi_special_push_root(m, *(const uintptr_t *)p);
}

static void mark_below(struct gcxi_marker *m, const struct final_item *item)
{
    uint32_t slot;
    if (item->order == FINAL_NO_ORDER || !is_unreached(item->key))
        return;
    const struct gcxi_block *block = find_slot(~item->key, &slot);
    if (item->order == FINAL_IGNORE_SELF)
        mark_others(m, block, slot);
    else
        gcxi_mark_contents(m, block, slot);
    gcxi_workers_drain(gcxi_feed_nothing);
    if (!is_unreached(item->key) && item->order != FINAL_UNREACHABLE)
        gcxi_boehm_warn("Finalization cycle involving 0x%lx\n", ~item->key);
}

/* Without memory for the table the object stays registered and is kept. */
static void finals_collect(bool is_minor)
{
    for (size_t i = finals.count, lo = is_minor ? finals.young : 0; i-- > lo;) {
        const struct final_item *item = gcxi_boehm_item(&finals, i);
        if (!is_unreached(item->key))
            continue;
        struct final_item *due = gcxi_boehm_table_add(&dues, item->key);
        if (due == NULL)
            return;
        *due = *item;
        gcxi_boehm_table_remove(&finals, i);
    }
}

static void dues_mark(struct gcxi_marker *m, size_t first, bool with_unreachable)
{
    for (size_t i = first; i < dues.count; i++) {
        const struct final_item *item = gcxi_boehm_item(&dues, i);
        if ((item->order == FINAL_UNREACHABLE) == with_unreachable && is_unreached(item->key))
            gcxi_special_push_root(m, ~item->key);
    }
    gcxi_workers_drain(gcxi_feed_nothing);
}

/* Those that another due one has reached wait again. */
static void dues_put_back(size_t first)
{
    for (size_t i = dues.count; i-- > first;) {
        const struct final_item *item = gcxi_boehm_item(&dues, i);
        if (item->order != FINAL_UNREACHABLE || is_unreached(item->key))
            continue;
        struct final_item *back = gcxi_boehm_table_add(&finals, item->key);
        if (back == NULL)
            continue;
        *back = *item;
        gcxi_boehm_table_remove(&dues, i);
    }
}

static void finals_cycle(struct gcxi_marker *m, bool is_minor)
{
    size_t first = dues.young = dues.count;
    for (size_t i = is_minor ? finals.young : 0; i < finals.count; i++)
        mark_below(m, gcxi_boehm_item(&finals, i));
    finals_collect(is_minor);
    dues_mark(m, first, false);
    dues_put_back(first);
    dues_mark(m, first, true);
    for (size_t i = first; await_proc != NULL && i < dues.count; i++)
        await_proc((void *)~((const struct final_item *)gcxi_boehm_item(&dues, i))->key);
    finals.young = finals.count;
    if (dues.count != 0)
        gcxi_store_relaxed(&gcxi_boehm.is_due, 1);
}

void gcxi_boehm_final_cycle(struct gcxi_marker *m, bool is_minor)
{
    toggles_clear();
    links_clear(&links, is_minor);
    if (finals.count + dues.count != 0)
        finals_cycle(m, is_minor);
    links_forget(&links, is_minor);
    links_clear(&long_links, is_minor);
    links_forget(&long_links, is_minor);
}

/* ---- Calling ---- */

int GC_should_invoke_finalizers(void)
{
    return dues.count != 0;
}

/* The object stands on the caller's stack before it leaves the table. */
static bool take_due(void *volatile *object, struct final_item *due)
{
    struct gcxi_mutator *self = gcxi_boehm_lock();
    bool is_there = dues.count != 0;
    if (is_there) {
        *due = *(struct final_item *)gcxi_boehm_item(&dues, dues.count - 1);
        *object = (void *)~due->key;
        gcxi_boehm_table_remove(&dues, dues.count - 1);
    }
    gcxi_boehm_unlock(self);
    return is_there;
}

int GC_invoke_finalizers(void)
{
    void *volatile object;
    struct final_item due;
    int called = 0;
    for (; dues.count != 0 && take_due(&object, &due); called++) {
        due.proc(object, due.data);
        object = NULL;
    }
    return called;
}

/* Everything that is registered, reachable or not, at the end of a program. */
void GC_finalize_all(void)
{
    while (finals.count != 0) {
        struct gcxi_mutator *self = gcxi_boehm_lock();
        while (finals.count != 0) {
            const struct final_item *item = gcxi_boehm_item(&finals, finals.count - 1);
            struct final_item *due = gcxi_boehm_table_add(&dues, item->key);
            if (due == NULL)
                break;
            *due = *item;
            gcxi_boehm_table_remove(&finals, finals.count - 1);
        }
        gcxi_boehm_unlock(self);
        if (GC_invoke_finalizers() == 0)
            return;
    }
}

void GC_dump_finalization(void)
{
    GC_printf("finalizers %lu, due %lu, links %lu, long links %lu, toggle references %lu\n",
              (unsigned long)finals.count, (unsigned long)dues.count, (unsigned long)links.count,
              (unsigned long)long_links.count, (unsigned long)toggles.count);
}

void GC_push_finalizer_structures(void)
{
    if (gcxi_boehm_marker != NULL)
        gcxi_boehm_final_mark(gcxi_boehm_marker);
}
