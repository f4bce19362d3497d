/* test_stress_trees.c -- trees that are rebuilt all the time.
 *
 * For builds that collect at every GCX_STRESS=N allocations; passes in any.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

/* ---- Top-down and bottom-up ------------------------------------------------------ */

struct node {
    struct node *left;
    struct node *right;
    uint64_t check; /* ~address */
};

static struct node *make_node(void)
{
    struct node *n = gcx_alloc(sizeof *n);
    assert_non_null(n);
    assert_null(n->left);
    assert_null(n->right);
    n->check = ~(uint64_t)(uintptr_t)n;
    return n;
}

static struct node *build_down(int depth)
{
    struct node *n = make_node();
    if (depth > 0) {
        n->left = build_down(depth - 1);
        n->right = build_down(depth - 1);
    }
    return n;
}

static struct node *build_up(int depth)
{
    struct node *left = depth > 0 ? build_up(depth - 1) : NULL;
    struct node *right = depth > 0 ? build_up(depth - 1) : NULL;
    struct node *n = make_node();
    n->left = left;
    n->right = right;
    return n;
}

static size_t count_nodes(const struct node *n)
{
    if (n == NULL) {
        return 0;
    }
    if (n->check != ~(uint64_t)(uintptr_t)n) {
        fail_msg("a node was lost");
    }
    return 1 + count_nodes(n->left) + count_nodes(n->right);
}

static void test_binary_trees(void **state)
{
    (void)state;
    int depth = is_stressed() ? 11 : 15;
    struct node *kept = build_down(depth);
    for (size_t i = 0; i < scaled(60); i++) {
        assert_int_equal(count_nodes(build_down(depth - 2)), ((size_t)2 << (depth - 2)) - 1);
        assert_int_equal(count_nodes(build_up(depth - 2)), ((size_t)2 << (depth - 2)) - 1);
    }
    assert_int_equal(count_nodes(kept), ((size_t)2 << depth) - 1);
}

/* ---- Rotations: pointers move between old objects --------------------------------- */

struct treap {
    struct treap *left;
    struct treap *right;
    uint64_t *key; /* an object of its own */
    uint32_t priority;
};

static struct treap *merge(struct treap *a, struct treap *b)
{
    if (a == NULL || b == NULL) {
        return a != NULL ? a : b;
    }
    if (a->priority > b->priority) {
        a->right = merge(a->right, b);
        return a;
    }
    b->left = merge(a, b->left);
    return b;
}

/* Keys below `key` go to *less, the others to *rest. */
static void split(struct treap *t, uint64_t key, struct treap **less, struct treap **rest)
{
    if (t == NULL) {
        *less = NULL;
        *rest = NULL;
    } else if (*t->key < key) {
        split(t->right, key, &t->right, rest);
        *less = t;
    } else {
        split(t->left, key, less, &t->left);
        *rest = t;
    }
}

static struct treap *treap_insert(struct treap *t, uint64_t key, struct random *r)
{
    struct treap *less;
    struct treap *rest;
    split(t, key, &less, &rest);
    struct treap *n = gcx_alloc(sizeof *n);
    n->priority = random_below(r, UINT32_MAX);
    n->key = gcx_alloc_noscan(sizeof key);
    *n->key = key;
    return merge(merge(less, n), rest);
}

static struct treap *treap_remove(struct treap *t, uint64_t key)
{
    struct treap *less;
    struct treap *same;
    struct treap *rest;
    split(t, key, &less, &rest);
    split(rest, key + 1, &same, &rest);
    return merge(less, rest);
}

/* In order; returns the number of nodes and checks them against `present`. */
static size_t check_treap(const struct treap *t, const unsigned char *present, uint64_t *last)
{
    if (t == NULL) {
        return 0;
    }
    size_t count = check_treap(t->left, present, last);
    if (*t->key + 1 <= *last || !present[*t->key]) {
        fail_msg("a treap is out of order");
    }
    *last = *t->key + 1;
    return count + 1 + check_treap(t->right, present, last);
}

static void test_treap(void **state)
{
    (void)state;
    enum { KEYS = 20000 };
    static unsigned char present[KEYS];
    struct random r = {3};
    static struct treap *root;
    size_t count = 0;
    size_t steps = scaled(200000);
    for (size_t i = 0; i < steps; i++) {
        uint32_t key = random_below(&r, KEYS);
        if (present[key]) {
            root = treap_remove(root, key);
            count--;
        } else {
            root = treap_insert(root, key, &r);
            count++;
        }
        present[key] = !present[key];
        if (i % (steps / 20) == 0) {
            uint64_t last = 0;
            gcx_collect(i % 3 == 0 ? GCX_FULL : GCX_MINOR);
            assert_int_equal(check_treap(root, present, &last), count);
        }
    }
    uint64_t last = 0;
    assert_int_equal(check_treap(root, present, &last), count);
    root = NULL;
}

/* ---- Wide nodes: arrays that grow ------------------------------------------------ */

struct wide {
    struct wide **children;
    size_t count;
    uint64_t seed;
    char body[100];
};

static size_t check_wide(const struct wide *w)
{
    size_t count = 1;
    if (!pattern_intact(w->body, sizeof w->body, w->seed)) {
        fail_msg("a wide node was lost");
    }
    for (size_t i = 0; i < w->count; i++) {
        count += check_wide(w->children[i]);
    }
    return count;
}

static void test_wide_tree(void **state)
{
    (void)state;
    struct random r = {4};
    struct wide *root = gcx_alloc(sizeof *root);
    pattern_fill(root->body, sizeof root->body, 0);
    size_t nodes = scaled(30000);
    for (uint64_t i = 1; i < nodes; i++) {
        struct wide *at = root;
        while (at->count > 0 && random_percent(&r, 80)) {
            at = at->children[random_below(&r, (uint32_t)at->count)];
        }
        at->children = gcx_realloc(at->children, (at->count + 1) * sizeof *at->children);
        struct wide *child = gcx_alloc(sizeof *child);
        child->seed = i;
        pattern_fill(child->body, sizeof child->body, i);
        at->children[at->count++] = child;
    }
    assert_int_equal(check_wide(root), nodes);
    gcx_collect(GCX_FULL);
    assert_int_equal(check_wide(root), nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binary_trees),
        cmocka_unit_test(test_treap),
        cmocka_unit_test(test_wide_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
