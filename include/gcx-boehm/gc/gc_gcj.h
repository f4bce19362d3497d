/* gc_gcj.h -- objects whose first word leads to a descriptor.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GC_GCJ_H
#define GC_GCJ_H

#include <gc/gc.h>

#ifdef __cplusplus
extern "C" {
#endif

GC_API int GC_gcj_kind;
GC_API int GC_gcj_debug_kind;
GC_API void GC_init_gcj_malloc(int proc_index, void *proc);
GC_API void *GC_gcj_malloc(size_t, void *) GC_ATTR_MALLOC;
GC_API void *GC_gcj_malloc_ignore_off_page(size_t, void *) GC_ATTR_MALLOC;
GC_API void *GC_debug_gcj_malloc(size_t, void *, GC_EXTRA_PARAMS) GC_ATTR_MALLOC;
#ifdef GC_DEBUG
#define GC_GCJ_MALLOC(s, d) GC_debug_gcj_malloc(s, d, GC_EXTRAS)
#define GC_GCJ_MALLOC_IGNORE_OFF_PAGE(s, d) GC_debug_gcj_malloc(s, d, GC_EXTRAS)
#else
#define GC_GCJ_MALLOC(s, d) GC_gcj_malloc(s, d)
#define GC_GCJ_MALLOC_IGNORE_OFF_PAGE(s, d) GC_gcj_malloc_ignore_off_page(s, d)
#endif

#ifdef __cplusplus
}
#endif
#endif
