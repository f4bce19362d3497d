/* cpu.h -- what the machine is.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_CPU_H
#define GCXI_OS_CPU_H

#include "base/base.h"

/* Of unsigned long, in a set of processors: for more than the kernel knows. */
#define GCXI_CPU_SET_WORDS 128u

/* Processors this process may run on (affinity respected); at least 1. */
unsigned gcxi_cpu_count(void);

/* Size of the last-level cache that one core uses, in bytes; 8 MiB when the
 * system does not tell. Reads /sys/devices/system/cpu/cpu0/cache, then sysconf. */
size_t gcxi_cpu_cache_bytes(void);

/* Physical memory, in bytes. */
uint64_t gcxi_cpu_memory_bytes(void);

#endif
