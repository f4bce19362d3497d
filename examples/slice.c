/* slice.c -- arrays that grow, and parts of them. */
#include <gcx/slice.h>

#include <stdio.h>

GCX_SLICE_DEFINE_NOSCAN(ints, int); /* struct ints, ints_append, ... */
GCX_SLICE_DEFINE(strings, char *);  /* elements are pointers: scanned */

static int sum(struct ints s)
{
    int total = 0;
    for (size_t i = 0; i < s.len; i++)
        total += s.data[i];
    return total;
}

int main(void)
{
    struct ints s = ints_make(0, 100); /* no elements yet, room for 100 */
    for (int i = 1; i <= 1000; i++)
        if (ints_append(&s, i) != 0)
            return 1;

    struct ints first = ints_sub(s, 0, 10); /* shares the elements */
    *ints_at(&first, 0) = 0;
    printf("sum %d, of the first ten %d\n", sum(s), sum(first));

    /* Out of bounds is NULL, not undefined. */
    if (ints_at(&first, 10) != NULL)
        return 1;

    struct strings names = {0};
    char *name;
    for (int i = 0; i < 1000; i++)
        if (gcx_asprintf(&name, "name %d", i) < 0 || strings_append(&names, name) != 0)
            return 1;
    gcx_collect(GCX_FULL);
    printf("%s\n", *strings_at(&names, 999));
    return sum(s) == 500499 && sum(first) == 54 ? 0 : 1;
}
