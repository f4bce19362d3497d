/* roots.c -- pointers in memory that the collector does not scan.
 *
 * malloc and mmap memory is not scanned. A pointer that only lies there keeps
 * nothing alive, unless the memory is added as a root or comes from
 * gcx_alloc_root. */
#include <gcx/gcx.h>
#include <gcx/stats.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 256 };

/* noinline: no copy of the pointers is left in the caller's registers. */
static __attribute__((noinline)) int fill(char **table, const char *what)
{
    for (int i = 0; i < SLOTS; i++) {
        if (gcx_asprintf(&table[i], "%s %d", what, i) < 0)
            return -1;
    }
    return 0;
}

static int check(char *const *table, const char *what)
{
    for (int i = 0; i < SLOTS; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "%s %d", what, i);
        if (strcmp(table[i], expected) != 0)
            return -1;
    }
    return 0;
}

static __attribute__((noinline)) void churn(void)
{
    for (int i = 0; i < 100000; i++)
        gcx_keep_alive(gcx_alloc_noscan(32));
    gcx_collect(GCX_FULL);
}

/* Which root keeps how much that no root before it does. */
static void print_roots(void)
{
    static const char *const sources[] = {"static data", "added range", "suspended stacks",
                                          "thread"};
    struct gcx_root_stats roots[64];
    size_t count = gcx_get_roots(roots, 64);
    for (size_t i = 0; i < count && i < 64; i++)
        if (roots[i].retained_bytes != 0)
            printf("%s %s: %llu words keep %llu objects, %llu bytes\n", sources[roots[i].source],
                   roots[i].name, (unsigned long long)roots[i].words,
                   (unsigned long long)roots[i].retained_objects,
                   (unsigned long long)roots[i].retained_bytes);
}

int main(void)
{
    /* A table from malloc, added before pointers are put there. */
    char **foreign = calloc(SLOTS, sizeof *foreign);
    if (foreign == NULL || gcx_root_add(foreign, foreign + SLOTS) != 0)
        return 1;

    /* A table of the collector's that lives until it is freed, so its address
     * may be kept anywhere: here it hides from the collector. */
    char **table = gcx_alloc_root(SLOTS * sizeof *table);
    if (table == NULL)
        return 1;
    uintptr_t hidden = ~(uintptr_t)table;

    if (fill(foreign, "foreign") != 0 || fill(table, "rooted") != 0)
        return 1;
    table = NULL;
    churn();

    table = (char **)~hidden;
    if (check(foreign, "foreign") != 0 || check(table, "rooted") != 0)
        return 1;
    printf("%s and %s are still there\n", foreign[7], table[7]);
    print_roots();

    /* Removed before the memory goes. */
    if (gcx_root_remove(foreign, foreign + SLOTS) != 0)
        return 1;
    free(foreign);
    gcx_free(table);
    churn();
    return 0;
}
