/* remember.h -- the remembered set: which old objects may point at young ones.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_REMEMBER_H
#define GCXI_GC_REMEMBER_H

#include "gc/arm.h"
#include "gcx/gcx.h"
#include "trace/workers.h"

/* Chooses how writes are seen. For GCX_BARRIER_AUTO name picks the backend of
 * os/dirty.h, NULL or "auto" the best. Falls back to none. 0, or -1 with errno
 * if the card table cannot be mapped. */
int gcxi_remember_init(enum gcx_barrier barrier, const char *name);

/* "uffd", ..., "explicit", "none"; with "none" there are no minor cycles. */
const char *gcxi_remember_name(void);
bool gcxi_remember_is_none(void);

enum gcxi_show {
    GCXI_SHOW_MINOR,
    GCXI_SHOW_BETWEEN, /* a minor cycle between the stops of a full one */
    GCXI_SHOW_LAST     /* the second of them */
};

/* World stopped, in a minor cycle or one that has marked concurrently: finds every
 * old (there: marked) object that may have been written since the last cycle, and
 * forgets that it was. The feed that it returns shows their words. So much was
 * allocated since the last harvest, in percent of what usually is between two cycles. */
gcxi_feed *gcxi_remember_scan(enum gcxi_show kind, size_t percent);

/* Instead, in a minor cycle that traces nothing: what was written is forgotten, or stays
 * written until the next harvest. */
void gcxi_remember_put_off(bool harvests);

/* The same between the stops of a full cycle. What was written without being tracked is
 * owed to the second stop, and what is tracked as well if it is harvested. */
void gcxi_remember_owe(bool harvests, size_t percent);

/* Whether that is possible: by pages, where faults are cheap. */
bool gcxi_remember_may_put_off(void);

/* For full cycles that mark beside the program. Maps what they need: 0, or -1
 * with ENOMEM. */
int gcxi_remember_beside_init(void);

/* What is to be shown beside the program begins anew. World stopped. */
void gcxi_remember_beside_begin_stw(bool is_new_cycle);

/* Beside the program: shows some of what minor cycles have owed since the first
 * stop, and of what may have been written unseen; false if nothing is left. */
bool gcxi_remember_show_beside(struct gcxi_marker *m);

/* How many pages (or cards) the last minor cycle looked at. */
size_t gcxi_remember_pages(void);

/* Full cycle, world stopped: nothing is young afterwards, so forgets all. */
void gcxi_remember_forget(void);

/* After the census, world stopped: from now on writes to what is old are seen.
 * Blocks with so much room in all will be allocated from before the next cycle. */
void gcxi_remember_arm(enum gcxi_arm how, size_t soon_bytes);

/* What page tracking cost in the last cycle, about: faults of the program since
 * the one before, and in the pause what was shown, by all workers together.
 * 0 for the explicit barrier and after a full cycle. */
uint64_t gcxi_remember_fault_ns(void);
uint64_t gcxi_remember_shown_ns(void);
uint64_t gcxi_remember_pages_ns(void); /* of that, on single pages */

/* In a forked child: whatever tracking was inherited is replaced. */
void gcxi_remember_reset_after_fork(void);

#endif
