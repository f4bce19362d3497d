/* clock_linux.c -- time by clock_gettime.
 *
 * CLOCK_MONOTONIC is read through the vdso in some 20 ns and does not go back.
 * It stands still while the machine is suspended, which suits a pacer: pauses
 * and rates are about time in which the program could run.
 *
 * Rejected: CLOCK_MONOTONIC_RAW (no vdso on older kernels), the cycle counter
 * (its rate and its agreement between cores are not promised everywhere).
 *
 * SPDX-License-Identifier: MIT */
#include "os/clock.h"

#include <pthread.h>

#define CLOCK_NS_PER_S UINT64_C(1000000000)

static uint64_t clock_read_ns(clockid_t id)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t gcxi_clock_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

uint64_t gcxi_clock_process_cpu_ns(void)
{
    return clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

clockid_t gcxi_clock_of_thread(void)
{
    clockid_t clock = CLOCK_THREAD_CPUTIME_ID;
    (void)pthread_getcpuclockid(pthread_self(), &clock);
    return clock;
}

uint64_t gcxi_clock_thread_cpu_ns(clockid_t clock)
{
    return clock_read_ns(clock);
}
