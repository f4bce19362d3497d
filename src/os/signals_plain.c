/* signals_plain.c -- see signals.h: where nothing is interposed, as in builds
 * with ThreadSanitizer, whose own calls must see every handler.
 *
 * SPDX-License-Identifier: MIT */
#include "os/signals.h"

int gcxi_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    return sigaction(number, action, old);
}

int gcxi_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    return pthread_sigmask(how, set, old);
}

int gcxi_sigwait(const sigset_t *set, int *number)
{
    return sigwait(set, number);
}

int gcxi_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    return sigtimedwait(set, info, timeout);
}

int gcxi_sigsuspend(const sigset_t *set)
{
    return sigsuspend(set);
}
