/* quickstart.c -- allocate and never free.
 *
 * Makes four million tree nodes, keeps one tree of them, and shows how much
 * memory that took. By hand: cc quickstart.c -lgcx */
#include <gcx/gcx.h>

#include <stdio.h>
#include <stdlib.h>

struct node {
    struct node *left, *right;
};

static struct node *node_create(int depth)
{
    struct node *n = gcx_alloc(sizeof *n); /* zeroed */
    if (n == NULL) {
        perror("gcx_alloc");
        exit(1);
    }
    if (depth > 0) {
        n->left = node_create(depth - 1);
        n->right = node_create(depth - 1);
    }
    return n;
}

static long node_count(const struct node *n)
{
    return n == NULL ? 0 : 1 + node_count(n->left) + node_count(n->right);
}

int main(void)
{
    struct node *kept = node_create(14);
    long nodes = 0;
    for (int i = 0; i < 500; i++)
        nodes += node_count(node_create(12)); /* garbage once counted */

    struct gcx_stats s = {0};
    gcx_get_stats(&s);
    printf("libgcx %s: %ld nodes came and went, %ld are kept\n", gcx_version(), nodes,
           node_count(kept));
    printf(
        "allocated %.1f MiB in all, heap never above %.1f MiB, %llu minor and %llu full cycles\n",
        (double)s.total_alloc_bytes / (1 << 20), (double)s.peak_heap_bytes / (1 << 20),
        (unsigned long long)s.minor_cycles, (unsigned long long)s.full_cycles);
    return node_count(kept) == (1 << 15) - 1 && nodes == 500L * ((1 << 13) - 1) ? 0 : 1;
}
