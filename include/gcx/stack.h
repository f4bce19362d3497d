/* stack.h -- more about stacks of the program's own than gcx.h says: for
 * language runtimes and for what is no stack of the processor's.
 *
 * Examples: examples/fibers.c, examples/vm_stack.c
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_STACK_H
#define GCX_STACK_H

#include <gcx/gcx.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Suspended stacks --------------------------------------------------- */

/* Tells that the program prepared or changed a suspended stack itself: what it
 * holds is [sp, hi) from now on, NULL for all of it. 0, or -1 with errno: EBUSY
 * while something runs on it, EINVAL if it is not registered or sp lies outside.
 * Example: examples/fibers.c */
GCX_API int gcx_stack_set_sp(gcx_stack *stack, void *sp);

/* With is_private not 0 the program promises that while the stack is suspended
 * nothing stores a pointer into it, but for gcx_stack_set_sp to tell of it:
 * minor cycles then leave out what did not run since the last. Not for programs
 * where one fiber hands a value to another by writing it into the frame that
 * waits for it. 0, or -1 with errno as gcx_stack_set_sp.
 * Example: examples/fibers.c */
GCX_API int gcx_stack_set_private(gcx_stack *stack, int is_private);

/* ---- Scanned by callback ------------------------------------------------ */

/* What a callback hands words to. */
typedef struct gcx_scanner gcx_scanner;

/* Registers a stack that the program scans itself: an interpreter's value
 * stack in memory from malloc, one in segments, one whose layout is known. Every
 * cycle calls scan(scanner, arg) with the world stopped, on the collecting
 * thread: it calls gcx_scan_range for what the stack holds, and nothing else of
 * libgcx, and takes no lock that another thread may hold. Another call that
 * reaches the collector fails with EDEADLK and is reported. Nothing runs on such a stack:
 * gcx_stack_switch refuses it, gcx_stack_unregister ends it. NULL with errno:
 * EINVAL if scan is NULL, ENOMEM. Example: examples/vm_stack.c */
GCX_API gcx_stack *gcx_stack_register_callback(void (*scan)(gcx_scanner *scanner, void *arg),
                                               void *arg);

/* Only in a scan callback: every whole word in [lo, hi) keeps alive what it
 * points to, as a word of a stack does. NULL or lo >= hi is an empty range.
 * Example: examples/vm_stack.c */
GCX_API void gcx_scan_range(gcx_scanner *scanner, const void *lo, const void *hi);

/* ---- A thread's own stack ----------------------------------------------- */

/* Tells where the calling thread's own stack begins, if the C library does not
 * know, as for threads of clone(), or if frames of a host program above hold no
 * pointers: it is scanned from the stack pointer up to base, and may grow down
 * to limit, which is readable from there up. NULL for limit keeps what is
 * known. Registers the thread. 0, or -1 with errno: EINVAL if the caller's
 * frame does not lie between the two, EPERM on a registered stack, ENOMEM.
 * Example: examples/vm_stack.c */
GCX_API int gcx_thread_set_stack_base(void *base, void *limit);

#ifdef __cplusplus
}
#endif
#endif
