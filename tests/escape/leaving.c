/* leaving.c -- objects that leave their function, each in another way. */
#include <gcx/gcx.h>

struct node {
    struct node *next;
    struct node *other;
    long value;
};

struct node *global;
struct node *table[10];
static struct node *hidden;
void use(struct node *n);
struct node *pick(struct node *n);

struct node *returned(void)
{
    return gcx_alloc(sizeof(struct node)); /* leaves */
}

void in_a_global(void)
{
    struct node *n = gcx_alloc(sizeof *n); /* leaves */
    global = n;
}

void in_a_table(int i)
{
    struct node *n = gcx_alloc(sizeof *n); /* leaves */
    table[i] = n;
}

void in_static_data(void)
{
    hidden = gcx_alloc(sizeof *hidden); /* leaves */
}

long read_back(void)
{
    return hidden->value;
}

void passed(void)
{
    struct node *n = gcx_alloc(sizeof *n); /* leaves */
    use(n);
}

void through_an_argument(struct node **out)
{
    *out = gcx_alloc(sizeof **out); /* leaves */
}

void in_an_older_object(struct node *old)
{
    struct node *n = gcx_alloc(sizeof *n); /* leaves */
    old->next = n;
}

struct node *behind_another(void)
{
    struct node *a = gcx_alloc(sizeof *a); /* leaves */
    struct node *b = gcx_alloc(sizeof *b); /* leaves */
    struct node *c = gcx_alloc(sizeof *c); /* stays */
    a->next = b;
    c->next = a;
    return a;
}

struct node *one_of_two(int which)
{
    struct node *a = gcx_alloc(sizeof *a); /* leaves */
    struct node *b = gcx_alloc(sizeof *b); /* leaves */
    return which ? a : b;
}

void by_an_interior_pointer(long **out)
{
    struct node *n = gcx_alloc(sizeof *n); /* leaves */
    *out = &n->value;
}

void as_a_number(unsigned long *out)
{
    void *p = gcx_alloc(16); /* leaves */
    *out = (unsigned long)p;
}

void by_the_barrier(struct node *old)
{
    struct node *n = gcx_alloc(sizeof *n); /* leaves */
    gcx_store(old, (void **)&old->next, n);
}

/* A list of which only numbers are returned: gcc takes these for pointers. */
long unknown_to_gcc(long n)
{
    struct node *list = 0;
    for (long i = 0; i < n; i++) {
        struct node *fresh = gcx_alloc(sizeof *fresh); /* leaves */
        fresh->next = list;
        fresh->value = i;
        list = fresh;
    }
    long total = 0;
    for (; list != 0; list = list->next)
        total += list->value;
    return total;
}
