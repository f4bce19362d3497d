/* corpus.h -- programs with known leaks, and without.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TEST_LEAK_CORPUS_H
#define GCX_TEST_LEAK_CORPUS_H

#include <stdlib.h>
#include <string.h>

/* Frames stay apart, and none is turned into a jump. */
#ifdef __clang__
#define CASE __attribute__((noinline))
#else
#define CASE __attribute__((noinline, noclone))
#endif

struct corpus_case {
    const char *name;
    void (*run)(void);
};

/* Ends with an entry without a name. */
extern const struct corpus_case corpus_lost[];
extern const struct corpus_case corpus_kept[];

void corpus_clear_stack(void);

extern const char *corpus_plugin; /* path of plugin.c's library */

/* The compiler must believe that p is used, and cannot leave a malloc out. */
static inline void *use(void *p)
{
    __asm__ volatile("" : "+r"(p) : : "memory");
    return p;
}

#endif
