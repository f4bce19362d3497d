/* remember.h -- the remembered set: which old objects may point at young ones.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_REMEMBER_H
#define GCXI_GC_REMEMBER_H

#include "gcx/gcx.h"
#include "trace/mark.h"

/* Chooses how writes are seen. For GCX_BARRIER_AUTO name picks the backend of
 * os/dirty.h, NULL or "auto" the best. Falls back to none. 0, or -1 with errno
 * if the card table cannot be mapped. */
int gcxi_remember_init(enum gcx_barrier barrier, const char *name);

/* "uffd", ..., "explicit", "none"; with "none" there are no minor cycles. */
const char *gcxi_remember_name(void);
bool gcxi_remember_is_none(void);

/* Minor cycle, world stopped: shows the marker every word of every old object
 * that may have been written since the last cycle, and forgets that it was.
 * Returns pages (or cards) found written. */
size_t gcxi_remember_scan(struct gcxi_marker *m);

/* Full cycle, world stopped: nothing is young afterwards, so forgets all. */
void gcxi_remember_forget(void);

/* After the census, world stopped: from now on writes to what is old are seen. */
void gcxi_remember_arm(void);

/* The whole object that holds p was written (explicit barrier). */
void gcxi_remember_object(uintptr_t addr);

/* In a forked child: whatever tracking was inherited is replaced. */
void gcxi_remember_reset_after_fork(void);

#endif
