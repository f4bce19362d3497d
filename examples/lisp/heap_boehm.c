/* heap_boehm.c -- the same on the Boehm collector, for the benchmark. It has no
 * weak tables of its own, and none are made up here.
 *
 * SPDX-License-Identifier: MIT */
#include "heap.h"

bool heap_init(void)
{
    GC_INIT();
    return true;
}

void heap_collect(void)
{
    GC_gcollect();
}

void *heap_weak_create(void)
{
    return NULL;
}

bool heap_weak_put(void *table, val key, val v)
{
    (void)table, (void)key, (void)v;
    return false;
}

val heap_weak_get(void *table, val key)
{
    (void)table, (void)key;
    return NULL;
}

size_t heap_weak_count(void *table)
{
    (void)table;
    return 0;
}
