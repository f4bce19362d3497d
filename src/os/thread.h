/* thread.h -- creating threads past our own interposition.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_THREAD_H
#define GCXI_OS_THREAD_H

#include <pthread.h>

#include "base/base.h"

/* The C library's pthread_create, not the one of api/interpose.c. */
int gcxi_thread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                       void *arg);

#endif
