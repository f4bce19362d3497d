/* own_thread.c -- see own_thread.h.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/own_thread.h"

#include <pthread.h>
#include <signal.h>

#include "gc/gc.h"
#include "os/futex.h"
#include "os/thread.h"

/* Faults are the thread's own, and the collector must be able to stop it. */
static void block_signals(sigset_t *old)
{
    static const int needed[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT};
    sigset_t set;
    sigfillset(&set);
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        sigdelset(&set, needed[i]);
    sigdelset(&set, gcxi_suspend_signal());
    sigdelset(&set, SIGPROF);
    pthread_sigmask(SIG_SETMASK, &set, old);
}

int gcxi_own_thread_create(void *(*start)(void *), void *arg)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t old;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    block_signals(&old);
    int error = gcxi_thread_create(&thread, &attr, start, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return error;
}

struct gcxi_mutator *gcxi_own_thread_begin(bool holds_nothing)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return NULL;
    self->is_own = true;
    self->holds_nothing = holds_nothing;
    gcxi_gc_leave(self);
    return self;
}

void gcxi_own_thread_wait(struct gcxi_mutator *self, const uint32_t *word, uint32_t expected,
                          uint64_t timeout_ns)
{
    gcxi_critical_enter(&self->suspend);
    gcxi_suspend_block_and_return(&self->suspend, GCXI_CALLER_FRAME());
    if (timeout_ns == 0)
        gcxi_futex_wait(word, expected);
    else
        (void)gcxi_futex_wait_for(word, expected, timeout_ns);
    gcxi_suspend_unblock(&self->suspend);
    gcxi_critical_leave(&self->suspend);
}
