/* dirty_outside.h -- which pages of memory outside the heap were written.
 *
 * As os/dirty.h says of armed pages (D1 to D3), for ranges at any address, and by
 * userfaultfd alone, whatever tracks the heap. A range is private memory (os/mapping.h)
 * when it is added. If the program maps something else there later, harvests fail; what
 * it unmaps, moves or protects otherwise stays right.
 *
 * Thread rules as for os/dirty.h; none calls malloc.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_DIRTY_OUTSIDE_H
#define GCXI_OS_DIRTY_OUTSIDE_H

#include "os/dirty.h"

/* 0, also where it is open; -1 where this system cannot. */
int gcxi_dirty_outside_open(void);

/* Whole pages. To add once more what was added is allowed. 0, or -1. */
int gcxi_dirty_outside_add(uintptr_t lo, uintptr_t hi);

/* As if it had never been added, also for speed. */
void gcxi_dirty_outside_remove(uintptr_t lo, uintptr_t hi);

/* Arms the range and reports what of it may hold anything but zeroes or what a file
 * has there: all that was written before it was armed. */
int gcxi_dirty_outside_arm(uintptr_t lo, uintptr_t hi, gcxi_dirty_visitor *visit, void *arg);
void gcxi_dirty_outside_disarm(uintptr_t lo, uintptr_t hi);

/* -1: some of it may have been reported, and clean again; all of it counts as written,
 * and is not armed any more. */
int gcxi_dirty_outside_harvest(uintptr_t lo, uintptr_t hi, gcxi_dirty_visitor *visit, void *arg);

/* Whether the next harvest would report anything, or fail. */
bool gcxi_dirty_outside_is_written(uintptr_t lo, uintptr_t hi);

uint64_t gcxi_dirty_outside_fault_ns(void);

/* In a forked child: nothing is added, and nothing open but for the heap. After the
 * heap's own. */
void gcxi_dirty_outside_reset_after_fork(void);

#endif
