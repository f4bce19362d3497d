/* thread.c -- registering threads and creating registered ones.
 *
 * A new thread's argument may be the only pointer to an object. Until the
 * thread is registered it is kept in a handoff, which is a root.
 *
 * pthread_create is interposed where the linker lets us: as a symbol of the
 * shared library, and as __wrap_pthread_create for static programs linked
 * with -Wl,--wrap=pthread_create.
 *
 * SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#include "gc/gc.h"

typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

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
    if (self->blocking_depth++ == 0)
        gcxi_suspend_block(&self->suspend);
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
    if (--self->blocking_depth == 0) {
        gcxi_suspend_unblock(&self->suspend);
        gcxi_gc_leave(self);
    }
    return 0;
}

/* ---- Creation ---- */

/* The program may hold the only pointer in arg until here. */
static void *thread_main(void *opaque)
{
    struct gcxi_handoff *handoff = opaque;
    void *(*start)(void *) = handoff->start;
    void *arg = handoff->arg;
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return start(arg);
    gcxi_mutator_lock_heap(self);
    gcxi_handoff_drop(handoff);
    gcxi_mutator_unlock_heap();
    gcxi_gc_leave(self);
    return start(arg);
}

static int create_with(create_function *create, pthread_t *thread, const pthread_attr_t *attr,
                       void *(*start)(void *), void *arg)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return EAGAIN;
    gcxi_mutator_lock_heap(self);
    struct gcxi_handoff *handoff = gcxi_handoff_create(start, arg);
    gcxi_mutator_unlock_heap();
    gcxi_gc_leave(self);
    if (handoff == NULL)
        return EAGAIN;
    int error = create(thread, attr, thread_main, handoff);
    if (error == 0)
        return 0;
    self = gcxi_gc_enter();
    gcxi_mutator_lock_heap(self);
    gcxi_handoff_drop(handoff);
    gcxi_mutator_unlock_heap();
    gcxi_gc_leave(self);
    return error;
}

int gcx_thread_create(void *thread, const void *attr, void *(*start)(void *), void *arg)
{
    if (thread == NULL || start == NULL)
        return EINVAL;
    return create_with(pthread_create, thread, attr, start, arg);
}
