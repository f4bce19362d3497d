/* gc_disclaim.h -- procedures that are asked before an object goes.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GC_DISCLAIM_H
#define GC_DISCLAIM_H

#include <gc/gc.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int (*GC_disclaim_proc)(void *obj);
struct GC_finalizer_closure {
    GC_finalization_proc proc;
    void *cd;
};
GC_API void GC_init_finalized_malloc(void);
GC_API void GC_register_disclaim_proc(int kind, GC_disclaim_proc, int mark_unconditionally);
GC_API void *GC_finalized_malloc(size_t, const struct GC_finalizer_closure *) GC_ATTR_MALLOC;

#ifdef __cplusplus
}
#endif
#endif
