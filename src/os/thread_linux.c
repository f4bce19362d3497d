/* thread_linux.c -- see thread.h.
 *
 * In the shared library the symbol pthread_create is ours, and in a program
 * linked with --wrap every reference to it is turned to ours, so the C
 * library's is told by the wrapper or found as the next definition. (A weak
 * reference from here would not take it from a static C library.)
 *
 * SPDX-License-Identifier: MIT */
#include "os/thread.h"

#include <dlfcn.h>

#include "base/atomic.h"

static gcxi_thread_create_function *find_create(void)
{
    static gcxi_thread_create_function *found;
    gcxi_thread_create_function *create = gcxi_load_relaxed(&found);
    if (create != NULL)
        return create;
    if (&gcxi_thread_create_wrapped != NULL)
        create = gcxi_thread_create_wrapped;
    if (create == NULL)
        *(void **)(void *)&create = dlsym(RTLD_NEXT, "pthread_create");
    if (create == NULL)
        create = pthread_create;
    gcxi_store_relaxed(&found, create);
    return create;
}

int gcxi_thread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                       void *arg)
{
    return find_create()(thread, attr, start, arg);
}
