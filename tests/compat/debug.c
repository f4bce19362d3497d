/* Debug allocation and pointer checks. SPDX-License-Identifier: MIT */
#define GC_DEBUG
#include "check.h"

#include <gc/gc_mark.h>

#define N 100

static int finalized;

static void on_final(void *obj, void *data)
{
    finalized += *(long *)obj == 9 && data == &finalized;
}

static NOINLINE void make(void)
{
    for (int i = 0; i < N; i++) {
        long *p = GC_MALLOC(20);
        *p = 9;
        GC_REGISTER_FINALIZER(p, on_final, &finalized, NULL, NULL);
    }
}

int main(void)
{
    GC_INIT();
    char *p = GC_MALLOC(10), *a = GC_MALLOC_ATOMIC(10), *s = GC_STRDUP("text");
    printf("%s %d %d\n", s, p[0] == 0, GC_USR_PTR_FROM_BASE(GC_base(p)) == p);
    memcpy(a, "123456789", 10);
    a = GC_REALLOC(a, 1000);
    printf("%s\n", a);
    char *q = GC_PTR_ADD(p, 3);
    printf("%td\n", q - p);
    GC_FREE(p);
    GC_FREE(GC_MALLOC_UNCOLLECTABLE(100));
    make();
    collect();
    printf("finalized %s\n", nearly(finalized, N));
    return 0;
}
