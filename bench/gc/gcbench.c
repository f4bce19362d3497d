/* gcbench.c -- the benchmark of Ellis, Kovac and Boehm.
 *
 * A stretch tree, a long-lived tree and a long-lived array of doubles, then
 * for depths 4, 6, ... trees built top-down and again bottom-up, each depth as
 * many nodes as two stretch trees. Top-down nodes are filled after they were
 * linked, so stores go from older nodes to younger ones.
 *
 * SPDX-License-Identifier: MIT */
#include "alloc_layer.h"

enum { GCB_DEPTH_MIN = 4 };

struct gcb_node {
    struct gcb_node *left;
    struct gcb_node *right;
    int i;
    int j;
};

static uint64_t gcb_tree_nodes(unsigned depth)
{
    return (UINT64_C(2) << depth) - 1;
}

static void gcb_populate(unsigned depth, struct gcb_node *n)
{
    if (depth == 0)
        return;
    STORE(n, &n->left, ALLOC(sizeof *n));
    STORE(n, &n->right, ALLOC(sizeof *n));
    gcb_populate(depth - 1, n->left);
    gcb_populate(depth - 1, n->right);
}

static struct gcb_node *gcb_make_down(unsigned depth)
{
    struct gcb_node *n = ALLOC(sizeof *n);
    gcb_populate(depth, n);
    return n;
}

static struct gcb_node *gcb_make_up(unsigned depth)
{
    struct gcb_node *left = depth == 0 ? NULL : gcb_make_up(depth - 1);
    struct gcb_node *right = depth == 0 ? NULL : gcb_make_up(depth - 1);
    struct gcb_node *n = ALLOC_INIT(sizeof *n);
    *n = (struct gcb_node){left, right, 0, 0};
    return n;
}

static void gcb_free(struct gcb_node *n)
{
    if (n == NULL)
        return;
    gcb_free(n->left);
    gcb_free(n->right);
    FREE(n);
}

static uint64_t gcb_count(const struct gcb_node *n)
{
    return n == NULL ? 0 : 1 + gcb_count(n->left) + gcb_count(n->right);
}

/* Follows the left edge only, so that checking costs next to nothing. */
static uint64_t gcb_drop(struct gcb_node *tree)
{
    uint64_t depth = 0;
    for (const struct gcb_node *n = tree; n != NULL; n = n->left)
        depth++;
    if (PEER_FREES)
        gcb_free(tree);
    return depth;
}

static uint64_t gcb_trees(unsigned depth, unsigned stretch_depth)
{
    uint64_t trees = 2 * gcb_tree_nodes(stretch_depth) / gcb_tree_nodes(depth);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < trees; i++)
        sum += gcb_drop(gcb_make_down(depth));
    for (uint64_t i = 0; i < trees; i++)
        sum += gcb_drop(gcb_make_up(depth));
    bench_expect("depth of all trees", sum, 2 * trees * (depth + 1));
    return 2 * trees * gcb_tree_nodes(depth);
}

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {{"stretch", 20, 16}, {"kept", 18, 14}, {"doubles", 500000, 30000}};
    bench_flags_parse(argc, argv, flags, 3);
    unsigned stretch_depth = (unsigned)flags[0].value;
    unsigned kept_depth = (unsigned)flags[1].value;
    uint64_t doubles = flags[2].value;
    peer_init();

    uint64_t begin_ns = bench_now_ns();
    uint64_t nodes = gcb_tree_nodes(stretch_depth) + gcb_tree_nodes(kept_depth);
    bench_expect("stretch", gcb_drop(gcb_make_up(stretch_depth)), stretch_depth + 1);
    struct gcb_node *kept = gcb_make_down(kept_depth);
    double *array = ALLOC_NOSCAN(doubles * sizeof *array);
    for (uint64_t i = 0; i < doubles; i++)
        array[i] = 1.0 / (double)(i + 1);
    for (unsigned depth = GCB_DEPTH_MIN; depth <= kept_depth; depth += 2)
        nodes += gcb_trees(depth, stretch_depth);
    uint64_t elapsed_ns = bench_now_ns() - begin_ns;

    struct peer_stats stats;
    peer_get_stats(&stats);
    bench_expect("long-lived tree", gcb_count(kept), gcb_tree_nodes(kept_depth));
    for (uint64_t i = 0; i < doubles; i += 999)
        bench_expect("long-lived array", array[i] == 1.0 / (double)(i + 1), 1);
    bench_result_begin(elapsed_ns, nodes, nodes, &stats);
    bench_result_end();
    return 0;
}
