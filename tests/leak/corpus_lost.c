/* corpus_lost.c -- programs that lose blocks. preload.sh has what must be
 * reported of each.
 *
 * SPDX-License-Identifier: MIT */
#include "corpus.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

struct node {
    struct node *next;
    char rest[40];
};

static void *volatile slot;

CASE static void lost_same_stack(void)
{
    for (int i = 0; i < 3; i++)
        use(malloc(24));
}

CASE static void lost_twice_a(void)
{
    use(calloc(2, 50));
}

CASE static void lost_twice_b(void)
{
    use(realloc(NULL, 30));
}

CASE static void lost_two_stacks(void)
{
    lost_twice_a();
    lost_twice_b();
}

CASE static void lost_overwritten(void)
{
    slot = malloc(10);
    slot = malloc(20);
}

CASE static void lost_list(void)
{
    struct node *head = NULL;
    for (int i = 0; i < 10; i++) {
        struct node *node = malloc(sizeof *node);
        node->next = head;
        head = node;
    }
    use(head);
}

CASE static void lost_tail(void)
{
    struct node *head = malloc(sizeof *head);
    head->next = calloc(1, sizeof *head);
    head->next->next = calloc(1, sizeof *head);
    slot = use(head);
    head->next = NULL;
}

CASE static void lost_ring(void)
{
    struct node *a = malloc(sizeof *a), *b = malloc(sizeof *b), *c = malloc(sizeof *c);
    a->next = b;
    b->next = c;
    c->next = a;
    use(a);
}

CASE static void lost_self(void)
{
    struct node *a = malloc(sizeof *a);
    a->next = a;
    use(a);
}

CASE static void lost_after_realloc(void)
{
    char *p = malloc(10);
    use(realloc(use(p), 100000));
}

CASE static void lost_aligned(void)
{
    void *p;
    if (posix_memalign(&p, 64, 1) == 0)
        use(p);
    p = NULL;
    use(aligned_alloc(64, 64));
    use(memalign(128, 256));
    use(valloc(1024));
    use(reallocarray(NULL, 16, 256));
}

CASE static void lost_empty(void)
{
    use(malloc(0));
}

CASE static void lost_by_library(void)
{
    use(strdup("hello"));
}

CASE static void *lose_in_thread(void *arg)
{
    use(malloc(40));
    return arg;
}

CASE static void lost_in_thread(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, lose_in_thread, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static __thread void *volatile own;

CASE static void *lose_with_thread(void *arg)
{
    own = malloc(56);
    return arg;
}

CASE static void lost_with_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, lose_with_thread, NULL);
    pthread_join(thread, NULL);
}

CASE static void lost_with_library(void)
{
    void *library = dlopen(corpus_plugin, RTLD_NOW);
    void (*keep)(size_t) = (void (*)(size_t))dlsym(library, "plugin_keep");
    keep(88);
    dlclose(library);
}

CASE static void lost_after_fork(void)
{
    use(malloc(10));
    pid_t child = fork();
    if (child == 0) {
        use(malloc(20));
        return;
    }
    waitpid(child, NULL, 0);
    use(malloc(30));
}

static ucontext_t main_context, fiber_context;

CASE static void lose_and_exit(void)
{
    for (int i = 0; i < 100; i++)
        use(malloc(72));
    exit(0);
}

/* Ends on a small stack of its own, which holds the address of this and that. */
CASE static void lost_on_fiber(void)
{
    getcontext(&fiber_context);
    fiber_context.uc_stack.ss_size = 24 * 1024;
    fiber_context.uc_stack.ss_sp = calloc(1, fiber_context.uc_stack.ss_size);
    makecontext(&fiber_context, lose_and_exit, 0);
    swapcontext(&main_context, &fiber_context);
}

CASE static void lost_beside_kept(void)
{
    struct node *head = malloc(sizeof *head);
    head->next = malloc(sizeof *head);
    head->next->next = NULL;
    slot = head;
    use(malloc(sizeof *head + 1));
}

const struct corpus_case corpus_lost[] = {
    {"lost_same_stack", lost_same_stack},
    {"lost_two_stacks", lost_two_stacks},
    {"lost_overwritten", lost_overwritten},
    {"lost_list", lost_list},
    {"lost_tail", lost_tail},
    {"lost_ring", lost_ring},
    {"lost_self", lost_self},
    {"lost_after_realloc", lost_after_realloc},
    {"lost_aligned", lost_aligned},
    {"lost_empty", lost_empty},
    {"lost_by_library", lost_by_library},
    {"lost_in_thread", lost_in_thread},
    {"lost_with_thread", lost_with_thread},
    {"lost_with_library", lost_with_library},
    {"lost_after_fork", lost_after_fork},
    {"lost_on_fiber", lost_on_fiber},
    {"lost_beside_kept", lost_beside_kept},
    {NULL, NULL},
};
