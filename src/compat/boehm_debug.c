/* boehm_debug.c -- debug allocation, find-leak mode and checks.
 *
 * A debug object begins with a header that says where it was allocated, and
 * ends with a word that overruns destroy.
 *
 * SPDX-License-Identifier: MIT */
#include "compat/boehm.h"

#include <string.h>

#include "heap/space.h"
#include "trace/weak.h"

#define START_WORD UINT64_C(0xfedcedcbfedcedcb)
#define END_WORD UINT64_C(0xbcdecdefbcdecdef)
#define FREED_WORD UINT64_C(0xefbeaddeefbeadde)
#define LEAKS_MAX 256u

struct header {
    const char *file;
    uint64_t line;
    uint64_t bytes;
    uint64_t start; /* START_WORD, mixed with the address */
};

const size_t GC_debug_header_size = sizeof(struct header);

size_t GC_get_debug_header_size(void)
{
    return GC_debug_header_size;
}

/* ---- Headers ---- */

static uint64_t start_word(const struct header *h)
{
    return START_WORD ^ (uint64_t)(uintptr_t)h;
}

static struct header *header_of(const void *base)
{
    struct header *h = (struct header *)(uintptr_t)base;
    return h->start == start_word(h) ? h : NULL;
}

static unsigned char *end_of(const struct header *h)
{
    return (unsigned char *)(uintptr_t)(h + 1) + h->bytes;
}

static void *dress(void *base, size_t bytes, const char *file, int line)
{
    static const uint64_t end = END_WORD;
    struct header *h = base;
    if (h == NULL)
        return NULL;
    *h = (struct header){file, (uint64_t)line, bytes, start_word(h)};
    memcpy(end_of(h), &end, sizeof end);
    return h + 1;
}

static size_t dressed(size_t bytes)
{
    size_t all = bytes + sizeof(struct header) + sizeof(uint64_t);
    return all < bytes ? SIZE_MAX : all;
}

static void check_end(const struct header *h)
{
    static const uint64_t end = END_WORD;
    if (memcmp(end_of(h), &end, sizeof end) != 0)
        GC_err_printf("GC_check_heap_block: found %s smashed heap objects:\n\t%p in or near "
                      "object at %p(%s:%lu, sz=%lu)\n",
                      "", (const void *)end_of(h), (const void *)(h + 1),
                      h->file != NULL ? h->file : "unknown", h->line, h->bytes);
}

/* ---- Allocation ---- */

void *GC_debug_malloc(size_t bytes, const char *s, int i)
{
    return dress(GC_malloc(dressed(bytes)), bytes, s, i);
}

void *GC_debug_malloc_ignore_off_page(size_t bytes, const char *s, int i)
{
    return GC_debug_malloc(bytes, s, i);
}

void *GC_debug_malloc_stubborn(size_t bytes, const char *s, int i)
{
    return GC_debug_malloc(bytes, s, i);
}

/* Allocated with pointers seen in nothing but the header, which leads to none. */
void *GC_debug_malloc_atomic(size_t bytes, const char *s, int i)
{
    return dress(GC_malloc_atomic(dressed(bytes)), bytes, s, i);
}

void *GC_debug_malloc_atomic_ignore_off_page(size_t bytes, const char *s, int i)
{
    return GC_debug_malloc_atomic(bytes, s, i);
}

void *GC_debug_malloc_uncollectable(size_t bytes, const char *s, int i)
{
    return dress(GC_malloc_uncollectable(dressed(bytes)), bytes, s, i);
}

void *GC_debug_malloc_atomic_uncollectable(size_t bytes, const char *s, int i)
{
    return dress(GC_malloc_atomic_uncollectable(dressed(bytes)), bytes, s, i);
}

void *GC_debug_generic_or_special_malloc(size_t bytes, int kind, const char *s, int i)
{
    return dress(GC_generic_or_special_malloc(dressed(bytes), kind), bytes, s, i);
}

void *GC_debug_malloc_replacement(size_t bytes)
{
    return GC_debug_malloc(bytes, "unknown", 0);
}

char *GC_debug_strndup(const char *text, size_t most, const char *s, int i)
{
    size_t length = strnlen(text, most);
    char *copy = GC_debug_malloc_atomic(length + 1, s, i);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *GC_debug_strdup(const char *text, const char *s, int i)
{
    return text != NULL ? GC_debug_strndup(text, SIZE_MAX - 1, s, i) : NULL;
}

/* ---- Release and resizing ---- */

/* The header of a user's pointer, or NULL if it was not allocated here. */
static struct header *header_of_user(void *p)
{
    void *base = GC_base(p);
    struct header *h = base != NULL ? header_of(base) : NULL;
    return h != NULL && p == h + 1 ? h : NULL;
}

void GC_debug_free(void *p)
{
    if (p == NULL)
        return;
    struct header *h = header_of_user(p);
    if (h == NULL) {
        GC_free(p);
        return;
    }
    check_end(h);
    h->start = FREED_WORD;
    GC_free(h);
}

void *GC_debug_realloc(void *p, size_t bytes, const char *s, int i)
{
    if (p == NULL)
        return GC_debug_malloc(bytes, s, i);
    if (bytes == 0) {
        GC_debug_free(p);
        return NULL;
    }
    struct header *h = header_of_user(p);
    if (h == NULL)
        return GC_realloc(p, bytes);
    check_end(h);
    void *fresh = GC_debug_generic_or_special_malloc(bytes, GC_get_kind_and_size(h, NULL), s, i);
    if (fresh != NULL) {
        memcpy(fresh, p, gcxi_min(bytes, h->bytes));
        GC_debug_free(p);
    }
    return fresh;
}

void *GC_debug_realloc_replacement(void *p, size_t bytes)
{
    return GC_debug_realloc(p, bytes, "unknown", 0);
}

void GC_debug_change_stubborn(const void *p)
{
    (void)p;
}

void GC_debug_end_stubborn_change(const void *p)
{
    GC_end_stubborn_change(p);
}

void GC_debug_ptr_store_and_dirty(void *slot, const void *value)
{
    GC_ptr_store_and_dirty(slot, value);
}

/* Pointers into objects always count. */
void GC_register_displacement(size_t offset)
{
    (void)offset;
}

void GC_debug_register_displacement(size_t offset)
{
    (void)offset;
}

void GC_register_describe_type_fn(int kind, GC_describe_type_fn fn)
{
    (void)kind;
    (void)fn;
}

/* ---- Finalizers of debug objects: the program sees its own pointer ---- */

struct closure {
    GC_finalization_proc proc;
    void *data;
};

static void call_closure(void *base, void *opaque)
{
    const struct closure *c = opaque;
    c->proc((char *)base + GC_debug_header_size, c->data);
}

typedef void register_fn(void *, GC_finalization_proc, void *, GC_finalization_proc *, void **);

static void debug_register(register_fn *with, void *p, GC_finalization_proc proc, void *data,
                           GC_finalization_proc *old_proc, void **old_data)
{
    struct closure *c = NULL;
    GC_finalization_proc before = NULL;
    void *before_data = NULL;
    void *base = GC_base(p);
    if (base == NULL)
        return;
    if (proc != NULL) {
        c = GC_malloc(sizeof *c);
        if (c == NULL)
            return;
        *c = (struct closure){proc, data};
    }
    with(base, c != NULL ? call_closure : NULL, c, &before, &before_data);
    if (before == call_closure) {
        const struct closure *was = before_data;
        before = was->proc;
        before_data = was->data;
    }
    if (old_proc != NULL)
        *old_proc = before;
    if (old_data != NULL)
        *old_data = before_data;
}

void GC_debug_register_finalizer(void *p, GC_finalization_proc proc, void *data,
                                 GC_finalization_proc *old_proc, void **old_data)
{
    debug_register(GC_register_finalizer, p, proc, data, old_proc, old_data);
}

void GC_debug_register_finalizer_ignore_self(void *p, GC_finalization_proc proc, void *data,
                                             GC_finalization_proc *old_proc, void **old_data)
{
    debug_register(GC_register_finalizer_ignore_self, p, proc, data, old_proc, old_data);
}

void GC_debug_register_finalizer_no_order(void *p, GC_finalization_proc proc, void *data,
                                          GC_finalization_proc *old_proc, void **old_data)
{
    debug_register(GC_register_finalizer_no_order, p, proc, data, old_proc, old_data);
}

void GC_debug_register_finalizer_unreachable(void *p, GC_finalization_proc proc, void *data,
                                             GC_finalization_proc *old_proc, void **old_data)
{
    debug_register(GC_register_finalizer_unreachable, p, proc, data, old_proc, old_data);
}

/* ---- Find-leak mode ---- */

struct leak {
    uintptr_t key; /* complemented */
    bool has_pointers;
};

static struct gcxi_boehm_table leaks = {.item_bytes = sizeof(struct leak)};

static void note_leak(struct gcxi_block *block, uint32_t slot, void *arg)
{
    struct leak *leak;
    (void)arg;
    if (gcxi_mark_is_kept(block->marks[slot]) || leaks.count == LEAKS_MAX)
        return;
    leak = gcxi_boehm_table_add(&leaks, ~gcxi_slot_addr(block, slot));
    if (leak == NULL)
        return;
    leak->has_pointers = block->kind != GCXI_NOSCAN;
    block->marks[slot] = gcxi_map.epoch_kept; /* until it was told of */
    gcxi_store_relaxed(&gcxi_boehm.is_due, 1);
}

/* Those that earlier cycles have noted and nobody has told of yet. */
static void keep_noted(void)
{
    for (size_t i = 0; i < leaks.count; i++) {
        uint32_t slot;
        const struct leak *leak = gcxi_boehm_item(&leaks, i);
        struct gcxi_block *block = gcxi_boehm_find((const void *)~leak->key, &slot);
        if (block != NULL && !gcxi_mark_is_kept(block->marks[slot]))
            block->marks[slot] = gcxi_map.epoch_kept;
    }
}

void gcxi_boehm_leaks_cycle(bool is_minor)
{
    keep_noted();
    gcxi_boehm_each_object(-1, is_minor, note_leak, NULL);
}

static void tell_leak(void *object, const struct leak *leak)
{
    const struct header *h = GC_size(object) > sizeof *h ? header_of(object) : NULL;
    const char *what = leak->has_pointers ? "composite" : "atomic";
    if (h != NULL)
        GC_err_printf("Leaked %s object at %p (%s:%lu, sz=%lu)\n", what, (const void *)(h + 1),
                      h->file != NULL ? h->file : "unknown", h->line, h->bytes);
    else
        GC_err_printf("Leaked %s object at start: %p, appr. length: %lu\n", what, object,
                      (unsigned long)GC_size(object));
    gcx_free(object);
}

/* The object stands on the caller's stack before it leaves the table: cycles of other
 * threads come in between. It is freed after it has left, so that none keeps its place. */
static bool take_leak(void *volatile *object, struct leak *leak)
{
    struct gcxi_mutator *self = gcxi_boehm_lock();
    bool is_there = leaks.count != 0;
    if (is_there) {
        *leak = *(struct leak *)gcxi_boehm_item(&leaks, leaks.count - 1);
        *object = (void *)~leak->key;
        gcxi_boehm_table_remove(&leaks, leaks.count - 1);
    }
    gcxi_boehm_unlock(self);
    return is_there;
}

/* As many as there are now: others that are found meanwhile wait. */
bool gcxi_boehm_leaks_tell(void)
{
    void *volatile object;
    struct leak leak;
    size_t count = leaks.count;
    for (size_t i = 0; i < count && take_leak(&object, &leak); i++)
        tell_leak(object, &leak);
    object = NULL;
    return count != 0;
}

/* ---- Checks ---- */

static void fail_same(void *p, void *q)
{
    (void)p;
    (void)q;
    GC_get_abort_func()("GC_same_obj test failed");
}

static void fail_displacement(void *p)
{
    (void)p;
    GC_get_abort_func()("GC_is_valid_displacement test failed");
}

static void fail_visible(void *p)
{
    (void)p;
    GC_get_abort_func()("GC_is_visible test failed");
}

void (*GC_same_obj_print_proc)(void *, void *) = fail_same;
void (*GC_is_valid_displacement_print_proc)(void *) = fail_displacement;
void (*GC_is_visible_print_proc)(void *) = fail_visible;

void *GC_same_obj(void *p, void *q)
{
    if (GC_base(p) != GC_base(q))
        GC_same_obj_print_proc(p, q);
    return p;
}

void *GC_pre_incr(void **p, ptrdiff_t bytes)
{
    void *before = *p;
    *p = GC_same_obj((char *)before + bytes, before);
    return *p;
}

void *GC_post_incr(void **p, ptrdiff_t bytes)
{
    void *before = *p;
    *p = GC_same_obj((char *)before + bytes, before);
    return before;
}

void *GC_is_visible(void *p)
{
    return p;
}

void *GC_is_valid_displacement(void *p)
{
    if (GC_is_heap_ptr(p) && GC_base(p) == NULL)
        GC_is_valid_displacement_print_proc(p);
    return p;
}

/* ---- Of no consequence here ---- */

static volatile GC_word noop_sink;

void GC_noop1(GC_word value)
{
    noop_sink = value;
}

void *GC_clear_stack(void *p)
{
    return p;
}

static void *no_lists[1];
void **GC_objfreelist_ptr = no_lists;
void **GC_aobjfreelist_ptr = no_lists;
void **GC_uobjfreelist_ptr = no_lists;
void **GC_auobjfreelist_ptr = no_lists;
