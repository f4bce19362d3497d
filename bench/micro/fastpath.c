/* fastpath.c -- nanoseconds per small allocation, by size.
 *
 *   result name=... size=... ns_x100=...
 *
 * alloc: objects allocated, written once and dropped, collections included.
 * ring: the same with the last 1,024 objects alive, and freed by malloc peers.
 * bump: what no allocator can beat: a pointer moved through a buffer of 4 MiB,
 * a nursery that fits the cache, and the object zeroed. A malloc peer need not
 * zero: its figures are those of malloc, not calloc.
 *
 * Each figure is the best of 5 rounds.
 *
 * SPDX-License-Identifier: MIT */
#include "../gc/alloc_layer.h"

enum { FAST_ROUNDS = 5, FAST_RING = 1024, FAST_NURSERY = 4 << 20 };

static char *fast_nursery;
static void *fast_ring[FAST_RING];

typedef uint64_t fast_words __attribute__((vector_size(16)));

/* 16 bytes at a time; kept apart, or the compiler makes `rep stos` of it, which
 * is slow to start. */
static inline void fast_zero(char *ptr, size_t size)
{
    for (size_t at = 0; at < size; at += sizeof(fast_words)) {
        *(fast_words *)(void *)(ptr + at) = (fast_words){0, 0};
        bench_keep(ptr);
    }
}

/* Sizes are constants where they are used, as in a program. */
#define FAST_DEFINE(size)                                 \
    static void fast_alloc_##size(uint64_t n)             \
    {                                                     \
        for (uint64_t i = 0; i < n; i++) {                \
            uint64_t *ptr = ALLOC_INIT(size);             \
            *ptr = i;                                     \
            bench_keep(ptr);                              \
            FREE(ptr);                                    \
        }                                                 \
    }                                                     \
    static void fast_ring_##size(uint64_t n)              \
    {                                                     \
        for (uint64_t i = 0; i < n; i++) {                \
            void **slot = &fast_ring[i % FAST_RING];      \
            FREE(*slot);                                  \
            uint64_t *ptr = ALLOC_INIT(size);             \
            *ptr = i;                                     \
            *slot = ptr;                                  \
        }                                                 \
    }                                                     \
    static void fast_bump_##size(uint64_t n)              \
    {                                                     \
        char *cur = fast_nursery;                         \
        char *end = fast_nursery + FAST_NURSERY - (size); \
        for (uint64_t i = 0; i < n; i++) {                \
            char *ptr = cur;                              \
            cur += (size);                                \
            if (cur > end)                                \
                cur = fast_nursery;                       \
            fast_zero(ptr, (size));                       \
            *(uint64_t *)(void *)ptr = i;                 \
            bench_keep(ptr);                              \
        }                                                 \
    }

FAST_DEFINE(16)
FAST_DEFINE(32)
FAST_DEFINE(64)
FAST_DEFINE(256)

struct fast_case {
    const char *name;
    uint64_t size;
    void (*run)(uint64_t n);
};

#define FAST_CASES(size)                                                  \
    {"alloc", size, fast_alloc_##size}, {"ring", size, fast_ring_##size}, \
    {                                                                     \
        "bump", size, fast_bump_##size                                    \
    }

static const struct fast_case fast_cases[] = {
    FAST_CASES(16),
    FAST_CASES(32),
    FAST_CASES(64),
    FAST_CASES(256),
};

static void fast_measure(const struct fast_case *it, uint64_t n)
{
    uint64_t best_ns = UINT64_MAX;
    for (unsigned round = 0; round < FAST_ROUNDS; round++) {
        uint64_t begin_ns = bench_now_ns();
        it->run(n);
        uint64_t took_ns = bench_now_ns() - begin_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    for (unsigned i = 0; i < FAST_RING; i++) {
        FREE(fast_ring[i]);
        fast_ring[i] = NULL;
    }
    printf("result name=%s size=%" PRIu64 " ns_x100=%" PRIu64 "\n", it->name, it->size,
           best_ns * 100 / n);
}

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {{"n", 20000000, 2000000}};
    bench_flags_parse(argc, argv, flags, 1);
    fast_nursery = bench_plain_memory(1, FAST_NURSERY);
    memset(fast_nursery, 1, FAST_NURSERY);
    peer_init();
    for (size_t i = 0; i < sizeof fast_cases / sizeof fast_cases[0]; i++)
        fast_measure(&fast_cases[i], flags[0].value);
    return 0;
}
