/* test_scope.c -- scopes: what is used again, what stays, how they end.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/scope.h>

#include "../support/capture.h"
#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

/* ---- Reuse ---- */

static NOINLINE hidden_ptr one_object(enum gcx_promise promise, size_t size)
{
    hidden_ptr h = 0;
    GCX_SCOPE_AS(s, promise)
    {
        char *p = gcx_scope_alloc(size);
        assert_non_null(p);
        assert_true(all_bytes(p, size, 0));
        memset(p, 0xaa, size);
        h = hide(p);
    }
    return h;
}

/* A cycle may come between any two scopes in builds for stress. */
static void assert_same(hidden_ptr a, hidden_ptr b)
{
    if (!is_stressed())
        assert_int_equal(a, b);
}

static void trusted_memory_is_used_again_at_once(void **state)
{
    (void)state;
    for (size_t size = 8; size <= 8192; size *= 2) {
        one_object(GCX_PROMISE_TRUSTED, size); /* the lane has its block */
        hidden_ptr first = one_object(GCX_PROMISE_TRUSTED, size);
        assert_same(first, one_object(GCX_PROMISE_TRUSTED, size));
    }
}

static void quarantined_memory_is_not(void **state)
{
    (void)state;
    hidden_ptr first = one_object(GCX_PROMISE_QUARANTINED, 64);
    assert_int_not_equal(first, one_object(GCX_PROMISE_QUARANTINED, 64));
    assert_int_not_equal(first, one_object(GCX_PROMISE_DEFAULT, 64));
    assert_int_not_equal(first, one_object(GCX_PROMISE_VERIFIED, 64)); /* no barrier */
}

static void many_blocks_are_used_again(void **state)
{
    (void)state;
    collect_full();
    struct gcx_stats before = stats_now();
    for (size_t i = 0; i < scaled(300); i++)
        GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
        {
            for (size_t k = 0; k < 10000; k++)
                if (*(uint64_t *)gcx_scope_alloc(64) != 0)
                    fail();
                else
                    memset(gcx_scope_alloc_noscan(40), 1, 40);
        }
    struct gcx_stats after = stats_now();
    assert_true(after.heap_bytes <= before.heap_bytes + (8 << 20));
    if (!is_stressed())
        assert_true(after.minor_cycles + after.full_cycles <=
                    before.minor_cycles + before.full_cycles + 1);
    assert_true(after.total_allocs - before.total_allocs >= scaled(300) * 20000);
}

/* ---- Ways out ---- */

static int ways_out(int way)
{
    int passed = 0;
    for (int round = 0; round < 2; round++) {
        GCX_SCOPE_AS(outer, GCX_PROMISE_TRUSTED)
        {
            GCX_SCOPE_AS(inner, GCX_PROMISE_TRUSTED)
            {
                memset(gcx_scope_alloc(48), 1, 48);
                if (way == 0)
                    return 100;
                if (way == 1)
                    break;
                if (way == 2)
                    goto out;
                if (way == 3)
                    continue;
                passed++;
            }
            passed += 10;
        }
    }
out:
    return passed;
}

static void every_way_out_ends_the_scope(void **state)
{
    static const int expected[] = {100, 20, 0, 20, 22};
    (void)state;
    for (int way = 0; way < 5; way++) {
        one_object(GCX_PROMISE_TRUSTED, 48);
        hidden_ptr before = one_object(GCX_PROMISE_TRUSTED, 48);
        assert_int_equal(ways_out(way), expected[way]);
        assert_same(before, one_object(GCX_PROMISE_TRUSTED, 48));
    }
}

static NOINLINE void jump_out(jmp_buf env, int depth)
{
    GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
    {
        memset(gcx_scope_alloc(96), 0xcc, 96);
        if (depth > 0)
            jump_out(env, depth - 1);
        longjmp(env, 1);
    }
}

static void longjmp_leaves_scopes(void **state)
{
    jmp_buf env;
    (void)state;
    for (volatile int i = 0; i < 50; i++) {
        GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
        {
            char *volatile mine = gcx_scope_alloc(96);
            pattern_fill(mine, 96, 7);
            if (setjmp(env) == 0)
                jump_out(env, i);
            for (int k = 0; k < 2000; k++)
                memset(gcx_scope_alloc(96), 0xee, 96);
            one_object(GCX_PROMISE_TRUSTED, 96);
            assert_true(pattern_intact(mine, 96, 7));
        }
    }
    one_object(GCX_PROMISE_TRUSTED, 96);
    hidden_ptr before = one_object(GCX_PROMISE_TRUSTED, 96);
    assert_same(before, one_object(GCX_PROMISE_TRUSTED, 96));
}

static NOINLINE uint64_t nest(int depth)
{
    uint64_t sum = 0;
    GCX_SCOPE_AS(s, depth % 7 == 3 ? GCX_PROMISE_QUARANTINED : GCX_PROMISE_TRUSTED)
    {
        uint64_t *p = gcx_scope_alloc(64);
        *p = (uint64_t)depth;
        if (depth > 0)
            sum = nest(depth - 1) + nest(0);
        else
            memset(gcx_scope_alloc(256), 1, 256);
        assert_int_equal(*p, depth);
        sum += *p;
    }
    return sum;
}

static void scopes_nest_a_thousand_deep(void **state)
{
    (void)state;
    assert_int_equal(nest(2000), 2000 * 2001 / 2);
    assert_int_equal(nest(2000), 2000 * 2001 / 2);
}

/* ---- Leaving ---- */

struct node {
    struct node *next;
    struct node *other;
    uint64_t words[5];
};

static struct node *keep; /* a root */

static struct node *make_node(struct node *next, uint64_t seed)
{
    struct node *n = gcx_scope_alloc(sizeof *n);
    assert_non_null(n);
    n->next = next;
    pattern_fill(n->words, sizeof n->words, seed);
    return n;
}

static int list_is_intact(const struct node *n, uint64_t length)
{
    for (; n != NULL; n = n->next)
        if (length-- == 0 || !pattern_intact(n->words, sizeof n->words, length))
            return 0;
    return length == 0;
}

static NOINLINE void fill_scopes(void)
{
    for (int i = 0; i < 5; i++)
        GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
        {
            for (int k = 0; k < 3000; k++) {
                memset(gcx_scope_alloc(sizeof(struct node)), 0xee, sizeof(struct node));
                memset(gcx_scope_alloc_noscan(40), 0xdd, 40);
            }
        }
    clear_stack();
}

static NOINLINE void leave_a_list(enum gcx_promise promise, int is_late)
{
    GCX_SCOPE_AS(s, promise)
    {
        struct node *list = NULL;
        if (is_late)
            gcx_escape(list = keep = make_node(NULL, 0));
        for (uint64_t i = is_late ? 1 : 0; i < 500; i++) {
            memset(gcx_scope_alloc(sizeof(struct node)), 0x77, sizeof(struct node));
            list = make_node(list, i);
        }
        if (is_late) {
            keep->other = list; /* after it was said to leave */
        } else {
            keep = gcx_escape(list);
        }
    }
}

static void what_leaves_takes_along_what_it_leads_to(void **state)
{
    (void)state;
    for (int is_late = 0; is_late < 2; is_late++) {
        leave_a_list(GCX_PROMISE_TRUSTED, is_late);
        struct node *list = is_late ? keep->other : keep;
        assert_true(list_is_intact(list, 500));
        fill_scopes();
        collect_minor();
        fill_scopes();
        assert_true(list_is_intact(list, 500));
        collect_full();
        fill_scopes();
        assert_true(list_is_intact(list, 500));
        keep = NULL;
    }
}

static void what_left_goes_with_a_full_cycle(void **state)
{
    hidden_ptr h[500];
    size_t n = 0;
    (void)state;
    leave_a_list(GCX_PROMISE_TRUSTED, 0);
    for (const struct node *p = keep; p != NULL; p = p->next)
        h[n++] = hide(p);
    collect_minor();
    assert_int_equal(count_gone(h, 500), 0);
    keep = NULL;
    collect_full();
    assert_true(count_gone(h, 500) >= 450);
}

/* An old object that left the scope points at what was made later. */
static void what_left_is_remembered(void **state)
{
    (void)state;
    leave_a_list(GCX_PROMISE_TRUSTED, 0);
    for (int i = 0; i < 50; i++) {
        struct node *fresh = gcx_alloc(sizeof *fresh);
        pattern_fill(fresh->words, sizeof fresh->words, 9);
        gcx_store(keep, (void **)&keep->other, fresh);
        fresh = NULL;
        collect_minor();
        churn(sizeof *fresh, 1000);
        assert_true(pattern_intact(keep->other->words, sizeof keep->other->words, 9));
    }
    assert_true(list_is_intact(keep, 500));
    keep = NULL;
}

static void quarantined_objects_need_no_word(void **state)
{
    (void)state;
    GCX_SCOPE_AS(outer, GCX_PROMISE_TRUSTED)
    {
        GCX_SCOPE(s)
        {
            struct node *list = NULL;
            for (uint64_t i = 0; i < 500; i++)
                list = make_node(list, i);
            keep = list;
        }
        fill_scopes();
    }
    fill_scopes();
    assert_true(list_is_intact(keep, 500));
    collect_minor();
    fill_scopes();
    assert_true(list_is_intact(keep, 500));
    keep = NULL;
}

static void an_object_of_an_outer_scope_stays(void **state)
{
    (void)state;
    GCX_SCOPE_AS(outer, GCX_PROMISE_TRUSTED)
    {
        struct node *list = NULL;
        for (uint64_t i = 0; i < 200; i++) {
            list = make_node(list, i);
            GCX_SCOPE_AS(inner, GCX_PROMISE_TRUSTED)
            {
                for (int k = 0; k < 50; k++)
                    make_node(list, 77);
            }
        }
        assert_true(list_is_intact(list, 200));
    }
}

/* ---- Cycles, watchers, resizing ---- */

static void a_cycle_may_come_within(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
        {
            struct node *list = NULL;
            for (uint64_t k = 0; k < 300; k++) {
                list = make_node(list, k);
                if (k == 100)
                    gcx_collect(i % 2 == 0 ? GCX_MINOR : GCX_FULL);
            }
            fill_scopes();
            assert_true(list_is_intact(list, 300));
        }
}

static int cleaned;

static void on_clean(void *arg)
{
    cleaned += (int)(intptr_t)arg;
}

static NOINLINE gcx_weak *watch_one(void)
{
    gcx_weak *weak = NULL;
    GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
    {
        struct node *n = make_node(NULL, 1);
        weak = gcx_weak_create(n);
        gcx_cleanup_add(n, on_clean, (void *)1);
        assert_ptr_equal(gcx_weak_get(weak), n);
    }
    return weak;
}

static void watched_objects_are_told_of(void **state)
{
    (void)state;
    cleaned = 0;
    gcx_weak *weak[20];
    for (size_t i = 0; i < 20; i++) {
        weak[i] = watch_one();
        GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
        {
            const struct node *another = make_node(NULL, 2);
            assert_ptr_not_equal(gcx_weak_get(weak[i]), another);
        }
    }
    fill_scopes();
    collect_full();
    gcx_run_finalizers();
    size_t cleared = 0;
    for (size_t i = 0; i < 20; i++)
        cleared += gcx_weak_get(weak[i]) == NULL;
    assert_true(cleared >= 18);
    for (int i = 0; i < 1000 && __atomic_load_n(&cleaned, __ATOMIC_RELAXED) < (int)cleared; i++)
        usleep(1000);
    assert_int_equal(__atomic_load_n(&cleaned, __ATOMIC_RELAXED), cleared);
}

static void resized_objects_stay_what_they_are(void **state)
{
    struct node **grown = NULL;
    (void)state;
    GCX_SCOPE_AS(outer, GCX_PROMISE_TRUSTED)
    {
        grown = gcx_scope_alloc(16);
        grown[0] = make_node(NULL, 0);
        GCX_SCOPE_AS(inner, GCX_PROMISE_TRUSTED)
        {
            for (size_t size = 32; size < 20000; size *= 2)
                grown = gcx_realloc(grown, size);
        }
        fill_scopes();
        assert_true(list_is_intact(grown[0], 1));
    }
    fill_scopes();
    assert_true(list_is_intact(grown[0], 1)); /* gcx_realloc kept the scope from reuse */
}

static void objects_may_be_freed_early(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
        {
            struct node *list = NULL;
            for (uint64_t k = 0; k < 500; k++) {
                struct node *dead = make_node(NULL, 99);
                list = make_node(list, k);
                gcx_free(dead);
            }
            assert_true(list_is_intact(list, 500));
        }
}

static void a_scope_may_grow(void **state)
{
    (void)state;
    struct gcx_stats before = stats_now();
    GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
    {
        struct node *list = NULL;
        for (size_t i = 0; i < scaled(8000000); i++) {
            if (i % 100000 == 0)
                list = make_node(list, i / 100000);
            memset(gcx_scope_alloc(64), 1, 64);
        }
        assert_true(list_is_intact(list, (scaled(8000000) + 99999) / 100000));
    }
    assert_true(stats_now().heap_bytes < before.heap_bytes + (256 << 20));
}

/* ---- Much leaves ---- */

enum { LEFT_WORDS = 14, LEFT_COUNT = 4000, LEFT_SCOPES = 20, NEXT_COUNT = 500 };

static uint64_t *new_words(uint64_t seed)
{
    uint64_t *words = gcx_scope_alloc(LEFT_WORDS * sizeof *words);
    if (words == NULL || !all_bytes(words, LEFT_WORDS * sizeof *words, 0))
        fail();
    pattern_fill(words, LEFT_WORDS * sizeof *words, seed);
    return words;
}

/* Two of three leave, into an array that may be NULL. */
static NOINLINE void leave_two_of_three(uint64_t **left)
{
    GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
    {
        for (uint64_t i = 0; i < LEFT_COUNT; i++) {
            uint64_t *words = new_words(i);
            if (i % 3 != 0 && left != NULL)
                gcx_store(left, (void **)&left[i], gcx_escape(words));
        }
    }
}

static void assert_left_is_intact(uint64_t *const *left)
{
    for (uint64_t i = 0; i < LEFT_COUNT; i++)
        if (i % 3 != 0 && !pattern_intact(left[i], LEFT_WORDS * sizeof **left, i))
            fail();
}

/* How many objects of a scope lie next to the one before. */
static NOINLINE size_t count_neighbours(void)
{
    size_t neighbours = 0;
    GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
    {
        const uint64_t *before = new_words(0);
        for (uint64_t i = 1; i < NEXT_COUNT; i++) {
            const uint64_t *words = new_words(i);
            neighbours += words == before + LEFT_WORDS;
            before = words;
        }
    }
    return neighbours;
}

/* Gaps between what left are not what the next scope has to make do with. */
static void what_left_does_not_scatter_the_next_scope(void **state)
{
    uint64_t **left = gcx_alloc_root(LEFT_COUNT * sizeof *left);
    (void)state;
    leave_two_of_three(left);
    size_t neighbours = count_neighbours();
    if (!is_stressed())
        assert_true(neighbours > NEXT_COUNT / 2);
    assert_left_is_intact(left);
    gcx_free(left);
}

static void much_may_leave_within_a_scope(void **state)
{
    uint64_t ***left = gcx_alloc_root(LEFT_SCOPES * sizeof *left);
    (void)state;
    collect_full();
    struct gcx_stats before = stats_now();
    GCX_SCOPE_AS(outer, GCX_PROMISE_TRUSTED)
    {
        uint64_t *own[NEXT_COUNT];
        for (uint64_t i = 0; i < NEXT_COUNT; i++)
            own[i] = new_words(i);
        for (size_t k = 0; k < LEFT_SCOPES; k++) {
            left[k] = gcx_alloc(LEFT_COUNT * sizeof **left);
            leave_two_of_three(left[k]);
            leave_two_of_three(NULL);
        }
        for (uint64_t i = 0; i < NEXT_COUNT; i++)
            assert_true(pattern_intact(own[i], LEFT_WORDS * sizeof **own, i));
    }
    count_neighbours();
    for (size_t k = 0; k < LEFT_SCOPES; k++)
        assert_left_is_intact(left[k]);
    gcx_free(left);
    collect_full();
    assert_true(stats_now().live_bytes < before.live_bytes + (2 << 20));
}

static void sizes_and_kinds(void **state)
{
    (void)state;
    GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
    {
        for (size_t size = 0; size < 100000; size += 1 + size / 7) {
            char *p = gcx_scope_alloc(size);
            char *q = gcx_scope_alloc_noscan(size);
            assert_true(p != NULL && q != NULL && (uintptr_t)p % 16 == 0);
            assert_true(all_bytes(p, size, 0));
            assert_true(gcx_size(p) >= size && gcx_size(q) >= size);
            assert_ptr_equal(gcx_base(p + size / 2), p);
            memset(p, 1, size);
            memset(q, 2, size);
        }
    }
    errno = 0;
    assert_null(gcx_scope_alloc(PTRDIFF_MAX));
    assert_int_equal(errno, ENOMEM);
}

/* ---- Hints ---- */

static void hints(void **state)
{
    struct capture c;
    hidden_ptr h[100];
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        struct node *n = gcx_alloc_hint(sizeof *n, GCX_HINT_LONG_LIVED);
        assert_true(all_bytes(n, sizeof *n, 0));
        pattern_fill(n, sizeof *n, i);
        h[i] = hide(n);
    }
    collect_minor();    /* old: nobody leads to them, and still they are there */
    if (!is_stressed()) /* full cycles come by themselves there */
        assert_int_equal(count_intact(h, 100, sizeof(struct node), 0), 100);
    collect_full();
    assert_true(count_gone(h, 100) >= 90);
    for (unsigned hint = 0; hint < 8; hint++) {
        int is_bad = (hint & 3) == 3;
        capture_begin(&c);
        void *p = gcx_alloc_hint(100, hint);
        assert_true((strstr(capture_end(&c), "gcx_alloc_hint") != NULL) == is_bad);
        assert_true((p == NULL) == is_bad);
    }
    capture_begin(&c);
    assert_null(gcx_alloc_hint(100, 8));
    assert_int_equal(errno, EINVAL);
    capture_end(&c);
}

static void a_long_lived_object_is_remembered(void **state)
{
    (void)state;
    keep = gcx_alloc_hint(sizeof *keep, GCX_HINT_LONG_LIVED);
    for (int i = 0; i < 20; i++) {
        struct node *fresh = gcx_alloc(sizeof *fresh);
        pattern_fill(fresh->words, sizeof fresh->words, 3);
        gcx_store(keep, (void **)&keep->other, fresh);
        fresh = NULL;
        collect_minor();
        churn(sizeof *fresh, 1000);
        assert_true(pattern_intact(keep->other->words, sizeof keep->other->words, 3));
    }
    keep = NULL;
}

/* ---- Misuse ---- */

static void ends_out_of_order(void **state)
{
    struct capture c;
    struct gcx_scope a, b;
    (void)state;
    assert_int_equal(gcx_scope_begin(&a, GCX_PROMISE_TRUSTED), 0);
    struct node *one = make_node(NULL, 0);
    assert_int_equal(gcx_scope_begin(&b, GCX_PROMISE_TRUSTED), 0);
    struct node *two = make_node(one, 1);
    capture_begin(&c);
    assert_int_equal(gcx_scope_end(&a), -1);
    assert_int_equal(errno, EINVAL);
    assert_non_null(strstr(capture_end(&c), "still open"));
    fill_scopes();
    assert_true(list_is_intact(two, 2));
    assert_int_equal(gcx_scope_end(&b), 0);
    fill_scopes();
    assert_true(list_is_intact(two, 2)); /* both are quarantined */
}

static void *end_it(void *scope)
{
    return (void *)(intptr_t)gcx_scope_end(scope);
}

static void ends_that_do_not_fit(void **state)
{
    struct capture c;
    struct gcx_scope a;
    pthread_t thread;
    void *result;
    (void)state;
    assert_int_equal(gcx_scope_begin(&a, GCX_PROMISE_TRUSTED), 0);
    capture_begin(&c);
    assert_int_equal(pthread_create(&thread, NULL, end_it, &a), 0);
    pthread_join(thread, &result);
    assert_int_equal((intptr_t)result, -1);
    assert_int_equal(gcx_scope_end(&a), 0);
    assert_int_equal(gcx_scope_end(&a), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gcx_scope_end(NULL), -1);
    assert_int_equal(gcx_scope_begin(NULL, GCX_PROMISE_TRUSTED), -1);
    assert_int_equal(gcx_scope_begin(&a, (enum gcx_promise)9), -1);
    assert_int_equal(errno, EINVAL);
    assert_non_null(strstr(capture_end(&c), "not open"));
    assert_null(gcx_escape(NULL));
    assert_ptr_equal(gcx_escape(&a), &a);
}

static void the_default_promise(void **state)
{
    (void)state;
    assert_int_equal(gcx_set_promise(GCX_PROMISE_DEFAULT), GCX_PROMISE_QUARANTINED);
    assert_int_equal(gcx_set_promise(GCX_PROMISE_TRUSTED), GCX_PROMISE_QUARANTINED);
    one_object(GCX_PROMISE_DEFAULT, 64);
    hidden_ptr first = one_object(GCX_PROMISE_DEFAULT, 64);
    assert_same(first, one_object(GCX_PROMISE_DEFAULT, 64));
    assert_int_equal(gcx_set_promise(GCX_PROMISE_QUARANTINED), GCX_PROMISE_TRUSTED);
    gcx_set_promise((enum gcx_promise)7);
    assert_int_equal(errno, EINVAL);
}

/* ---- A million scopes ---- */

enum { TABLE = 512, SCOPE_NODES = 24 };

/* size and seed are told by the object itself; its sum proves that nobody else
 * was given its memory. */
struct item {
    struct item *kids[2];
    uint64_t seed;
    uint64_t sum;
    uint64_t words[];
};

/* Where items leave to. */
static struct item *table[TABLE]; /* static data */
static struct item **heap_table;  /* a heap object, old soon */
static struct item *mailbox;      /* to the other thread; atomic */
static int is_over;

static size_t item_words(uint64_t seed)
{
    return 1 + pattern_word(seed, 0) % (seed % 16 == 0 ? 200 : 12);
}

static uint64_t item_sum(const struct item *item)
{
    uint64_t sum = item->seed * 31;
    for (size_t i = 0; i < item_words(item->seed); i++)
        sum = (sum ^ item->words[i]) * UINT64_C(0x100000001b3);
    return sum | UINT64_C(0x8000000000000001);
}

static struct item *make_item(uint64_t seed)
{
    size_t bytes = sizeof(struct item) + item_words(seed) * 8;
    struct item *item = gcx_scope_alloc(bytes);
    if (item == NULL || !all_bytes(item, bytes, 0))
        abort();
    item->seed = seed | UINT64_C(0x8000000000000000);
    for (size_t i = 0; i < item_words(item->seed) && i * 8 + sizeof *item < bytes; i++)
        item->words[i] = pattern_word(seed, i);
    item->sum = item_sum(item);
    return item;
}

static void check_item(const struct item *item, int depth)
{
    for (; item != NULL; item = item->kids[depth & 1]) {
        if (item->sum != item_sum(item)) {
            fprintf(stderr, "item %p was overwritten\n", (const void *)item);
            abort();
        }
        if (--depth < 0)
            return;
        check_item(item->kids[~depth & 1], depth / 2);
    }
}

struct player {
    struct random random;
    enum gcx_promise promise;
    int is_chatty; /* has a partner thread */
};

static struct item *leaves(const struct player *p, struct item *item)
{
    return p->promise == GCX_PROMISE_TRUSTED ? gcx_escape(item) : item;
}

/* Builds a graph in the scope, of items that may point to what left before. */
static struct item *play_items(struct player *p, struct item *outer)
{
    struct item *items[SCOPE_NODES];
    size_t n = 1 + random_below(&p->random, SCOPE_NODES);
    for (size_t i = 0; i < n; i++) {
        items[i] = make_item(random_next(&p->random) | UINT64_C(0x8000000000000000));
        for (int k = 0; k < 2; k++) {
            struct item *kid = NULL;
            uint32_t dice = random_below(&p->random, 8);
            if (dice < 4 && i > 0)
                kid = items[random_below(&p->random, (uint32_t)i)];
            else if (dice == 4)
                kid = table[random_below(&p->random, TABLE)];
            else if (dice == 5)
                kid = outer;
            gcx_store(items[i], (void **)&items[i]->kids[k], kid);
        }
    }
    return items[random_below(&p->random, (uint32_t)n)];
}

/* Where an item goes: mostly nowhere. Says whether it is to be returned. */
static int play_leave(struct player *p, struct item *item)
{
    uint32_t place = random_below(&p->random, TABLE);
    switch (random_below(&p->random, 12)) {
    case 0:
        gcx_store(NULL, (void **)&table[place], leaves(p, item));
        return 0;
    case 1:
        gcx_store(heap_table, (void **)&heap_table[place], leaves(p, item));
        return 0;
    case 2: /* into an object that left before */
        if (table[place] != NULL && !p->is_chatty)
            gcx_store(table[place], (void **)&table[place]->kids[0], leaves(p, item));
        return 0;
    case 3:
        if (!p->is_chatty)
            return 0;
        if (p->promise == GCX_PROMISE_VERIFIED)
            gcx_escape(item); /* an atomic store, not gcx_store */
        __atomic_store_n(&mailbox, leaves(p, item), __ATOMIC_RELEASE);
        return 0;
    case 4:
        return 1;
    default:
        return 0;
    }
}

static NOINLINE struct item *play_scope(struct player *p, struct item *outer, int depth)
{
    struct item *result = NULL;
    GCX_SCOPE_AS(s, p->promise)
    {
        struct item *item = play_items(p, outer);
        if (depth > 0 && random_percent(&p->random, 30)) {
            struct item *inner = play_scope(p, item, depth - 1);
            if (inner != NULL) {
                check_item(inner, 6);
                if (!p->is_chatty) /* the partner may be reading it */
                    gcx_store(item, (void **)&item->kids[1], inner);
            }
        }
        check_item(item, 8);
        if (random_below(&p->random, 2000) == 0)
            gcx_collect(random_percent(&p->random, 20) ? GCX_FULL : GCX_MINOR);
        if (play_leave(p, item)) {
            result = leaves(p, item);
            if (random_percent(&p->random, 50))
                return result;
        }
    }
    return result;
}

static void play(struct player *p, size_t scopes)
{
    for (size_t i = 0; i < scopes; i++) {
        struct item *result = play_scope(p, NULL, 3);
        uint32_t place = random_below(&p->random, TABLE);
        check_item(result, 8);
        if (result != NULL)
            gcx_store(heap_table, (void **)&heap_table[place], result);
        check_item(table[place], 8);
        check_item(heap_table[TABLE - 1 - place], 8);
        if (i % 256 == 0) /* or the graph would grow for ever */
            memset(table, 0, sizeof table);
        if (i % 512 == 0)
            memset(heap_table, 0, TABLE * sizeof *heap_table);
    }
}

/* Keeps what it is sent, and leads its kids away from where they were found. */
static void *partner(void *arg)
{
    struct item *kept[8] = {NULL};
    (void)arg;
    for (size_t i = 0; !__atomic_load_n(&is_over, __ATOMIC_ACQUIRE); i++) {
        struct item *got = __atomic_load_n(&mailbox, __ATOMIC_ACQUIRE);
        if (got != NULL)
            kept[i % 8] = got;
        check_item(kept[(i + 3) % 8], 6);
        if (i % 64 == 0)
            gcx_alloc(48);
    }
    gcx_keep_alive(kept);
    return NULL;
}

static int play_many(const char *arg)
{
    pthread_t thread;
    struct player p = {{(uint64_t)atoi(arg + 1) + 1}, (enum gcx_promise)(arg[0] - '0'), 0};
    size_t scopes = scaled(150000);
    heap_table = gcx_alloc(TABLE * sizeof *heap_table);
    keep = (struct node *)heap_table;
    p.is_chatty = arg[1] == '7';
    if (p.is_chatty && gcx_thread_create(&thread, NULL, partner, NULL) != 0)
        return 2;
    play(&p, scopes);
    __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
    if (p.is_chatty)
        pthread_join(thread, NULL);
    return 0;
}

static void play_in_child(const char *arg, const char *barrier)
{
    struct child_result *result = malloc(sizeof *result);
    const char *variables[] = {barrier, is_stressed() ? "GCX_STRESS=200" : "GCX_NURSERY=1MiB",
                               NULL};
    child_run(result, "play", arg, variables);
    assert_true(child_ok(result));
    free(result);
}

static void nothing_reachable_is_used_again_quarantined(void **state)
{
    (void)state;
    play_in_child("11", "GCX_BARRIER=auto");
    play_in_child("17", "GCX_BARRIER=explicit");
}

static void nothing_reachable_is_used_again_verified(void **state)
{
    (void)state;
    play_in_child("21", "GCX_BARRIER=explicit");
    play_in_child("22", "GCX_BARRIER=explicit");
    play_in_child("27", "GCX_BARRIER=explicit");
}

static void nothing_that_was_named_is_used_again_trusted(void **state)
{
    (void)state;
    play_in_child("31", "GCX_BARRIER=auto");
    play_in_child("32", "GCX_BARRIER=none");
    play_in_child("33", "GCX_BARRIER=explicit");
    play_in_child("37", "GCX_BARRIER=auto");
}

/* ---- Verified ---- */

static NOINLINE struct node *return_one(uint64_t seed)
{
    GCX_SCOPE_AS(s, GCX_PROMISE_VERIFIED)
    {
        return make_node(make_node(NULL, seed), seed + 1);
    }
    return NULL;
}

/* In frames that are gone at the end of the scope: what a frame around it holds
 * would count as returned. */
static NOINLINE hidden_ptr work_in_scope(void)
{
    struct node *list = NULL;
    for (uint64_t i = 0; i < 100; i++) {
        list = make_node(NULL, i);
        gcx_store(list, (void **)&list->next, make_node(NULL, 100 + i));
    }
    hidden_ptr h = hide(list);
    list = NULL;
    clear_stack();
    return h;
}

static NOINLINE hidden_ptr verified_once(void)
{
    hidden_ptr h = 0;
    GCX_SCOPE_AS(s, GCX_PROMISE_VERIFIED)
    {
        h = work_in_scope();
    }
    return h;
}

static NOINLINE void store_one(struct node *outer, uint64_t seed)
{
    struct node *n = make_node(NULL, seed);
    gcx_store(n, (void **)&n->next, outer->next);
    gcx_store(outer, (void **)&outer->next, n);
    clear_stack();
}

static NOINLINE void store_into_outer(struct node *outer, uint64_t length)
{
    for (uint64_t i = 0; i < length; i++)
        GCX_SCOPE_AS(inner, GCX_PROMISE_VERIFIED)
        {
            store_one(outer, i);
        }
}

static NOINLINE int outer_holds_what_inner_stored(void)
{
    int is_right = 0;
    GCX_SCOPE_AS(outer, GCX_PROMISE_VERIFIED)
    {
        struct node *first = make_node(NULL, 0);
        store_into_outer(first, 50);
        is_right = list_is_intact(first->next, 50);
    }
    return is_right;
}

/* The first stores into an object that is old from the start need no barrier. */
static NOINLINE void make_long_lived(void)
{
    struct node *fresh = gcx_alloc(sizeof *fresh);
    pattern_fill(fresh->words, sizeof fresh->words, 4);
    keep = gcx_alloc_hint(sizeof *keep, GCX_HINT_LONG_LIVED);
    keep->other = fresh;
}

static int long_lived_is_remembered(void)
{
    for (int i = 0; i < 20; i++) {
        make_long_lived();
        collect_minor();
        churn(sizeof *keep, 1000);
        if (gcx_base(keep->other) != keep->other ||
            !pattern_intact(keep->other->words, sizeof keep->other->words, 4))
            return 0;
    }
    return 1;
}

static int verified_child(const char *arg)
{
    (void)arg;
    if (!long_lived_is_remembered())
        return 6;
    if (!outer_holds_what_inner_stored())
        return 5;
    verified_once();
    hidden_ptr first = verified_once();
    if (first != verified_once() && !is_stressed() && !SANITIZED)
        return 1; /* used again */
    struct node *returned = return_one(0);
    if (!list_is_intact(returned, 2))
        return 2;
    fill_scopes();
    for (int i = 0; i < 100; i++)
        return_one(5);
    if (!list_is_intact(returned, 2))
        return 3;
    GCX_SCOPE_AS(s, GCX_PROMISE_VERIFIED)
    {
        struct node *list = NULL;
        for (uint64_t i = 0; i < 100; i++)
            list = make_node(list, i);
        gcx_store(NULL, (void **)&keep, list);
    }
    fill_scopes();
    for (int i = 0; i < 100; i++)
        return_one(5);
    return list_is_intact(keep, 100) ? 0 : 4;
}

static void verified_scopes(void **state)
{
    struct child_result *result = malloc(sizeof *result);
    const char *variables[] = {"GCX_BARRIER=explicit", NULL};
    (void)state;
    child_run(result, "verified", "", variables);
    assert_true(child_ok(result));
    free(result);
}

/* ---- Threads ---- */

static void *thread_main(void *arg)
{
    struct player p = {{(uintptr_t)arg}, GCX_PROMISE_TRUSTED, 1};
    for (size_t i = 0; i < scaled(20000); i++)
        GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
        {
            check_item(play_items(&p, NULL), 8);
        }
    return NULL;
}

static void threads_have_scopes_of_their_own(void **state)
{
    pthread_t threads[6];
    (void)state;
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(gcx_thread_create(&threads[i], NULL, thread_main, (void *)(i + 1)), 0);
    for (size_t i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
}

/* Another thread says that an object leaves which it was shown. */
static void *escape_it(void *arg)
{
    struct node **shown = arg;
    gcx_alloc(16);
    keep = gcx_escape(*shown);
    return NULL;
}

static void another_thread_may_say_it(void **state)
{
    (void)state;
    GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
    {
        pthread_t thread;
        struct node *shown = make_node(make_node(NULL, 0), 1);
        assert_int_equal(pthread_create(&thread, NULL, escape_it, &shown), 0);
        pthread_join(thread, NULL);
    }
    fill_scopes();
    assert_true(list_is_intact(keep, 2));
    keep = NULL;
}

/* ---- Checked mode ---- */

/* Than the program does: words that it has done with. */
#ifdef __clang__
#define STACK_HOLDS_MORE 1
#else
#define STACK_HOLDS_MORE SANITIZED
#endif

static struct node *NOINLINE forget_to_say(void)
{
    struct node *result = NULL;
    GCX_SCOPE_AS(s, GCX_PROMISE_TRUSTED)
    {
        make_node(NULL, 0);
        result = make_node(NULL, 1);
        gcx_escape(make_node(NULL, 2));
    }
    return result;
}

static int checked_child(const char *arg)
{
    if (arg[0] == 'e') {
        keep = forget_to_say();
    } else if (arg[0] == 'w') {
        hidden_ptr h = hide(forget_to_say());
        ((struct node *)reveal(h))->words[0] = 1;
    } else {
        for (int i = 0; i < 20; i++)
            leave_a_list(GCX_PROMISE_TRUSTED, 0);
        if (!list_is_intact(keep, 500))
            return 1;
        nest(30);
    }
    collect_full();
    collect_full();
    return 0;
}

static void run_checked(const char *arg, struct child_result *result)
{
    const char *variables[] = {"GCX_CHECK=1", NULL};
    child_run(result, "checked", arg, variables);
    assert_true(child_ok(result));
}

static void checked_mode_tells_of_both_places(void **state)
{
    struct child_result *result = malloc(sizeof *result);
    (void)state;
    run_checked("e", result);
    const char *told = strstr(result->err, "escape from a trusted scope");
    assert_non_null(told);
    assert_non_null(strstr(told, "allocated by"));
    assert_non_null(strstr(told, "freed by"));
    if (!STACK_HOLDS_MORE)
        assert_null(strstr(told + 1, "escape from")); /* once */
    run_checked("w", result);
    told = strstr(result->err, "write after free");
    assert_non_null(told);
    assert_non_null(strstr(told, "allocated by"));
    assert_non_null(strstr(told, "freed by"));
    free(result);
}

static void checked_mode_is_silent_about_the_rest(void **state)
{
    struct child_result *result = malloc(sizeof *result);
    (void)state;
    run_checked("g", result);
    assert_string_equal(result->err, "");
    free(result);
}

/* ---- The report ---- */

enum { STAYS_LINE = __LINE__ + 8, LEAVES_LINE, FOUND_LINE };

static void *volatile found; /* a root */

static NOINLINE void report_scope(enum gcx_promise promise)
{
    GCX_SCOPE_AS(s, promise)
    {
        memset(gcx_scope_alloc(32), 1, 32);
        keep = gcx_escape(gcx_scope_alloc(64));
        found = promise == GCX_PROMISE_QUARANTINED ? gcx_scope_alloc(80) : NULL;
        memset(gcx_alloc(48), 1, 48);
    }
}

static int report_child(const char *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++)
        report_scope(GCX_PROMISE_TRUSTED);
    clear_stack();
    for (int i = 0; i < 10; i++)
        report_scope(GCX_PROMISE_QUARANTINED);
    clear_stack();
    return 0;
}

/* What follows "test_scope.c:<line>: " in the report. */
static const char *reported(const char *text, int line)
{
    char name[64];
    snprintf(name, sizeof name, "test_scope.c:%d: ", line);
    const char *at = strstr(text, name);
    return at != NULL ? at + strlen(name) : "";
}

static void the_report_says_what_outlived_its_scope(void **state)
{
    struct child_result *result = malloc(sizeof *result);
    const char *variables[] = {"GCX_ESCAPE_REPORT=1", NULL};
    (void)state;
    child_run(result, "report", "", variables);
    assert_true(child_ok(result));
    const char *said = reported(result->err, STAYS_LINE);
    assert_int_equal(strncmp(said, "32 bytes x 110: does not escape\n", 32), 0);
    said = reported(result->err, LEAVES_LINE);
    assert_int_equal(strncmp(said, "64 bytes x 110: escapes to heap (", 33), 0);
    said = reported(result->err, FOUND_LINE);
    assert_int_equal(strncmp(said, "80 bytes x 10: escapes to heap (", 32), 0);
    assert_non_null(strstr(said, "of them, seen from the end of the scope at "));
    assert_non_null(strstr(result->err, ": 48 bytes x 110: does not escape, without a hint"));
    free(result);
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"play", play_many},
                                                  {"verified", verified_child},
                                                  {"checked", checked_child},
                                                  {"report", report_child}};
    if (child_is(argc, argv))
        return child_main(argv, children, COUNT_OF(children));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trusted_memory_is_used_again_at_once),
        cmocka_unit_test(quarantined_memory_is_not),
        cmocka_unit_test(many_blocks_are_used_again),
        cmocka_unit_test(every_way_out_ends_the_scope),
        cmocka_unit_test(longjmp_leaves_scopes),
        cmocka_unit_test(scopes_nest_a_thousand_deep),
        cmocka_unit_test(what_leaves_takes_along_what_it_leads_to),
        cmocka_unit_test(what_left_goes_with_a_full_cycle),
        cmocka_unit_test(what_left_is_remembered),
        cmocka_unit_test(quarantined_objects_need_no_word),
        cmocka_unit_test(an_object_of_an_outer_scope_stays),
        cmocka_unit_test(a_cycle_may_come_within),
        cmocka_unit_test(watched_objects_are_told_of),
        cmocka_unit_test(resized_objects_stay_what_they_are),
        cmocka_unit_test(objects_may_be_freed_early),
        cmocka_unit_test(a_scope_may_grow),
        cmocka_unit_test(what_left_does_not_scatter_the_next_scope),
        cmocka_unit_test(much_may_leave_within_a_scope),
        cmocka_unit_test(sizes_and_kinds),
        cmocka_unit_test(hints),
        cmocka_unit_test(a_long_lived_object_is_remembered),
        cmocka_unit_test(ends_out_of_order),
        cmocka_unit_test(ends_that_do_not_fit),
        cmocka_unit_test(the_default_promise),
        cmocka_unit_test(nothing_reachable_is_used_again_quarantined),
        cmocka_unit_test(nothing_reachable_is_used_again_verified),
        cmocka_unit_test(nothing_that_was_named_is_used_again_trusted),
        cmocka_unit_test(verified_scopes),
        cmocka_unit_test(threads_have_scopes_of_their_own),
        cmocka_unit_test(another_thread_may_say_it),
        cmocka_unit_test(checked_mode_tells_of_both_places),
        cmocka_unit_test(checked_mode_is_silent_about_the_rest),
        cmocka_unit_test(the_report_says_what_outlived_its_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
