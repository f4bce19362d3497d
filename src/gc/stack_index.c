/* stack_index.c -- registered stacks by address: which one overlaps a range.
 *
 * A treap: a search tree by address whose nodes are a heap by a number mixed
 * from the address, so that it is balanced whatever the order in which stacks
 * come (mmap gives falling addresses). No memory of its own and no recursion;
 * about 40 levels with 100,000 stacks.
 *
 *   X1  Ranges in the index are not empty and do not overlap.
 *   X2  All to the left of a node lie below it, all to the right above.
 *   X3  No node has a greater number than its parent.
 *
 * Rejected: a sorted array (an insertion at the front moves 800 KB); a hash
 * table of pages (a stack has as many entries as pages).
 *
 * Locking: the heap lock.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/stack_index.h"

#include "os/module.h"

static struct gcx_stack *index_root;

/* No root: gcxi_stacks_init. */
void gcxi_stack_index_init(void)
{
    gcxi_module_exclude_bytes(&index_root, sizeof index_root);
}

static uint64_t index_number(const struct gcx_stack *stack)
{
    uint64_t x = (uint64_t)stack->lo * UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 32;
    return x * UINT64_C(0xbf58476d1ce4e5b9);
}

struct gcx_stack *gcxi_stack_index_find(uintptr_t lo, uintptr_t hi)
{
    struct gcx_stack *node = index_root;
    while (node != NULL && (hi <= node->lo || lo >= node->hi))
        node = hi <= node->lo ? node->left : node->right;
    return node;
}

/* Parts a tree into what lies below an address and what lies above. */
static void index_split(struct gcx_stack *tree, uintptr_t addr, struct gcx_stack **below,
                        struct gcx_stack **above)
{
    while (tree != NULL) {
        if (tree->lo < addr) {
            *below = tree;
            below = &tree->right;
            tree = tree->right;
        } else {
            *above = tree;
            above = &tree->left;
            tree = tree->left;
        }
    }
    *below = NULL;
    *above = NULL;
}

/* X3. Every node of below lies below every one of above. */
static struct gcx_stack *index_join(struct gcx_stack *below, struct gcx_stack *above)
{
    struct gcx_stack *root = NULL;
    struct gcx_stack **link = &root;
    while (below != NULL && above != NULL) {
        if (index_number(below) > index_number(above)) {
            *link = below;
            link = &below->right;
            below = below->right;
        } else {
            *link = above;
            link = &above->left;
            above = above->left;
        }
    }
    *link = below != NULL ? below : above;
    return root;
}

void gcxi_stack_index_insert(struct gcx_stack *stack)
{
    struct gcx_stack **link = &index_root;
    uint64_t number = index_number(stack);
    while (*link != NULL && index_number(*link) > number)
        link = stack->lo < (*link)->lo ? &(*link)->left : &(*link)->right;
    index_split(*link, stack->lo, &stack->left, &stack->right);
    *link = stack;
}

void gcxi_stack_index_remove(struct gcx_stack *stack)
{
    struct gcx_stack **link = &index_root;
    while (*link != stack)
        link = stack->lo < (*link)->lo ? &(*link)->left : &(*link)->right;
    *link = index_join(stack->left, stack->right);
    stack->left = stack->right = NULL;
}
