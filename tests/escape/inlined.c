/* inlined.c -- sites in functions that are inlined: one answer for all places. */
#include <gcx/scope.h>

struct node {
    struct node *next;
    long value;
};

struct node *global;

static inline struct node *make_that_stays(long value)
{
    struct node *n = gcx_alloc(sizeof *n); /* stays */
    n->value = value;
    return n;
}

long keeps_it(long v)
{
    struct node *a = make_that_stays(v);
    struct node *b = make_that_stays(v + 1);
    a->next = b;
    return v;
}

static inline __attribute__((always_inline)) struct node *make_that_leaves(long value)
{
    struct node *n = gcx_alloc(sizeof *n); /* leaves */
    n->value = value;
    return n;
}

long in_one_place(long v)
{
    struct node *n = make_that_leaves(v);
    n->next = 0;
    return v;
}

void in_another(long v)
{
    global = make_that_leaves(v);
}

long hinted(long v)
{
    GCX_SCOPE(s)
    {
        struct node *stays = gcx_scope_alloc(sizeof *stays);      /* stays */
        long *numbers = gcx_scope_alloc_noscan(8 * sizeof(long)); /* stays */
        struct node *leaves = gcx_scope_alloc(sizeof *leaves);    /* leaves */
        stays->value = numbers[v & 7] = v;
        global = leaves;
    }
    return v;
}
