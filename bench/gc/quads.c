/* quads.c -- a large live quad-tree under a stream of small short-lived ones.
 *
 * The live tree has depth 11: 5.6 million nodes of 40 bytes, a size that is no
 * power of two. Each of 20 rounds walks and checks all of it, and at every node
 * of the seventh level builds a tree of depth 3, checks and drops it: 16,384
 * trees of 85 nodes a round.
 *
 * SPDX-License-Identifier: MIT */
#include "alloc_layer.h"

enum { QUAD_CHILDREN = 4, QUAD_SHORT_DEPTH = 3 };

struct quad {
    struct quad *child[QUAD_CHILDREN];
    uint64_t value;
};

struct quad_walk {
    uint64_t sum;
    unsigned short_at; /* levels left at which a short-lived tree is made */
    uint64_t made;
};

static struct quad *quad_make(unsigned depth, uint64_t value)
{
    struct quad *q = ALLOC(sizeof *q);
    q->value = value;
    for (unsigned i = 0; depth > 0 && i < QUAD_CHILDREN; i++)
        STORE(q, &q->child[i], quad_make(depth - 1, value * QUAD_CHILDREN + i + 1));
    return q;
}

static void quad_free(struct quad *q)
{
    if (q == NULL)
        return;
    for (unsigned i = 0; i < QUAD_CHILDREN; i++)
        quad_free(q->child[i]);
    FREE(q);
}

static uint64_t quad_sum(const struct quad *q)
{
    uint64_t sum = q->value;
    for (unsigned i = 0; q->child[0] != NULL && i < QUAD_CHILDREN; i++)
        sum += quad_sum(q->child[i]);
    return sum;
}

static void quad_round(struct quad_walk *walk, const struct quad *q, unsigned levels)
{
    walk->sum += q->value;
    if (levels == walk->short_at) {
        struct quad *tree = quad_make(QUAD_SHORT_DEPTH, q->value);
        walk->made += quad_sum(tree);
        if (PEER_FREES)
            quad_free(tree);
    }
    for (unsigned i = 0; levels > 0 && i < QUAD_CHILDREN; i++)
        quad_round(walk, q->child[i], levels - 1);
}

/* Nodes are numbered breadth-first from 0, so a full tree sums to n(n-1)/2. */
static uint64_t quad_full_sum(unsigned depth)
{
    uint64_t nodes = ((UINT64_C(1) << (2 * depth + 2)) - 1) / 3;
    return nodes * (nodes - 1) / 2;
}

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {{"depth", 11, 9}, {"rounds", 20, 20}};
    bench_flags_parse(argc, argv, flags, 2);
    unsigned depth = (unsigned)flags[0].value;
    if (depth < 5 || depth > 15)
        bench_die("depth is 5 to 15");
    struct quad_walk walk = {.short_at = 4};
    peer_init();

    uint64_t begin_ns = bench_now_ns();
    struct quad *live = quad_make(depth, 0);
    for (uint64_t i = 0; i < flags[1].value; i++) {
        walk.sum = 0;
        quad_round(&walk, live, depth);
        bench_expect("sum of the live tree", walk.sum, quad_full_sum(depth));
    }
    uint64_t elapsed_ns = bench_now_ns() - begin_ns;

    struct peer_stats stats;
    peer_get_stats(&stats);
    uint64_t trees = flags[1].value << (2 * (depth - walk.short_at));
    bench_result_begin(elapsed_ns, trees, walk.made, &stats);
    bench_result_end();
    return 0;
}
