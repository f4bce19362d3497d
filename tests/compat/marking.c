/* Kinds, mark procedures, typed objects, roots, disclaiming.
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include <gc/gc_disclaim.h>
#include <gc/gc_inline.h>
#include <gc/gc_mark.h>
#include <gc/gc_typed.h>
#include <stdlib.h>
#include <sys/mman.h>

#define N 200

static GC_hidden_pointer watched[N];

static void watch(int i, void *p)
{
    watched[i] = GC_HIDE_POINTER(p);
    GC_general_register_disappearing_link((void **)&watched[i], p);
}

static int gone(void)
{
    int n = 0;
    for (int i = 0; i < N; i++)
        n += watched[i] == 0;
    return n;
}

/* Objects of the kind hold a pointer to malloc memory with the real one. */
static struct GC_ms_entry *outside(GC_word *addr, struct GC_ms_entry *top,
                                   struct GC_ms_entry *limit, GC_word env)
{
    (void)env;
    void **cell = (void **)addr[0];
    if (cell != NULL)
        top = GC_MARK_AND_PUSH(*cell, top, limit, cell);
    return top;
}

static unsigned kind;

static NOINLINE void fill_outside(void **objects)
{
    for (int i = 0; i < N; i++) {
        void **cell = malloc(sizeof *cell);
        objects[i] = GC_generic_malloc(sizeof(void *), (int)kind);
        *cell = GC_MALLOC(24);
        watch(i, *cell);
        *(void **)objects[i] = cell;
    }
}

/* Later, when the objects are old, behind the collector's back. */
static NOINLINE void refill_outside(void **objects)
{
    for (int i = 0; i < N; i++) {
        void *p = GC_MALLOC(24);
        **(void ***)objects[i] = p;
        watch(i, p);
    }
}

static NOINLINE void churn(void)
{
    for (int i = 0; i < 400000; i++)
        *(void *volatile *)GC_MALLOC(64) = NULL;
}

static NOINLINE void fill_typed(void **objects, GC_descr descr, size_t word)
{
    for (int i = 0; i < N; i++) {
        void **p = GC_MALLOC_EXPLICITLY_TYPED(100 * sizeof(void *), descr);
        objects[i] = p;
        p[word] = GC_MALLOC(24);
        watch(i, p[word]);
    }
}

static NOINLINE void fill_array(void **objects, GC_descr descr, size_t word)
{
    for (int i = 0; i < N; i++) {
        void **p = GC_CALLOC_EXPLICITLY_TYPED(10, 4 * sizeof(void *), descr);
        objects[i] = p;
        p[9 * 4 + word] = GC_MALLOC(24);
        watch(i, p[9 * 4 + word]);
    }
}

static void typed(void **objects)
{
    GC_word bits[2] = {0, 0}, few[1] = {0};
    GC_set_bit(bits, 3);
    GC_set_bit(bits, 90);
    GC_descr wide = GC_make_descriptor(bits, 100);
    GC_set_bit(few, 2);
    GC_descr narrow = GC_make_descriptor(few, 4);
    fill_typed(objects, wide, 90);
    collect();
    printf("typed, a pointer: %d gone\n", gone());
    fill_typed(objects, wide, 91);
    collect();
    printf("typed, none: %s gone\n", nearly(gone(), N));
    fill_typed(objects, narrow, 2);
    collect();
    printf("narrow, a pointer: %d gone\n", gone());
    fill_array(objects, narrow, 2);
    collect();
    printf("array, a pointer: %d gone\n", gone());
    fill_array(objects, narrow, 1);
    collect();
    printf("array, none: %s gone\n", nearly(gone(), N));
}

static int disclaimed;

static void on_disclaim(void *obj, void *cd)
{
    disclaimed += *(long *)obj == 7 && cd == &disclaimed;
}

static const struct GC_finalizer_closure closure = {on_disclaim, &disclaimed};

static NOINLINE void make_disclaimed(void)
{
    for (int i = 0; i < N; i++)
        *(long *)GC_finalized_malloc(40, &closure) = 7;
}

static int by_kind;

static int count_by_kind(void *obj)
{
    by_kind += *(long *)obj == 7;
    *(long *)obj = 0;
    return 0;
}

static NOINLINE void make_of(unsigned plain)
{
    for (int i = 0; i < N; i++)
        *(long *)GC_generic_malloc(48, (int)plain) = 7;
}

/* A kind that is scanned as any other object. */
static void disclaim_by_kind(void)
{
    unsigned plain = GC_new_kind(GC_new_free_list(), GC_DS_LENGTH, 1, 1);
    GC_register_disclaim_proc((int)plain, count_by_kind, 0);
    make_of(plain);
    void **kept = GC_generic_malloc(48, (int)plain);
    kept[1] = GC_MALLOC(24);
    watch(0, kept[1]);
    collect();
    for (int i = 0; i < N; i++)
        GC_generic_malloc(48, (int)plain);
    collect();
    printf("disclaimed by kind: %s, kept: %d\n", nearly(by_kind, N),
           watched[0] != 0 && kept[1] != NULL);
}

static void *hidden_root[1];

static void (*old_push)(void);

static void push(void)
{
    void *p = GC_REVEAL_POINTER(hidden_root[0]);
    GC_push_all_eager(&p, &p + 1);
    if (old_push != NULL)
        old_push();
}

/* One that grows, and then goes with its memory. */
static void large_range(void)
{
    size_t words = 1 << 19, bytes = words * sizeof(void *);
    void **range = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    GC_add_roots(range, range + words / 2);
    GC_add_roots(range, range + words);
    GC_add_roots(range, range + words / 4);
    for (int i = 0; i < 8; i++) {
        size_t at = words - 1 - (size_t)i * 5000;
        range[at] = GC_MALLOC(32);
        watch(2 + i, range[at]);
        churn();
        collect();
        printf("large range: %d\n", watched[2 + i] != 0);
    }
    GC_remove_roots(range, range + words / 2);
    range[0] = GC_MALLOC(32);
    watch(10, range[0]);
    collect();
    printf("still a root: %d\n", watched[10] != 0);
    GC_remove_roots(range, range + words);
    munmap(range, bytes);
    collect();
}

int main(void)
{
    static void *objects[N];
    GC_INIT();
    kind = GC_new_kind(GC_new_free_list(), GC_MAKE_PROC(GC_new_proc(outside), 0), 0, 1);
    fill_outside(objects);
    collect();
    printf("by a procedure: %d gone\n", gone());
    refill_outside(objects);
    churn();
    printf("by a procedure, later: %d gone\n", gone());
    memset(objects, 0, sizeof objects);
    collect();
    printf("dropped: %s gone\n", nearly(gone(), N));
    typed(objects);
    GC_init_finalized_malloc();
    make_disclaimed();
    collect();
    for (int i = 0; i < N; i++) /* the stock library asks when it sweeps */
        GC_finalized_malloc(40, &closure);
    collect();
    printf("disclaimed: %s\n", nearly(disclaimed, N));
    disclaim_by_kind();
    void **cell = malloc(sizeof *cell);
    *cell = GC_MALLOC(24);
    watch(0, *cell);
    GC_add_roots(cell, cell + 1);
    collect();
    printf("root: %d\n", watched[0] != 0);
    GC_remove_roots(cell, cell + 1);
    large_range();
    clear_stack();
    old_push = GC_get_push_other_roots();
    hidden_root[0] = (void *)GC_HIDE_POINTER(GC_MALLOC(48));
    watch(1, GC_REVEAL_POINTER(hidden_root[0]));
    GC_set_push_other_roots(push);
    collect();
    printf("pushed: %d\n", watched[1] != 0);
    void *lists[GC_TINY_FREELISTS] = {NULL};
    long sum = 0;
    for (long i = 0; i < 10000; i++) {
        void *p;
        GC_MALLOC_WORDS(p, 4, lists);
        sum += ((long *)p)[1] + ((long *)p)[3];
    }
    printf("free lists: %ld\n", sum);
    return 0;
}
