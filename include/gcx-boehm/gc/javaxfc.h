/* javaxfc.h -- for runtimes of Java.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GC_JAVAXFC_H
#define GC_JAVAXFC_H

#include <gc/gc.h>
#include <pthread.h>

#ifdef __cplusplus
extern "C" {
#endif
GC_API void GC_finalize_all(void);
GC_API void GC_suspend_thread(pthread_t);
GC_API void GC_resume_thread(pthread_t);
GC_API int GC_is_thread_suspended(pthread_t);
#ifdef __cplusplus
}
#endif
#endif
