/* heap.h -- the one place that knows the collector.
 *
 * heap_alloc gives zeroed memory of a kind; the caller fills it by plain stores
 * before it allocates again. Every later store of a value into an object goes
 * through heap_store. Roots are the C stack and static variables: nothing has
 * to be registered.
 *
 * Built with LISP_BOEHM the same runtime stands on the Boehm collector, as its
 * users have it: everything but strings scanned conservatively, no barrier.
 *
 * SPDX-License-Identifier: MIT */
#ifndef LISP_HEAP_H
#define LISP_HEAP_H

#include "value.h"

/* Which words of an object are values or pointers. */
enum heap_kind {
    HEAP_PAIR,   /* all; apart from what does not live as long */
    HEAP_WORDS,  /* environments, frames: all */
    HEAP_RECORD, /* all but the head */
    HEAP_VECTOR,
    HEAP_CODE,
    HEAP_KINDS,
    HEAP_PLAIN = HEAP_KINDS /* none; it comes as it is, the others zeroed */
};

/* Starts the collector. The barrier is the explicit one, unless GCX_BARRIER in
 * the environment says another. False, after a message, if that fails. */
bool heap_init(void);

/* A full collection. */
void heap_collect(void);

/* What an allocation without memory ends in: it does not return NULL. */
__attribute__((noreturn, cold)) void heap_exhausted(void);

/* Weak tables; a key is a heap object. NULL where there are none. */
void *heap_weak_create(void);
bool heap_weak_put(void *table, val key, val v); /* v NULL: removes it */
val heap_weak_get(void *table, val key);         /* or NULL */
size_t heap_weak_count(void *table);

#ifdef LISP_BOEHM

#include <gc/gc.h>

static inline void *heap_try_alloc(enum heap_kind kind, size_t bytes)
{
    return kind == HEAP_PLAIN ? GC_MALLOC_ATOMIC(bytes) : GC_MALLOC(bytes);
}

static inline void heap_store(void *object, val *slot, val v)
{
    (void)object;
    *slot = v;
}

#else

#include <gcx/gcx.h>

extern gcx_kind heap_kinds[HEAP_KINDS];

static inline void *heap_try_alloc(enum heap_kind kind, size_t bytes)
{
    return kind == HEAP_PLAIN ? gcx_alloc_noscan(bytes) : gcx_alloc_kind(heap_kinds[kind], bytes);
}

static inline void heap_store(void *object, val *slot, val v)
{
    gcx_store(object, slot, v);
}

#endif

static inline void *heap_alloc(enum heap_kind kind, size_t bytes)
{
    void *object = heap_try_alloc(kind, bytes);
    if (__builtin_expect(object == NULL, 0))
        heap_exhausted();
    return object;
}

static inline val cons(val car, val cdr)
{
    struct pair *pair = heap_alloc(HEAP_PAIR, sizeof *pair);
    pair->car = car;
    pair->cdr = cdr;
    return (char *)pair + 1;
}

static inline val make_record(enum type type, void *first, void *second)
{
    struct record *record = heap_alloc(HEAP_RECORD, sizeof *record);
    record->head.type = type;
    record->first = first;
    record->second = second;
    return record;
}

#endif
