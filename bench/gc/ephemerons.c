/* ephemerons.c -- a full collection of chained ephemerons.
 *
 * Number i has object i as its key and object i + 1 as its value; only object 0
 * is held, and an array holds the ephemerons, in reverse of their order with
 * --reverse=1. The shortest of --rounds counts. 4 million with their objects
 * take 512 MB.
 *
 * The nearest thing that the Boehm collector has: an object that a disappearing
 * link and a hidden pointer lead to, held by the object before it.
 *
 * SPDX-License-Identifier: MIT */
#include "alloc_layer.h"

struct eph_node {
    struct eph_node *held; /* by peers without ephemerons */
    uint64_t number;
    uint64_t words[10];
};

static struct eph_node *eph_first;

#if defined(PEER_GCX)
typedef gcx_ephemeron *eph_pair;
static void eph_connect(eph_pair *pairs, size_t i, struct eph_node *key, struct eph_node *value)
{
    STORE(pairs, &pairs[i], gcx_ephemeron_create(key, value));
}
static struct eph_node *eph_value(const eph_pair *pairs, size_t i)
{
    return gcx_ephemeron_value(pairs[i]);
}
#define EPH_PAIRS(n) ALLOC((n) * sizeof(eph_pair))
#elif defined(PEER_BOEHM) || defined(PEER_BOEHM_TUNED)
typedef void *eph_pair;
static void eph_connect(eph_pair *pairs, size_t i, struct eph_node *key, struct eph_node *value)
{
    key->held = value;
    pairs[i] = (void *)GC_HIDE_POINTER(value);
    GC_general_register_disappearing_link(&pairs[i], value);
}
static struct eph_node *eph_value(const eph_pair *pairs, size_t i)
{
    return pairs[i] != NULL ? GC_REVEAL_POINTER(pairs[i]) : NULL;
}
#define EPH_PAIRS(n) GC_MALLOC_ATOMIC((n) * sizeof(eph_pair))
#else
typedef struct eph_node *eph_pair;
static void eph_connect(eph_pair *pairs, size_t i, struct eph_node *key, struct eph_node *value)
{
    key->held = value;
    pairs[i] = value;
}
static struct eph_node *eph_value(const eph_pair *pairs, size_t i)
{
    return pairs[i];
}
#define EPH_PAIRS(n) ALLOC((n) * sizeof(eph_pair))
#endif

static eph_pair *eph_pairs;

static struct eph_node *eph_node_create(uint64_t number)
{
    struct eph_node *node = ALLOC(sizeof *node);
    if (node == NULL)
        bench_die("out of memory");
    node->number = number;
    return node;
}

static void eph_build(size_t n, int is_reverse)
{
    struct eph_node *key = eph_first = eph_node_create(0);
    eph_pairs = EPH_PAIRS(n);
    for (size_t i = 0; i < n; i++) {
        struct eph_node *value = eph_node_create(i + 1);
        eph_connect(eph_pairs, is_reverse ? n - 1 - i : i, key, value);
        key = value;
    }
}

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {{"n", 4000000, 100000}, {"reverse", 0, 0}, {"rounds", 5, 3}};
    bench_flags_parse(argc, argv, flags, 3);
    size_t n = flags[0].value;
    uint64_t best_ns = UINT64_MAX, sum = 0;
    peer_init();
    eph_build(n, flags[1].value != 0);
    for (uint64_t i = 0; i < flags[2].value; i++) {
        uint64_t begin_ns = bench_now_ns();
        peer_collect();
        uint64_t took_ns = bench_now_ns() - begin_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    bench_keep(eph_first); /* or the compiler leaves the variable out */
    for (size_t i = 0; i < n; i++) {
        const struct eph_node *value = eph_value(eph_pairs, i);
        sum += value != NULL ? value->number : 0;
    }
    bench_expect("sum of values", sum, (uint64_t)n * (n + 1) / 2);

    struct peer_stats stats;
    peer_get_stats(&stats);
    bench_result_begin(best_ns, n, sum, &stats);
    bench_result_end();
    return 0;
}
