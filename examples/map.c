/* map.c -- counting words; a bounded cache. */
#include <gcx/map.h>

#include <stdio.h>
#include <string.h>

GCX_MAP_DEFINE_STRINGS(counts, int);                /* strings to integers */
GCX_MAP_DEFINE_NOSCAN(squares, uint64_t, uint64_t); /* no pointers in it */

static int count_words(void)
{
    static const char *const words[] = {"to", "be", "or", "not", "to", "be"};
    struct counts m = counts_create(0);
    if (m.map == NULL)
        return -1;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        ++*counts_ensure(m, words[i]); /* 0 where there was none */

    struct gcx_map_iter it = gcx_map_iterate(m.map);
    while (gcx_map_next(&it))
        printf("%s: %d\n", (const char *)it.key, *(int *)it.value);
    return counts_len(m) == 4 && *counts_find(m, "to") == 2 && counts_find(m, "is") == NULL ? 0
                                                                                            : -1;
}

/* Never more than 100 entries: what was not used for a while goes. */
static int cache_squares(void)
{
    struct squares cache = squares_create(100);
    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t *known = squares_find(cache, i % 150);
        if (known == NULL && squares_insert(cache, i % 150, (i % 150) * (i % 150)) != 0)
            return -1;
        if (squares_len(cache) > 100)
            return -1;
    }
    return squares_delete(cache, 99) == 0 ? 0 : -1;
}

int main(void)
{
    return count_words() == 0 && cache_squares() == 0 ? 0 : 1;
}
