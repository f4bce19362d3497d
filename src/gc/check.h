/* check.h -- GCX_CHECK=1: finding misuse of memory by the program.
 *
 *   object      |requested bytes|guard      |trailer|
 *   quarantine  |poison .............. guard|trailer, says where it was freed|
 *   free slot   |poison ............................|
 *   slot        ^address                            ^address + slot bytes
 *
 * What gcx_free is given waits in a queue before it may be handed out again, so
 * that a later write to it, or a second gcx_free, is recognised. The guard, the
 * trailer and all poison are looked at around each cycle, and those of a slot
 * when it is freed, leaves the queue, or is handed out.
 *
 * K1  While the mode is on every slot that is not an object is poison from end
 *     to end, and every object carries a trailer.
 * K2  What waits in the queue is an object for the heap and none for the
 *     program. It is marked in every cycle.
 *     A retired object is none for the program either, and is not marked.
 * K3  A finding is told once: what was damaged is written anew.
 * K4  A cycle interprets objects of some kinds, and those in the queue too: the
 *     references of the library, those that a trace function reads. These are
 *     zero there and not poison.
 *
 * Locking: the heap lock for the queue; the world stopped for the walks.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_CHECK_H
#define GCXI_GC_CHECK_H

#include "gc/mutator.h"
#include "trace/mark.h"

#define GCXI_CHECK_BYTES ((size_t)48) /* added to each object: least guard, trailer */

/* Before the first allocation. 0, or -1 with ENOMEM. */
int gcxi_check_init(void);

/* The caller is in a critical section. A fresh object of that many bytes, born
 * by the call that returns to site. */
void gcxi_check_born(void *object, size_t bytes, const void *site);

/* Bytes that the program may use; 0 if the object was freed. */
size_t gcxi_check_usable(const struct gcxi_block *block, uint32_t slot);

/* gcx_free of an object: to the queue. The caller is in a critical section, and
 * should tell what was found afterwards. False: freed before. */
bool gcxi_check_free(struct gcxi_mutator *self, void *object, const void *site);

/* An object of a scope that is over: poison, but not queued, so that a cycle that
 * finds it reachable tells of it. In a critical section of its owner. */
void gcxi_check_retire(struct gcxi_block *block, uint32_t slot, const void *site);

/* Empties the queue when memory is short; true if something was in it. */
bool gcxi_check_drain(struct gcxi_mutator *self);

/* Reports that the address lies in an object that was freed before, if so. */
bool gcxi_check_tell_freed(const void *p, const char *what);

/* World stopped: before and while marking, after the census. */
void gcxi_check_before_stw(void);
void gcxi_check_mark_stw(struct gcxi_marker *m);
void gcxi_check_after_stw(void);

/* Reports what was found; outside stops and critical sections. */
void gcxi_check_tell(void);

/* At the end of the child's own preparations. What is damaged now is the parent's to
 * tell, or an object that a thread was making that the child does not have: such
 * become whole. */
void gcxi_check_reset_after_fork(void);

#endif
