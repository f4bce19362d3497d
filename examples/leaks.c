/* leaks.c -- finding what was not freed. */
#include <gcx/leak.h>

#include <stdio.h>
#include <string.h>

static char *kept; /* static data: what it leads to has not leaked */
static size_t leaked_blocks, leaked_bytes;

static void note(const struct gcx_leak *leak, void *arg)
{
    (void)arg;
    leaked_blocks += leak->blocks;
    leaked_bytes += leak->bytes;
}

static void __attribute__((noinline)) work(void)
{
    kept = gcx_leak_malloc(100);
    for (int i = 0; i < 10; i++) {
        char *p = gcx_leak_calloc(1, 24);
        if (p != NULL && i % 2 == 0)
            gcx_leak_free(p); /* every other one is forgotten */
    }
    kept = gcx_leak_realloc(kept, 200);
    gcx_leak_free(gcx_leak_aligned_alloc(64, 64));
}

static void __attribute__((noinline)) clear_stack(void)
{
    volatile char unused[4096];
    memset((char *)unused, 0, sizeof unused);
}

int main(void)
{
    if (gcx_leak_start() != 0)
        return 1;
    gcx_leak_set_reporter(note, NULL);
    work();
    clear_stack();
    long first = gcx_leak_check();
    long again = gcx_leak_check(); /* each is told once */
    printf("%zu bytes in %zu blocks leaked\n", leaked_bytes, leaked_blocks);
    gcx_leak_set_reporter(NULL, NULL);
    gcx_leak_stop();
    gcx_leak_free(kept);
    /* A word left on the stack may lead to the last one. */
    int ok = first >= 4 && first <= 5 && leaked_bytes == 24 * leaked_blocks && again <= 1;
    return ok ? 0 : 1;
}
