/* Finalizers in all orders, links, toggle references.
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include <gc/javaxfc.h>

#define N 200

struct node {
    struct node *to;
    long number;
};

static int called[4], after_owner;
static GC_hidden_pointer links[N], long_links[N];
static char owner_done[N];

static void count(void *obj, void *data)
{
    called[(long)data] += obj != NULL;
}

static void owner(void *obj, void *data)
{
    owner_done[((struct node *)obj)->number] = 1;
    called[0]++;
    (void)data;
}

static void owned(void *obj, void *data)
{
    after_owner += owner_done[((struct node *)obj)->number];
    (void)data;
}

static NOINLINE void make_pairs(void)
{
    for (int i = 0; i < N; i++) {
        struct node *a = GC_NEW(struct node), *b = GC_NEW(struct node);
        a->to = b;
        a->number = b->number = i;
        GC_REGISTER_FINALIZER(a, owner, NULL, NULL, NULL);
        GC_REGISTER_FINALIZER(b, owned, NULL, NULL, NULL);
    }
}

static NOINLINE void make_selves(void)
{
    for (int i = 0; i < N; i++) {
        struct node *a = GC_NEW(struct node), *b = GC_NEW(struct node), *c = GC_NEW(struct node);
        a->to = a;
        GC_REGISTER_FINALIZER_IGNORE_SELF(a, count, (void *)1, NULL, NULL);
        b->to = c;
        c->to = b;
        GC_REGISTER_FINALIZER_NO_ORDER(b, count, (void *)2, NULL, NULL);
        GC_REGISTER_FINALIZER_NO_ORDER(c, count, (void *)3, NULL, NULL);
    }
}

static NOINLINE void make_links(void)
{
    for (int i = 0; i < N; i++) {
        struct node *a = GC_NEW(struct node);
        links[i] = GC_HIDE_POINTER(a);
        long_links[i] = GC_HIDE_POINTER(a);
        GC_GENERAL_REGISTER_DISAPPEARING_LINK((void **)&links[i], a);
        GC_REGISTER_LONG_LINK((void **)&long_links[i], a);
    }
}

static int zeros(const GC_hidden_pointer *p)
{
    int n = 0;
    for (int i = 0; i < N; i++)
        n += p[i] == 0;
    return n;
}

static GC_ToggleRefStatus keep_even(void *obj)
{
    long n = ((struct node *)obj)->number;
    return n % 2 == 0 ? GC_TOGGLE_REF_STRONG : GC_TOGGLE_REF_WEAK;
}

static GC_hidden_pointer toggled[N];

static NOINLINE void make_toggles(void)
{
    for (int i = 0; i < N; i++) {
        struct node *a = GC_NEW(struct node);
        a->number = i;
        toggled[i] = GC_HIDE_POINTER(a);
        GC_toggleref_add(a, 1);
        GC_GENERAL_REGISTER_DISAPPEARING_LINK((void **)&toggled[i], a);
    }
}

/* What is not from the heap has none, though all are called. */
static void of_others(void)
{
    static char object[16];
    GC_finalization_proc old = count;
    void *old_data = object;
    called[1] = 0;
    GC_register_finalizer(object, count, (void *)1, &old, &old_data);
    printf("static object %d %d", old == NULL, old_data == NULL);
    GC_register_finalizer_no_order(object, count, (void *)1, &old, &old_data);
    printf(" %d %d", old == NULL, old_data == NULL);
    GC_finalize_all();
    printf(" %d\n", called[1]);
}

int main(void)
{
    GC_INIT();
    make_pairs();
    collect();
    collect();
    printf("owners %s, owned after them %s\n", nearly(called[0], N), nearly(after_owner, N));
    make_selves();
    collect();
    printf("ignore self %s, no order %s %s\n", nearly(called[1], N), nearly(called[2], N),
           nearly(called[3], N));
    make_links();
    printf("links before %d %d\n", zeros(links), zeros(long_links));
    collect();
    printf("links %s, long %s\n", nearly(zeros(links), N), nearly(zeros(long_links), N));
    GC_finalization_proc old;
    void *old_data, *p = GC_MALLOC(8);
    GC_REGISTER_FINALIZER(p, count, (void *)2, &old, &old_data);
    printf("old %d\n", old == 0);
    GC_REGISTER_FINALIZER(p, NULL, NULL, &old, &old_data);
    printf("old %d %ld\n", old == count, (long)old_data);
    void *a = NULL, *b = NULL;
    printf("link %d", GC_general_register_disappearing_link(&a, p));
    printf(" %d", GC_general_register_disappearing_link(&a, p));
    printf(" %d", GC_move_disappearing_link(&a, &b));
    printf(" %d", GC_move_disappearing_link(&a, &b));
    printf(" %d %d\n", GC_unregister_disappearing_link(&b), GC_unregister_disappearing_link(&b));
    GC_set_toggleref_func(keep_even);
    make_toggles();
    collect();
    printf("toggled %s\n", nearly(zeros(toggled) * 2, N));
    GC_set_finalize_on_demand(1);
    called[1] = 0;
    make_selves();
    collect();
    printf("on demand %d %d", called[1], GC_should_invoke_finalizers());
    printf(" %d %s\n", GC_invoke_finalizers() > N, nearly(called[1], N));
    of_others();
    GC_reachable_here(p);
    return 0;
}
