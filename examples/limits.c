/* limits.c -- a hard maximum: allocation fails, the program goes on. */
#include <gcx/gcx.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MIB = 1 << 20, CHUNK_BYTES = 64 * 1024, MAX_CHUNKS = 4000 };

static void *chunks[MAX_CHUNKS]; /* static data: a root */

/* Chunks until there are max or memory runs out; how many there are. */
static int chunks_fill(int max)
{
    int count = 0;
    while (count < max) {
        chunks[count] = gcx_alloc(CHUNK_BYTES);
        if (chunks[count] == NULL)
            break;
        count++;
    }
    return count;
}

int main(void)
{
    gcx_set_heap_max((int64_t)64 * MIB);

    errno = 0;
    int count = chunks_fill(MAX_CHUNKS);
    int error = errno;
    printf("the 64 MiB maximum was reached after %d chunks: %s\n", count, strerror(error));
    if (count == MAX_CHUNKS || count < 512 || error != ENOMEM)
        return 1;

    /* Dropped, the chunks make room; nothing else has to be done. */
    memset(chunks, 0, sizeof chunks);
    int again = chunks_fill(count / 2);
    printf("%d more fit once those were dropped\n", again);
    if (again != count / 2)
        return 1;

    /* Without the maximum there is room for more than before. */
    if (gcx_set_heap_max(-1) != (int64_t)64 * MIB)
        return 1;
    again = chunks_fill(2 * count);
    printf("%d fit without the maximum\n", again);
    return again == 2 * count ? 0 : 1;
}
