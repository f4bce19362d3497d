/* signals_linux.c -- see signals.h.
 *
 * In the shared library these names are ours, so the C library's are the next
 * definitions. In a program linked with --wrap they have another name; in one
 * linked without, they are what they are called. They are looked up when the
 * library is loaded, for dlsym may not be called in a signal handler.
 *
 * SPDX-License-Identifier: MIT */
#include "os/signals.h"

#include <dlfcn.h>

#include "base/atomic.h"

typedef int action_function(int, const struct sigaction *, struct sigaction *);
typedef int mask_function(int, const sigset_t *, sigset_t *);
typedef int wait_function(const sigset_t *, int *);
typedef int timedwait_function(const sigset_t *, siginfo_t *, const struct timespec *);
typedef int suspend_function(const sigset_t *);

extern action_function __real_sigaction __attribute__((weak));
extern mask_function __real_pthread_sigmask __attribute__((weak));
extern wait_function __real_sigwait __attribute__((weak));
extern timedwait_function __real_sigtimedwait __attribute__((weak));
extern suspend_function __real_sigsuspend __attribute__((weak));

static struct {
    action_function *action;
    mask_function *mask;
    wait_function *wait;
    timedwait_function *timedwait;
    suspend_function *suspend;
} found;

/* Sets *slot to the wrapped function, the next one of that name, or the last
 * resort. */
static void find(void *slot, void *wrapped, const char *name, void *plain)
{
    void *function = wrapped;
    if (function == NULL && GCXI_SHARED)
        function = dlsym(RTLD_NEXT, name);
    if (function == NULL)
        function = plain;
    gcxi_store_relaxed((void **)slot, function);
}

#define FIND(field, name) \
    find(&found.field, (void *)(uintptr_t)__real_##name, #name, (void *)(uintptr_t)name)

__attribute__((constructor)) static void find_all(void)
{
    FIND(mask, pthread_sigmask);
    FIND(wait, sigwait);
    FIND(timedwait, sigtimedwait);
    FIND(suspend, sigsuspend);
    FIND(action, sigaction);
}

/* Other constructors may come first. */
static void prepare(void)
{
    if (GCXI_UNLIKELY(gcxi_load_relaxed(&found.action) == NULL))
        find_all();
}

int gcxi_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    prepare();
    return gcxi_load_relaxed(&found.action)(number, action, old);
}

int gcxi_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    prepare();
    return gcxi_load_relaxed(&found.mask)(how, set, old);
}

int gcxi_sigwait(const sigset_t *set, int *number)
{
    prepare();
    return gcxi_load_relaxed(&found.wait)(set, number);
}

int gcxi_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    prepare();
    return gcxi_load_relaxed(&found.timedwait)(set, info, timeout);
}

int gcxi_sigsuspend(const sigset_t *set)
{
    prepare();
    return gcxi_load_relaxed(&found.suspend)(set);
}
