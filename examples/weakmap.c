/* weakmap.c -- what is known about objects, and a cache of them, that vanish. */
#include <gcx/map.h>

#include <stdio.h>

enum { COUNT = 1000 };

struct node {
    char name[40];
};
struct note {
    struct node *about; /* leads back to the key, and does not keep it */
    int visits;
};

GCX_MAP_DEFINE_WEAK_KEYS(notes, struct node, struct note);      /* of a node */
GCX_MAP_DEFINE_STRINGS_WEAK_VALUES(nodes_by_name, struct node); /* in use somewhere */

static struct notes notes;
static struct nodes_by_name by_name; /* static data: roots */
static struct node *held[COUNT];

/* The one node of that name: a second one only if nobody has the first. */
static struct node *node_get(const char *name)
{
    struct node *node = nodes_by_name_find(by_name, name);
    if (node == NULL && (node = gcx_alloc(sizeof *node)) != NULL) {
        snprintf(node->name, sizeof node->name, "%s", name);
        if (nodes_by_name_insert(by_name, name, node) != 0)
            return NULL;
    }
    return node;
}

static int visit(struct node *node)
{
    struct note *note = notes_ensure(notes, node);
    if (note == NULL)
        return -1;
    note->about = node;
    note->visits++;
    return 0;
}

static int __attribute__((noinline)) fill(void)
{
    for (int i = 0; i < COUNT; i++) {
        char name[32];
        snprintf(name, sizeof name, "node-%d", i);
        struct node *node = node_get(name);
        if (node == NULL || node_get(name) != node || visit(node) != 0 || visit(node) != 0)
            return -1;
        if (i % 10 == 0)
            held[i] = node;
    }
    return 0;
}

int main(void)
{
    notes = notes_create(0);
    by_name = nodes_by_name_create(0);
    if (notes.map == NULL || by_name.map == NULL || fill() != 0)
        return 1;
    gcx_collect(GCX_FULL);

    printf("%zu notes and %zu names are left\n", notes_len(notes), nodes_by_name_len(by_name));
    for (int i = 0; i < COUNT; i += 10)
        if (notes_find(notes, held[i])->visits != 2 || node_get(held[i]->name) != held[i])
            return 1;
    return notes_len(notes) < COUNT / 5 && nodes_by_name_len(by_name) < COUNT / 5 ? 0 : 1;
}
