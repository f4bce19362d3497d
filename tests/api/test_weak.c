/* test_weak.c -- weak and toggle references, ephemerons, disappearing links.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include <gcx/weak.h>

#include "../support/cmocka_all.h"
#include "../support/capture.h"
#include "../support/child.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

enum { LEAF = 48, MANY = 500, FEW = 10 };

static void *make_leaf(uint64_t seed)
{
    void *p = gcx_alloc(LEAF);
    assert_non_null(p);
    pattern_fill(p, LEAF, seed);
    return p;
}

static void collect(enum gcx_cycle cycle)
{
    clear_stack();
    gcx_collect(cycle);
    churn(LEAF, 500);
}

/* ---- Weak references ------------------------------------------------------ */

static NOINLINE void fill_weak(gcx_weak **weak, void **strong, gcx_weak *(*create)(void *obj))
{
    for (size_t i = 0; i < MANY; i++) {
        void *p = make_leaf(i);
        weak[i] = create(p);
        assert_non_null(weak[i]);
        strong[i] = i % 2 == 0 ? p : NULL;
    }
}

/* Counts what is left of the odd ones; the even ones must all be there. */
static NOINLINE size_t check_weak(gcx_weak **weak, void **strong)
{
    size_t left = 0;
    for (size_t i = 0; i < MANY; i++) {
        void *p = gcx_weak_get(weak[i]);
        if (strong[i] != NULL) {
            assert_ptr_equal(p, strong[i]);
        }
        if (p != NULL) {
            assert_true(pattern_intact(p, LEAF, i));
            left += i % 2;
        }
    }
    return left;
}

static void run_weak(enum gcx_cycle cycle, gcx_weak *(*create)(void *obj))
{
    gcx_weak **weak = gcx_alloc_root(MANY * sizeof *weak);
    void **strong = gcx_alloc_root(MANY * sizeof *strong);
    fill_weak(weak, strong, create);
    for (int round = 0; round < 3; round++) {
        collect(cycle);
        assert_true(check_weak(weak, strong) <= FEW);
        clear_stack();
    }
    memset(strong, 0, MANY * sizeof *strong);
    collect(GCX_FULL);
    size_t left = 0;
    for (size_t i = 0; i < MANY; i++) {
        left += gcx_weak_get(weak[i]) != NULL;
    }
    assert_true(left <= FEW);
    gcx_free(strong);
    gcx_free(weak);
}

static void test_weak_references(void **state)
{
    (void)state;
    run_weak(GCX_FULL, gcx_weak_create);
    run_weak(GCX_MINOR, gcx_weak_create);
    run_weak(GCX_FULL, gcx_weak_create_long);
    run_weak(GCX_MINOR, gcx_weak_create_long);
}

/* A reference made to an old object keeps working, in either order of age. */
static void test_weak_to_the_old(void **state)
{
    (void)state;
    void **strong = gcx_alloc_root(sizeof *strong);
    *strong = make_leaf(1);
    collect(GCX_FULL);
    gcx_weak **weak = gcx_alloc_root(sizeof *weak);
    *weak = gcx_weak_create((char *)*strong + 8);
    collect(GCX_MINOR);
    assert_ptr_equal(gcx_weak_get(*weak), (char *)*strong + 8);
    collect(GCX_FULL);
    assert_ptr_equal(gcx_weak_get(*weak), (char *)*strong + 8);
    gcx_weak_clear(*weak);
    assert_null(gcx_weak_get(*weak));
    assert_null(gcx_weak_get(NULL));
    gcx_free(strong);
    gcx_free(weak);
}

/* gcx_free must not lead a weak reference to whatever comes next. */
static void test_free_of_a_watched_object(void **state)
{
    (void)state;
    for (size_t size = 16; size < 300000; size *= 7) {
        void *p = gcx_alloc(size);
        pattern_fill(p, size, size);
        gcx_weak *weak = gcx_weak_create(p);
        gcx_free(p);
        churn(size, 20);
        void *q = gcx_weak_get(weak);
        assert_true(q == NULL || pattern_intact(q, size, size));
    }
}

/* Side by side: the first is watched, then the first two, then all. */
static void test_free_of_watched_neighbours(void **state)
{
    enum { NEIGHBOURS = 24, SIZE = 48 };
    void *p[NEIGHBOURS];
    gcx_weak *weak[NEIGHBOURS];
    (void)state;
    for (size_t watched = 1; watched <= NEIGHBOURS; watched += watched < 3 ? 1 : 21) {
        for (size_t i = 0; i < NEIGHBOURS; i++)
            pattern_fill(p[i] = gcx_alloc(SIZE), SIZE, i);
        for (size_t i = 0; i < watched; i++)
            weak[i] = gcx_weak_create(p[i]);
        for (size_t i = 0; i < NEIGHBOURS; i++)
            gcx_free(p[i]);
        churn(SIZE, 2000);
        for (size_t i = 0; i < watched; i++) {
            void *q = gcx_weak_get(weak[i]);
            assert_true(q == NULL || pattern_intact(q, SIZE, i));
        }
        collect(GCX_FULL);
    }
}

static void test_toggle(void **state)
{
    (void)state;
    gcx_weak **toggle = gcx_alloc_root(MANY * sizeof *toggle);
    void **strong = gcx_alloc_root(MANY * sizeof *strong);
    fill_weak(toggle, strong, gcx_toggle_create);
    memset(strong, 0, MANY * sizeof *strong);
    for (int i = 0; i < 4; i++) {
        collect(i % 2 == 0 ? GCX_MINOR : GCX_FULL);
        for (size_t k = 0; k < MANY; k++) {
            assert_int_equal(gcx_toggle_is_strong(toggle[k]), 1);
            assert_true(pattern_intact(gcx_weak_get(toggle[k]), LEAF, k));
        }
    }
    for (size_t k = 1; k < MANY; k += 2) {
        assert_int_equal(gcx_toggle_set_strong(toggle[k], 0), 0);
    }
    collect(GCX_FULL);
    size_t left = 0;
    for (size_t k = 0; k < MANY; k++) {
        void *p = gcx_weak_get(toggle[k]);
        assert_true(k % 2 == 1 || pattern_intact(p, LEAF, k));
        left += p != NULL && k % 2 == 1;
        if (p == NULL) {
            assert_int_equal(gcx_toggle_set_strong(toggle[k], 1), -1);
            assert_int_equal(errno, ENOENT);
        }
    }
    assert_true(left <= FEW);
    gcx_free(toggle);
    gcx_free(strong);
}

static void test_toggle_mistakes(void **state)
{
    (void)state;
    void *volatile p = make_leaf(1);
    gcx_weak *not_toggles[] = {NULL, gcx_weak_create(p), gcx_weak_create_long(p)};
    for (size_t i = 0; i < COUNT_OF(not_toggles); i++) {
        errno = 0;
        assert_int_equal(gcx_toggle_set_strong(not_toggles[i], 1), -1);
        assert_int_equal(errno, EINVAL);
        assert_int_equal(gcx_toggle_is_strong(not_toggles[i]), 0);
    }
    gcx_weak *toggle = gcx_toggle_create(p);
    assert_int_equal(gcx_toggle_set_strong(toggle, 0), 0);
    assert_int_equal(gcx_toggle_set_strong(toggle, 1), 0);
    assert_int_equal(gcx_toggle_is_strong(toggle), 1);
    gcx_weak_clear(toggle);
    assert_int_equal(gcx_toggle_is_strong(toggle), 0);
    errno = 0;
    assert_int_equal(gcx_toggle_set_strong(toggle, 1), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(gcx_toggle_is_strong(toggle), 0);
}

/* ---- Links ---------------------------------------------------------------- */

static NOINLINE void fill_links(void **links, void **strong, int (*add)(void **link, void *obj))
{
    for (size_t i = 0; i < MANY; i++) {
        void *p = make_leaf(i);
        assert_int_equal(add(&links[i], p), 0);
        strong[i] = i % 2 == 0 ? p : NULL;
    }
}

static void run_links(enum gcx_cycle cycle, int (*add)(void **link, void *obj))
{
    void **links = calloc(MANY, sizeof *links);
    void **strong = gcx_alloc_root(MANY * sizeof *strong);
    fill_links(links, strong, add);
    collect(cycle);
    size_t left = 0;
    for (size_t i = 0; i < MANY; i++) {
        assert_true(i % 2 == 1 || gcx_link_get(&links[i]) == strong[i]);
        left += i % 2 == 1 && links[i] != NULL;
    }
    assert_true(left <= FEW);
    for (size_t i = 0; i < MANY; i += 2) {
        assert_int_equal(gcx_link_remove(&links[i]), 0);
        assert_null(links[i]);
        assert_int_equal(gcx_link_remove(&links[i]), -1);
        assert_int_equal(errno, ENOENT);
        links[i] = &links[i]; /* the collector must leave it alone now */
    }
    memset(strong, 0, MANY * sizeof *strong);
    collect(GCX_FULL);
    for (size_t i = 0; i < MANY; i += 2) {
        assert_ptr_equal(links[i], &links[i]);
    }
    gcx_free(strong);
    for (size_t i = 0; i < MANY; i++) {
        gcx_link_remove(&links[i]);
    }
    free(links);
}

static void test_links(void **state)
{
    (void)state;
    run_links(GCX_FULL, gcx_link_add);
    run_links(GCX_MINOR, gcx_link_add);
    run_links(GCX_FULL, gcx_link_add_long);
    run_links(GCX_MINOR, gcx_link_add_long);
}

/* ---- Ephemerons ----------------------------------------------------------- */

/* Ephemerons whose value leads to the key, which must not keep it. */
static NOINLINE void fill_ephemerons(gcx_ephemeron **e, void **strong)
{
    for (size_t i = 0; i < MANY; i++) {
        void *key = make_leaf(i);
        void **value = gcx_alloc(2 * sizeof *value);
        value[0] = key;
        value[1] = make_leaf(i + MANY);
        e[i] = gcx_ephemeron_create(key, value);
        assert_non_null(e[i]);
        strong[i] = i % 2 == 0 ? key : NULL;
    }
}

static NOINLINE size_t check_ephemerons(gcx_ephemeron **e, void **strong)
{
    size_t left = 0;
    for (size_t i = 0; i < MANY; i++) {
        void **value = gcx_ephemeron_value(e[i]);
        void *key = gcx_ephemeron_key(e[i]);
        assert_true((value == NULL) == (key == NULL));
        if (strong[i] != NULL) {
            assert_ptr_equal(key, strong[i]);
        }
        if (value != NULL) {
            assert_ptr_equal(value[0], key);
            assert_true(pattern_intact(value[1], LEAF, i + MANY));
            left += i % 2;
        }
    }
    return left;
}

static void run_ephemerons(enum gcx_cycle cycle)
{
    gcx_ephemeron **e = gcx_alloc_root(MANY * sizeof *e);
    void **strong = gcx_alloc_root(MANY * sizeof *strong);
    fill_ephemerons(e, strong);
    for (int round = 0; round < 4; round++) {
        collect(round == 3 ? GCX_FULL : cycle);
        assert_true(check_ephemerons(e, strong) <= FEW);
        clear_stack();
    }
    gcx_free(strong);
    gcx_free(e);
}

static void test_ephemerons(void **state)
{
    (void)state;
    run_ephemerons(GCX_FULL);
    run_ephemerons(GCX_MINOR);
}

/* Value i is key i + 1; only key 0 is held, and the ephemerons are met in the
 * order, in reverse and in no order. */
static NOINLINE void fill_chain(gcx_ephemeron **e, void **first, size_t n, int order)
{
    struct random r = {n};
    void *key = *first = make_leaf(0);
    for (size_t i = 0; i < n; i++) {
        void *value = make_leaf(i + 1);
        e[order == 1 ? n - 1 - i : i] = gcx_ephemeron_create(key, value);
        key = value;
    }
    for (size_t i = n - 1; order == 2 && i > 0; i--) {
        size_t k = random_below(&r, (uint32_t)i + 1);
        gcx_ephemeron *other = e[i];
        e[i] = e[k];
        e[k] = other;
    }
}

static NOINLINE size_t count_values(gcx_ephemeron **e, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += gcx_ephemeron_value(e[i]) != NULL;
    }
    return count;
}

/* A word left on the stack may keep a chain from some place on, so there are
 * several, of which most have to go. */
static void test_chains(void **state)
{
    (void)state;
    enum { CHAINS = 20 };
    size_t n = scaled(5000), all = n * CHAINS;
    gcx_ephemeron **e = gcx_alloc_root(all * sizeof *e);
    void **first = gcx_alloc_root(CHAINS * sizeof *first);
    for (int order = 0; order < 3; order++) {
        for (size_t i = 0; i < CHAINS; i++) {
            fill_chain(e + i * n, &first[i], n, order);
        }
        collect(GCX_MINOR);
        assert_int_equal(count_values(e, all), all);
        collect(GCX_FULL);
        assert_int_equal(count_values(e, all), all);
        memset(first, 0, CHAINS * sizeof *first);
        collect(GCX_FULL);
        assert_true(count_values(e, all) < all / 2);
    }
    gcx_free(first);
    gcx_free(e);
}

static void test_many_ephemerons_of_one_key(void **state)
{
    (void)state;
    gcx_ephemeron **e = gcx_alloc_root(MANY * sizeof *e);
    void **key = gcx_alloc_root(sizeof *key);
    *key = gcx_alloc_noscan(300000);
    for (size_t i = 0; i < MANY; i++) {
        e[i] = gcx_ephemeron_create(*key, make_leaf(i));
    }
    for (int round = 0; round < 4; round++) {
        collect(round % 2 == 0 ? GCX_MINOR : GCX_FULL);
        for (size_t i = 0; i < MANY; i++) {
            assert_true(pattern_intact(gcx_ephemeron_value(e[i]), LEAF, i));
        }
    }
    *key = NULL;
    collect(GCX_FULL);
    assert_int_equal(count_values(e, MANY), 0);
    gcx_free(key);
    gcx_free(e);
}

/* ---- Keys without pointers, which ranges of words lead to ------------------- */

enum { TABLE_WORDS = 4096 };

/* The ephemerons are met first, and wait for their keys. */
static NOINLINE void fill_table(void *volatile *table)
{
    for (size_t i = 0; i < MANY; i++) {
        void *key = gcx_alloc_noscan(LEAF);
        assert_non_null(key);
        table[i] = gcx_ephemeron_create(key, make_leaf(i));
        assert_non_null(table[i]);
        table[TABLE_WORDS - 1 - i] = key;
    }
}

static NOINLINE void check_table(void *volatile *table)
{
    for (size_t i = 0; i < MANY; i++) {
        assert_ptr_equal(gcx_ephemeron_key(table[i]), table[TABLE_WORDS - 1 - i]);
        assert_true(pattern_intact(gcx_ephemeron_value(table[i]), LEAF, i));
    }
}

static void run_table(void *volatile *table)
{
    static const enum gcx_cycle kinds[] = {GCX_MINOR, GCX_FULL, GCX_MINOR, GCX_FULL};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        fill_table(table);
        collect(kinds[i]);
        check_table(table);
        collect(GCX_FULL);
        check_table(table);
    }
}

static void test_keys_that_ranges_lead_to(void **state)
{
    static void *volatile in_static_data[TABLE_WORDS];
    static void *volatile *volatile in_heap;
    (void)state;
    run_table(in_static_data);
    in_heap = gcx_alloc(TABLE_WORDS * sizeof *in_heap);
    assert_non_null((void *)in_heap);
    run_table(in_heap);
    in_heap = NULL;
}

/* ---- Random graphs beside a shadow ----------------------------------------- */

enum { NODES = 400, SLOTS = 3, PAIRS = 200 };

struct graph {
    hidden_ptr node[NODES];
    int edge[NODES][SLOTS]; /* -1: none */
    int rooted[NODES];
    int pair_key[PAIRS]; /* -1: no such ephemeron */
    int pair_value[PAIRS];
    int is_live[NODES];
    void **roots;          /* a root object, by node */
    gcx_ephemeron **pairs; /* another */
    gcx_weak **weak;       /* another, by node */
};

static void graph_mark(struct graph *g, int n)
{
    if (n < 0 || g->is_live[n]) {
        return;
    }
    g->is_live[n] = 1;
    for (int i = 0; i < SLOTS; i++) {
        graph_mark(g, g->edge[n][i]);
    }
}

static void graph_reach(struct graph *g)
{
    int before = -1, now = 0;
    memset(g->is_live, 0, sizeof g->is_live);
    for (int n = 0; n < NODES; n++) {
        if (g->rooted[n]) {
            graph_mark(g, n);
        }
    }
    while (before != now) {
        for (int p = 0; p < PAIRS; p++) {
            if (g->pair_key[p] >= 0 && g->is_live[g->pair_key[p]]) {
                graph_mark(g, g->pair_value[p]);
            }
        }
        before = now;
        now = 0;
        for (int n = 0; n < NODES; n++) {
            now += g->is_live[n];
        }
    }
}

static NOINLINE void graph_new_node(struct graph *g, int n)
{
    void *p = gcx_alloc(SLOTS * sizeof(void *) + LEAF);
    pattern_fill((char *)p + SLOTS * sizeof(void *), LEAF, (uint64_t)n);
    for (int i = 0; i < SLOTS; i++) {
        g->edge[n][i] = -1;
    }
    for (int i = 0; i < PAIRS; i++) {
        if (g->pair_key[i] == n) { /* the node that had this number is gone */
            g->pair_key[i] = -1;
        }
    }
    g->node[n] = hide(p);
    gcx_store(g->weak, (void **)&g->weak[n], gcx_weak_create(p));
    gcx_store(g->roots, &g->roots[n], p);
    g->rooted[n] = 1;
}

static NOINLINE void graph_step(struct graph *g, struct random *r)
{
    int a = (int)random_below(r, NODES), b = (int)random_below(r, NODES);
    if (!g->is_live[a]) {
        graph_new_node(g, a);
        graph_reach(g);
    } else if (random_percent(r, 30)) {
        g->rooted[a] = random_percent(r, 30);
        gcx_store(g->roots, &g->roots[a], g->rooted[a] ? reveal(g->node[a]) : NULL);
        graph_reach(g);
    } else if (g->is_live[b] && random_percent(r, 60)) {
        int i = (int)random_below(r, SLOTS);
        void **object = reveal(g->node[a]);
        gcx_store(object, &object[i], reveal(g->node[b]));
        g->edge[a][i] = b;
        graph_reach(g);
    } else if (g->is_live[b]) {
        int p = (int)random_below(r, PAIRS);
        gcx_store(g->pairs, (void **)&g->pairs[p],
                  gcx_ephemeron_create(reveal(g->node[a]), reveal(g->node[b])));
        g->pair_key[p] = a;
        g->pair_value[p] = b;
        graph_reach(g);
    }
}

/* What the shadow calls live must be there; how much else is left is counted. */
static NOINLINE size_t graph_check(struct graph *g)
{
    size_t extra = 0;
    for (int n = 0; n < NODES; n++) {
        void *p = g->weak[n] != NULL ? gcx_weak_get(g->weak[n]) : NULL;
        if (g->is_live[n]) {
            assert_ptr_equal(p, reveal(g->node[n]));
            assert_true(pattern_intact((char *)p + SLOTS * sizeof(void *), LEAF, (uint64_t)n));
        }
        extra += p != NULL && !g->is_live[n];
    }
    for (int p = 0; p < PAIRS; p++) {
        if (g->pair_key[p] >= 0 && g->is_live[g->pair_key[p]]) {
            assert_ptr_equal(gcx_ephemeron_key(g->pairs[p]), reveal(g->node[g->pair_key[p]]));
            assert_ptr_equal(gcx_ephemeron_value(g->pairs[p]), reveal(g->node[g->pair_value[p]]));
        } else {
            g->pair_key[p] = -1;
            g->pairs[p] = NULL;
        }
    }
    return extra;
}

static void run_random_graphs(void)
{
    static struct graph g;
    struct random r = {7};
    size_t extra_after_full = 0, fulls = 0;
    g.roots = gcx_alloc_root(NODES * sizeof *g.roots);
    g.pairs = gcx_alloc_root(PAIRS * sizeof *g.pairs);
    g.weak = gcx_alloc_root(NODES * sizeof *g.weak);
    memset(g.pair_key, -1, sizeof g.pair_key);
    for (size_t round = 0; round < scaled(600); round++) {
        for (int i = 0; i < 40; i++) {
            graph_step(&g, &r);
        }
        int is_full = round % 8 == 7;
        collect(is_full ? GCX_FULL : GCX_MINOR);
        size_t extra = graph_check(&g);
        extra_after_full += is_full ? extra : 0;
        fulls += is_full ? 1 : 0;
    }
    assert_true(fulls == 0 || extra_after_full / fulls < NODES / 10);
    gcx_free(g.roots);
    gcx_free(g.pairs);
    gcx_free(g.weak);
}

static void test_random_graphs(void **state)
{
    (void)state;
    run_random_graphs();
}

static void test_graphs_in_child(void **state)
{
    (void)state;
    run_random_graphs();
}

/* cmocka says what failed; the count is the child's exit code. */
static int child_graphs(const char *arg)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_graphs_in_child)};
    (void)arg;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

static void test_random_graphs_with_every_barrier(void **state)
{
    (void)state;
    static const char *const barriers[][3] = {{"GCX_BARRIER=explicit", NULL},
                                              {"GCX_BARRIER=none", NULL},
                                              {"GCX_DIRTY=mprotect", NULL},
                                              {"GCX_DIRTY=softdirty", NULL},
                                              {"GCX_DIRTY=uffd", "GCX_MARK_WORKERS=4", NULL}};
    for (size_t i = 0; i < COUNT_OF(barriers); i++) {
        static struct child_result result;
        child_run(&result, "graphs", "", barriers[i]);
        if (!child_ok(&result)) {
            fail_msg("with %s", barriers[i][0]);
        }
    }
}

/* ---- Threads -------------------------------------------------------------- */

static int must_stop;

/* Gets and drops weakly held objects while another thread collects. */
static void *thread_main(void *arg)
{
    size_t *bad = arg;
    gcx_weak *weak[64] = {0};
    struct random r = {(uintptr_t)arg};
    while (!__atomic_load_n(&must_stop, __ATOMIC_RELAXED)) {
        size_t i = random_below(&r, 64);
        void *p = gcx_weak_get(weak[i]);
        if (p == NULL) {
            p = gcx_alloc(LEAF);
            pattern_fill(p, LEAF, i);
            weak[i] = gcx_weak_create(p);
        }
        churn(LEAF, 3);
        *bad += !pattern_intact(p, LEAF, i);
    }
    return NULL;
}

static void test_weak_get_beside_cycles(void **state)
{
    (void)state;
    enum { THREADS = 3 };
    pthread_t threads[THREADS];
    size_t bad[THREADS] = {0};
    must_stop = 0;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(gcx_thread_create(&threads[i], NULL, thread_main, &bad[i]), 0);
    }
    for (size_t i = 0; i < scaled(300); i++) {
        gcx_collect(i % 4 == 0 ? GCX_FULL : GCX_MINOR);
    }
    __atomic_store_n(&must_stop, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(bad[i], 0);
    }
}

enum { NEXT_TO = 2000, PAIR_SIZE = 48 };
static void *pairs[2 * NEXT_TO];
static gcx_weak *watchers[NEXT_TO];

static void ignore(void *arg)
{
    (void)arg;
}

static void *watch_the_first(void *arg)
{
    for (size_t i = 0; i < NEXT_TO; i++) {
        watchers[i] = gcx_weak_create(pairs[2 * i]);
        if (gcx_cleanup_add(pairs[2 * i], ignore, NULL) != 0)
            return arg;
    }
    return NULL;
}

/* One thread begins to watch objects of a block from which another frees some. */
static void test_free_beside_those_watched_by_others(void **state)
{
    pthread_t thread;
    void *failed = pairs;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        pattern_fill(pairs[i] = gcx_alloc(PAIR_SIZE), PAIR_SIZE, i);
    assert_int_equal(gcx_thread_create(&thread, NULL, watch_the_first, pairs), 0);
    for (size_t i = 1; i < COUNT_OF(pairs); i += 2) {
        void *p = pairs[i];
        pairs[i] = NULL;
        assert_int_equal(gcx_cleanup_cancel(p, ignore, NULL), -1);
        gcx_free(p);
    }
    pthread_join(thread, &failed);
    assert_null(failed);
    collect(GCX_FULL);
    for (size_t i = 0; i < NEXT_TO; i++) {
        assert_ptr_equal(gcx_weak_get(watchers[i]), pairs[2 * i]);
        assert_true(pattern_intact(pairs[2 * i], PAIR_SIZE, 2 * i));
        assert_int_equal(gcx_cleanup_cancel(pairs[2 * i], ignore, NULL), 0);
    }
    memset(pairs, 0, sizeof pairs);
}

/* ---- Mistakes ------------------------------------------------------------- */

static void test_foreign_addresses(void **state)
{
    (void)state;
    static int foreign;
    void *plain = malloc(64), *link = NULL;
    void *addresses[] = {NULL, &foreign, plain, (void *)(uintptr_t)16};
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        static struct capture capture;
        capture_begin(&capture);
        errno = 0;
        gcx_weak *weak = gcx_weak_create(addresses[i]);
        int error = errno;
        gcx_weak *toggle = gcx_toggle_create(addresses[i]);
        gcx_ephemeron *e = gcx_ephemeron_create(addresses[i], &foreign);
        int status = gcx_link_add(&link, addresses[i]);
        const char *text = capture_end(&capture);
        assert_null(weak);
        assert_null(toggle);
        assert_null(e);
        assert_int_equal(status, -1);
        assert_int_equal(error, EINVAL);
        assert_non_null(strstr(text, "gcx_weak_create("));
        assert_non_null(strstr(text, "no object of this heap"));
    }
    free(plain);
}

static void test_roots_and_links_in_the_heap(void **state)
{
    (void)state;
    static struct capture capture;
    void **root = gcx_alloc_root(64);
    void **object = gcx_alloc(64);
    capture_begin(&capture);
    assert_null(gcx_weak_create(root));
    assert_int_equal(gcx_link_add(object, make_leaf(1)), -1);
    const char *text = capture_end(&capture);
    assert_non_null(strstr(text, "a root object"));
    assert_non_null(strstr(text, "use gcx_weak"));
    assert_null(*object);
    gcx_free(root);
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"graphs", child_graphs}};
    if (child_is(argc, argv)) {
        return child_main(argv, children, COUNT_OF(children));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weak_references),
        cmocka_unit_test(test_weak_to_the_old),
        cmocka_unit_test(test_free_of_a_watched_object),
        cmocka_unit_test(test_free_of_watched_neighbours),
        cmocka_unit_test(test_toggle),
        cmocka_unit_test(test_toggle_mistakes),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_ephemerons),
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_many_ephemerons_of_one_key),
        cmocka_unit_test(test_keys_that_ranges_lead_to),
        cmocka_unit_test(test_random_graphs),
        cmocka_unit_test(test_random_graphs_with_every_barrier),
        cmocka_unit_test(test_weak_get_beside_cycles),
        cmocka_unit_test(test_free_beside_those_watched_by_others),
        cmocka_unit_test(test_foreign_addresses),
        cmocka_unit_test(test_roots_and_links_in_the_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
