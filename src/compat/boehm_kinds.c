/* boehm_kinds.c -- kinds, descriptors and mark procedures.
 *
 * A kind of the Boehm interface is one of ours with a trace callback that
 * reads the kind's descriptor. The four kinds that exist from the start, and
 * kinds that are like them, are our own plain ones.
 *
 * A mark procedure may read memory that the collector does not watch, such as
 * the stack of a virtual machine: every object that has one is shown to it in
 * minor cycles too, whether it was written or not.
 *
 * Locking: the tables' lock to add; published by the count.
 *
 * SPDX-License-Identifier: MIT */
#include "compat/boehm.h"

#include <gc/gc_inline.h>
#include <gc/gc_gcj.h>
#include <gc/gc_typed.h>
#include <string.h>

#include "api/alloc.h"
#include "heap/kind.h"
#include "trace/special.h"
#include "trace/weak.h"

#define KINDS_MAX 64
#define WORD_BYTES sizeof(GC_word)
#define BITMAP_BITS (8 * WORD_BYTES - GC_DS_TAG_BITS)
#define PROC_TYPED 1 /* procedures below GC_RESERVED_MARK_PROCS are ours */

struct kind {
    GC_word descr;
    bool adds_size;
    uint8_t number; /* of ours: enum gcxi_kind or gcx_kind */
    bool has_proc;
};

static struct {
    struct kind kinds[KINDS_MAX];
    unsigned count;
    GC_mark_proc procs[GC_MAX_MARK_PROCS];
    unsigned proc_count;
    uint8_t kind_of[GCXI_KINDS_MAX]; /* by our number */
    gcx_kind typed;
    gcx_kind typed_array;
} kinds = {
    .kinds = {[BOEHM_PTRFREE] = {0, false, GCXI_NOSCAN, false},
              [BOEHM_NORMAL] = {0, true, GCXI_SCAN, false},
              [BOEHM_UNCOLLECTABLE] = {0, true, GCXI_ROOT, false},
              [BOEHM_AUNCOLLECTABLE] = {0, false, GCXI_NOSCAN, false}},
    .count = 4,
    .proc_count = GC_RESERVED_MARK_PROCS,
};

__thread struct gcxi_marker *gcxi_boehm_marker __attribute__((tls_model("initial-exec")));

/* ---- Descriptors ---- */

/* Longer bitmaps: a list that only grows; a descriptor's env is the place. */
struct bitmap {
    size_t bits;
    GC_word words[];
};
static struct gcxi_boehm_table bitmaps = {.item_bytes = 2 * sizeof(uintptr_t)};

static void trace_bits(struct gcx_tracer *tracer, const GC_word *object, const GC_word *bits,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (GC_get_bit(bits, i))
            gcx_trace_word(tracer, (const void *)object[i]);
}

static const struct bitmap *bitmap_of(GC_word env)
{
    const uintptr_t *item = gcxi_boehm_item(&bitmaps, env);
    return (const struct bitmap *)item[1];
}

static struct GC_ms_entry *typed_proc(GC_word *object, struct GC_ms_entry *top,
                                      struct GC_ms_entry *limit, GC_word env)
{
    const struct bitmap *bitmap = bitmap_of(env);
    (void)limit;
    trace_bits((struct gcx_tracer *)top, object, bitmap->words, bitmap->bits);
    return top;
}

static void trace_topmost_bits(struct gcx_tracer *tracer, const GC_word *object, GC_word bits)
{
    for (bits &= ~(GC_word)GC_DS_TAGS; bits != 0; bits <<= 1, object++)
        if ((GC_signed_word)bits < 0)
            gcx_trace_word(tracer, (const void *)*object);
}

static void trace_proc(struct gcx_tracer *tracer, GC_word *object, GC_word descr)
{
    GC_word rest = descr >> GC_DS_TAG_BITS;
    GC_mark_proc proc = kinds.procs[rest % GC_MAX_MARK_PROCS];
    if (proc == NULL)
        return;
    struct gcxi_marker *outer = gcxi_boehm_marker;
    gcxi_boehm_marker = (struct gcxi_marker *)tracer;
    proc(object, (struct GC_ms_entry *)tracer, (struct GC_ms_entry *)UINTPTR_MAX,
         rest >> GC_LOG_MAX_MARK_PROCS);
    gcxi_boehm_marker = outer;
}

/* What a descriptor in the object, or in what its first word leads to, says; 0
 * in an object that is not in use. */
static GC_word per_object(const GC_word *object, GC_word descr)
{
    GC_word offset = descr & ~(GC_word)GC_DS_TAGS;
    if ((GC_signed_word)descr >= 0)
        return *(const GC_word *)((const char *)object + offset);
    const char *type = (const char *)object[0];
    if (type == NULL)
        return 0;
    return *(const GC_word *)(type - (descr + (GC_word)(GC_INDIR_PER_OBJ_BIAS - GC_DS_PER_OBJECT)));
}

static void trace_descr(struct gcx_tracer *tracer, GC_word *object, size_t bytes, GC_word descr)
{
    while ((descr & GC_DS_TAGS) == GC_DS_PER_OBJECT)
        descr = per_object(object, descr);
    switch (descr & GC_DS_TAGS) {
    case GC_DS_LENGTH:
        gcx_trace_range(tracer, object, (const char *)object + gcxi_min(descr, bytes));
        break;
    case GC_DS_BITMAP:
        trace_topmost_bits(tracer, object, descr);
        break;
    default:
        trace_proc(tracer, object, descr);
    }
}

static void kind_trace(void *object, size_t bytes, struct gcx_tracer *tracer)
{
    const struct gcxi_block *block = gcxi_unit_block(gcxi_addr_unit((uintptr_t)object));
    const struct kind *kind = &kinds.kinds[kinds.kind_of[block->kind]];
    trace_descr(tracer, object, bytes, kind->descr + (kind->adds_size ? bytes : 0));
}

/* The last word of a typed object is its descriptor. */
static void typed_trace(void *object, size_t bytes, struct gcx_tracer *tracer)
{
    GC_word *words = object;
    trace_descr(tracer, words, bytes - WORD_BYTES, words[bytes / WORD_BYTES - 1]);
}

/* Of an array of such: the last are the descriptor and an element's bytes. */
static void typed_array_trace(void *object, size_t bytes, struct gcx_tracer *tracer)
{
    const GC_word *words = object;
    GC_word descr = words[bytes / WORD_BYTES - 1], element_bytes = words[bytes / WORD_BYTES - 2];
    size_t room = bytes - 2 * WORD_BYTES;
    for (size_t at = 0; element_bytes != 0 && at + element_bytes <= room; at += element_bytes)
        trace_descr(tracer, (GC_word *)(void *)((char *)object + at), element_bytes, descr);
}

/* ---- Making ---- */

static gcx_kind create(const char *name, gcx_trace_fn *trace)
{
    struct gcx_kind_layout layout = GCX_KIND_LAYOUT_DEFAULT;
    layout.name = name;
    layout.trace = trace;
    return gcx_kind_create(&layout);
}

void gcxi_boehm_kinds_init(void)
{
    kinds.procs[PROC_TYPED] = typed_proc;
    kinds.typed = create("typed", typed_trace);
    kinds.typed_array = create("typed array", typed_array_trace);
}

unsigned GC_new_proc_inner(GC_mark_proc proc)
{
    unsigned index = gcxi_add_relaxed(&kinds.proc_count, 1);
    if (index >= GC_MAX_MARK_PROCS)
        GC_get_abort_func()("too many mark procedures");
    kinds.procs[index % GC_MAX_MARK_PROCS] = proc;
    return index;
}

unsigned GC_new_proc(GC_mark_proc proc)
{
    return GC_new_proc_inner(proc);
}

/* Lists of free objects are the collector's own here. */
void **GC_new_free_list_inner(void)
{
    return gcx_alloc_root(GC_TINY_FREELISTS * sizeof(void *) * 16);
}

void **GC_new_free_list(void)
{
    gcxi_boehm_start();
    return GC_new_free_list_inner();
}

static bool descr_has_proc(GC_word descr)
{
    return (descr & GC_DS_TAGS) == GC_DS_PROC || (descr & GC_DS_TAGS) == GC_DS_PER_OBJECT;
}

static gcx_kind number_for(GC_word descr, int adds_size)
{
    if (descr == 0)
        return adds_size ? GCXI_SCAN : GCXI_NOSCAN;
    return create("boehm", kind_trace);
}

static void set_number(unsigned index, gcx_kind number)
{
    kinds.kinds[index].number = (uint8_t)number;
    if (number >= GCXI_KINDS)
        kinds.kind_of[number] = (uint8_t)index;
}

/* Objects are always zeroed, which is more than clears asks. */
unsigned GC_new_kind_inner(void **free_list, GC_word descr, int adds_size, int clears)
{
    (void)free_list;
    (void)clears;
    gcx_kind number = number_for(descr, adds_size);
    unsigned index = gcxi_add_relaxed(&kinds.count, 1);
    if (index >= KINDS_MAX || (number == GCXI_NOSCAN && descr != 0))
        GC_get_abort_func()("too many kinds");
    kinds.kinds[index % KINDS_MAX] = (struct kind){descr, adds_size != 0, 0, descr_has_proc(descr)};
    set_number(index % KINDS_MAX, number);
    return index;
}

unsigned GC_new_kind(void **free_list, GC_word descr, int adds_size, int clears)
{
    gcxi_boehm_start();
    return GC_new_kind_inner(free_list, descr, adds_size, clears);
}

unsigned gcxi_boehm_kind_number(int kind)
{
    bool is_there = (unsigned)kind < gcxi_min(kinds.count, KINDS_MAX);
    return is_there ? kinds.kinds[kind].number : GCXI_KINDS_MAX;
}

unsigned gcxi_boehm_kind_set_apart(int kind)
{
    unsigned number = gcxi_boehm_kind_number(kind);
    if (kind <= BOEHM_AUNCOLLECTABLE || number >= GCXI_KINDS)
        return number;
    gcx_kind own = create("boehm", kind_trace);
    if (own != 0)
        set_number((unsigned)kind, own);
    return own;
}

/* ---- Allocating ---- */

void *gcxi_boehm_alloc_kind(size_t bytes, int kind)
{
    gcxi_boehm_start();
    if ((unsigned)kind >= gcxi_min(kinds.count, KINDS_MAX))
        return NULL;
    void *object = gcxi_alloc_of_kind(kinds.kinds[kind].number, bytes, GCXI_SITE());
    if (GCXI_UNLIKELY(gcxi_load_relaxed(&gcxi_boehm.is_due) != 0))
        gcxi_boehm_run_due();
    return kind == BOEHM_AUNCOLLECTABLE ? gcxi_boehm_pin(object) : object;
}

void *GC_generic_malloc(size_t bytes, int kind)
{
    return gcxi_boehm_or_oom(gcxi_boehm_alloc_kind(gcxi_boehm_padded(bytes), kind), bytes);
}

void *GC_generic_malloc_ignore_off_page(size_t bytes, int kind)
{
    return GC_generic_malloc(bytes, kind);
}

void *GC_malloc_kind(size_t bytes, int kind)
{
    return GC_generic_malloc(bytes, kind);
}

void *GC_malloc_kind_global(size_t bytes, int kind)
{
    return GC_generic_malloc(bytes, kind);
}

void *GC_generic_malloc_uncollectable(size_t bytes, int kind)
{
    return kind == BOEHM_PTRFREE || kind == BOEHM_AUNCOLLECTABLE
               ? GC_malloc_atomic_uncollectable(bytes)
               : GC_malloc_uncollectable(bytes);
}

void *GC_generic_or_special_malloc(size_t bytes, int kind)
{
    return GC_generic_malloc(bytes, kind);
}

/* ---- Lists of free objects for the program ---- */

/* Of one piece that a lane makes ready: with 2 KiB Guile's allocation takes 1 to 2 % longer. */
#define MANY_BYTES BOEHM_READY_BYTES

static void *many_cut(struct gcx_detail_run *run, size_t slot_bytes)
{
    uintptr_t first = run->cur;
    size_t count = gcxi_min((run->end - first) / slot_bytes, MANY_BYTES / slot_bytes + 1);
    if (count == 0)
        return NULL;
    run->cur = first + count * slot_bytes;
    for (uintptr_t p = first, last = run->cur - slot_bytes; p < last; p += slot_bytes)
        GC_NEXT((void *)p) = (void *)(p + slot_bytes);
    GC_NEXT((void *)(run->cur - slot_bytes)) = NULL;
    return (void *)first;
}

/* One object, and with it what is ready in the same run: as it was zeroed. A
 * cycle that comes in between sees the lists as any other objects. */
static void *many(size_t bytes, int kind)
{
    void *object = gcxi_boehm_alloc_kind(bytes, kind);
    if (object == NULL)
        return NULL;
    GC_NEXT(object) = NULL;
    struct gcxi_mutator *self = gcxi_mutator_self();
    unsigned class_index = bytes <= GCXI_MEDIUM_MAX ? gcxi_class_of(bytes) : GCXI_CLASSES;
    if (self == NULL || class_index == GCXI_CLASSES || kind == BOEHM_AUNCOLLECTABLE)
        return object;
    gcxi_critical_enter(&self->suspend);
    struct gcxi_lane *lanes = self->local.lanes[kinds.kinds[kind].number];
    if (lanes != NULL && gcxi_gc.settings.stress == 0)
        GC_NEXT(object) = many_cut(lanes[class_index].run, gcxi_class_bytes(class_index));
    gcxi_critical_leave(&self->suspend);
    return object;
}

void GC_generic_malloc_many(size_t bytes, int kind, void **result)
{
    *result = many(bytes, kind);
}

void *GC_malloc_many(size_t bytes)
{
    return many(gcxi_boehm_padded(bytes + (bytes == 0)), BOEHM_NORMAL);
}

void GC_print_free_list(int kind, size_t granules)
{
    GC_printf("kind %d, %lu granules: no list of free objects is kept\n", kind,
              (unsigned long)granules);
}

int GC_get_kind_and_size(const void *base, size_t *bytes)
{
    uint32_t slot;
    const struct gcxi_block *block = gcxi_boehm_find(base, &slot);
    if (bytes != NULL)
        *bytes = block != NULL ? block->slot_bytes : 0;
    if (block == NULL)
        return BOEHM_NORMAL;
    if (gcxi_kind_is_noscan(block->kind))
        return gcxi_boehm_is_pinned(base) ? BOEHM_AUNCOLLECTABLE : BOEHM_PTRFREE;
    if (block->kind < GCXI_KINDS)
        return block->kind == GCXI_ROOT ? BOEHM_UNCOLLECTABLE : BOEHM_NORMAL;
    return kinds.kind_of[block->kind];
}

/* ---- Typed objects ---- */

static GC_descr long_descriptor(const GC_word *bits, size_t count)
{
    size_t words = (count + GC_WORDSZ - 1) / GC_WORDSZ;
    struct bitmap *bitmap = gcx_alloc_root(sizeof *bitmap + words * WORD_BYTES);
    if (bitmap == NULL)
        return count * WORD_BYTES;
    bitmap->bits = count;
    memcpy(bitmap->words, bits, words * WORD_BYTES);
    struct gcxi_mutator *self = gcxi_boehm_lock();
    size_t env = bitmaps.count;
    uintptr_t *item = gcxi_boehm_table_add(&bitmaps, (uintptr_t)bitmap);
    if (item != NULL)
        item[1] = (uintptr_t)bitmap;
    gcxi_boehm_unlock(self);
    return item != NULL ? GC_MAKE_PROC(PROC_TYPED, env) : count * WORD_BYTES;
}

GC_descr GC_make_descriptor(const GC_word *bits, size_t count)
{
    gcxi_boehm_start();
    while (count > 0 && !GC_get_bit(bits, count - 1))
        count--;
    size_t set = 0;
    GC_word topmost = 0;
    for (size_t i = 0; i < count; i++) {
        set += GC_get_bit(bits, i);
        if (i < BITMAP_BITS && GC_get_bit(bits, i))
            topmost |= (GC_word)1 << (GC_WORDSZ - 1 - i);
    }
    if (set == count)
        return count * WORD_BYTES;
    return count <= BITMAP_BITS ? topmost | GC_DS_BITMAP : long_descriptor(bits, count);
}

static void *typed_alloc(gcx_kind kind, size_t bytes, size_t words)
{
    gcxi_boehm_start();
    size_t all = bytes + words * WORD_BYTES;
    void *object =
        all < bytes ? NULL : gcxi_alloc_of_kind(kind, gcxi_boehm_padded(all), GCXI_SITE());
    if (gcxi_load_relaxed(&gcxi_boehm.is_due) != 0)
        gcxi_boehm_run_due();
    return gcxi_boehm_or_oom(object, bytes);
}

/* The object's last words, where its descriptor stands. */
static GC_word *typed_end(void *object)
{
    return (GC_word *)(void *)((char *)object + GC_size(object));
}

void *GC_malloc_explicitly_typed(size_t bytes, GC_descr descr)
{
    void *object = typed_alloc(kinds.typed, bytes, 1);
    if (object != NULL)
        typed_end(object)[-1] = descr;
    return object;
}

void *GC_malloc_explicitly_typed_ignore_off_page(size_t bytes, GC_descr descr)
{
    return GC_malloc_explicitly_typed(bytes, descr);
}

void *GC_calloc_explicitly_typed(size_t count, size_t bytes, GC_descr descr)
{
    size_t all;
    if (__builtin_mul_overflow(count, bytes, &all))
        return gcxi_boehm_or_oom(NULL, SIZE_MAX);
    void *object = typed_alloc(kinds.typed_array, all, 2);
    if (object != NULL) {
        typed_end(object)[-2] = bytes;
        typed_end(object)[-1] = descr;
    }
    return object;
}

/* ---- Objects whose first word leads to their descriptor ---- */

void GC_init_gcj_malloc(int index, void *proc)
{
    gcxi_boehm_start();
    if (GC_gcj_kind != 0)
        return;
    bool has_proc = proc != NULL && (unsigned)index < GC_MAX_MARK_PROCS;
    if (has_proc)
        memcpy(&kinds.procs[index], &proc, sizeof proc);
    GC_word at = (GC_word)(GC_signed_word)(-(GC_signed_word)WORD_BYTES - GC_INDIR_PER_OBJ_BIAS);
    GC_gcj_kind = (int)GC_new_kind(NULL, at | GC_DS_PER_OBJECT, 0, 1);
    GC_gcj_debug_kind =
        has_proc ? (int)GC_new_kind(NULL, GC_MAKE_PROC((GC_word)index, 1), 0, 1) : GC_gcj_kind;
}

void *GC_gcj_malloc(size_t bytes, void *type)
{
    void *object = GC_generic_malloc(bytes, GC_gcj_kind);
    if (object != NULL)
        *(void *volatile *)object = type;
    return object;
}

void *GC_gcj_malloc_ignore_off_page(size_t bytes, void *type)
{
    return GC_gcj_malloc(bytes, type);
}

void *GC_debug_gcj_malloc(size_t bytes, void *type, const char *file, int line)
{
    (void)file;
    (void)line;
    return GC_gcj_malloc(bytes, type);
}

/* ---- Marking ---- */

struct GC_ms_entry *GC_mark_and_push(void *p, struct GC_ms_entry *top, struct GC_ms_entry *limit,
                                     void **source)
{
    (void)limit;
    (void)source;
    gcx_trace_word((struct gcx_tracer *)top, p);
    return top;
}

static void show(struct gcxi_block *block, uint32_t slot, void *arg)
{
    struct gcxi_marker *m = arg;
    if (gcxi_mark_is_kept(block->marks[slot]))
        gcxi_special_show(m, block, slot, gcxi_slot_addr(block, slot),
                          gcxi_slot_addr(block, slot + 1));
}

void gcxi_boehm_show_procs(struct gcxi_marker *m)
{
    for (unsigned i = 0; i < gcxi_min(kinds.count, KINDS_MAX); i++)
        if (kinds.kinds[i].has_proc)
            gcxi_boehm_each_object(kinds.kinds[i].number, false, show, m);
    m->shown = 0;
}
