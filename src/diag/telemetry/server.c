/* server.c -- the debug server: starting, the thread that serves, stopping.
 *
 *   STOPPED --serve--> RUNNING --stop--> STOPPING --its thread ends--> STOPPED
 *
 * One thread moves all bytes, by libmicrohttpd, and waits for no client and no
 * work: that is what jobs are for (server_job.c).
 *
 * V1  The server's threads count as stopped wherever they wait and whenever they
 *     read or write a socket, so no collection waits for either.
 * V2  A forked child has no server: it closes its copies of the sockets and
 *     forgets the rest.
 *
 * Locking: server_lock; nothing waits under it but for the state to change.
 *
 * Rejected: libmicrohttpd's own threads, one for each connection. Each would be
 * a thread that a collection has to stop.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/atomic.h"
#include "diag/telemetry/server_address.h"
#include "diag/telemetry/server_history.h"
#include "diag/telemetry/server_limits.h"
#include "diag/telemetry/telemetry.h"

enum state { STOPPED, RUNNING, STOPPING };

static pthread_mutex_t server_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t state_changed = PTHREAD_COND_INITIALIZER;
static int server_state; /* enum state; atomic: read without the lock */
static struct MHD_Daemon *server_daemon;
static int listen_fd = -1;
static int wake_fd = -1;
static int server_port; /* atomic, as the next */
static bool server_is_remote;

bool gcxi_server_is_remote(void)
{
    return gcxi_load_relaxed(&server_is_remote);
}

bool gcxi_server_is_stopping(void)
{
    return gcxi_load_acquire(&server_state) != RUNNING;
}

void gcxi_server_attach(void)
{
    (void)gcxi_diag->blocking_end();
}

void gcxi_server_detach(void)
{
    (void)gcxi_diag->blocking_begin();
}

void gcxi_server_wake(void)
{
    uint64_t one = 1;
    ssize_t ignored = write(wake_fd, &one, sizeof one);
    (void)ignored;
}

/* ---- The thread ---- */

static int wait_ms(void)
{
    MHD_UNSIGNED_LONG_LONG ms;
    if (MHD_get_timeout(server_daemon, &ms) != MHD_YES)
        return GCXI_TICK_MS;
    return (int)gcxi_min((size_t)ms, GCXI_TICK_MS);
}

static void serve(void)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server_daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[2] = {{.fd = info->epoll_fd, .events = POLLIN},
                            {.fd = wake_fd, .events = POLLIN}};
    uint64_t woken;
    while (!gcxi_server_is_stopping()) {
        MHD_run(server_daemon);
        int ms = wait_ms();
        if (ms != 0)
            gcxi_connections_end_half();
        (void)poll(fds, 2, ms);
        ssize_t ignored = read(wake_fd, &woken, sizeof woken);
        (void)ignored;
        gcxi_connections_expire();
        gcxi_jobs_tick();
        gcxi_history_tick();
    }
}

/* Lock held. */
static void set_state(enum state state)
{
    gcxi_store_release(&server_state, (int)state);
    pthread_cond_broadcast(&state_changed);
}

static void *server_main(void *arg)
{
    gcxi_server_detach();
    serve();
    gcxi_jobs_end();
    MHD_run(server_daemon); /* resumes them */
    MHD_run(server_daemon); /* what they have answered */
    pthread_mutex_lock(&server_lock);
    MHD_stop_daemon(server_daemon); /* and the listening socket */
    close(wake_fd);
    listen_fd = wake_fd = -1;
    gcxi_store_relaxed(&server_port, 0);
    set_state(STOPPED);
    pthread_mutex_unlock(&server_lock);
    gcxi_server_attach();
    return arg;
}

/* ---- Starting; lock held ---- */

/* 0, or an error number. */
static int open_socket(const struct gcxi_address *address)
{
    struct gcxi_address bound = *address;
    int yes = 1;
    int family = address->socket_address.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    struct sockaddr *name = (struct sockaddr *)&bound.socket_address;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, name, bound.bytes) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, name, &bound.bytes) != 0) {
        int error = errno;
        close(fd);
        return error;
    }
    listen_fd = fd;
    gcxi_store_relaxed(&server_port, gcxi_address_port(&bound));
    return 0;
}

static int open_daemon(void)
{
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0)
        return errno;
    errno = 0;
    server_daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, gcxi_route_handle, NULL,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT, GCXI_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)GCXI_CONNECTION_BYTES,
        MHD_OPTION_NOTIFY_COMPLETED, gcxi_route_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        gcxi_connection_notify, NULL, MHD_OPTION_UNESCAPE_CALLBACK, gcxi_route_unescape, NULL,
        MHD_OPTION_END);
    if (server_daemon == NULL)
        return errno != 0 ? errno : ENOMEM;
    return 0;
}

static void close_all(void)
{
    if (server_daemon != NULL)
        MHD_stop_daemon(server_daemon);
    else if (listen_fd >= 0)
        close(listen_fd);
    if (wake_fd >= 0)
        close(wake_fd);
    server_daemon = NULL;
    listen_fd = wake_fd = -1;
    gcxi_store_relaxed(&server_port, 0);
}

static int start(const struct gcxi_address *address, bool is_remote)
{
    server_daemon = NULL;
    int error = open_socket(address);
    if (error == 0)
        error = open_daemon();
    gcxi_store_relaxed(&server_is_remote, is_remote && !address->is_loopback);
    set_state(RUNNING);
    if (error == 0)
        error = gcxi_diag_thread(server_main, NULL);
    if (error != 0) {
        set_state(STOPPED);
        close_all();
    }
    return error;
}

/* ---- A forked child ---- */

static void reset_in_child(void)
{
    pthread_mutex_init(&server_lock, NULL);
    pthread_cond_init(&state_changed, NULL);
    gcxi_jobs_reset_after_fork();
    gcxi_connections_reset_after_fork();
    if (listen_fd >= 0)
        close(listen_fd);
    if (wake_fd >= 0)
        close(wake_fd);
    listen_fd = wake_fd = -1;
    server_port = 0;
    server_state = STOPPED;
}

static void prepare(void)
{
    pthread_atfork(NULL, NULL, reset_in_child);
    gcxi_history_start();
}

/* ---- Calls ---- */

/* 0, or an error number. */
static int serve_at(const struct gcxi_address *address, bool is_remote)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (!address->is_loopback && !is_remote)
        return EPERM;
    gcxi_profile_start();
    pthread_once(&once, prepare);
    pthread_mutex_lock(&server_lock);
    int error = server_state == STOPPED ? start(address, is_remote) : EBUSY;
    pthread_mutex_unlock(&server_lock);
    return error;
}

int gcxi_server_serve(const char *text, bool is_remote)
{
    struct gcxi_address address;
    int error = EINVAL;
    if (text != NULL && gcxi_address_parse(&address, text))
        error = serve_at(&address, is_remote);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

int gcxi_server_stop(void)
{
    gcxi_server_detach();
    pthread_mutex_lock(&server_lock);
    bool is_running = server_state == RUNNING;
    if (is_running) {
        set_state(STOPPING);
        gcxi_server_wake();
    }
    while (server_state == STOPPING)
        pthread_cond_wait(&state_changed, &server_lock);
    pthread_mutex_unlock(&server_lock);
    gcxi_server_attach();
    if (is_running)
        return 0;
    errno = ENOENT;
    return -1;
}

int gcxi_server_port(void)
{
    return gcxi_load_relaxed(&server_port);
}
