/* app.c -- the smallest client: what each way to link the library must run. */
#include <gcx/gcx.h>

#include <stdio.h>
#include <string.h>

struct node {
    struct node *next;
    int value;
};

int main(void)
{
    struct node *list = NULL;
    for (int i = 0; i < 100000; i++) {
        struct node *n = gcx_alloc(sizeof *n);
        if (n == NULL)
            return 1;
        n->next = i % 1000 == 0 ? NULL : list;
        n->value = i;
        list = n;
    }
    gcx_collect(GCX_FULL);
    int expected = 99999;
    for (const struct node *n = list; n != NULL; n = n->next) {
        if (n->value != expected--)
            return 1;
    }
    if (strcmp(gcx_version(), GCX_VERSION_STRING) != 0)
        return 1;
    printf("gcx %s works\n", gcx_version());
    return 0;
}
