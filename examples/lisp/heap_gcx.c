/* heap_gcx.c -- the runtime's objects as kinds of libgcx.
 *
 * Layouts that repeat or end are bitmaps; objects with a head and a tail of any
 * length have a trace function. Both skip what is no value, as a head or a
 * count. gcx_store is used throughout, so the barrier may be the explicit one.
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/table.h>
#include <stdio.h>
#include <stdlib.h>

#include "lisp.h"

gcx_kind heap_kinds[HEAP_KINDS];

static void heap_trace_vector(void *object, size_t size_bytes, struct gcx_tracer *tracer)
{
    struct vector *vector = object;
    (void)size_bytes;
    gcx_trace_range(tracer, vector->items, vector->items + vector->count);
}

static void heap_trace_code(void *object, size_t size_bytes, struct gcx_tracer *tracer)
{
    struct code *code = object;
    (void)size_bytes;
    gcx_trace_word(tracer, code->datum);
    gcx_trace_range(tracer, code->kids, code->kids + code->n);
}

/* A bitmap of which words are pointers, or a function. */
static gcx_kind heap_kind(const char *name, size_t words, uint64_t pointers, gcx_trace_fn *trace)
{
    struct gcx_kind_layout layout = GCX_KIND_LAYOUT_DEFAULT;
    layout.name = name;
    layout.element_bytes = words * sizeof(val);
    layout.pointers = trace == NULL ? &pointers : NULL;
    layout.pointer_bits = words;
    layout.trace = trace;
    return gcx_kind_create(&layout);
}

static bool heap_create_kinds(void)
{
    uint64_t record = GCX_KIND_BIT(struct record, first) | GCX_KIND_BIT(struct record, second);
    bool is_done = true;
    heap_kinds[HEAP_PAIR] = heap_kind("pair", 2, 3, NULL);
    heap_kinds[HEAP_WORDS] = heap_kind("words", 1, 1, NULL);
    heap_kinds[HEAP_RECORD] =
        heap_kind("record", sizeof(struct record) / sizeof(val), record, NULL);
    heap_kinds[HEAP_VECTOR] = heap_kind("vector", 0, 0, heap_trace_vector);
    heap_kinds[HEAP_CODE] = heap_kind("code", 0, 0, heap_trace_code);
    for (int i = 0; i < HEAP_KINDS; i++)
        is_done = is_done && heap_kinds[i] != 0;
    return is_done;
}

bool heap_init(void)
{
    struct gcx_options options = GCX_OPTIONS_DEFAULT;
    if (getenv("GCX_BARRIER") == NULL)
        options.barrier = GCX_BARRIER_EXPLICIT;
    bool is_done = gcx_init(&options) == 0 && heap_create_kinds();
    if (!is_done)
        perror("gcx");
    return is_done;
}

void heap_collect(void)
{
    gcx_collect(GCX_FULL);
}

void *heap_weak_create(void)
{
    void *table = gcx_table_create(GCX_TABLE_WEAK_KEYS, NULL);
    if (table == NULL)
        heap_exhausted();
    return table;
}

bool heap_weak_put(void *table, val key, val v)
{
    if (v == NULL)
        gcx_table_remove(table, key);
    return v == NULL || gcx_table_put(table, key, v) == 0;
}

val heap_weak_get(void *table, val key)
{
    return gcx_table_get(table, key);
}

size_t heap_weak_count(void *table)
{
    return gcx_table_count(table);
}
