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
GCX_API void *gcx_detail_scope_alloc_slow(size_t size, const char *site) __attribute__((cold));

/* As gcx_detail_bump; the site is loaded where it is needed, on the slow path. */
GCX_INLINE __attribute__((always_inline)) void *gcx_detail_scope_alloc(size_t size,
                                                                       const char *site)
{
    size_t last = size - 1;
    if (GCX_LIKELY(last < GCX_DETAIL_FAST_MAX)) {
        struct gcx_detail_run *run = &gcx_detail_runs.scoped[last / GCX_DETAIL_GRANULE];
        uintptr_t p = run->cur;
        uintptr_t next = p + (last & ~(size_t)(GCX_DETAIL_GRANULE - 1)) + GCX_DETAIL_GRANULE;
        if (GCX_LIKELY(next <= run->end)) {
            GCX_DETAIL_STORE(&run->cur, next);
            return (void *)p;
        }
    }
    return gcx_detail_scope_alloc_slow(size, site);
}

GCX_INLINE void *gcx_scope_alloc(size_t size)
{
    return gcx_detail_scope_alloc(size, 0);
}

#define gcx_scope_alloc(size) gcx_detail_scope_alloc((size), GCX_DETAIL_SCOPE_SITE)

#endif
