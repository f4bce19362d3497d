/* thread_linux.c -- see thread.h.
 *
 * In the shared library the symbol pthread_create is ours, and in a program
 * linked with --wrap every reference to it is turned to ours, so the C
 * library's is found by its other name or as the next definition.
 *
 * SPDX-License-Identifier: MIT */
#include "os/thread.h"

#include <dlfcn.h>

#include "base/atomic.h"

typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

extern create_function __real_pthread_create __attribute__((weak));

static create_function *find_create(void)
{
    static create_function *found;
    create_function *create = gcxi_load_relaxed(&found);
    if (create != NULL)
        return create;
    create = &__real_pthread_create;
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
