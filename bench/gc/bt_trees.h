/* bt_trees.h -- the trees of bt.c and micro/profile.c, and what both do with them.
 *
 * A stretch tree of depth n + 1, a tree of depth n that lives to the end, and
 * for depths 4, 6, ... n so many short-lived trees that each depth takes the
 * same number of nodes. Peers that free do so recursively, as the trees' own
 * destroy function would.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_BENCH_BT_TREES_H
#define GCX_BENCH_BT_TREES_H

#include "alloc_layer.h"

enum { BT_DEPTH_MIN = 4 };

struct bt_node {
    struct bt_node *left;
    struct bt_node *right;
};

struct bt_job {
    unsigned depth;
    int top_down;
    uint64_t nodes; /* out: counted by walking the trees */
};

static inline struct bt_node *bt_make_up(unsigned depth)
{
    struct bt_node *left = depth == 0 ? NULL : bt_make_up(depth - 1);
    struct bt_node *right = depth == 0 ? NULL : bt_make_up(depth - 1);
    struct bt_node *n = ALLOC_INIT(sizeof *n);
    n->left = left;
    n->right = right;
    return n;
}

static inline struct bt_node *bt_make_down(unsigned depth)
{
    struct bt_node *n = ALLOC(sizeof *n);
    if (depth > 0) {
        STORE(n, &n->left, bt_make_down(depth - 1));
        STORE(n, &n->right, bt_make_down(depth - 1));
    }
    return n;
}

static inline uint64_t bt_count(const struct bt_node *n)
{
    return n == NULL ? 0 : 1 + bt_count(n->left) + bt_count(n->right);
}

static inline void bt_free(struct bt_node *n)
{
    if (n == NULL)
        return;
    bt_free(n->left);
    bt_free(n->right);
    FREE(n);
}

static inline struct bt_node *bt_make(const struct bt_job *job, unsigned depth)
{
    return job->top_down ? bt_make_down(depth) : bt_make_up(depth);
}

static inline uint64_t bt_make_and_drop(const struct bt_job *job, unsigned depth)
{
    struct bt_node *tree = bt_make(job, depth);
    uint64_t nodes = bt_count(tree);
    if (PEER_FREES)
        bt_free(tree);
    return nodes;
}

static inline void bt_run(void *arg)
{
    struct bt_job *job = arg;
    uint64_t nodes = bt_make_and_drop(job, job->depth + 1);
    struct bt_node *kept = bt_make(job, job->depth);
    for (unsigned depth = BT_DEPTH_MIN; depth <= job->depth; depth += 2) {
        uint64_t trees = UINT64_C(1) << (job->depth - depth + BT_DEPTH_MIN);
        for (uint64_t i = 0; i < trees; i++)
            nodes += bt_make_and_drop(job, depth);
    }
    job->nodes = nodes + bt_count(kept);
    if (PEER_FREES)
        bt_free(kept);
}

/* Nodes of a full tree, and of everything that bt_run makes. */
static inline uint64_t bt_tree_nodes(unsigned depth)
{
    return (UINT64_C(2) << depth) - 1;
}

static inline uint64_t bt_all_nodes(unsigned n)
{
    uint64_t nodes = bt_tree_nodes(n + 1) + bt_tree_nodes(n);
    for (unsigned depth = BT_DEPTH_MIN; depth <= n; depth += 2)
        nodes += bt_tree_nodes(depth) << (n - depth + BT_DEPTH_MIN);
    return nodes;
}

#endif
