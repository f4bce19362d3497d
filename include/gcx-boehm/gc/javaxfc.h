/* javaxfc.h -- for runtimes of Java.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GC_JAVAXFC_H
#define GC_JAVAXFC_H

#include <gc/gc.h>
#include <pthread.h>

#ifndef GC_SUSPEND_THREAD_ID
#define GC_SUSPEND_THREAD_ID pthread_t
#endif

#ifdef __cplusplus
extern "C" {
#endif
GC_API void GC_finalize_all(void);
GC_API void GC_suspend_thread(GC_SUSPEND_THREAD_ID);
GC_API void GC_resume_thread(GC_SUSPEND_THREAD_ID);
GC_API int GC_is_thread_suspended(GC_SUSPEND_THREAD_ID);
#ifdef __cplusplus
}
#endif
#endif
