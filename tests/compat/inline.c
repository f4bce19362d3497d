/* inline.c -- GC_MALLOC of constant sizes, which takes slots without a call.
 *
 * SPDX-License-Identifier: MIT */
#include <gc/gc.h>
#include <stdio.h>

struct cell {
    struct cell *next;
    long value;
};

int main(void)
{
    GC_INIT();
    struct cell *first = NULL;
    long sum = 0, dirty = 0;
    for (long i = 0; i < 2000000; i++) {
        struct cell *cell = GC_MALLOC(sizeof *cell);
        char *text = GC_MALLOC_ATOMIC(40);
        dirty += cell->next != NULL || cell->value != 0;
        text[39] = 1;
        cell->value = i;
        cell->next = i % 1000 != 0 ? first : NULL;
        first = cell;
    }
    for (const struct cell *cell = first; cell != NULL; cell = cell->next)
        sum += cell->value;
    printf("sum %ld, dirty %ld\n", sum, dirty);
    return 0;
}
