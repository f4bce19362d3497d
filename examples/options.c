/* options.c -- settings from the program instead of the environment. */
#include <gcx/gcx.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    struct gcx_options options = GCX_OPTIONS_DEFAULT;
    options.barrier = GCX_BARRIER_NONE; /* full cycles only */
    options.heap_percent = 50;          /* collect after growth by half */
    options.mark_workers = 1;
    options.memory_limit = (int64_t)256 << 20; /* soft */

    /* Before the first allocation: later calls have no effect. */
    if (gcx_init(&options) != 0) {
        perror("gcx_init");
        return 1;
    }

    /* Each can be changed while the program runs; the old value comes back. */
    int percent = gcx_set_heap_percent(200);
    int64_t limit = gcx_set_memory_limit(-1); /* only reads */
    printf("percent was %d, memory limit is %lld MiB\n", percent, (long long)(limit >> 20));

    struct gcx_stats s = {0};
    gcx_get_stats(&s);
    printf("dirty pages are found by: %s; %llu mark worker(s)\n", s.dirty_backend,
           (unsigned long long)s.mark_workers);

    return percent == 50 && limit == (int64_t)256 << 20 && strcmp(s.dirty_backend, "none") == 0 &&
                   s.mark_workers == 1 && gcx_init(NULL) == 0
               ? 0
               : 1;
}
