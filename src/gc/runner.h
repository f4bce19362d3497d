/* runner.h -- calling cleanups and finalizers.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_RUNNER_H
#define GCXI_GC_RUNNER_H

#include "base/base.h"

/* Calls what is ready until nothing is. The caller is registered, outside any
 * critical section. Returns how many were called. */
size_t gcxi_runner_run(void);

/* Starts the library's thread if callbacks are to run on it, there may be some,
 * and none is running. Thread creation uses malloc: not with the world stopped,
 * and the caller counts as stopped. */
void gcxi_runner_start_thread(void);

/* After a cycle, without the heap lock: if callbacks are ready, wakes the
 * thread and tells the program's notifier. */
void gcxi_runner_wake(void);

/* NULL for none. Heap lock. */
void gcxi_runner_set_notifier(void (*notify)(void *arg), void *arg);

/* In a forked child: the thread is gone. */
void gcxi_runner_reset_after_fork(void);

#endif
