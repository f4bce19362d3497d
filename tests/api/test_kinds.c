/* test_kinds.c -- precise kinds: bitmaps, trace callbacks, mistakes.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "../support/capture.h"
#include "../support/child.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

enum { LEAF = 48, MANY = 400 };

struct node {
    uintptr_t number; /* looks like a pointer, is none */
    struct node *left;
    uintptr_t other;
    struct node *right;
    uintptr_t more[2];
};

static gcx_kind kind_of(size_t element_bytes, uint64_t bits, gcx_trace_fn *trace)
{
    struct gcx_kind_layout layout = GCX_KIND_LAYOUT_DEFAULT;
    layout.name = "test";
    layout.element_bytes = element_bytes;
    layout.pointers = trace == NULL ? &bits : NULL;
    layout.pointer_bits = trace == NULL ? element_bytes / sizeof(void *) : 0;
    layout.trace = trace;
    gcx_kind kind = gcx_kind_create(&layout);
    assert_int_not_equal(kind, 0);
    return kind;
}

static gcx_kind node_kind(void)
{
    static gcx_kind kind;
    if (kind == 0) {
        kind = kind_of(sizeof(struct node),
                       GCX_KIND_BIT(struct node, left) | GCX_KIND_BIT(struct node, right), NULL);
    }
    return kind;
}

/* A vector whose length lies in its first word, traced by a callback. */
struct vector {
    size_t count;
    void *items[];
};

static void trace_vector(void *obj, size_t size_bytes, struct gcx_tracer *tracer)
{
    struct vector *v = obj;
    assert_true(v->count <= (size_bytes - sizeof *v) / sizeof(void *));
    for (size_t i = 0; i < v->count; i++) {
        gcx_trace_word(tracer, v->items[i]);
    }
}

static gcx_kind vector_kind(void)
{
    static gcx_kind kind;
    if (kind == 0) {
        kind = kind_of(0, 0, trace_vector);
    }
    return kind;
}

static struct vector *make_vector(size_t count)
{
    struct vector *v = gcx_alloc_kind(vector_kind(), sizeof *v + count * sizeof(void *));
    assert_non_null(v);
    v->count = count;
    return v;
}

/* ---- What is a pointer and what is not ------------------------------------ */

static NOINLINE void fill_nodes(struct node **nodes, hidden_ptr *seen, hidden_ptr *unseen)
{
    for (size_t i = 0; i < MANY; i++) {
        nodes[i] = gcx_alloc_kind(node_kind(), sizeof(struct node));
        seen[i] = make_hidden(LEAF, i);
        nodes[i]->left = reveal(seen[i]);
        unseen[i] = make_hidden(LEAF, i + MANY);
        nodes[i]->number = (uintptr_t)reveal(unseen[i]);
        nodes[i]->other = (uintptr_t)reveal(unseen[i]);
        nodes[i]->more[1] = (uintptr_t)reveal(unseen[i]);
    }
}

static void run_only_named_words(enum gcx_cycle cycle)
{
    static hidden_ptr seen[MANY], unseen[MANY];
    struct node **nodes = gcx_alloc_root(MANY * sizeof *nodes);
    fill_nodes(nodes, seen, unseen);
    clear_stack();
    gcx_collect(cycle);
    churn(LEAF, 2000);
    assert_int_equal(count_intact(seen, MANY, LEAF, 0), MANY);
    assert_true(count_gone(unseen, MANY) >= MANY - 8 || is_stressed());
    gcx_free(nodes);
}

static void test_only_named_words_in_full_cycles(void **state)
{
    (void)state;
    run_only_named_words(GCX_FULL);
}

static void test_only_named_words_in_minor_cycles(void **state)
{
    (void)state;
    run_only_named_words(GCX_MINOR);
}

/* Elements repeat; the pointer is the second of three words. */
static void test_arrays(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 5, 21, 22, 100, 1000, 3000, 50000};
    gcx_kind kind = kind_of(24, 2, NULL);
    for (size_t c = 0; c < COUNT_OF(counts); c++) {
        size_t count = counts[c];
        void **array = gcx_alloc_kind(kind, count * 24);
        assert_non_null(array);
        assert_true(all_bytes(array, count * 24, 0));
        hidden_ptr *seen = calloc(count, sizeof *seen);
        for (size_t i = 0; i < count; i++) {
            seen[i] = make_hidden(LEAF, i);
            array[3 * i + 1] = reveal(seen[i]);
        }
        collect_minor();
        collect_full();
        churn(LEAF, 2000);
        assert_int_equal(count_intact(seen, count, LEAF, 0), count);
        gcx_keep_alive(array);
        free(seen);
    }
}

/* An element of many words of which few, far apart, are pointers. */
static void test_wide_elements(void **state)
{
    (void)state;
    enum { WORDS = 3000 };
    static uint64_t bits[WORDS / 64 + 1];
    for (size_t i = 0; i < WORDS; i += 37) {
        bits[i / 64] |= UINT64_C(1) << i % 64;
    }
    struct gcx_kind_layout layout = GCX_KIND_LAYOUT_DEFAULT;
    layout.element_bytes = WORDS * sizeof(void *);
    layout.pointers = bits;
    layout.pointer_bits = WORDS;
    gcx_kind kind = gcx_kind_create(&layout);
    void **p = gcx_alloc_kind(kind, 3 * layout.element_bytes);
    static hidden_ptr seen[3 * WORDS];
    size_t n = 0;
    for (size_t i = 0; i < (size_t)3 * WORDS; i++) {
        if (i % WORDS % 37 == 0) {
            seen[n] = make_hidden(LEAF, n);
            p[i] = reveal(seen[n]);
            n++;
        }
    }
    collect_full();
    churn(LEAF, 2000);
    assert_int_equal(count_intact(seen, n, LEAF, 0), n);
    gcx_keep_alive(p);
}

static void test_a_kind_without_pointers(void **state)
{
    (void)state;
    static hidden_ptr unseen[MANY];
    gcx_kind kind = kind_of(64, 0, NULL);
    void **objects = gcx_alloc_root(MANY * sizeof *objects);
    for (size_t i = 0; i < MANY; i++) {
        void **p = objects[i] = gcx_alloc_kind(kind, 64);
        assert_true(all_bytes(p, 64, 0));
        unseen[i] = make_hidden(LEAF, i);
        for (size_t k = 0; k < 8; k++) {
            p[k] = reveal(unseen[i]);
        }
    }
    collect_full();
    assert_true(count_gone(unseen, MANY) >= MANY - 8 || is_stressed());
    gcx_free(objects);
}

static void test_objects_are_zeroed_when_memory_is_reused(void **state)
{
    (void)state;
    for (size_t i = 0; i < scaled(50000); i++) {
        struct node *n = gcx_alloc_kind(node_kind(), sizeof *n);
        assert_true(all_bytes(n, sizeof *n, 0));
        memset(n, 0x5a, sizeof *n);
        n->left = n->right = NULL;
    }
}

/* ---- Callbacks ------------------------------------------------------------ */

static void test_traced_vectors(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 10, 1000, 20000, 300000};
    for (size_t c = 0; c < COUNT_OF(counts); c++) {
        size_t count = counts[c];
        struct vector *v = make_vector(count);
        hidden_ptr *seen = calloc(count + 1, sizeof *seen);
        for (size_t i = 0; i < count; i++) {
            seen[i] = make_hidden(LEAF, i);
            v->items[i] = reveal(seen[i]);
        }
        collect_minor();
        collect_full();
        churn(LEAF, 2000);
        assert_int_equal(count_intact(seen, count, LEAF, 0), count);
        gcx_keep_alive(v);
        free(seen);
    }
}

static void trace_all(void *obj, size_t size_bytes, struct gcx_tracer *tracer)
{
    gcx_trace_range(tracer, obj, (char *)obj + size_bytes);
}

static void test_traced_ranges(void **state)
{
    (void)state;
    gcx_kind kind = kind_of(0, 0, trace_all);
    for (size_t count = 1; count < 100000; count *= 10) {
        void **p = gcx_alloc_kind(kind, count * sizeof *p);
        hidden_ptr *seen = calloc(count, sizeof *seen);
        for (size_t i = 0; i < count; i++) {
            seen[i] = make_hidden(LEAF, i);
            p[i] = reveal(seen[i]);
        }
        collect_full();
        churn(LEAF, 2000);
        assert_int_equal(count_intact(seen, count, LEAF, 0), count);
        gcx_keep_alive(p);
        free(seen);
    }
}

static int calls_that_allocated;
static int last_errno;

static void trace_and_misbehave(void *obj, size_t size_bytes, struct gcx_tracer *tracer)
{
    trace_all(obj, size_bytes, tracer);
    static const size_t sizes[] = {16, 200, 1000, 20000, 200000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        errno = 0;
        if (gcx_alloc(sizes[i]) == NULL && gcx_alloc_noscan(sizes[i]) == NULL) {
            __atomic_fetch_add(&calls_that_allocated, 1, __ATOMIC_RELAXED);
            last_errno = errno;
        }
    }
    gcx_collect(GCX_FULL);
    gcx_free(obj);
}

static void test_a_callback_that_allocates_is_told(void **state)
{
    (void)state;
    gcx_kind kind = kind_of(0, 0, trace_and_misbehave);
    static struct capture capture;
    struct vector *all = make_vector(scaled(20000));
    capture_begin(&capture);
    for (size_t i = 0; i < all->count; i++) {
        void **p = all->items[i] = gcx_alloc_kind(kind, 32);
        p[0] = gcx_alloc(LEAF);
        pattern_fill(p[0], LEAF, i);
    }
    gcx_collect(GCX_FULL);
    const char *text = capture_end(&capture);
    assert_non_null(strstr(text, "trace callback"));
    assert_true((size_t)calls_that_allocated >= 5 * all->count);
    assert_int_equal(last_errno, EPERM);
    for (size_t i = 0; i < all->count; i++) {
        assert_true(pattern_intact(*(void **)all->items[i], LEAF, i));
    }
}

/* ---- Old objects ---------------------------------------------------------- */

static void run_stores_into_old(void *(*make)(size_t count), void **(*slot)(void *p, size_t i),
                                size_t count)
{
    struct random r = {count};
    hidden_ptr *seen = calloc(count, sizeof *seen);
    void *p = make(count);
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_FULL);
    for (uint64_t round = 0; round < 200; round++) {
        for (int i = 0; i < 5; i++) {
            size_t at = random_below(&r, (uint32_t)count);
            seen[at] = make_hidden(LEAF, at);
            gcx_store(p, slot(p, at), reveal(seen[at]));
        }
        gcx_collect(round % 50 == 49 ? GCX_FULL : GCX_MINOR);
        churn(LEAF, 200);
        for (size_t i = 0; round % 20 == 19 && i < count; i++) {
            assert_true(seen[i] == 0 || hidden_intact(seen[i], LEAF, i));
        }
    }
    gcx_keep_alive(p);
    free(seen);
}

static void *make_any_vector(size_t count)
{
    return make_vector(count);
}

static void **vector_slot(void *p, size_t i)
{
    return &((struct vector *)p)->items[i];
}

static void *make_pairs(size_t count)
{
    static gcx_kind kind;
    if (kind == 0) {
        kind = kind_of(16, 2, NULL);
    }
    return gcx_alloc_kind(kind, 16 * count);
}

static void **pairs_slot(void *p, size_t i)
{
    return (void **)p + 2 * i + 1;
}

static void test_stores_into_old_objects(void **state)
{
    (void)state;
    for (size_t count = 3; count < 100000; count *= 10) {
        run_stores_into_old(make_any_vector, vector_slot, count);
        run_stores_into_old(make_pairs, pairs_slot, count);
    }
}

/* ---- Resizing ------------------------------------------------------------- */

static void test_realloc_keeps_the_kind(void **state)
{
    (void)state;
    void **p = make_pairs(3);
    hidden_ptr seen[2];
    static hidden_ptr unseen[MANY];
    seen[0] = make_hidden(LEAF, 0);
    p[1] = reveal(seen[0]);
    p = gcx_realloc(p, 16 * 1000);
    assert_non_null(p);
    seen[1] = make_hidden(LEAF, 1);
    p[2 * 999 + 1] = reveal(seen[1]);
    for (size_t i = 0; i < MANY; i++) {
        unseen[i] = make_hidden(LEAF, i);
        p[2 * i] = reveal(unseen[i]);
    }
    collect_full();
    churn(LEAF, 2000);
    assert_int_equal(count_intact(seen, 2, LEAF, 0), 2);
    assert_true(count_gone(unseen, MANY) >= MANY - 8 || is_stressed());
    struct capture capture;
    capture_begin(&capture);
    errno = 0;
    assert_null(gcx_realloc(p, 24));
    assert_int_equal(errno, EINVAL);
    assert_non_null(strstr(capture_end(&capture), "kind"));
    assert_true(pattern_intact(p[1], LEAF, 0));
}

/* ---- Mistakes ------------------------------------------------------------- */

static void check_layout_refused(const struct gcx_kind_layout *layout, const char *text)
{
    struct capture capture;
    capture_begin(&capture);
    errno = 0;
    gcx_kind kind = gcx_kind_create(layout);
    int error = errno;
    const char *told = capture_end(&capture);
    assert_int_equal(kind, 0);
    assert_int_equal(error, EINVAL);
    if (strstr(told, text) == NULL) {
        fail_msg("\"%s\" is not in: %s", text, told);
    }
}

static void test_mistakes_in_layouts(void **state)
{
    (void)state;
    uint64_t bits = 1;
    struct gcx_kind_layout good = GCX_KIND_LAYOUT_DEFAULT;
    good.name = "pair";
    good.element_bytes = 16;
    good.pointers = &bits;
    good.pointer_bits = 2;
    struct gcx_kind_layout bad = good;
    bad.pointer_bits = 3;
    check_layout_refused(&bad, "pair): its bitmap is longer than its object");
    bad = good;
    bad.element_bytes = 12;
    check_layout_refused(&bad, "element_bytes");
    bad = good;
    bad.element_bytes = 0;
    check_layout_refused(&bad, "element_bytes");
    bad = good;
    bad.pointers = NULL;
    check_layout_refused(&bad, "no bitmap");
    bad = good;
    bad.trace = trace_vector;
    check_layout_refused(&bad, "a bitmap and a trace function");
    bad = good;
    bad.struct_bytes = 8;
    check_layout_refused(&bad, "struct_bytes");
    check_layout_refused(NULL, "no layout");
}

static void check_alloc_refused(gcx_kind kind, size_t size, const char *text)
{
    struct capture capture;
    capture_begin(&capture);
    errno = 0;
    void *p = gcx_alloc_kind(kind, size);
    int error = errno;
    const char *told = capture_end(&capture);
    assert_null(p);
    assert_int_equal(error, EINVAL);
    assert_non_null(strstr(told, text));
}

static void test_mistakes_in_allocation(void **state)
{
    (void)state;
    check_alloc_refused(node_kind(), sizeof(struct node) - 8, "covers 48 bytes");
    check_alloc_refused(node_kind(), 0, "covers 48 bytes");
    check_alloc_refused(node_kind(), sizeof(struct node) + 8, "multiple");
    check_alloc_refused(0, 16, "no kind");
    check_alloc_refused(1, 16, "no kind");
    check_alloc_refused(254, 16, "no kind");
    check_alloc_refused(70000, 16, "no kind");
}

static int child_too_many_kinds(const char *arg)
{
    (void)arg;
    uint64_t bits = 1;
    struct gcx_kind_layout layout = GCX_KIND_LAYOUT_DEFAULT;
    layout.element_bytes = 16;
    layout.pointers = &bits;
    layout.pointer_bits = 1;
    static gcx_kind kinds[300];
    static void **lists[300];
    size_t n = 0;
    while (n < 300 && (kinds[n] = gcx_kind_create(&layout)) != 0) {
        n++;
    }
    if (n < 200 || n == 300 || errno != ENOSPC) {
        return 1;
    }
    for (size_t round = 0; round < 100; round++) {
        for (size_t i = 0; i < n; i++) {
            void **cell = gcx_alloc_kind(kinds[i], 16);
            cell[0] = lists[i];
            lists[i] = cell;
        }
        gcx_collect(round % 10 == 9 ? GCX_FULL : GCX_MINOR);
    }
    for (size_t i = 0; i < n; i++) {
        size_t length = 0;
        for (void **cell = lists[i]; cell != NULL; cell = cell[0]) {
            length++;
        }
        if (length != 100) {
            return 2;
        }
    }
    return 0;
}

static void test_as_many_kinds_as_there_are(void **state)
{
    (void)state;
    static struct child_result result;
    child_run(&result, "too_many_kinds", "", NULL);
    assert_true(child_ok(&result));
}

/* ---- Threads -------------------------------------------------------------- */

static void *thread_main(void *arg)
{
    gcx_kind kind = kind_of(16, 1, NULL);
    size_t *bad = arg;
    for (int round = 0; round < 20; round++) {
        void **list = NULL;
        for (uintptr_t i = 0; i < scaled(5000); i++) {
            void **cell = gcx_alloc_kind(kind, 16);
            cell[0] = list;
            cell[1] = (void *)(i << 1 | 1);
            list = cell;
        }
        uintptr_t want = scaled(5000);
        for (; list != NULL; list = list[0]) {
            *bad += (uintptr_t)list[1] != (--want << 1 | 1);
        }
        *bad += want != 0;
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    size_t bad[THREADS] = {0};
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(gcx_thread_create(&threads[i], NULL, thread_main, &bad[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(bad[i], 0);
    }
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"too_many_kinds", child_too_many_kinds}};
    if (child_is(argc, argv)) {
        return child_main(argv, children, COUNT_OF(children));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_named_words_in_full_cycles),
        cmocka_unit_test(test_only_named_words_in_minor_cycles),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_wide_elements),
        cmocka_unit_test(test_a_kind_without_pointers),
        cmocka_unit_test(test_objects_are_zeroed_when_memory_is_reused),
        cmocka_unit_test(test_traced_vectors),
        cmocka_unit_test(test_traced_ranges),
        cmocka_unit_test(test_a_callback_that_allocates_is_told),
        cmocka_unit_test(test_stores_into_old_objects),
        cmocka_unit_test(test_realloc_keeps_the_kind),
        cmocka_unit_test(test_mistakes_in_layouts),
        cmocka_unit_test(test_mistakes_in_allocation),
        cmocka_unit_test(test_as_many_kinds_as_there_are),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
