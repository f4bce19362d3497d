/* apart.h -- that a thread which is woken runs beside the one that wakes it.
 *
 * Linux likes to wake a thread where the one that wakes it runs, unless another processor
 * looks idle. In a virtual machine one that is halted may not (the host seems to have
 * taken it away). Then the two take turns, and that processor does nothing until the
 * scheduler balances again: of the stops right after marking beside the program most
 * took 7 to 10 ms so, and not 5.
 *
 * Locking: one thread at a time wakes; it and the woken one meet in is_kept_off.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_APART_H
#define GCXI_OS_APART_H

#include "base/base.h"

#define GCXI_APART_WORDS 128u /* of a set of processors: more than the kernel knows */

/* Of a thread that sleeps and is woken again and again; zeroes at first. */
struct gcxi_apart {
    uint32_t tid; /* 0: none yet */
    uint32_t is_kept_off;
    unsigned long allowed[GCXI_APART_WORDS]; /* then: where it may run */
};

/* By the thread, when it begins. */
void gcxi_apart_begin(struct gcxi_apart *apart);

/* By the one that is about to wake it: it may not run where the caller does until it has
 * arrived. Nothing happens where it may run nowhere else, or the system forbids the
 * change. */
void gcxi_apart_keep_off(struct gcxi_apart *apart);

/* By the thread, when it was woken: it may run everywhere as before. */
void gcxi_apart_arrive(struct gcxi_apart *apart);

#endif
