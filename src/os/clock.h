/* clock.h -- time.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_CLOCK_H
#define GCXI_OS_CLOCK_H

#include "base/base.h"

/* Nanoseconds of a clock that never goes back. Async-signal-safe. */
uint64_t gcxi_clock_ns(void);

/* Nanoseconds of CPU that this process has used. */
uint64_t gcxi_clock_process_cpu_ns(void);

/* And the calling thread. */
uint64_t gcxi_clock_thread_cpu_ns(void);

#endif
