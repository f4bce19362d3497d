/* hide.h -- lets tests talk about objects without keeping them alive.
 *
 * A test that asks "is it gone?" needs the address of the object where the
 * collector does not see it. A complemented address is no address of user
 * space at all, so it may lie anywhere: in stacks, statics or objects.
 *
 * Stale copies of the address may remain in dead stack frames and keep an
 * object for longer than the program does. clear_stack() removes most of
 * them; tests ask for "all but a few" when objects have to go, and for every
 * single one when objects have to stay.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_HIDE_H
#define GCX_TESTS_HIDE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/gcx.h>

#if defined(__clang__)
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

typedef uintptr_t hidden_ptr;

static inline hidden_ptr hide(const void *p)
{
    return ~(uintptr_t)p;
}

/* A real pointer from here on: without the barrier the compiler may keep the
 * hidden word instead and complement it as late as it likes. */
static inline void *reveal(hidden_ptr h)
{
    void *p = (void *)~h;
    __asm__ volatile("" : "+r"(p));
    return p;
}

/* Overwrites the 64 KiB of stack below the caller. Not sanitized: around the array
 * would be room that is not written, just where the next call has its frame. */
static NOINLINE __attribute__((unused, no_sanitize("address"))) void clear_stack(void)
{
    volatile unsigned char frame[64 * 1024];
    for (size_t i = 0; i < sizeof frame; i++) {
        frame[i] = 0;
    }
    __asm__ volatile("" : : "r"(frame) : "memory");
}

/* Fills the 16 KiB of stack below the caller with the addresses, over and over. */
static NOINLINE __attribute__((unused)) void litter_stack(const hidden_ptr *h, size_t n)
{
    volatile uintptr_t frame[2 * 1024];
    for (size_t i = 0; i < COUNT_OF(frame); i++) {
        frame[i] = ~h[i % n];
    }
    __asm__ volatile("" : : "r"(frame) : "memory");
}

static NOINLINE __attribute__((unused)) void collect_full(void)
{
    clear_stack();
    gcx_collect(GCX_FULL);
    clear_stack();
}

static NOINLINE __attribute__((unused)) void collect_minor(void)
{
    clear_stack();
    gcx_collect(GCX_MINOR);
    clear_stack();
}

/* Words that are never an address: bit 0 and the sign bit are set. */
static inline uint64_t pattern_word(uint64_t seed, size_t i)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + i * 0xbf58476d1ce4e5b9u;
    x ^= x >> 29;
    x *= 0x94d049bb133111ebu;
    return x | 0x8000000000000001u;
}

static inline void pattern_fill(void *p, size_t size, uint64_t seed)
{
    unsigned char *bytes = p;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = pattern_word(seed, i);
        memcpy(bytes + i, &word, size - i < 8 ? size - i : 8);
    }
}

/* Checks `length` bytes from `at`, a multiple of 8, of a pattern. */
static inline int pattern_part_intact(const void *p, size_t at, size_t length, uint64_t seed)
{
    const unsigned char *bytes = p;
    size_t end = at + length;
    for (size_t i = at; i < end; i += 8) {
        uint64_t word = pattern_word(seed, i);
        if (memcmp(bytes + i, &word, end - i < 8 ? end - i : 8) != 0) {
            return 0;
        }
    }
    return 1;
}

static inline int pattern_intact(const void *p, size_t size, uint64_t seed)
{
    return pattern_part_intact(p, 0, size, seed);
}

static inline int all_bytes(const void *p, size_t size, int value)
{
    const unsigned char *bytes = p;
    if (size == 0) {
        return 1;
    }
    return bytes[0] == (unsigned char)value && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Allocates and dirties garbage of one size, so that slots which were freed
 * too early get another content. */
static NOINLINE __attribute__((unused)) void churn(size_t size, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *scan = gcx_alloc(size);
        void *noscan = gcx_alloc_noscan(size);
        if (scan != NULL) {
            memset(scan, 0xee, size);
        }
        if (noscan != NULL) {
            memset(noscan, 0xdd, size);
        }
    }
    clear_stack();
}

/* So that what died shows: another object of the size is where it was. */
static NOINLINE __attribute__((unused)) void collect_and_churn(enum gcx_cycle cycle, size_t size)
{
    clear_stack();
    gcx_collect(cycle);
    churn(size, 300);
}

/* An object full of its pattern, seen by nobody but the caller. */
static NOINLINE __attribute__((unused)) hidden_ptr make_hidden(size_t size, uint64_t seed)
{
    void *p = gcx_alloc(size);
    if (p == NULL) {
        abort();
    }
    pattern_fill(p, size, seed);
    return hide(p);
}

static NOINLINE __attribute__((unused)) int hidden_intact(hidden_ptr h, size_t size, uint64_t seed)
{
    return gcx_base(reveal(h)) == reveal(h) && pattern_intact(reveal(h), size, seed);
}

/* Objects are told by seeds first_seed + i. */
static NOINLINE __attribute__((unused)) size_t count_intact(const hidden_ptr *h, size_t count,
                                                            size_t size, uint64_t first_seed)
{
    size_t intact = 0;
    for (size_t i = 0; i < count; i++) {
        intact += hidden_intact(h[i], size, first_seed + i) ? 1u : 0u;
    }
    clear_stack();
    return intact;
}

static NOINLINE __attribute__((unused)) size_t count_gone(const hidden_ptr *h, size_t count)
{
    size_t gone = 0;
    for (size_t i = 0; i < count; i++) {
        gone += gcx_base(reveal(h[i])) == NULL ? 1u : 0u;
    }
    clear_stack();
    return gone;
}

static inline struct gcx_stats stats_now(void)
{
    struct gcx_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.struct_bytes = sizeof stats;
    gcx_get_stats(&stats);
    return stats;
}

#endif
