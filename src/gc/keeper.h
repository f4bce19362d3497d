/* keeper.h -- what is done when the program is quiet.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_KEEPER_H
#define GCXI_GC_KEEPER_H

#include "base/base.h"

/* Starts the library's thread for it once the heap is large enough. Thread
 * creation uses malloc: not with the world stopped, and the caller counts as
 * stopped. */
void gcxi_keeper_start_thread(void);

/* After each cycle: there may be something to do. */
void gcxi_keeper_wake(void);

/* In a forked child: the thread is gone. */
void gcxi_keeper_reset_after_fork(void);

#endif
