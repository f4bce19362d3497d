/* scope.h -- scopes as the entry points see them. Each call is made in a
 * critical section of the thread, without the heap lock.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_SCOPE_H
#define GCXI_GC_SCOPE_H

#include "gc/mutator.h"
#include "gcx/scope.h"

/* 0, or ENOMEM: then no scope was begun. sp is an address in the caller's frame. */
int gcxi_scope_begin(struct gcxi_mutator *self, const struct gcx_scope *scope,
                     enum gcx_promise promise, const char *site, uintptr_t sp, uint64_t *serial);

/* How an end went. */
enum gcxi_scope_end {
    GCXI_SCOPE_ENDED,
    GCXI_SCOPE_UNKNOWN,     /* not open, or another thread's */
    GCXI_SCOPE_OUT_OF_ORDER /* others in it are still open on this stack */
};

/* Ends it; what is said in scope.c decides what becomes of its objects. sp: the
 * caller's registers lie at or above it. *inner: of the one that is still open. */
enum gcxi_scope_end gcxi_scope_end(struct gcxi_mutator *self, uint64_t serial, uintptr_t sp,
                                   const void *site, const char **inner);

/* Scopes whose frames are gone by longjmp end. */
void gcxi_scope_unwind(struct gcxi_mutator *self, uintptr_t sp);

/* False if that would find none: the innermost scope's frame is one of the
 * caller's. */
GCXI_INLINE bool gcxi_scope_may_be_left(const struct gcxi_mutator *self, uintptr_t sp)
{
    const struct gcxi_scope *open = self->scopes.open.items;
    uint32_t count = self->scopes.open.count;
    return count != 0 && open[count - 1].frame < sp;
}

/* The object at any byte of which p points leaves its scope, and what it leads
 * to in scopes. Anything else is left alone. */
void gcxi_scope_escape(struct gcxi_mutator *self, const void *p);

/* value was stored at slot: it leaves its scope unless that lies in an object
 * that does not outlive it. */
void gcxi_scope_store(struct gcxi_mutator *self, const void *slot, const void *value);

/* Pointers may have been stored that nobody named: open scopes are not reused. */
void gcxi_scope_give_up(struct gcxi_mutator *self);

/* Of the innermost open scope; 0 if none is open. */
uint64_t gcxi_scope_serial(const struct gcxi_mutator *self);

/* The object is old from now on. */
void gcxi_scope_make_old(struct gcxi_block *block, uint32_t slot);

#endif
