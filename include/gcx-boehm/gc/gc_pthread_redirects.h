/* gc_pthread_redirects.h -- threads made through here are registered.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GC_PTHREAD_REDIRECTS_H
#define GC_PTHREAD_REDIRECTS_H

#include <gc/gc.h>
#include <pthread.h>
#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif
GC_API int GC_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
GC_API int GC_pthread_join(pthread_t, void **);
GC_API int GC_pthread_detach(pthread_t);
GC_API int GC_pthread_cancel(pthread_t);
GC_API void GC_pthread_exit(void *) __attribute__((noreturn));
#if !defined(__STRICT_ANSI__) || defined(_GNU_SOURCE) || defined(_POSIX_C_SOURCE) || \
    defined(_XOPEN_SOURCE)
GC_API int GC_pthread_sigmask(int, const sigset_t *, sigset_t *);
#endif
GC_API void *GC_dlopen(const char *, int);
#ifdef __cplusplus
}
#endif

#ifndef GC_SUSPEND_THREAD_ID
#define GC_SUSPEND_THREAD_ID pthread_t
#endif

#ifndef GC_NO_THREAD_REDIRECTS
#define pthread_create GC_pthread_create
#define pthread_join GC_pthread_join
#define pthread_detach GC_pthread_detach
#define pthread_cancel GC_pthread_cancel
#define pthread_exit GC_pthread_exit
#define pthread_sigmask GC_pthread_sigmask
#endif
#endif
