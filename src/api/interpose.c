/* interpose.c -- threads of pthread_create are registered before they run.
 *
 * As a symbol of the shared library this comes before the C library's; with
 * the static one, -Wl,--wrap=pthread_create leads here.
 *
 * SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "api/thread.h"
#include "gcx/gcx.h"
#include "os/thread.h"

#if GCXI_SHARED
#define INTERPOSED pthread_create
#else
#define INTERPOSED __wrap_pthread_create

gcxi_thread_create_function __real_pthread_create;
gcxi_thread_create_function *const gcxi_thread_create_wrapped = __real_pthread_create;
#endif

GCX_API int INTERPOSED(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                       void *arg);

int INTERPOSED(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    return gcxi_create_registered(gcxi_thread_create, thread, attr, start, arg);
}
