/* weak.c -- references that keep nothing alive. */
#include <gcx/weak.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 100 };

static gcx_weak *weak[COUNT], *toggle[COUNT]; /* static data: roots */
static gcx_ephemeron *notes[COUNT];
static char *kept;

static void __attribute__((noinline)) make(void **links)
{
    for (int i = 0; i < COUNT; i++) {
        char *name = gcx_strdup("a name");
        char *note = gcx_asprintf(&note, "about number %d", i) > 0 ? note : NULL;
        weak[i] = gcx_weak_create(name);
        toggle[i] = gcx_toggle_create(gcx_alloc(64));
        notes[i] = gcx_ephemeron_create(name, note); /* lives with the name */
        if (weak[i] == NULL || toggle[i] == NULL || notes[i] == NULL ||
            gcx_link_add(&links[i], name) != 0)
            exit(1);
        if (i == 0)
            kept = name;
        if (i > 0)
            gcx_toggle_set_strong(toggle[i], 0);
    }
}

int main(void)
{
    void **links = calloc(COUNT, sizeof *links); /* memory that is not collected */
    if (links == NULL)
        return 1;
    make(links);
    gcx_collect(GCX_FULL);

    int names = 0, objects = 0, about = 0, linked = 0;
    for (int i = 0; i < COUNT; i++) {
        names += gcx_weak_get(weak[i]) != NULL;
        objects += gcx_weak_get(toggle[i]) != NULL;
        about += gcx_ephemeron_value(notes[i]) != NULL;
        linked += gcx_link_get(&links[i]) != NULL;
    }
    printf("left: %d names, %d notes, %d links, %d objects\n", names, about, linked, objects);
    int ok = gcx_weak_get(weak[0]) == kept && gcx_toggle_is_strong(toggle[0]) &&
             strcmp(gcx_ephemeron_value(notes[0]), "about number 0") == 0 &&
             gcx_ephemeron_key(notes[0]) == kept;

    /* A long one outlives finalization; both can be emptied by hand. */
    gcx_weak *both = gcx_weak_create_long(kept);
    gcx_weak_clear(both);
    void *elsewhere = NULL;
    ok = ok && gcx_weak_get(both) == NULL && gcx_link_add_long(&elsewhere, kept) == 0 &&
         gcx_link_remove(&elsewhere) == 0;
    for (int i = 0; i < COUNT; i++)
        gcx_link_remove(&links[i]);
    free(links);
    return ok && names < 10 && about < 10 && linked < 10 && objects < 10 ? 0 : 1;
}
