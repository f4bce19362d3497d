/* kinds.c -- a full collection of the same heap, whose objects are scanned
 * conservatively, by a pointer bitmap, or not at all.
 *
 * An array holds --objects objects of --words words; each points at the object
 * before it and at one at random, and the other words are numbers. --mode=0 is
 * conservative, 1 precise, 2 noscan. The shortest of --rounds counts. A peer
 * without precise kinds marks by its own descriptors (Boehm: GC_make_descriptor)
 * or has none.
 *
 * SPDX-License-Identifier: MIT */
#include "alloc_layer.h"

enum kinds_mode { KINDS_SCAN, KINDS_PRECISE, KINDS_NOSCAN };

#if defined(PEER_GCX)
static gcx_kind kinds_kind;
static void kinds_prepare(size_t words)
{
    uint64_t pointers = 3;
    struct gcx_kind_layout layout = GCX_KIND_LAYOUT_DEFAULT;
    layout.element_bytes = words * sizeof(void *);
    layout.pointers = &pointers;
    layout.pointer_bits = 2;
    kinds_kind = gcx_kind_create(&layout);
}
#define KINDS_PRECISE_ALLOC(bytes) gcx_alloc_kind(kinds_kind, (bytes))
#elif defined(PEER_BOEHM) || defined(PEER_BOEHM_TUNED)
#include <gc/gc_typed.h>
static GC_descr kinds_descr;
static void kinds_prepare(size_t words)
{
    GC_word bitmap[GC_BITMAP_SIZE(void *[1024])] = {3};
    kinds_descr = GC_make_descriptor(bitmap, words);
}
#define KINDS_PRECISE_ALLOC(bytes) GC_MALLOC_EXPLICITLY_TYPED((bytes), kinds_descr)
#else
static void kinds_prepare(size_t words)
{
    (void)words;
}
#define KINDS_PRECISE_ALLOC(bytes) ALLOC(bytes)
#endif

static void **kinds_all;

static void *kinds_alloc(enum kinds_mode mode, size_t bytes)
{
    switch (mode) {
    case KINDS_PRECISE:
        return KINDS_PRECISE_ALLOC(bytes);
    case KINDS_NOSCAN:
        return ALLOC_NOSCAN(bytes);
    default:
        return ALLOC(bytes);
    }
}

static void kinds_build(enum kinds_mode mode, size_t objects, size_t words)
{
    uint64_t state = 1;
    kinds_all = ALLOC(objects * sizeof *kinds_all);
    for (size_t i = 0; i < objects; i++) {
        void **object = kinds_alloc(mode, words * sizeof *object);
        if (object == NULL)
            bench_die("out of memory");
        STORE(kinds_all, &kinds_all[i], object);
        STORE(object, &object[0], i > 0 ? kinds_all[i - 1] : NULL);
        STORE(object, &object[1], kinds_all[bench_random_below(&state, i + 1)]);
        for (size_t w = 2; w < words; w++)
            object[w] = (void *)(uintptr_t)(i * words + w);
    }
}

static uint64_t kinds_sum(size_t objects, size_t words)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < objects; i++)
        sum += (uintptr_t)((void **)kinds_all[i])[words - 1];
    return sum;
}

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {
        {"objects", 1000000, 100000}, {"words", 16, 16}, {"mode", 0, 0}, {"rounds", 5, 3}};
    bench_flags_parse(argc, argv, flags, 4);
    size_t objects = flags[0].value, words = flags[1].value;
    uint64_t best_ns = UINT64_MAX;
    if (words < 3 || words > 1024)
        bench_die("--words is 3 to 1024");
    peer_init();
    kinds_prepare(words);
    kinds_build((enum kinds_mode)flags[2].value, objects, words);
    for (uint64_t i = 0; i < flags[3].value; i++) {
        uint64_t begin_ns = bench_now_ns();
        peer_collect();
        uint64_t took_ns = bench_now_ns() - begin_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    uint64_t last = (uint64_t)objects * words - 1, first = words - 1;
    bench_expect("sum", kinds_sum(objects, words), (first + last) * objects / 2);

    struct peer_stats stats;
    peer_get_stats(&stats);
    bench_result_begin(best_ns, objects, kinds_sum(objects, words), &stats);
    bench_result_end();
    return 0;
}
