/* futex_linux.c -- waiting on a word by futex(2).
 *
 * All waits are private to the process. A wait ends early without a reason
 * when a signal arrives, so callers loop over their condition; only the run
 * out time is told apart, because only that changes what a caller does.
 *
 * errno belongs to the program that a stop signal interrupted: it is put back.
 *
 * SPDX-License-Identifier: MIT */
#include "os/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FUTEX_NS_PER_S UINT64_C(1000000000)

/* 0 or a positive errno. */
static int futex_call(const void *word, int op, uint32_t value, const struct timespec *timeout)
{
    const int saved_errno = errno;
    const long result = syscall(SYS_futex, word, op, value, timeout, NULL, 0);
    const int error = result < 0 ? errno : 0;

    errno = saved_errno;
    return error;
}

void gcxi_futex_wait(const void *word, uint32_t expected)
{
    (void)futex_call(word, FUTEX_WAIT_PRIVATE, expected, NULL);
}

bool gcxi_futex_wait_for(const void *word, uint32_t expected, uint64_t timeout_ns)
{
    const struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / FUTEX_NS_PER_S),
                                     .tv_nsec = (long)(timeout_ns % FUTEX_NS_PER_S)};

    return futex_call(word, FUTEX_WAIT_PRIVATE, expected, &timeout) != ETIMEDOUT;
}

void gcxi_futex_wake(const void *word, uint32_t count)
{
    const uint32_t most = INT32_MAX;

    (void)futex_call(word, FUTEX_WAKE_PRIVATE, count < most ? count : most, NULL);
}
