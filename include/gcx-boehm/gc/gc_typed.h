/* gc_typed.h -- objects that say where their pointers are.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GC_TYPED_H
#define GC_TYPED_H

#include <gc/gc.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef GC_word *GC_bitmap;
typedef GC_word GC_descr;
#define GC_WORDSZ (8 * sizeof(GC_word))
#define GC_get_bit(bm, i) (((bm)[(i) / GC_WORDSZ] >> ((i) % GC_WORDSZ)) & 1)
#define GC_set_bit(bm, i) ((bm)[(i) / GC_WORDSZ] |= (GC_word)1 << ((i) % GC_WORDSZ))
#define GC_WORD_OFFSET(t, f) (offsetof(t, f) / sizeof(GC_word))
#define GC_WORD_LEN(t) (sizeof(t) / sizeof(GC_word))
#define GC_BITMAP_SIZE(t) ((GC_WORD_LEN(t) + GC_WORDSZ - 1) / GC_WORDSZ)

GC_API GC_descr GC_make_descriptor(const GC_word *bitmap, size_t bits);
GC_API void *GC_malloc_explicitly_typed(size_t, GC_descr) GC_ATTR_MALLOC;
GC_API void *GC_malloc_explicitly_typed_ignore_off_page(size_t, GC_descr) GC_ATTR_MALLOC;
GC_API void *GC_calloc_explicitly_typed(size_t, size_t, GC_descr) GC_ATTR_MALLOC;
#define GC_MALLOC_EXPLICITLY_TYPED(bytes, d) GC_malloc_explicitly_typed(bytes, d)
#define GC_CALLOC_EXPLICITLY_TYPED(n, bytes, d) GC_calloc_explicitly_typed(n, bytes, d)

#ifdef __cplusplus
}
#endif
#endif
