/* apart.h -- that a thread which is woken runs beside the one that wakes it.
 *
 * Linux likes to wake a thread where the one that wakes it runs, unless another processor
 * looks idle. In a virtual machine one that is halted may not (the host seems to have
 * taken it away). Then the two take turns, and that processor does nothing until the
 * scheduler balances again: of the stops right after marking beside the program most
 * took 7 to 10 ms so, and not 5.
 *
 * Locking: none; the states of one are changed by compare and exchange, by any number of
 * threads that wake it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_APART_H
#define GCXI_OS_APART_H

#include "base/base.h"
#include "os/cpu.h"

enum gcxi_apart_state {
    GCXI_APART_AWAKE,
    GCXI_APART_ASLEEP,
    GCXI_APART_CHANGING, /* one that wakes it changes where it may run */
    GCXI_APART_KEPT_OFF
};

/* Of a thread that sleeps and is woken again and again; zeroes at first, and in a forked
 * child again. */
struct gcxi_apart {
    uint32_t state; /* enum gcxi_apart_state */
    uint32_t tid;
    unsigned long allowed[GCXI_CPU_SET_WORDS]; /* kept off: where it may run else */
};

/* By the thread, before it sleeps. */
void gcxi_apart_sleep(struct gcxi_apart *apart);

/* By one that is about to wake it: if it sleeps, it may not run where the caller does until
 * it has arrived. Nothing happens where it may run nowhere else, or the system forbids
 * the change. */
void gcxi_apart_keep_off(struct gcxi_apart *apart);

/* By the thread, when it was woken: it may run as before. A change of its processors by
 * others since it was kept off is lost. */
void gcxi_apart_arrive(struct gcxi_apart *apart);

#endif
