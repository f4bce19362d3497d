/* weak.h -- more kinds of weak references than <gcx/gcx.h> has.
 *
 * In which order a cycle clears them:
 *   1 weak references and links to what is not reachable any more
 *   2 finalizers become ready; what they will see is kept
 *   3 ephemerons whose key is gone; long weak references and links to what is
 *   4 cleanups of what is gone become ready
 *
 * Rules for threads and errors are those of <gcx/gcx.h>.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_WEAK_H
#define GCX_WEAK_H

#include <gcx/gcx.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Weak references --------------------------------------------------- */

/* As gcx_weak_create, but it leads to its target for as long as the object
 * exists: while its finalizer is due or runs, and after that if the finalizer
 * made it reachable again. [collects] */
GCX_API gcx_weak *gcx_weak_create_long(void *obj);

/* Empties the reference at once. NULL is ignored. */
GCX_API void gcx_weak_clear(gcx_weak *weak);

/* ---- Toggle references -------------------------------------------------- */

/* A weak reference that can be made to hold its target and to let go of it: for
 * a peer in another runtime that must keep the object only while others hold
 * the peer. It begins strong. gcx_weak_get and gcx_weak_clear work on it.
 * [collects] Example: examples/weak.c */
GCX_API gcx_weak *gcx_toggle_create(void *obj);

/* Makes it strong or weak. 0, or -1 with ENOENT if the object is gone, EINVAL
 * for NULL and for what gcx_toggle_create has not made; nothing has changed
 * then. */
GCX_API int gcx_toggle_set_strong(gcx_weak *toggle, int is_strong);

/* 1 if it holds its target now, else 0: also when the object is gone. */
GCX_API int gcx_toggle_is_strong(const gcx_weak *toggle);

/* ---- Disappearing links ------------------------------------------------- */

/* For pointers in memory that is not collected, as from malloc: sets *link to
 * obj, and to NULL when obj is no longer reachable, unless the program has
 * stored something else there. The link keeps nothing alive; read it by
 * gcx_link_get. It must stay readable and writable until it is removed. A long
 * link goes when the object is gone, after its finalizer. 0, or -1 with errno:
 * EINVAL and a report if obj leads to no object or to a root object, or if link
 * lies in the collected heap, where a gcx_weak is wanted; ENOMEM. */
GCX_API int gcx_link_add(void **link, void *obj);
GCX_API int gcx_link_add_long(void **link, void *obj);

/* Ends it and sets *link to NULL. The program must not have changed *link. 0, or
 * -1 with ENOENT if there is none, or the object was collected. */
GCX_API int gcx_link_remove(void **link);

/* The object, held from then on by the caller's stack, or NULL. */
GCX_API void *gcx_link_get(void *const *link);

#ifdef __cplusplus
}
#endif
#endif
