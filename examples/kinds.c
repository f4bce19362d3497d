/* kinds.c -- precise kinds: the program says where its pointers are. */
#include <gcx/gcx.h>

#include <stdio.h>

struct node {
    struct node *next;
    double weight; /* never taken for an address */
};

struct vector {
    size_t count;
    void *items[]; /* how many, only the object knows */
};

static void vector_trace(void *obj, size_t size_bytes, struct gcx_tracer *tracer)
{
    struct vector *v = obj;
    (void)size_bytes;
    gcx_trace_range(tracer, v->items, v->items + v->count);
}

static gcx_kind node_kind(void)
{
    const uint64_t pointers = GCX_KIND_BIT(struct node, next);
    struct gcx_kind_layout layout = GCX_KIND_LAYOUT_DEFAULT;
    layout.name = "node";
    layout.element_bytes = sizeof(struct node);
    layout.pointers = &pointers;
    layout.pointer_bits = sizeof(struct node) / sizeof(void *);
    return gcx_kind_create(&layout);
}

static gcx_kind vector_kind(void)
{
    struct gcx_kind_layout layout = GCX_KIND_LAYOUT_DEFAULT;
    layout.name = "vector";
    layout.trace = vector_trace;
    return gcx_kind_create(&layout);
}

int main(void)
{
    enum { LISTS = 100, LENGTH = 1000 };
    gcx_kind nodes = node_kind(), vectors = vector_kind();
    if (nodes == 0 || vectors == 0)
        return 1;

    struct vector *lists = gcx_alloc_kind(vectors, sizeof(struct vector) + LISTS * sizeof(void *));
    if (lists == NULL)
        return 1;
    lists->count = LISTS;
    for (int i = 0; i < LISTS; i++) {
        for (int k = 0; k < LENGTH; k++) {
            struct node *n = gcx_alloc_kind(nodes, sizeof *n);
            if (n == NULL)
                return 1;
            n->weight = 0.5;
            n->next = lists->items[i];
            lists->items[i] = n;
        }
    }
    gcx_collect(GCX_FULL);

    double sum = 0;
    for (int i = 0; i < LISTS; i++)
        for (const struct node *n = lists->items[i]; n != NULL; n = n->next)
            sum += n->weight;
    printf("%d lists weigh %.0f\n", LISTS, sum);
    return sum == LISTS * LENGTH * 0.5 ? 0 : 1;
}
