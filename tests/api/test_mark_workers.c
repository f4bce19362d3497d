/* test_mark_workers.c -- what several mark workers share is marked whole: long
 * arrays, which are halved between them, trees, and both hanging in each other.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"

enum { ARRAY_LENGTH = 400000, CYCLES = 12, DEPTH = 16 };

struct node {
    struct node *left;
    struct node *right;
    uint64_t number;
    uint64_t check;
};

static uint64_t check_of(uint64_t number)
{
    return number * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static struct node *node_new(uint64_t number)
{
    struct node *node = gcx_alloc(sizeof *node);
    assert_non_null(node);
    node->number = number;
    node->check = check_of(number);
    return node;
}

static void check_node(const struct node *node, uint64_t number)
{
    assert_non_null(node);
    assert_int_equal(node->number, number);
    assert_int_equal(node->check, check_of(number));
}

static void an_array_longer_than_many_slices(void **state)
{
    struct node **array = gcx_alloc(ARRAY_LENGTH * sizeof *array);
    (void)state;
    assert_non_null(array);
    for (size_t i = 0; i < ARRAY_LENGTH; i++)
        array[i] = node_new(i);
    for (int cycle = 0; cycle < CYCLES; cycle++) {
        gcx_collect(GCX_FULL);
        /* Garbage takes the place of whatever was lost. */
        for (size_t i = 0; i < ARRAY_LENGTH / 4; i++)
            node_new(UINT64_MAX - i);
        for (size_t i = 0; i < ARRAY_LENGTH; i++)
            check_node(array[i], i);
    }
    gcx_keep_alive(array);
}

static struct node *tree_new(uint64_t number, int depth)
{
    struct node *node = node_new(number);
    if (depth > 0) {
        node->left = tree_new(2 * number, depth - 1);
        node->right = tree_new(2 * number + 1, depth - 1);
    }
    return node;
}

static uint64_t check_tree(const struct node *node, uint64_t number, int depth)
{
    check_node(node, number);
    if (depth == 0)
        return 1;
    return 1 + check_tree(node->left, 2 * number, depth - 1) +
           check_tree(node->right, 2 * number + 1, depth - 1);
}

static void trees_in_arrays_and_arrays_in_trees(void **state)
{
    enum { TREES = 8 };
    void **outer = gcx_alloc(ARRAY_LENGTH * sizeof *outer);
    (void)state;
    assert_non_null(outer);
    for (size_t i = 0; i < TREES; i++) {
        void **inner = gcx_alloc(ARRAY_LENGTH / TREES * sizeof *inner);
        assert_non_null(inner);
        outer[i * (ARRAY_LENGTH / TREES)] = inner;
        inner[ARRAY_LENGTH / TREES - 1] = tree_new(1, DEPTH - 3);
    }
    for (int cycle = 0; cycle < CYCLES; cycle++) {
        gcx_collect(GCX_FULL);
        for (size_t i = 0; i < ARRAY_LENGTH / 4; i++)
            node_new(UINT64_MAX - i);
        for (size_t i = 0; i < TREES; i++) {
            void **inner = outer[i * (ARRAY_LENGTH / TREES)];
            check_tree(inner[ARRAY_LENGTH / TREES - 1], 1, DEPTH - 3);
        }
    }
    gcx_keep_alive(outer);
}

static void all_of_it_counts_as_live(void **state)
{
    struct gcx_stats before, after;
    (void)state;
    gcx_collect(GCX_FULL);
    gcx_get_stats(&before);
    struct node *tree = tree_new(1, DEPTH);
    gcx_collect(GCX_FULL);
    gcx_get_stats(&after);
    uint64_t bytes = ((UINT64_C(2) << DEPTH) - 1) * sizeof(struct node);
    assert_true(after.live_bytes + 64 * 1024 >= before.live_bytes + bytes);
    assert_true(after.live_bytes <= before.live_bytes + bytes + 64 * 1024);
    assert_int_equal(check_tree(tree, 1, DEPTH), (UINT64_C(2) << DEPTH) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_longer_than_many_slices),
        cmocka_unit_test(trees_in_arrays_and_arrays_in_trees),
        cmocka_unit_test(all_of_it_counts_as_live),
    };
    setenv("GCX_MARK_WORKERS", "4", 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
