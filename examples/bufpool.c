/* bufpool.c -- buffers by size, shared by the whole process. */
#include <gcx/pool.h>

#include <stdio.h>

/* Hexadecimal digits of the text, on stdout, by way of a buffer. */
static int print_hex(const unsigned char *text, size_t n)
{
    size_t bytes = 2 * n + 1;
    char *buf = gcx_bufpool_get(bytes); /* not zeroed, at least that large */
    if (buf == NULL)
        return -1;
    for (size_t i = 0; i < n; i++)
        snprintf(buf + 2 * i, bytes - 2 * i, "%02x", text[i]);
    printf("%s\n", buf);
    return gcx_bufpool_put(buf);
}

int main(void)
{
    static const unsigned char text[] = "buffers";
    for (size_t i = 1; i < sizeof text; i++)
        if (print_hex(text, i) != 0)
            return 1;
    struct gcx_pool_stats stats;
    gcx_bufpool_get_stats(&stats);
    printf("%lu from the pool, %lu allocated\n", (unsigned long)stats.hits,
           (unsigned long)stats.misses);
    return stats.hits + stats.misses == 7 && stats.misses < 7 ? 0 : 1;
}
