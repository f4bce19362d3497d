/* Allocation, resizing, addresses. SPDX-License-Identifier: MIT */
#include "check.h"

static int is_zero(const char *p, size_t n)
{
    while (n-- > 0)
        if (p[n] != 0)
            return 0;
    return 1;
}

static int many_at;

int main(void)
{
    GC_INIT();
    printf("version at least 8: %d\n", GC_get_version() >= 8u << 16);
    for (size_t n = 1; n < 300000; n = n * 3 + 1) {
        char *p = GC_MALLOC(n), *a = GC_MALLOC_ATOMIC(n), *u = GC_MALLOC_UNCOLLECTABLE(n);
        char *v = GC_MALLOC_ATOMIC_UNCOLLECTABLE(n);
        printf("%zu: zero %d %d, size %d %d %d %d\n", n, is_zero(p, n), is_zero(u, n),
               GC_size(p) >= n, GC_size(a) >= n, GC_size(u) >= n, GC_size(v) >= n);
        printf("  base %d %d, heap %d %d\n", GC_base(p + n / 2) == p, GC_base(a + n - 1) == a,
               GC_is_heap_ptr(p), GC_is_heap_ptr(&n));
        GC_FREE(u);
        GC_FREE(v);
        GC_FREE(p);
    }
    char *s = GC_STRDUP("hello"), *t = GC_STRNDUP("hello", 3);
    s = GC_REALLOC(s, 100000);
    printf("%s %s", s, t);
    printf(" %d\n", GC_REALLOC(t, 0) == NULL);
    void *m = GC_memalign(4096, 100), *q = NULL;
    printf("%d %d %d\n", (GC_word)m % 4096 == 0, GC_posix_memalign(&q, 3, 8) != 0,
           GC_posix_memalign(&q, 64, 8));
    GC_FREE(NULL);
    printf("%d\n", GC_base(&many_at) == NULL);
    int many = 0;
    for (void *p = GC_malloc_many(40); p != NULL; p = GC_NEXT(p))
        many++;
    printf("many %d\n", many > 1);
    printf("huge %d\n", GC_MALLOC((size_t)-100) == NULL);
    return 0;
}
