/* thread_own.c -- see thread.h.
 *
 * SPDX-License-Identifier: MIT */
#include <signal.h>

#include "os/signals.h"
#include "os/thread.h"

#define STACK_BYTES (256 * GCXI_KIB)

int gcxi_thread_create_own(void *(*start)(void *), void *arg)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all, old;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all);
    gcxi_sigmask(SIG_SETMASK, &all, &old);
    int error = gcxi_thread_create(&thread, &attr, start, arg);
    gcxi_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return error;
}
