/* telemetry_entry.c -- where the library finds the diagnostics, and what the
 * environment asks of them.
 *
 *   GCX_PROFILE_RATE    bytes between samples, on average
 *   GCX_HEAP_PROFILE    file to write at exit, and whenever
 *   GCX_PROFILE_SIGNAL  arrives
 *   GCX_CPU_PROFILE     file to write at exit
 *   GCX_DEBUG_ADDR      where to serve, as gcx_debug_serve, or with
 *   GCX_DEBUG_REMOTE    =1 as gcx_debug_serve_remote
 *
 * A child of fork writes none at its exit: it would replace its parent's.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/parse.h"
#include "diag/telemetry/profile_cpu.h"
#include "diag/telemetry/profile_heap.h"
#include "diag/telemetry/profile_leaks.h"
#include "diag/telemetry/profile_sample.h"
#include "diag/telemetry/server_calls.h"
#include "diag/telemetry/telemetry.h"
#include "gcx/profile.h"

const struct gcxi_diag_services *gcxi_diag;

static char heap_path[PATH_MAX];
static char cpu_path[PATH_MAX];
static pid_t owner;     /* the process that writes them at exit */
static sem_t is_wanted; /* posted by the signal */

int gcxi_diag_thread(void *(*thread_main)(void *arg), void *arg)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, NULL, thread_main, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        pthread_detach(thread);
    return error;
}

/* ---- The heap profile of the environment ---- */

static void write_heap_profile(void)
{
    if (gcxi_diag->profile_heap(heap_path, GCX_PROFILE_COLLECT) != 0)
        gcxi_report("GCX_HEAP_PROFILE: cannot write %s: %s", heap_path, strerror(errno));
}

static void at_exit(void)
{
    if (getpid() == owner)
        write_heap_profile();
}

static void on_signal(int signal)
{
    int saved_errno = errno;
    (void)signal;
    sem_post(&is_wanted);
    errno = saved_errno;
}

static void *wait_for_signals(void *arg)
{
    for (;;) {
        bool is_blocking = gcxi_diag->blocking_begin() == 0;
        while (sem_wait(&is_wanted) != 0)
            ;
        if (is_blocking)
            gcxi_diag->blocking_end();
        write_heap_profile();
    }
    return arg;
}

/* Not those that cannot be caught, that a fault raises (its instruction would run
 * again after the handler, for ever), or that the library uses itself. */
static bool may_catch(int64_t number)
{
    static const int refused[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,  SIGILL,
                                  SIGFPE,  SIGTRAP, SIGSYS,  SIGABRT, SIGPROF};
    bool is_own = number > SIGSYS && number < SIGRTMIN; /* the C library's */
    if (number < 1 || number > SIGRTMAX || is_own || number == gcxi_diag->stop_signal())
        return false;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (number == refused[i])
            return false;
    return true;
}

static void catch_signal(const char *text)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    int64_t number;
    if (text == NULL || *text == '\0')
        return;
    if (!gcxi_parse_int(text, &number) || !may_catch(number))
        gcxi_report(
            "GCX_PROFILE_SIGNAL=%s is ignored: expected the number of a signal that neither "
            "a fault nor the library raises",
            text);
    else if (sem_init(&is_wanted, 0, 0) != 0 || gcxi_diag_thread(wait_for_signals, NULL) != 0 ||
             sigaction((int)number, &action, NULL) != 0)
        gcxi_report("GCX_PROFILE_SIGNAL=%s is ignored: %s", text, strerror(errno));
}

/* ---- The CPU profile ---- */

static int blocking_end(int status)
{
    int saved_errno = errno;
    (void)gcxi_diag->blocking_end();
    errno = saved_errno;
    return status;
}

/* What waits and what asks the dynamic loader counts as stopped meanwhile. */
static int cpu_begin(void)
{
    (void)gcxi_diag->blocking_begin();
    return blocking_end(gcxi_cpu_begin());
}

static int cpu_end(int fd)
{
    (void)gcxi_diag->blocking_begin();
    return blocking_end(gcxi_cpu_end(fd));
}

static int write_threads(int fd)
{
    (void)gcxi_diag->blocking_begin();
    return blocking_end(gcxi_threads_write(fd));
}

static int write_thread_leaks(int fd)
{
    struct gcxi_leaked_threads leaked = {0};
    struct gcxi_tally tally = {0};
    int error = gcxi_leaked_find(&leaked);
    (void)gcxi_diag->blocking_begin();
    if (error == 0) {
        gcxi_leaked_ask(&leaked);
        gcxi_leaked_tally(&leaked, &tally);
    }
    gcxi_leaked_free(&leaked);
    error = error == 0 && tally.has_failed ? ENOMEM : error;
    return blocking_end(gcxi_profile_file_end(gcxi_threads_tally_file(&tally, error), fd));
}

static void write_cpu_profile(void)
{
    if (getpid() != owner)
        return;
    int fd = open(cpu_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || cpu_end(fd) != 0)
        gcxi_report("GCX_CPU_PROFILE: cannot write %s: %s", cpu_path, strerror(errno));
    if (fd >= 0)
        close(fd);
}

static void start_cpu_profile(void)
{
    const char *path = getenv("GCX_CPU_PROFILE");
    if (path == NULL || *path == '\0')
        return;
    owner = getpid();
    if (!gcxi_parse_path(cpu_path, sizeof cpu_path, path) || atexit(write_cpu_profile) != 0)
        gcxi_report("GCX_CPU_PROFILE=%s: too long, or no memory", path);
    else if (cpu_begin() != 0)
        gcxi_report("GCX_CPU_PROFILE: %s", strerror(errno));
}

/* ---- Entry ---- */

static void start_heap_profile(void)
{
    const char *path = getenv("GCX_HEAP_PROFILE");
    if (path == NULL || *path == '\0')
        return;
    owner = getpid();
    if (!gcxi_parse_path(heap_path, sizeof heap_path, path) || atexit(at_exit) != 0) {
        gcxi_report("GCX_HEAP_PROFILE=%s: too long, or no memory", path);
        return;
    }
    gcxi_profile_start();
    catch_signal(getenv("GCX_PROFILE_SIGNAL"));
}

static void start_server(void)
{
    const char *address = getenv("GCX_DEBUG_ADDR");
    const char *remote = getenv("GCX_DEBUG_REMOTE");
    if (address == NULL || *address == '\0')
        return;
    if (gcxi_server_serve(address, remote != NULL && strcmp(remote, "1") == 0) == 0)
        return;
    const char *why = strerror(errno);
    if (errno == EINVAL)
        why = "expected an address such as 127.0.0.1:6060";
    else if (errno == EPERM)
        why = "other machines could reach it; GCX_DEBUG_REMOTE=1 permits that";
    else if (errno == ENOTSUP)
        why = "this libgcx-diag was built without libmicrohttpd";
    gcxi_report("GCX_DEBUG_ADDR=%s: not served: %s", address, why);
}

static const struct gcxi_diag_calls own_calls = {
    .set_rate = gcxi_profile_set_rate,
    .write_heap = gcxi_profile_heap_write,
    .cpu_begin = cpu_begin,
    .cpu_end = cpu_end,
    .write_threads = write_threads,
    .write_thread_leaks = write_thread_leaks,
    .serve = gcxi_server_serve,
    .serve_stop = gcxi_server_stop,
    .serve_port = gcxi_server_port,
};

__attribute__((visibility("default"))) gcxi_diag_entry_function gcx_diag_entry;

int gcx_diag_entry(const struct gcxi_diag_services *services, const struct gcxi_diag_calls **calls)
{
    if (services->version != GCXI_DIAG_VERSION)
        return EPROTO;
    gcxi_diag = services;
    *calls = &own_calls;
    start_heap_profile();
    start_cpu_profile();
    start_server();
    return 0;
}
