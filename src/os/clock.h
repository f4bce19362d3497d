/* clock.h -- time.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_CLOCK_H
#define GCXI_OS_CLOCK_H

#include <time.h>

#include "base/base.h"

/* Nanoseconds of a clock that never goes back. Async-signal-safe. */
uint64_t gcxi_clock_ns(void);

/* Nanoseconds of CPU that this process has used. */
uint64_t gcxi_clock_process_cpu_ns(void);

/* A clock of the processor time that the calling thread uses, and what it reads,
 * for any thread; 0 when its thread has ended. */
clockid_t gcxi_clock_of_thread(void);
uint64_t gcxi_clock_thread_cpu_ns(clockid_t clock);

#endif
