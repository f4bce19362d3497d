/* leak.h -- leak mode: for programs that free by hand.
 *
 * A block that was allocated, was not freed, and that nothing leads to any more
 * has leaked: nobody can free it. Leak mode finds such blocks, each once, and
 * tells where they were allocated. It collects nothing and moves nothing. A
 * child of fork reports only what it allocated itself.
 *
 * An unmodified program runs with LD_PRELOAD=libgcx-leak.so, which watches all
 * of malloc's family. A program of one's own may be linked to that library, or
 * to libgcx with its calls written as gcx_leak_malloc and so on; defining
 * GCX_LEAK_MALLOC before this header is included makes macros of malloc, calloc,
 * realloc and free that do that. docs/guide-leaks.md has more.
 *
 * Any thread may call any of these. Absent from libraries built with
 * GCX_MINIMAL or without GCX_LEAK. Example: examples/leaks.c
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_LEAK_H
#define GCX_LEAK_H

#include <gcx/gcx.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The newly leaked blocks that were allocated by one and the same stack. */
struct gcx_leak {
    size_t blocks;
    size_t bytes;        /* as asked for */
    int is_indirect;     /* 1: other leaked blocks lead to them */
    size_t depth;        /* in frames; 0 if the stack is not known */
    void *const *frames; /* return addresses, the innermost first */
};

/* What is allocated from now on is watched, and at exit checked once more.
 * Starting twice is a no-op. 0, or -1 with ENOMEM. [collects: no] */
GCX_API int gcx_leak_start(void);

/* Forgets all watched blocks; they stay valid. No check at exit. */
GCX_API void gcx_leak_stop(void);

/* Stops the world, finds what has leaked since the last check, and reports it:
 * to the reporter, or else to stderr or the file that GCX_LEAK_LOG names. The
 * number of newly leaked blocks, or -1 with errno: ENOMEM, EPERM inside a
 * reporter or when leak mode is not started, EBUSY with a thread that cannot be
 * stopped, ENOENT without /proc. Nothing is printed when it is 0.
 * [collects: no] */
GCX_API long gcx_leak_check(void);

/* Calls report(leak, arg) once for each stack instead of printing, largest
 * first; *leak is valid during the call. It may allocate, but what it
 * allocates is not watched. NULL prints again. */
GCX_API void gcx_leak_set_reporter(void (*report)(const struct gcx_leak *leak, void *arg),
                                   void *arg);

/* As the C library's functions without the prefix, and watched. Memory of one
 * may be released by the other. */
GCX_API void *gcx_leak_malloc(size_t size);
GCX_API void *gcx_leak_calloc(size_t n, size_t size);
GCX_API void *gcx_leak_realloc(void *p, size_t size);
GCX_API void *gcx_leak_aligned_alloc(size_t align, size_t size);
GCX_API void gcx_leak_free(void *p);

#ifdef GCX_LEAK_MALLOC
#define malloc(size) gcx_leak_malloc(size)
#define calloc(n, size) gcx_leak_calloc(n, size)
#define realloc(p, size) gcx_leak_realloc(p, size)
#define aligned_alloc(align, size) gcx_leak_aligned_alloc(align, size)
#define free(p) gcx_leak_free(p)
#endif

#ifdef __cplusplus
}
#endif
#endif
