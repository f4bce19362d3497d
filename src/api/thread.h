/* thread.h -- creating registered threads, by whichever pthread_create.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_API_THREAD_H
#define GCXI_API_THREAD_H

#include <pthread.h>

typedef int gcxi_create_function(pthread_t *thread, const pthread_attr_t *attr,
                                 void *(*start)(void *), void *arg);

/* pthread_create for a thread that registers before start runs and whose arg
 * is kept alive until then. A thread that is prepared so already is created
 * as it is. */
int gcxi_create_registered(gcxi_create_function *create, pthread_t *thread,
                           const pthread_attr_t *attr, void *(*start)(void *), void *arg);

#endif
