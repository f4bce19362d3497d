/* locals.c -- objects that stay in their function. A comment at each allocation
 * says what gcc must say of it: see run.py. */
#include <string.h>

#include <gcx/gcx.h>

struct node {
    struct node *next;
    struct node *other;
    long value;
};

long unused(long v)
{
    struct node *n = gcx_alloc(sizeof *n); /* stays */
    n->value = v;
    return v;
}

long computed(long v, int i)
{
    long *n = gcx_alloc_noscan(64); /* stays */
    for (int k = 0; k < 8; k++)
        n[k] = v + k;
    return n[i & 7];
}

int compared(void)
{
    void *a = gcx_alloc(16); /* stays */
    void *b = gcx_alloc(32); /* stays */
    return a == b;
}

static long sum(const long *values, int n)
{
    long total = 0;
    for (int i = 0; i < n; i++)
        total += values[i];
    return total;
}

long passed_to_what_is_inlined(int n)
{
    long *values = gcx_calloc((unsigned)n, sizeof *values); /* stays */
    for (int i = 0; i < n; i++)
        values[i] = i;
    return sum(values, n);
}

void one_stored_in_the_other(long v)
{
    struct node *a = gcx_alloc(sizeof *a); /* stays */
    struct node *b = gcx_alloc(sizeof *b); /* stays */
    a->next = b;
    b->next = a;
    a->next->value = v;
}

void copied_within(const char *from)
{
    char *buf = gcx_alloc_noscan(100); /* stays */
    memcpy(buf, from, 100);
}
