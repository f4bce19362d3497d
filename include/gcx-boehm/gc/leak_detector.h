/* leak_detector.h -- malloc and free of a program in find-leak mode.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GC_LEAK_DETECTOR_H
#define GC_LEAK_DETECTOR_H

#ifndef GC_DEBUG
#define GC_DEBUG
#endif
#include <gc/gc.h>
#include <stdlib.h>
#include <string.h>

#undef malloc
#undef calloc
#undef realloc
#undef free
#undef strdup
#undef strndup
#define malloc(n) GC_MALLOC(n)
#define calloc(m, n) GC_MALLOC((m) * (n))
#define realloc(p, n) GC_REALLOC(p, n)
#define free(p) GC_FREE(p)
#define strdup(s) GC_STRDUP(s)
#define strndup(s, n) GC_STRNDUP(s, n)
#define CHECK_LEAKS() GC_gcollect()
#endif
