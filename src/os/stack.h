/* stack.h -- where the calling thread's stack lies.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_STACK_H
#define GCXI_OS_STACK_H

#include "base/base.h"

/* Lowest and one past the highest address of the calling thread's stack. For
 * the first thread lo is what the stack may grow down to (the resource limit,
 * at most 1 GiB below). 0, or -1. Calls pthread_getattr_np, which may allocate
 * with malloc: only at registration, never in a collection. */
int gcxi_stack_bounds(uintptr_t *lo, uintptr_t *hi);

/* The lowest address from which a stack within [lo, hi) can be read up to hi:
 * the first thread's has not grown down to lo yet. World stopped, too. */
uintptr_t gcxi_stack_mapped_lo(uintptr_t lo, uintptr_t hi);

/* Where the frames of a thread's own stack [lo, hi) end at the latest: below the
 * first thread's arguments, as far as the system tells. Reads /proc. */
uintptr_t gcxi_stack_frames_hi(uintptr_t lo, uintptr_t hi);

/* The end of the current function's frame, where its caller's begins. */
#define GCXI_CALLER_FRAME() ((uintptr_t)__builtin_dwarf_cfa())

/* Calls then(sp, arg) with the callee-saved registers spilled at or above sp
 * on the caller's stack. */
void gcxi_stack_with_registers(void (*then)(uintptr_t sp, void *arg), void *arg);

/* memcpy leaves what it copied in vector registers that few functions use. If
 * those were addresses of objects, and the thread is stopped by a signal much
 * later, they are found in the frame of the signal and keep the objects. So
 * whoever has copied such addresses calls this. */
void gcxi_stack_forget_copies(void);

#endif
