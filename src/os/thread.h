/* thread.h -- creating threads past our own interposition.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_THREAD_H
#define GCXI_OS_THREAD_H

#include <pthread.h>

#include "base/base.h"

typedef int gcxi_thread_create_function(pthread_t *thread, const pthread_attr_t *attr,
                                        void *(*start)(void *), void *arg);

/* In a program linked with --wrap=pthread_create: the C library's. Its definition
 * is linked only there (api/interpose.c); null elsewhere. */
extern gcxi_thread_create_function *const gcxi_thread_create_wrapped __attribute__((weak));

/* The C library's pthread_create, not the one of api/interpose.c. */
int gcxi_thread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                       void *arg);

/* Starts a detached thread of the library's own, with a small stack, that no
 * signal reaches. 0, or an error number. */
int gcxi_thread_create_own(void *(*start)(void *), void *arg);

#endif
