/* signals.h -- signal calls of the C library, past our own interposition.
 *
 * What the library itself calls; api/interpose_signal.c has what the program
 * calls. Contracts are those of the C library.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_SIGNALS_H
#define GCXI_OS_SIGNALS_H

#include <signal.h>
#include <time.h>

#include "base/base.h"

/* In a program linked with --wrap: what the wrapped names were. Its definition
 * is linked only there (api/interpose_signal.c); null elsewhere. */
struct gcxi_signal_calls {
    int (*action)(int number, const struct sigaction *action, struct sigaction *old);
    int (*mask)(int how, const sigset_t *set, sigset_t *old);
    int (*wait)(const sigset_t *set, int *number);
    int (*timedwait)(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);
    int (*suspend)(const sigset_t *set);
};
extern const struct gcxi_signal_calls gcxi_signal_calls_wrapped __attribute__((weak));

int gcxi_sigaction(int number, const struct sigaction *action, struct sigaction *old);
int gcxi_sigmask(int how, const sigset_t *set, sigset_t *old); /* an error number */
int gcxi_sigwait(const sigset_t *set, int *number);            /* an error number */
int gcxi_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);
int gcxi_sigsuspend(const sigset_t *set);

#endif
