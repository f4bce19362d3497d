/* marklimit.c -- a full collection beside what the memory allows.
 *
 * Marking must bring each object's cache line in once. So the limit is the
 * time in which one thread loads a word of every object, in the order in which
 * a depth-first mark meets them, when all addresses are known beforehand and
 * prefetched: the best of four distances. An object counts as one line,
 * pointer-free values too, although a collector with its marks beside the heap
 * need not touch those; a ratio below 1 is therefore possible.
 *
 * --shape=0 is the heap of churn, --shape=1 a tree whose nodes were allocated
 * in one order and linked in another. Run it with one marking thread. The
 * shortest of --rounds counts, on both sides.
 *
 * SPDX-License-Identifier: MIT */
#include "churn_table.h"

struct mark_node {
    struct mark_node *left;
    struct mark_node *right;
    uint64_t words[2];
};

/* Addresses as integers, in memory that no collector scans. */
struct mark_order {
    uintptr_t *addr;
    size_t n;
};

static struct churn_table mark_table;
static struct mark_node *mark_root;

static void mark_order_push(struct mark_order *order, const void *ptr)
{
    order->addr[order->n++] = (uintptr_t)ptr;
}

static void mark_table_build(uint64_t entries)
{
    uint64_t state = 1;
    churn_table_init(&mark_table, entries);
    for (uint64_t key = 0; key < entries; key++)
        churn_table_insert(&mark_table, key, churn_value_length(bench_random(&state)));
}

static void mark_table_list(struct mark_order *order)
{
    for (uint64_t i = 0; i <= mark_table.mask; i++) {
        const struct churn_entry *entry = mark_table.bucket[i];
        for (; entry != NULL; entry = entry->next) {
            mark_order_push(order, entry);
            mark_order_push(order, entry->val);
        }
    }
}

/* Allocates the nodes in order, shuffles them, and links number k to numbers
 * 2k + 1 and 2k + 2. */
static void mark_tree_build(uint64_t n)
{
    uint64_t state = 1;
    struct mark_node **node = ALLOC(n * sizeof *node);
    for (uint64_t i = 0; i < n; i++)
        STORE(node, &node[i], ALLOC(sizeof **node));
    for (uint64_t i = n - 1; i > 0; i--) {
        uint64_t k = bench_random_below(&state, i + 1);
        struct mark_node *other = node[k];
        STORE(node, &node[k], node[i]);
        STORE(node, &node[i], other);
    }
    for (uint64_t k = 0; k < n; k++) {
        if (2 * k + 1 < n)
            STORE(node[k], &node[k]->left, node[2 * k + 1]);
        if (2 * k + 2 < n)
            STORE(node[k], &node[k]->right, node[2 * k + 2]);
    }
    mark_root = node[0];
    FREE(node);
}

static void mark_tree_list(struct mark_order *order, const struct mark_node *n)
{
    if (n == NULL)
        return;
    mark_order_push(order, n);
    mark_tree_list(order, n->left);
    mark_tree_list(order, n->right);
}

static uint64_t mark_touch(const struct mark_order *order, size_t distance)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < order->n; i++) {
        __builtin_prefetch((const void *)order->addr[i + distance]);
        sum += *(const volatile uint64_t *)order->addr[i];
    }
    return sum;
}

static uint64_t mark_touch_best_ns(const struct mark_order *order, uint64_t rounds)
{
    uint64_t best_ns = UINT64_MAX;
    for (uint64_t i = 0; i < 4 * rounds; i++) {
        uint64_t begin_ns = bench_now_ns();
        mark_touch(order, (size_t)8 << (i % 4));
        uint64_t took_ns = bench_now_ns() - begin_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    return best_ns;
}

static uint64_t mark_collect_best_ns(uint64_t rounds)
{
    uint64_t best_ns = UINT64_MAX;
    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t begin_ns = bench_now_ns();
        peer_collect();
        uint64_t took_ns = bench_now_ns() - begin_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    return best_ns;
}

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {{"entries", 4000000, 200000}, {"shape", 0, 0}, {"rounds", 5, 3}};
    bench_flags_parse(argc, argv, flags, 3);
    uint64_t entries = flags[0].value;
    uint64_t objects = flags[1].value == 0 ? 2 * entries : entries;
    struct mark_order order = {bench_plain_memory(objects + 64, sizeof(uintptr_t)), 0};
    peer_init();

    if (flags[1].value == 0) {
        mark_table_build(entries);
        mark_table_list(&order);
    } else {
        mark_tree_build(entries);
        mark_tree_list(&order, mark_root);
    }
    bench_expect("objects", order.n, objects);
    uint64_t mark_ns = mark_collect_best_ns(flags[2].value);
    uint64_t touch_ns = mark_touch_best_ns(&order, flags[2].value);

    struct peer_stats stats;
    peer_get_stats(&stats);
    bench_result_begin(mark_ns, objects, order.n, &stats);
    bench_metric("touch_us", touch_ns / 1000);
    bench_metric("percent_of_limit", touch_ns == 0 ? 0 : mark_ns * 100 / touch_ns);
    bench_result_end();
    return 0;
}
