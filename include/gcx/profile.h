/* profile.h -- where memory comes from, in files that pprof reads.
 *
 *     GCX_HEAP_PROFILE=heap.pb.gz ./program
 *     go tool pprof -http=: heap.pb.gz
 *
 * A program needs none of these calls for that. They load libgcx-diag.so, and
 * fail with ENOTSUP where it is not installed or built. docs/guide/profiling.md
 * shows the way from a slow program to the line.
 *
 * Any thread, but no signal handler and no callback that runs in a collection.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_PROFILE_H
#define GCX_PROFILE_H

#include <gcx/gcx.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GCX_PROFILE_RATE_DEFAULT 524288 /* bytes: 512 KiB */

enum gcx_profile_flag {
    GCX_PROFILE_COLLECT = 1 /* a full cycle first, so that garbage is not in use */
};

/* Records one allocation in so many bytes, on average, with its stack; 1 is
 * every allocation, 0 stops. Returns the rate before, which is 0 until this
 * call or the environment starts it; -1 with errno EINVAL for a negative rate,
 * ENOTSUP, ENOMEM. What was recorded stays. Costs nothing where no sample is
 * due. [collects: no] Example: examples/profile.c */
GCX_API int64_t gcx_profile_set_rate(int64_t bytes);

/* Writes the heap profile to a file, which it makes or overwrites, or to a
 * descriptor: gzipped profile.proto with alloc_objects, alloc_space,
 * inuse_objects and inuse_space, each an estimate of the whole from the
 * samples, as of the last completed cycle. flags: 0 or GCX_PROFILE_COLLECT. A
 * root object released by gcx_free may be in use until its slot is free at
 * the end of a cycle. 0, or -1 with errno: EINVAL for a NULL path or unknown
 * flags; of open or write; ENOTSUP; ENOMEM. [collects] if asked to. */
GCX_API int gcx_profile_heap(const char *path, unsigned flags);
GCX_API int gcx_profile_write_heap(int fd, unsigned flags);

/* Between the two the processor time of every thread is sampled, 100 times in a
 * second of it; the end writes gzipped profile.proto with samples and cpu to a
 * file as gcx_profile_heap, or drops it where path is NULL. Uses SIGPROF, whose
 * handler stays: calls that a signal interrupts may fail with EINTR. Threads that
 * block it are not seen, nor those that live for less than some 50 ms. One at a
 * time for the process. 0, or -1 with errno: EBUSY if one is under way or the
 * program handles SIGPROF itself; ENOENT for an end without begin; of open, after
 * which it goes on, or of write; ENOTSUP; ENOMEM. [collects: no] */
GCX_API int gcx_profile_cpu_begin(void);
GCX_API int gcx_profile_cpu_end(const char *path);

/* Writes where each thread but the caller is now, by SIGPROF as well. 0, or -1
 * with errno: EBUSY if the program handles that itself; EINVAL for a NULL path; of
 * open or write; ENOTSUP; ENOMEM. [collects: no] */
GCX_API int gcx_profile_threads(const char *path);

/* Writes where the threads and suspended stacks are that gcx_thread_leaks
 * (gcx/wait.h) finds: those that wait for what cannot come. Where SIGPROF does not
 * reach them, only the frames which that tells of. 0, or -1 with errno: of
 * gcx_thread_leaks; EINVAL for a NULL path; of open or write; ENOTSUP; ENOMEM.
 * [collects] */
GCX_API int gcx_profile_thread_leaks(const char *path);

#ifdef __cplusplus
}
#endif
#endif
