/* Find-leak mode with threads that free what they keep and lose the rest, and collect while
 * another tells of what it found. leaks.sh looks at what is told.
 *
 * SPDX-License-Identifier: MIT */
#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include "check.h"

#include <pthread.h>

enum { THREADS = 4, KEPT = 400, ROUNDS = 30 };

static void fill(unsigned char **kept, unsigned round)
{
    for (int i = 0; i < KEPT; i++) {
        size_t bytes = i % 40 == 0 ? 100000 : (size_t)(16 + i % 50 * 16);
        kept[i] = GC_MALLOC(bytes);
        memset(kept[i], (int)((unsigned)i + round) & 255, bytes);
    }
}

struct tree {
    struct tree *left, *right;
};

static struct tree *grow(int depth)
{
    struct tree *t = GC_MALLOC(sizeof *t);
    if (depth != 0) {
        t->left = grow(depth - 1);
        t->right = grow(depth - 1);
    }
    return t;
}

static long empty(unsigned char **kept, unsigned round)
{
    long bad = 0;
    for (int i = 0; i < KEPT; i++) {
        size_t bytes = GC_size(kept[i]) < 100000 ? 16 : 100000;
        for (size_t at = 0; at < bytes; at += 15)
            bad += kept[i][at] != (((unsigned)i + round) & 255);
        GC_FREE(kept[i]);
        kept[i] = NULL;
    }
    return bad;
}

static void *work(void *arg)
{
    long bad = 0;
    unsigned char **kept = GC_MALLOC_UNCOLLECTABLE(KEPT * sizeof *kept);
    for (unsigned round = 0; round < ROUNDS; round++) {
        fill(kept, round);
        grow(8); /* lost */
        if (round % 3 == 0)
            GC_gcollect();
        bad += empty(kept, round);
    }
    GC_FREE(kept);
    (void)arg;
    return (void *)bad;
}

int main(void)
{
    GC_set_find_leak(1);
    GC_INIT();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (GC_pthread_create(&threads[i], NULL, work, NULL) != 0)
            printf("no thread\n");
    for (int i = 0; i < THREADS; i++) {
        void *bad;
        GC_pthread_join(threads[i], &bad);
        printf("bad %ld\n", (long)bad);
    }
    return 0;
}
