/* thread.c -- registering threads and creating registered ones.
 *
 * A new thread's argument may be the only pointer to an object. Until the
 * thread is registered it is kept in a handoff, which is a root.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "api/thread.h"
#include "gc/gc.h"
#include "gc/scope.h"

int gcx_thread_register(void)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return -1;
    gcxi_gc_leave(self);
    return 0;
}

int gcx_thread_unregister(void)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (self == NULL) {
        errno = ENOENT;
        return -1;
    }
    gcxi_mutator_unregister(self);
    return 0;
}

/* ---- Blocking sections ---- */

int gcx_blocking_begin(void)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return -1;
    uint32_t depth = self->blocking_depth;
    gcxi_store_relaxed(&self->blocking_depth, depth + 1);
    if (depth == 0)
        gcxi_suspend_block_and_return(&self->suspend, GCXI_CALLER_FRAME());
    else
        gcxi_gc_leave(self);
    return 0;
}

int gcx_blocking_end(void)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (self == NULL || self->blocking_depth == 0) {
        errno = EINVAL;
        return -1;
    }
    gcxi_store_relaxed(&self->blocking_depth, self->blocking_depth - 1);
    if (self->blocking_depth == 0) {
        gcxi_suspend_unblock(&self->suspend);
        gcxi_gc_leave(self);
    }
    return 0;
}

/* ---- Creation ---- */

static struct gcxi_handoff *handoff_begin(void *(*start)(void *), void *arg)
{
    /* In a blocking section the lock alone keeps cycles away. */
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return NULL;
    gcxi_scope_escape(self, arg);
    struct gcxi_handoff *handoff = gcxi_handoff_create(start, arg);
    gcxi_gc_unlock_and_leave(self);
    return handoff;
}

static void handoff_end(struct gcxi_handoff *handoff)
{
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return;
    gcxi_handoff_drop(handoff);
    gcxi_gc_unlock_and_leave(self);
}

static void *thread_main(void *opaque)
{
    struct gcxi_handoff *handoff = opaque;
    void *(*start)(void *) = handoff->start;
    void *arg = handoff->arg;
    handoff_end(handoff);
    return start(arg);
}

int gcxi_create_registered(gcxi_create_function *create, pthread_t *thread,
                           const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    if (start == thread_main)
        return create(thread, attr, start, arg);
    struct gcxi_handoff *handoff = handoff_begin(start, arg);
    if (handoff == NULL)
        return EAGAIN;
    int error = create(thread, attr, thread_main, handoff);
    if (error != 0)
        handoff_end(handoff);
    return error;
}

/* By the program's pthread_create: a sanitizer must see its threads. */
int gcx_thread_create(void *thread, const void *attr, void *(*start)(void *), void *arg)
{
    if (thread == NULL || start == NULL)
        return EINVAL;
    return gcxi_create_registered(pthread_create, thread, attr, start, arg);
}
