/* Large heaps, which ours marks while the program runs: what is reachable is neither
 * told as a leak nor disclaimed then. same.sh runs ours so that every heap is.
 *
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include <gc/gc_disclaim.h>

enum { LARGE = 80, SMALL = 10000 };

#define LARGE_BYTES ((size_t)1 << 20)

static char *large[LARGE];
static void *small[SMALL];

static int count_intact(void)
{
    int intact = 0;
    for (int i = 0; i < LARGE; i++) {
        size_t at = 0;
        while (at < LARGE_BYTES && large[i][at] == (char)i)
            at += 512;
        intact += at >= LARGE_BYTES;
    }
    return intact;
}

static void finds_no_leaks(void)
{
    for (int i = 0; i < LARGE; i++) {
        large[i] = GC_MALLOC(LARGE_BYTES);
        memset(large[i], i, LARGE_BYTES);
    }
    GC_gcollect();
    printf("intact: %d of %d\n", count_intact(), LARGE);
}

static int disclaimed;

static void GC_CALLBACK count(void *object, void *arg)
{
    (void)object;
    (void)arg;
    disclaimed++;
}

static const struct GC_finalizer_closure closure = {count, NULL};

static NOINLINE void make(void)
{
    for (int i = 0; i < SMALL; i++) {
        small[i] = GC_finalized_malloc(600, &closure);
        for (int k = 0; k < 20; k++)
            GC_MALLOC(600);
    }
}

static void disclaims_what_is_dead(void)
{
    GC_init_finalized_malloc();
    for (int round = 0; round < 2; round++) {
        make();
        printf("disclaimed of those that live: %d\n", disclaimed);
        memset(small, 0, sizeof small);
        collect();
        for (int i = 0; i < SMALL; i++)
            GC_finalized_malloc(600, &closure);
        collect();
        printf("disclaimed: %s\n", disclaimed >= SMALL * 9 / 10 ? "nearly all" : "some");
        collect();
        disclaimed = 0;
    }
}

int main(void)
{
    GC_find_leak = 1;
    GC_INIT();
    finds_no_leaks();
    GC_find_leak = 0;
    disclaims_what_is_dead();
    return 0;
}
