/* thread_plain.c -- see thread.h: where nothing is interposed, as in builds with
 * ThreadSanitizer, whose own pthread_create must see every thread.
 *
 * SPDX-License-Identifier: MIT */
#include "os/thread.h"

int gcxi_thread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                       void *arg)
{
    return pthread_create(thread, attr, start, arg);
}
