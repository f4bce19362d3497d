/* suspend_linux.c -- see suspend.h for states and invariants.
 *
 * The signal handler runs with all signals blocked, so a stopped thread runs
 * no handler of the program. The interrupted registers lie in the signal frame,
 * above the handler's own: scanning from the handler's stack pointer finds them.
 *
 * A signal to a thread may come late, when the stop it was sent for is over:
 * the handler looks at the request and returns.
 *
 * SPDX-License-Identifier: MIT */
#include "os/suspend.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/futex.h"
#include "os/signals.h"
#include "os/stack.h"

#define AWAIT_RETRY_NS UINT64_C(100000000)
#define AWAIT_COMPLAIN 50 /* retries: five seconds */
#define AWAIT_REFUSED 10  /* retries: a second */

__thread struct gcxi_suspend *gcxi_suspend_self __attribute__((tls_model("initial-exec")));

static int stop_signal;

/* ---- In the thread that stops ---- */

static void find_alternate_stack(struct gcxi_suspend *s)
{
    stack_t alternate;
    s->alt_hi = 0;
    if (s->sp >= s->stack_lo && s->sp < s->stack_hi)
        return;
    if (sigaltstack(NULL, &alternate) == 0 && (alternate.ss_flags & SS_ONSTACK) != 0)
        s->alt_hi = (uintptr_t)alternate.ss_sp + alternate.ss_size;
}

/* P2. */
static void wait_for_release(struct gcxi_suspend *s, enum gcxi_suspend_state state)
{
    for (;;) {
        gcxi_store_seq_cst(&s->state, GCXI_RUNNING);
        if (gcxi_load_seq_cst(&s->requested) == 0)
            return;
        gcxi_store_seq_cst(&s->state, state);
        gcxi_futex_wake(&s->state, 1);
        gcxi_futex_wait(&s->requested, 1);
    }
}

static void park_at(uintptr_t sp, void *arg)
{
    struct gcxi_suspend *s = arg;
    s->sp = sp;
    s->saved_bytes = 0;
    find_alternate_stack(s);
    gcxi_store_seq_cst(&s->state, GCXI_STOPPED);
    gcxi_futex_wake(&s->state, 1);
    wait_for_release(s, GCXI_STOPPED);
}

/* P3. A stop that is asked for meanwhile has been refused: hence the loop. */
void gcxi_suspend_park(struct gcxi_suspend *s)
{
    do {
        s->critical++;
        gcxi_signal_fence();
        gcxi_stack_with_registers(park_at, s);
        gcxi_signal_fence();
        s->critical--;
        gcxi_signal_fence();
    } while (gcxi_load_seq_cst(&s->requested) != 0);
}

static void stop_handler(int signal)
{
    struct gcxi_suspend *s = gcxi_suspend_self;
    int saved_errno = errno;
    (void)signal;
    if (s != NULL && s->critical == 0 && gcxi_load_seq_cst(&s->state) == GCXI_RUNNING &&
        gcxi_load_seq_cst(&s->requested) != 0)
        gcxi_suspend_park(s);
    errno = saved_errno;
}

/* P4. */
static void become_blocked(struct gcxi_suspend *s)
{
    gcxi_store_seq_cst(&s->state, GCXI_BLOCKED);
    if (gcxi_load_seq_cst(&s->requested) != 0)
        gcxi_futex_wake(&s->state, 1);
}

void gcxi_suspend_block(struct gcxi_suspend *s, uintptr_t sp)
{
    if (s->blocks++ != 0)
        return;
    s->sp = s->entry_sp != 0 ? s->entry_sp : sp;
    s->saved_bytes = 0;
    find_alternate_stack(s);
    become_blocked(s);
}

/* P1. */
GCXI_NO_SANITIZE static void copy_frames(struct gcxi_suspend *s, uintptr_t lo, uintptr_t hi)
{
    GCXI_ASSERT(hi - lo <= sizeof s->saved);
    s->saved_bytes = gcxi_min(hi - lo, sizeof s->saved);
    for (size_t i = 0; i < s->saved_bytes; i += sizeof(uintptr_t))
        *(volatile uintptr_t *)(void *)(s->saved + i) = *(const uintptr_t *)(lo + i);
}

static void block_and_return_at(uintptr_t sp, void *arg)
{
    struct gcxi_suspend *s = arg;
    s->blocks++;
    copy_frames(s, sp, s->sp);
    find_alternate_stack(s);
    become_blocked(s);
}

void gcxi_suspend_block_and_return(struct gcxi_suspend *s, uintptr_t frame)
{
    s->sp = frame;
    gcxi_stack_with_registers(block_and_return_at, s);
}

void gcxi_suspend_unblock(struct gcxi_suspend *s)
{
    if (--s->blocks != 0)
        return;
    wait_for_release(s, GCXI_BLOCKED);
}

void gcxi_suspend_unblock_collector(struct gcxi_suspend *s)
{
    if (--s->blocks != 0)
        return;
    gcxi_store_seq_cst(&s->state, GCXI_RUNNING);
}

/* A thread inherits the mask of its creator, who may have blocked all signals. */
static void unblock_stop_signal(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, stop_signal);
    gcxi_sigmask(SIG_UNBLOCK, &set, NULL);
}

void gcxi_suspend_attach(struct gcxi_suspend *s, uintptr_t stack_lo, uintptr_t stack_hi)
{
    s->tid = (int)syscall(SYS_gettid);
    s->critical = 0;
    s->requested = 0;
    s->state = GCXI_RUNNING;
    s->blocks = 0;
    s->stack_lo = stack_lo;
    s->stack_hi = stack_hi;
    s->blocks_signal = false;
    gcxi_suspend_self = s;
    unblock_stop_signal();
}

void gcxi_suspend_reset_after_fork(struct gcxi_suspend *s)
{
    s->tid = (int)syscall(SYS_gettid);
    s->requested = 0;
    gcxi_critical_leave(s);
}

int gcxi_suspend_signal(void)
{
    return stop_signal;
}

void gcxi_suspend_detach(void)
{
    gcxi_suspend_self = NULL;
}

bool gcxi_suspend_is_caller(const struct gcxi_suspend *s)
{
    return syscall(SYS_gettid) == s->tid;
}

/* ---- In the collector ---- */

static bool send_stop(const struct gcxi_suspend *s)
{
    while (syscall(SYS_tgkill, getpid(), s->tid, stop_signal) != 0) {
        if (errno != EAGAIN)
            return false;
        gcxi_cpu_relax();
    }
    return true;
}

bool gcxi_suspend_request(struct gcxi_suspend *s)
{
    gcxi_store_seq_cst(&s->requested, 1);
    return gcxi_load_seq_cst(&s->state) != GCXI_RUNNING || send_stop(s);
}

/* The beginning of what the system says of the thread in that file; empty if it
 * says nothing. */
static void read_task(int tid, const char *file, char *text, size_t bytes)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/self/task/%d/%s", tid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, bytes - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
}

/* The hexadecimal number that follows the key in the thread's status file; 0 if
 * there is none. */
static uint64_t read_status(int tid, const char *key)
{
    char text[2048];
    read_task(tid, "status", text, sizeof text);
    const char *found = strstr(text, key);
    return found != NULL ? strtoull(found + strlen(key), NULL, 16) : 0;
}

static bool blocks_stop_signal(int tid)
{
    return (read_status(tid, "SigBlk:") >> (stop_signal - 1) & 1) != 0;
}

void gcxi_suspend_name(int tid, char name[GCXI_THREAD_NAME_BYTES])
{
    read_task(tid, "comm", name, GCXI_THREAD_NAME_BYTES);
    name[strcspn(name, "\n")] = '\0';
}

/* "12 (name) S ...", and the name may hold anything. */
char gcxi_suspend_activity(const struct gcxi_suspend *s)
{
    char text[64];
    read_task(s->tid, "stat", text, sizeof text);
    const char *end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' ? end[2] : '\0';
}

/* The signal may be blocked for a moment only, as in a handler. */
static bool is_refused(struct gcxi_suspend *s, int tries)
{
    if (!s->blocks_signal && tries < AWAIT_REFUSED)
        return false;
    s->blocks_signal = blocks_stop_signal(s->tid);
    return s->blocks_signal && gcxi_load_seq_cst(&s->state) == GCXI_RUNNING;
}

enum gcxi_suspend_result gcxi_suspend_await(struct gcxi_suspend *s)
{
    int saved_errno = errno;
    enum gcxi_suspend_result result = GCXI_SUSPENDED;
    for (int tries = 1; gcxi_load_seq_cst(&s->state) == GCXI_RUNNING; tries++) {
        uint64_t wait_ns = s->blocks_signal ? AWAIT_RETRY_NS / 10 : AWAIT_RETRY_NS;
        if (gcxi_futex_wait_for(&s->state, GCXI_RUNNING, wait_ns))
            continue;
        if (!send_stop(s))
            result = GCXI_SUSPEND_GONE;
        else if (is_refused(s, tries))
            result = GCXI_SUSPEND_REFUSED;
        if (result != GCXI_SUSPENDED)
            break;
        if (tries % AWAIT_COMPLAIN == 0)
            gcxi_report("thread %d does not stop for a collection", s->tid);
    }
    errno = saved_errno;
    return result;
}

void gcxi_suspend_release(struct gcxi_suspend *s)
{
    gcxi_store_seq_cst(&s->requested, 0);
    gcxi_futex_wake(&s->requested, 1);
}

int gcxi_suspend_init(int signal)
{
    struct sigaction action = {.sa_flags = SA_RESTART};
    signal = signal != 0 ? signal : SIGRTMIN + 7;
    if (signal < SIGRTMIN || signal > SIGRTMAX) {
        errno = EINVAL;
        return -1;
    }
    stop_signal = signal;
    action.sa_handler = stop_handler;
    sigfillset(&action.sa_mask);
    return gcxi_sigaction(stop_signal, &action, NULL);
}
