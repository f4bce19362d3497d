/* extend.h -- what the core offers to the parts of libgcx built on top of it;
 * not for programs: it changes without notice.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_DETAIL_EXTEND_H
#define GCX_DETAIL_EXTEND_H

#include <gcx/gcx.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Told of every cycle. A mutator may have been stopped between any two of its
 * instructions, also of the code that owns the hook, and may hold any lock: a
 * _stw member takes none, allocates nothing, and calls nothing of the library
 * but gcx_detail_is_object_stw. Members may be NULL. */
struct gcx_detail_cycle_hook {
    void (*begin_stw)(enum gcx_cycle kind); /* before anything is marked */
    void (*end_stw)(enum gcx_cycle kind);   /* what is dead is free, nothing runs yet */
    void (*after)(enum gcx_cycle kind);     /* at the end of gcx_collect, in the caller */
    struct gcx_detail_cycle_hook *next;
};

/* Adds a hook for good. The structure must stay where it is. */
GCX_API void gcx_detail_cycle_hook_add(struct gcx_detail_cycle_hook *hook);

/* In end_stw: does p point to the start of an object that the cycle kept? */
GCX_API int gcx_detail_is_object_stw(const void *p);

/* gcx_base and gcx_size in one. */
GCX_API void *gcx_detail_object(const void *p, size_t *bytes);

/* As those of gcx.h, and a mistake is reported as one of that function. */
GCX_API gcx_weak *gcx_detail_weak_create(void *obj, const char *function);
GCX_API gcx_ephemeron *gcx_detail_ephemeron_create(void *key, void *value, const char *function);

/* Reports misuse on stderr and to the error event. */
GCX_API void gcx_detail_error(const char *format, ...) GCX_PRINTF(1, 2);

/* Was GCX_CHECK=1 set? 0 before the library has started. */
GCX_API int gcx_detail_is_checked(void);

/* "file.c:42", where the macro stands. */
#define GCX_DETAIL_TEXT(x) #x
#define GCX_DETAIL_LINE(x) GCX_DETAIL_TEXT(x)
#define GCX_DETAIL_SITE __FILE__ ":" GCX_DETAIL_LINE(__LINE__)

#ifdef __cplusplus
}
#endif
#endif
