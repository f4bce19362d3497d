/* interpose_signal.c -- the signal calls of the program, so that it cannot take
 * away by accident what the collector needs.
 *
 *  - A handler for SIGSEGV comes after ours where page tracking needs that one
 *    (GCX_DIRTY=mprotect); the program sees its own.
 *  - The signal that stops threads stays unblocked and is not waited for: a
 *    program blocks all signals in its threads and waits for them in one.
 *    Nor can its handler be replaced: EINVAL, as for those of the C library.
 *
 * As symbols of the shared library these come before the C library's; with the
 * static one -Wl,--wrap=NAME for all of them leads here (docs/guide-linking.md).
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "gcx/gcx.h"
#include "os/fault.h"
#include "os/signals.h"
#include "os/suspend.h"

#if GCXI_SHARED
#define INTERPOSED(name) name
#else
#define INTERPOSED(name) __wrap_##name

int __real_sigaction(int number, const struct sigaction *action, struct sigaction *old);
int __real_pthread_sigmask(int how, const sigset_t *set, sigset_t *old);
int __real_sigwait(const sigset_t *set, int *number);
int __real_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);
int __real_sigsuspend(const sigset_t *set);

const struct gcxi_signal_calls gcxi_signal_calls_wrapped = {
    .action = __real_sigaction,
    .mask = __real_pthread_sigmask,
    .wait = __real_sigwait,
    .timedwait = __real_sigtimedwait,
    .suspend = __real_sigsuspend,
};
#endif

typedef void signal_handler(int number);

GCX_API int INTERPOSED(sigaction)(int number, const struct sigaction *action,
                                  struct sigaction *old);
GCX_API signal_handler *INTERPOSED(signal)(int number, signal_handler *handler);
GCX_API signal_handler *INTERPOSED(__sysv_signal)(int number, signal_handler *handler);
GCX_API int INTERPOSED(pthread_sigmask)(int how, const sigset_t *set, sigset_t *old);
GCX_API int INTERPOSED(sigprocmask)(int how, const sigset_t *set, sigset_t *old);
GCX_API int INTERPOSED(sigwait)(const sigset_t *set, int *number);
GCX_API int INTERPOSED(sigwaitinfo)(const sigset_t *set, siginfo_t *info);
GCX_API int INTERPOSED(sigtimedwait)(const sigset_t *set, siginfo_t *info,
                                     const struct timespec *timeout);
GCX_API int INTERPOSED(sigsuspend)(const sigset_t *set);

/* The set without the signal that stops threads: itself, or the copy. */
static const sigset_t *without_stop(const sigset_t *set, sigset_t *copy)
{
    int stop = gcxi_suspend_signal();
    if (set == NULL || stop == 0 || sigismember(set, stop) != 1)
        return set;
    *copy = *set;
    sigdelset(copy, stop);
    return copy;
}

/* ---- Handlers ---- */

int INTERPOSED(sigaction)(int number, const struct sigaction *action, struct sigaction *old)
{
    struct sigaction copy;
    sigset_t mask;
    if (number == gcxi_suspend_signal() && number != 0) {
        errno = EINVAL;
        return -1;
    }
    if (action != NULL) {
        copy = *action;
        copy.sa_mask = *without_stop(&action->sa_mask, &mask);
        action = &copy;
    }
    if (number == SIGSEGV && gcxi_fault_action(action, old))
        return 0;
    return gcxi_sigaction(number, action, old);
}

static signal_handler *install(int number, signal_handler *handler, int flags)
{
    struct sigaction action = {.sa_flags = flags};
    struct sigaction old;
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    if ((flags & SA_NODEFER) == 0)
        sigaddset(&action.sa_mask, number);
    if (handler == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
    return INTERPOSED(sigaction)(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

signal_handler *INTERPOSED(signal)(int number, signal_handler *handler)
{
    return install(number, handler, SA_RESTART);
}

/* What signal() is for a program that asks for nothing but the C standard. */
signal_handler *INTERPOSED(__sysv_signal)(int number, signal_handler *handler)
{
    return install(number, handler, (int)SA_RESETHAND | SA_NODEFER);
}

/* ---- Masks ---- */

int INTERPOSED(pthread_sigmask)(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t copy;
    return gcxi_sigmask(how, how == SIG_UNBLOCK ? set : without_stop(set, &copy), old);
}

int INTERPOSED(sigprocmask)(int how, const sigset_t *set, sigset_t *old)
{
    int error = INTERPOSED(pthread_sigmask)(how, set, old);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

/* ---- Waits ---- */

int INTERPOSED(sigwait)(const sigset_t *set, int *number)
{
    sigset_t copy;
    return gcxi_sigwait(without_stop(set, &copy), number);
}

int INTERPOSED(sigtimedwait)(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    sigset_t copy;
    return gcxi_sigtimedwait(without_stop(set, &copy), info, timeout);
}

int INTERPOSED(sigwaitinfo)(const sigset_t *set, siginfo_t *info)
{
    return INTERPOSED(sigtimedwait)(set, info, NULL);
}

int INTERPOSED(sigsuspend)(const sigset_t *set)
{
    sigset_t copy;
    return gcxi_sigsuspend(without_stop(set, &copy));
}
