/* scope.c -- scopes; beside bench/go/scope, where there are none.
 *
 *   request              10,000 objects of 16 to 96 bytes per request, linked and
 *                        read; 10 of them stay, in a cache of 100,000. Without scopes
 *   request_quarantined  the same in a scope, nothing promised
 *   request_scoped       the same, trusted; verified in the build with -DBARRIER
 *   alloc                64 bytes, zeroed, in scopes of 10,000
 *   calloc               the same by calloc and free, one after the other
 *   bump                 what no allocator can beat: a pointer moved through
 *                        640 kB, and the object zeroed
 *   pair                 a scope with one object
 *
 * Per object, but per scope for pair.
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/scope.h>

#include "parts.h"

enum {
    SCOPE_OBJECTS = 10000,
    SCOPE_BYTES = 64,
    SCOPE_STAYS = SCOPE_OBJECTS / 10,
    SCOPE_CACHE = 100000
};

#ifdef BARRIER
#define SCOPE_PROMISE GCX_PROMISE_VERIFIED
#else
#define SCOPE_PROMISE GCX_PROMISE_TRUSTED
#endif

struct scope_object {
    struct scope_object *next;
    uint64_t value;
    uint64_t more[];
};

typedef void *scope_alloc(size_t size);

static struct scope_object **scope_cache; /* an old heap object */
static uint64_t scope_at;
static uint64_t scope_sum;
static char *scope_buffer;

/* Sizes are constants where they are used, as in a program. */
static inline struct scope_object *scope_make(scope_alloc *alloc, uint64_t i)
{
    switch (i % 4) {
    case 0:
        return alloc(16);
    case 1:
        return alloc(32);
    case 2:
        return alloc(48);
    default:
        return alloc(96);
    }
}

static inline __attribute__((always_inline)) void scope_work(scope_alloc *alloc)
{
    struct scope_object *list = NULL;
    for (uint64_t i = 0; i < SCOPE_OBJECTS; i++) {
        struct scope_object *object = scope_make(alloc, i);
        object->next = list;
        object->value = i;
        list = object;
    }
    uint64_t i = 0;
    for (struct scope_object *object = list, *next; object != NULL; object = next, i++) {
        next = object->next;
        scope_sum += object->value;
        if (i % SCOPE_STAYS == 0) {
            object->next = NULL;
            gcx_escape(object);
            gcx_store(scope_cache, (void **)&scope_cache[scope_at++ % SCOPE_CACHE], object);
        }
    }
}

static inline void *scope_plain(size_t size)
{
    return gcx_alloc(size);
}

static inline void *scope_scoped(size_t size)
{
    return gcx_scope_alloc(size);
}

static __attribute__((noinline)) void scope_request_plain(void)
{
    scope_work(scope_plain);
}

static __attribute__((noinline)) void scope_request_scoped(void)
{
    scope_work(scope_scoped);
}

static void scope_prepare(uint64_t n)
{
    (void)n;
    scope_cache = gcx_alloc(SCOPE_CACHE * sizeof *scope_cache);
    for (uint64_t i = 0; i < SCOPE_CACHE; i++)
        gcx_store(scope_cache, (void **)&scope_cache[i], gcx_alloc(48));
    gcx_collect(GCX_FULL);
}

static void scope_requests(uint64_t n)
{
    for (uint64_t i = 0; i < n; i += SCOPE_OBJECTS)
        scope_request_plain();
}

static inline void scope_requests_as(uint64_t n, enum gcx_promise promise)
{
    for (uint64_t i = 0; i < n; i += SCOPE_OBJECTS)
        GCX_SCOPE_AS(s, promise)
        {
            scope_request_scoped();
        }
}

static void scope_requests_quarantined(uint64_t n)
{
    scope_requests_as(n, GCX_PROMISE_QUARANTINED);
}

static void scope_requests_scoped(uint64_t n)
{
    scope_requests_as(n, SCOPE_PROMISE);
}

static __attribute__((noinline)) void scope_allocate(void)
{
    for (uint64_t i = 0; i < SCOPE_OBJECTS; i++) {
        uint64_t *object = gcx_scope_alloc(SCOPE_BYTES);
        *object = i;
        bench_keep(object);
    }
}

static void scope_allocs(uint64_t n)
{
    for (uint64_t i = 0; i < n; i += SCOPE_OBJECTS)
        GCX_SCOPE_AS(s, SCOPE_PROMISE)
        {
            scope_allocate();
        }
}

static void scope_callocs(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t *object = calloc(1, SCOPE_BYTES);
        if (object == NULL)
            bench_die("no memory");
        *object = i;
        bench_keep(object);
        free(object);
    }
}

typedef uint64_t scope_words __attribute__((vector_size(16)));

/* 16 bytes at a time; kept apart, or the compiler makes `rep stos` of it. */
static void scope_bumps(uint64_t n)
{
    char *cur = scope_buffer;
    char *end = cur + (size_t)SCOPE_OBJECTS * SCOPE_BYTES;
    for (uint64_t i = 0; i < n; i++) {
        char *object = cur;
        cur = cur + SCOPE_BYTES < end ? cur + SCOPE_BYTES : scope_buffer;
        for (size_t at = 0; at < SCOPE_BYTES; at += sizeof(scope_words)) {
            *(scope_words *)(void *)(object + at) = (scope_words){0, 0};
            bench_keep(object);
        }
        *(uint64_t *)(void *)object = i;
        bench_keep(object);
    }
}

static __attribute__((noinline)) void scope_allocate_one(uint64_t i)
{
    uint64_t *object = gcx_scope_alloc(SCOPE_BYTES);
    *object = i;
    bench_keep(object);
}

static void scope_pairs(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        GCX_SCOPE_AS(s, SCOPE_PROMISE)
        {
            scope_allocate_one(i);
        }
}

int main(int argc, char **argv)
{
    static const struct part parts[] = {
        {"request", scope_prepare, scope_requests},
        {"request_quarantined", scope_prepare, scope_requests_quarantined},
        {"request_scoped", scope_prepare, scope_requests_scoped},
        {"alloc", NULL, scope_allocs},
        {"calloc", NULL, scope_callocs},
        {"bump", NULL, scope_bumps},
        {"pair", NULL, scope_pairs}};
    peer_init();
    scope_buffer = bench_plain_memory(SCOPE_OBJECTS, SCOPE_BYTES);
    memset(scope_buffer, 1, (size_t)SCOPE_OBJECTS * SCOPE_BYTES);
    parts_run(argc, argv, parts, 7, 20000000, 2000000);
    bench_keep(&scope_sum);
    return 0;
}
