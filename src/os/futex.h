/* futex.h -- waiting on a word. Async-signal-safe, errno is preserved.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_FUTEX_H
#define GCXI_OS_FUTEX_H

#include "base/base.h"

/* Sleeps while *word == expected; may also return early for no reason. */
void gcxi_futex_wait(const void *word, uint32_t expected);

/* As gcxi_futex_wait, for at most timeout_ns. False if the time ran out. */
bool gcxi_futex_wait_for(const void *word, uint32_t expected, uint64_t timeout_ns);

/* Wakes up to `count` waiters. */
void gcxi_futex_wake(const void *word, uint32_t count);

#endif
