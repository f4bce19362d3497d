/* fault_linux.c -- see fault.h.
 *
 *   fault --> ours --known--> try again
 *               '---unknown--> the program's handler, or the default action
 *
 * The handler the kernel knows is ours for as long as faults are wanted. The
 * program's is a record: that which it had before, or has given to sigaction or
 * signal since, which are interposed (api/interpose_signal.c).
 *
 *   F1  The program sees only its own handler, and gets every fault that is not
 *       known, under the mask it asked for.
 *   F2  The record is read and written under the lock, which is held with all
 *       signals blocked and while nothing of the program's is touched: such an
 *       access may fault.
 *
 * SPDX-License-Identifier: MIT */
#include "os/fault.h"

#include <errno.h>
#include <ucontext.h>

#include "base/atomic.h"
#include "os/signals.h"

static struct {
    gcxi_fault_resolver *resolve; /* NULL: the handler is not ours */
    struct sigaction program;     /* F2 */
    uint32_t lock;
} fault;

/* ---- The record ---- */

static void fault_lock(sigset_t *saved)
{
    sigset_t all;

    sigfillset(&all);
    gcxi_sigmask(SIG_SETMASK, &all, saved);
    while (gcxi_exchange_acq_rel(&fault.lock, 1) != 0)
        gcxi_cpu_relax();
}

static void fault_unlock(const sigset_t *saved)
{
    gcxi_store_release(&fault.lock, 0); /* fault_lock */
    gcxi_sigmask(SIG_SETMASK, saved, NULL);
}

/* The program's action; *next, if not NULL, becomes it. */
static struct sigaction fault_swap(const struct sigaction *next)
{
    sigset_t saved;

    fault_lock(&saved);
    const struct sigaction before = fault.program;
    if (next != NULL)
        fault.program = *next;
    fault_unlock(&saved);
    return before;
}

bool gcxi_fault_action(const struct sigaction *action, struct sigaction *old)
{
    struct sigaction next;

    if (gcxi_load_acquire(&fault.resolve) == NULL) /* gcxi_fault_init */
        return false;
    if (action != NULL)
        next = *action;
    const struct sigaction before = fault_swap(action != NULL ? &next : NULL);
    if (old != NULL)
        *old = before;
    return true;
}

/* ---- Passing on ---- */

static void fault_join_masks(sigset_t *joined, const sigset_t *a, const sigset_t *b)
{
    sigemptyset(joined);
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (sigismember(a, number) == 1 || sigismember(b, number) == 1)
            sigaddset(joined, number);
    }
}

static bool fault_is_default(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) == 0 && action->sa_handler == SIG_DFL;
}

static bool fault_is_ignore(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) == 0 && action->sa_handler == SIG_IGN;
}

/* The default action, by having the signal again: a fault repeats itself when
 * the handler returns, one that was sent is sent once more. */
static void fault_pass_to_default(int signal_number, bool is_fault)
{
    struct sigaction action = {.sa_handler = SIG_DFL};

    sigemptyset(&action.sa_mask);
    gcxi_sigaction(signal_number, &action, NULL);
    if (!is_fault)
        raise(signal_number);
}

/* Calls the program's handler under the signal mask that the kernel would have
 * given it, except that SIGSEGV is never blocked: the handler may well
 * write to an armed page. */
static void fault_pass_to_handler(const struct sigaction *action, int signal_number,
                                  siginfo_t *info, void *context)
{
    const ucontext_t *interrupted = context;
    sigset_t mask;
    sigset_t ours;

    fault_join_masks(&mask, &interrupted->uc_sigmask, &action->sa_mask);
    sigdelset(&mask, signal_number);
    gcxi_sigmask(SIG_SETMASK, &mask, &ours);
    if ((action->sa_flags & SA_SIGINFO) != 0)
        action->sa_sigaction(signal_number, info, context);
    else
        action->sa_handler(signal_number);
    gcxi_sigmask(SIG_SETMASK, &ours, NULL);
}

/* F1. The kernel does not let a real fault be ignored; nor do we. */
static void fault_pass_on(int signal_number, siginfo_t *info, void *context)
{
    const struct sigaction reset = {.sa_handler = SIG_DFL};
    const struct sigaction action = fault_swap(NULL);
    const bool is_fault = info->si_code > 0;

    if (fault_is_ignore(&action) && !is_fault)
        return;
    if (fault_is_default(&action) || fault_is_ignore(&action)) {
        fault_pass_to_default(signal_number, is_fault);
        return;
    }
    if ((action.sa_flags & (int)SA_RESETHAND) != 0)
        (void)fault_swap(&reset);
    fault_pass_to_handler(&action, signal_number, info, context);
}

static void fault_handler(int signal_number, siginfo_t *info, void *context)
{
    const int saved_errno = errno;
    gcxi_fault_resolver *resolve = gcxi_load_acquire(&fault.resolve); /* gcxi_fault_init */

    if (info->si_code != SEGV_ACCERR || resolve == NULL || !resolve((uintptr_t)info->si_addr))
        fault_pass_on(signal_number, info, context);
    errno = saved_errno;
}

/* ---- Entry points ---- */

int gcxi_fault_init(gcxi_fault_resolver *resolve)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction before;

    action.sa_sigaction = fault_handler;
    sigfillset(&action.sa_mask);
    if (gcxi_sigaction(SIGSEGV, NULL, &before) < 0)
        return -1;
    (void)fault_swap(&before);
    gcxi_store_release(&fault.resolve, resolve); /* fault_handler, gcxi_fault_action */
    if (gcxi_sigaction(SIGSEGV, &action, NULL) == 0)
        return 0;
    gcxi_store_release(&fault.resolve, NULL);
    return -1;
}

bool gcxi_fault_is_first(void)
{
    struct sigaction current;

    return gcxi_sigaction(SIGSEGV, NULL, &current) == 0 && (current.sa_flags & SA_SIGINFO) != 0 &&
           current.sa_sigaction == fault_handler;
}

/* One that was installed past us may call ours, which then passes all on. */
void gcxi_fault_fini(void)
{
    const struct sigaction program = fault_swap(NULL);
    const bool is_first = gcxi_fault_is_first();

    gcxi_store_release(&fault.resolve, NULL);
    if (is_first)
        gcxi_sigaction(SIGSEGV, &program, NULL);
}

void gcxi_fault_reset_after_fork(void)
{
    gcxi_store_relaxed(&fault.lock, 0);
}
