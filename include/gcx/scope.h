/* scope.h -- scopes: saying which objects die with a block of the program.
 *
 *     GCX_SCOPE(request)
 *     {
 *         struct token *t = gcx_scope_alloc(sizeof *t);
 *         ...
 *         result = gcx_escape(answer);       this one leaves
 *     }
 *
 * In Go the compiler proves which objects die with their function. Here the
 * program says so, and chooses what is to be made of it:
 *
 *   quarantined  nothing is promised. Objects of the scope are collected like all
 *                others: one that is still reachable afterwards lives on. The default.
 *   verified     under GCX_BARRIER_EXPLICIT: every pointer to an object of the scope
 *                that is stored anywhere but in local variables or in objects of
 *                the same or an inner scope is stored by gcx_store (also into static
 *                data, for which obj is ignored), or the object is passed to
 *                gcx_escape before. What is stored so leaves; if the stack holds
 *                others at the end, as when one is returned, the scope is taken for
 *                quarantined. Without the explicit barrier it is, too.
 *   trusted      every object that is used after the end of the scope was passed to
 *                gcx_escape before. One that was not is overwritten.
 *
 * At the end of a verified or trusted scope its memory is used again at once, so
 * that a program that works in scopes stays in the cache and hardly ever collects.
 * The end takes a time that does not depend on the number of objects. A scope is
 * taken for quarantined, which costs time and never an object, if during it
 * a collection ran, a quarantined scope ended, the thread changed its stack by
 * gcx_stack_switch, an object of a scope came to be watched (weak reference, key of
 * an ephemeron, cleanup, finalizer, link) or was moved by gcx_realloc, an object of
 * more than 8 KiB with pointers was allocated in it, or longjmp left a scope.
 *
 * An object that leaves stays where it is and is old from then on: it goes with a
 * full cycle. With it leaves what it leads to through objects of scopes, now and at
 * the end. The end of a scope counts as an allocation in the rules of the explicit
 * barrier.
 *
 * GCX_CHECK=1 reuses nothing: objects of a trusted scope are overwritten at its
 * end, and writes to them and those that the next collections find reachable are
 * reported, with the places of their allocation and of the end.
 *
 * Scopes are the thread's and nest; an object belongs to the innermost open one.
 * They end when the block is left: at its end, by return, break, goto, and by C++
 * exceptions where the block is C++, or C compiled with -fexceptions. One that
 * longjmp leaves is noticed at the next begin or end, and counts as quarantined.
 *
 * Example: examples/scope.c. Guide: docs/guide/scopes.md
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_SCOPE_H
#define GCX_SCOPE_H

#include <gcx/gcx.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gcx_promise {
    GCX_PROMISE_DEFAULT = 0, /* what gcx_set_promise said last, or GCX_PROMISE */
    GCX_PROMISE_QUARANTINED = 1,
    GCX_PROMISE_VERIFIED = 2,
    GCX_PROMISE_TRUSTED = 3
};

/* A scope, as a variable of the function that it belongs to. */
struct gcx_scope {
    uint64_t serial; /* 0: not open */
};

/* ---- Scopes ------------------------------------------------------------ */

/* The block that follows is a scope. name is a variable of it, of type struct
 * gcx_scope. break leaves the scope, not a loop around it. */
#define GCX_SCOPE(name) GCX_SCOPE_AS(name, GCX_PROMISE_DEFAULT)

/* The same with a promise of its own. */
#define GCX_SCOPE_AS(name, promise)                                                      \
    for (struct gcx_scope name                                                           \
         __attribute__((cleanup(gcx_detail_scope_leave))) = {0},                         \
         *name##_once = gcx_detail_scope_enter(&name, (promise), GCX_DETAIL_SCOPE_SITE); \
         name##_once != 0; name##_once = 0)

/* Begins a scope, which ends with the call below at the latest: for those that the
 * macro does not suit. *scope should be a variable of the function, so that longjmp
 * past it is noticed. 0, or -1 with errno, and no scope: EINVAL if scope is
 * NULL or promise is none, ENOMEM. [collects: no] */
GCX_API int gcx_scope_begin(struct gcx_scope *scope, enum gcx_promise promise);

/* Ends it; a scope that is not open because its begin had no memory too. 0, or -1
 * with EINVAL and a report: NULL, ended before, of another thread, or another scope
 * that began later is still open; then both are taken for quarantined. By the thread that began it. [collects: no] */
GCX_API int gcx_scope_end(struct gcx_scope *scope);

/* Sets what GCX_PROMISE_DEFAULT means from now on, for all threads, and returns what
 * it was. GCX_PROMISE_DEFAULT only reads; other values change nothing and set errno
 * to EINVAL. */
GCX_API enum gcx_promise gcx_set_promise(enum gcx_promise promise);

/* ---- Allocation -------------------------------------------------------- */

/* As gcx_alloc, in the innermost scope; where none is open, an ordinary object.
 * Cost: an inline bump up to 256 bytes. Requests of more than 8 KiB are ordinary
 * objects. [collects] */
GCX_INLINE void *gcx_scope_alloc(size_t size);

/* As gcx_alloc_noscan, likewise. */
GCX_API void *gcx_scope_alloc_noscan(size_t size) GCX_MALLOC;

/* Hints may be combined by |. */
enum gcx_hint {
    GCX_HINT_NO_ESCAPE = 1,  /* gcx_scope_alloc */
    GCX_HINT_LONG_LIVED = 2, /* old at once: minor cycles do not look at it as new */
    GCX_HINT_NOSCAN = 4      /* gcx_alloc_noscan */
};

/* An object as the hints say; without any as gcx_alloc. NULL with errno: EINVAL for
 * other bits, or both NO_ESCAPE and LONG_LIVED; ENOMEM. A long-lived object goes
 * with a full cycle; under the explicit barrier the first stores into it need none,
 * as for others, until the next allocation. [collects] */
GCX_API void *gcx_alloc_hint(size_t size, unsigned hints);

/* This object leaves its scope, and all those around it, and what it leads to through objects of scopes.
 * p is any byte of it; of anything else, NULL too, nothing is said but that scope
 * objects to which it points leave. Returns p. Any thread that may use the object.
 * [collects: no] */
GCX_API void *gcx_escape(const void *p);

/* Behind the names. */
#include <gcx/detail/scope.h>

#ifdef __cplusplus
}
#endif
#endif
