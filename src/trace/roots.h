/* roots.h -- static data, ranges the program added, root objects.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_TRACE_ROOTS_H
#define GCXI_TRACE_ROOTS_H

#include "base/base.h"
#include "os/module.h"
#include "trace/mark.h"

/* Under the heap lock. 0, or an error number: ENOMEM; ENOENT. */
int gcxi_roots_add(uintptr_t lo, uintptr_t hi);
int gcxi_roots_remove(uintptr_t lo, uintptr_t hi);

/* Root objects alone. World stopped. */
void gcxi_roots_mark_objects(struct gcxi_marker *m);

/* The same, and roots known elsewhere: all but what has an address range, which
 * gc/statics.c hands to the marker. World stopped. */
void gcxi_roots_mark_rest(struct gcxi_marker *m);

/* The ranges that were added. Heap lock. */
size_t gcxi_roots_added(const struct gcxi_range **ranges);

/* Calls visit for each of the ranges, the modules' as of the last freeze (os/module.h);
 * root objects are objects. World stopped. */
void gcxi_roots_visit(void (*visit)(uintptr_t lo, uintptr_t hi, void *arg), void *arg);

/* Roots known elsewhere; NULL for none. Set before the first cycle. */
extern void (*gcxi_roots_more)(struct gcxi_marker *m);

#endif
