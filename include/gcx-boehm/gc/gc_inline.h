/* gc_inline.h -- allocation from lists of free objects that the program keeps.
 *
 * Here it is the same as the ordinary call, which is inline and keeps its own.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GC_INLINE_H
#define GC_INLINE_H

#include <gc/gc.h>
#include <gc/gc_tiny_fl.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GC_I_PTRFREE 0
#define GC_I_NORMAL 1
GC_API void GC_generic_malloc_many(size_t, int, void **);
GC_API void *GC_malloc_kind(size_t, int) GC_ATTR_MALLOC;
GC_API void *GC_malloc_kind_global(size_t, int) GC_ATTR_MALLOC;
GC_API void GC_print_free_list(int, size_t);

#define GC_WORDS_TO_WHOLE_GRANULES(n) GC_WORDS_TO_GRANULES((n) + GC_GRANULE_WORDS - 1)

/* A slot of so many granules from tiny_fl, an array of lists by granules. */
#define GC_FAST_MALLOC_GRANS(result, granules, tiny_fl, num_direct, kind, default_expr, init)      \
    do {                                                                                           \
        size_t gc_n = (granules);                                                                  \
        void **gc_list = (tiny_fl) + gc_n;                                                         \
        if (gc_n >= GC_TINY_FREELISTS) {                                                           \
            (result) = (default_expr);                                                             \
            break;                                                                                 \
        }                                                                                          \
        if ((GC_word)*gc_list <= (GC_word)(num_direct) + GC_TINY_FREELISTS + 1)                    \
            GC_generic_malloc_many(gc_n == 0 ? GC_GRANULE_BYTES : gc_n * GC_GRANULE_BYTES, (kind), \
                                   gc_list);                                                       \
        if (*gc_list == NULL) {                                                                    \
            (result) = GC_get_oom_fn()(gc_n * GC_GRANULE_BYTES);                                   \
            break;                                                                                 \
        }                                                                                          \
        (result) = *gc_list;                                                                       \
        *gc_list = GC_NEXT(result);                                                                \
        init;                                                                                      \
    } while (0)
#define GC_MALLOC_WORDS_KIND(result, n, tiny_fl, kind, init)                              \
    GC_FAST_MALLOC_GRANS(result, GC_WORDS_TO_WHOLE_GRANULES(n), tiny_fl, 0, kind,         \
                         GC_malloc_kind(GC_WORDS_TO_WHOLE_GRANULES(n) * GC_GRANULE_BYTES, \
                                        kind),                                            \
                         init)
#define GC_MALLOC_WORDS(result, n, tiny_fl) \
    GC_MALLOC_WORDS_KIND(result, n, tiny_fl, GC_I_NORMAL, *(void **)(result) = 0)
#define GC_MALLOC_ATOMIC_WORDS(result, n, tiny_fl) \
    GC_MALLOC_WORDS_KIND(result, n, tiny_fl, GC_I_PTRFREE, (void)0)
#define GC_CONS(result, first, second, tiny_fl)                            \
    do {                                                                   \
        void *gc_first = (void *)(first), *gc_second = (void *)(second);   \
        GC_MALLOC_WORDS_KIND(result, 2, tiny_fl, GC_I_NORMAL, (void)0);    \
        if ((result) != NULL) {                                            \
            ((void **)(result))[0] = gc_first;                             \
            GC_PTR_STORE_AND_DIRTY((void **)(result) + 1, gc_second);      \
        }                                                                  \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
