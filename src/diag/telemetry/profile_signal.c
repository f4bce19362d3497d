/* profile_signal.c -- see profile_signal.h.
 *
 *   FREE --a thread's handler--> FILLING --its copy is whole--> FULL --drain--> FREE
 *
 * The handler walks no stack: unwinding asks the dynamic loader, whose lock may
 * be held by the thread it interrupted, or by a collection that waits for it. It
 * copies the registers and the innermost part of the stack into a slot that is
 * mapped already, and a thread of ours unwinds the copy (profile_unwind.c).
 *
 * The handler stays once it is there: a signal may yet be on its way.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/profile_signal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/atomic.h"
#include "os/vm.h"

#define SLOTS 128u
#define TRIES 16u

enum { FREE, FILLING, FULL };

static pthread_mutex_t use_lock = PTHREAD_MUTEX_INITIALIZER;
static struct gcxi_thread_sample *slots; /* set before the handler, for good */
static unsigned use_count;               /* use_lock */
static uint32_t is_on;
static uint32_t next_slot;

/* ---- The handler ---- */

static struct gcxi_thread_sample *claim(void)
{
    uint32_t first = gcxi_add_relaxed(&next_slot, 1);
    for (uint32_t i = 0; i < TRIES; i++) {
        struct gcxi_thread_sample *slot = &slots[(first + i) % SLOTS];
        uint32_t expected = FREE;
        if (gcxi_compare_exchange(&slot->state, &expected, FILLING))
            return slot;
    }
    return NULL;
}

/* By a system call, which stops at the end of the stack instead of faulting. */
static void copy_stack(struct gcxi_thread_sample *sample)
{
    uintptr_t sp = sample->registers[gcxi_register_sp];
    struct iovec to = {sample->stack, sizeof sample->stack};
    struct iovec from = {(void *)sp, sizeof sample->stack}; /* NOLINT: an address */
    ssize_t n = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
    size_t page = 4096;
    if (n < 0) { /* the end comes within its page */
        from.iov_len = page - sp % page;
        n = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
    }
    sample->stack_bytes = n > 0 ? (size_t)n : 0;
}

/* The release store pairs with the acquire in drain. */
static void on_signal(int signal, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    const ucontext_t *interrupted = context;
    bool is_ours = info->si_code == SI_TIMER || info->si_code == SI_TKILL;
    struct gcxi_thread_sample *sample = gcxi_load_acquire(&is_on) != 0 && is_ours ? claim() : NULL;
    (void)signal;
    if (sample != NULL) {
        sample->tid = (int)syscall(SYS_gettid);
        sample->is_asked = info->si_code == SI_TKILL;
        sample->weight = 1;
        if (!sample->is_asked && info->si_overrun > 0)
            sample->weight += (uint32_t)info->si_overrun;
        gcxi_registers_save(sample->registers, &interrupted->uc_mcontext);
        copy_stack(sample);
        gcxi_store_release(&sample->state, FULL);
    }
    errno = saved_errno;
}

/* ---- Beginning and end ---- */

/* use_lock held. */
static int prepare(void)
{
    struct sigaction before,
        action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    if (sigaction(SIGPROF, NULL, &before) != 0)
        return errno;
    if ((before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction == on_signal)
        return 0;
    if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
        return EBUSY;
    if (slots == NULL)
        slots = gcxi_vm_map(SLOTS * sizeof *slots);
    if (slots == NULL)
        return ENOMEM;
    return sigaction(SIGPROF, &action, NULL) == 0 ? 0 : errno;
}

static void unlock_in_child(void)
{
    pthread_mutex_init(&use_lock, NULL);
    use_count = 0;
    is_on = 0;
    for (unsigned i = 0; slots != NULL && i < SLOTS; i++)
        slots[i].state = FREE;
}

static void prepare_fork(void)
{
    pthread_atfork(NULL, NULL, unlock_in_child);
}

int gcxi_signal_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare_fork);
    pthread_mutex_lock(&use_lock);
    int error = prepare();
    if (error == 0 && use_count++ == 0)
        gcxi_store_release(&is_on, 1);
    pthread_mutex_unlock(&use_lock);
    return error;
}

void gcxi_signal_end(void)
{
    pthread_mutex_lock(&use_lock);
    if (--use_count == 0)
        gcxi_store_release(&is_on, 0);
    pthread_mutex_unlock(&use_lock);
}

bool gcxi_signal_ask(int tid)
{
    return syscall(SYS_tgkill, getpid(), tid, SIGPROF) == 0;
}

void gcxi_signal_drain(void (*take)(void *arg, const struct gcxi_thread_sample *sample), void *arg)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (gcxi_load_acquire(&slots[i].state) != FULL)
            continue;
        take(arg, &slots[i]);
        gcxi_store_release(&slots[i].state, FREE);
    }
}
