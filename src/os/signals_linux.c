/* signals_linux.c -- see signals.h.
 *
 * In the shared library these names are ours, so the C library's are the next
 * definitions. In a program linked with --wrap the wrapper says where they are:
 * a reference from here could be weak only, and would not make the linker take
 * them from a static C library. In one linked without they are what they are
 * called. They are looked up when the library is loaded, for dlsym may not be
 * called in a signal handler.
 *
 * SPDX-License-Identifier: MIT */
#include "os/signals.h"

#include <dlfcn.h>

#include "base/atomic.h"

static struct gcxi_signal_calls found;
static uint32_t is_found;

/* The next definition of that name, or the plain one. */
static void find(void *slot, const char *name, void *plain)
{
    void *function = GCXI_SHARED ? dlsym(RTLD_NEXT, name) : NULL;
    *(void **)slot = function != NULL ? function : plain;
}

#define FIND(field, name) find(&found.field, #name, (void *)(uintptr_t)name)

__attribute__((constructor)) static void find_all(void)
{
    if (&gcxi_signal_calls_wrapped != NULL) {
        found = gcxi_signal_calls_wrapped;
    } else {
        FIND(action, sigaction);
        FIND(mask, pthread_sigmask);
        FIND(wait, sigwait);
        FIND(timedwait, sigtimedwait);
        FIND(suspend, sigsuspend);
    }
    gcxi_store_release(&is_found, 1); /* calls */
}

/* Other constructors may come first. */
static const struct gcxi_signal_calls *calls(void)
{
    if (GCXI_UNLIKELY(gcxi_load_acquire(&is_found) == 0))
        find_all();
    return &found;
}

int gcxi_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    return calls()->action(number, action, old);
}

int gcxi_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    return calls()->mask(how, set, old);
}

int gcxi_sigwait(const sigset_t *set, int *number)
{
    return calls()->wait(set, number);
}

int gcxi_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    return calls()->timedwait(set, info, timeout);
}

int gcxi_sigsuspend(const sigset_t *set)
{
    return calls()->suspend(set);
}
