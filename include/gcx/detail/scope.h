/* scope.h -- behind the names of gcx/scope.h; included by it, not for direct use.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_DETAIL_SCOPE_H
#define GCX_DETAIL_SCOPE_H

#define GCX_DETAIL_SCOPE_TEXT(x) #x
#define GCX_DETAIL_SCOPE_LINE(x) GCX_DETAIL_SCOPE_TEXT(x)
#define GCX_DETAIL_SCOPE_SITE __FILE__ ":" GCX_DETAIL_SCOPE_LINE(__LINE__)

GCX_API struct gcx_scope *gcx_detail_scope_enter(struct gcx_scope *scope, enum gcx_promise promise,
                                                 const char *site);
GCX_API void gcx_detail_scope_leave(struct gcx_scope *scope);
GCX_API void *gcx_detail_scope_alloc_slow(size_t size) __attribute__((cold));

GCX_INLINE void *gcx_scope_alloc(size_t size)
{
    return gcx_detail_bump(gcx_detail_runs.scoped, size, gcx_detail_scope_alloc_slow);
}

#endif
