/* Switches that change when collections happen and where memory goes.
 *
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include <unistd.h>

#define MIB ((size_t)1 << 20)

static void make_garbage(size_t bytes)
{
    for (size_t done = 0; done < bytes; done += 1000)
        if (GC_MALLOC(1000) == NULL)
            printf("no memory\n");
}

static size_t resident_bytes(void)
{
    unsigned long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%lu %lu", &size, &pages) != 2)
        printf("no statm\n");
    if (file != NULL)
        fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void automatic_collection(void)
{
    GC_set_disable_automatic_collection(1);
    GC_set_disable_automatic_collection(1);
    GC_word before = GC_get_gc_no();
    make_garbage(60 * MIB);
    printf("disabled: %d, of its own: %d\n", GC_get_disable_automatic_collection(),
           GC_get_gc_no() != before);
    GC_gcollect();
    printf("asked for: %d\n", GC_get_gc_no() != before);
    GC_set_disable_automatic_collection(0);
    before = GC_get_gc_no();
    make_garbage(200 * MIB);
    printf("disabled: %d, of its own: %d\n", GC_get_disable_automatic_collection(),
           GC_get_gc_no() != before);
}

static NOINLINE void touch_large(void)
{
    for (int i = 0; i < 64; i++)
        memset(GC_MALLOC_ATOMIC(MIB), 1, MIB);
}

static void unmapping(void)
{
    GC_set_force_unmap_on_gcollect(1);
    GC_disable();
    touch_large();
    GC_enable();
    size_t before = resident_bytes();
    collect();
    printf("forced: %d, memory went back: %d\n", GC_get_force_unmap_on_gcollect(),
           resident_bytes() + 40 * MIB < before);
}

int main(void)
{
    GC_INIT();
    printf("time limit %lu %lu\n", GC_get_time_limit(), GC_get_time_limit_tv().tv_ms);
    automatic_collection();
    unmapping();
    return 0;
}
