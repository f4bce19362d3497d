/* fibers.c -- generators on stacks of their own, by ucontext.
 *
 * Each walks a tree and yields its values in order. What a suspended one holds,
 * here the path to where it is in the tree, is found on its stack. */
#define _DEFAULT_SOURCE
#include <gcx/gcx.h>
#include <gcx/stack.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { GENERATORS = 50, NODES = 1000, STACK_BYTES = 64 * 1024 };

struct tree {
    struct tree *left;
    struct tree *right;
    int value;
};

struct generator {
    gcx_stack *stack;
    ucontext_t context; /* may lie anywhere, for gcx_stack_switch saves registers */
    char *memory;
    int value;
    int is_done;
};

static ucontext_t main_context;
static struct generator *running;

static struct tree *make_tree(int from, int to)
{
    if (from >= to)
        return NULL;
    struct tree *t = gcx_alloc(sizeof *t);
    int middle = from + (to - from) / 2;
    if (t == NULL)
        exit(1);
    t->left = make_tree(from, middle);
    t->right = make_tree(middle + 1, to);
    t->value = middle;
    return t;
}

/* Announced and made in one function, with nothing in between. */
static void resume(struct generator *g)
{
    running = g;
    if (gcx_stack_switch(NULL, g->stack) == 0)
        swapcontext(&main_context, &g->context);
}

static void yield(struct generator *g)
{
    if (gcx_stack_switch(g->stack, NULL) == 0)
        swapcontext(&g->context, &main_context);
}

static void walk(struct generator *g, const struct tree *t)
{
    if (t == NULL)
        return;
    walk(g, t->left);
    g->value = t->value;
    yield(g);
    walk(g, t->right);
}

/* The tree is known to this stack alone. */
static void generator_main(void)
{
    struct generator *g = running;
    walk(g, make_tree(0, NODES));
    g->is_done = 1;
    yield(g);
}

static int generator_init(struct generator *g)
{
    g->memory = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g->memory == MAP_FAILED || getcontext(&g->context) != 0)
        return -1;
    g->context.uc_stack.ss_sp = g->memory;
    g->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&g->context, generator_main, 0);
    /* Nothing of the collector's lies there yet, so [hi, hi) is in use. */
    g->stack = gcx_stack_register(g->memory, g->memory + STACK_BYTES, g->memory + STACK_BYTES);
    /* Nobody writes into the frames of a generator that waits, so minor cycles
     * may leave it out. A program that prepares a frame itself, as makecontext
     * does with arguments, would say where: gcx_stack_set_sp. */
    if (g->stack == NULL || gcx_stack_set_private(g->stack, 1) != 0 ||
        gcx_stack_set_sp(g->stack, g->memory + STACK_BYTES) != 0)
        return -1;
    return 0;
}

int main(void)
{
    static struct generator generators[GENERATORS];
    long sum = 0;

    for (int i = 0; i < GENERATORS; i++)
        if (generator_init(&generators[i]) != 0)
            return 1;
    for (int n = 0; n < NODES; n++) {
        for (int i = 0; i < GENERATORS; i++) {
            resume(&generators[i]);
            if (generators[i].value != n)
                return 1;
            sum += n;
        }
        for (int i = 0; i < 1000; i++)
            gcx_keep_alive(gcx_alloc(sizeof(struct tree)));
        if (n % 100 == 50)
            gcx_collect(n % 200 == 50 ? GCX_FULL : GCX_MINOR);
    }
    for (int i = 0; i < GENERATORS; i++) {
        resume(&generators[i]);
        if (!generators[i].is_done || gcx_stack_unregister(generators[i].stack) != 0)
            return 1;
        munmap(generators[i].memory, STACK_BYTES);
    }
    printf("%d generators walked %d nodes each, sum %ld\n", GENERATORS, NODES, sum);
    return 0;
}
