/* server_connection.c -- how long a client may take.
 *
 *   READING --headers and body--> WORKING --reply--> WRITING --sent--> READING
 *
 * READING and WRITING have a deadline for the whole of it, so one byte now and
 * then buys no time; a connection past it is shut down, and libmicrohttpd sees
 * its end. One whose client has sent its last byte ends at once, unless there is
 * something to answer. Where there are many connections the one that has been READING
 * longest goes, so idle ones keep nobody out.
 *
 * Locking: none; the server's thread alone.
 *
 * SPDX-License-Identifier: MIT */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diag/telemetry/server.h"
#include "diag/telemetry/server_limits.h"
#include "os/clock.h"

#define SECOND_NS UINT64_C(1000000000)

struct client {
    bool is_used;
    bool is_shut;
    int fd;
    enum gcxi_stage stage;
    uint64_t deadline_ns; /* not of WORKING */
};

/* An array, so that a child of fork finds it whole. */
static struct client clients[GCXI_CONNECTIONS_MAX];
static unsigned client_count;

static struct client *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static void enter(struct client *client, enum gcxi_stage stage)
{
    uint64_t seconds = stage == GCXI_STAGE_READING ? GCXI_READ_SECONDS : GCXI_WRITE_SECONDS;
    client->stage = stage;
    client->deadline_ns = gcxi_clock_ns() + seconds * SECOND_NS;
}

void gcxi_connection_enter(struct MHD_Connection *connection, enum gcxi_stage stage)
{
    struct client *client = client_of(connection);
    if (client != NULL)
        enter(client, stage);
}

static void shut(struct client *client)
{
    shutdown(client->fd, SHUT_RDWR);
    client->is_shut = true;
}

static void shut_oldest_reader(void)
{
    struct client *oldest = NULL;
    for (struct client *c = clients; c < clients + GCXI_CONNECTIONS_MAX; c++)
        if (c->is_used && c->stage == GCXI_STAGE_READING && !c->is_shut &&
            (oldest == NULL || c->deadline_ns < oldest->deadline_ns))
            oldest = c;
    if (oldest != NULL)
        shut(oldest);
}

/* ---- Begin and end ---- */

static void add(struct MHD_Connection *connection, void **slot)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct client *client = clients;
    while (client < clients + GCXI_CONNECTIONS_MAX && client->is_used)
        client++;
    if (client == clients + GCXI_CONNECTIONS_MAX)
        return;
    if (++client_count > GCXI_CONNECTIONS_MANY)
        shut_oldest_reader();
    client->fd = info->connect_fd;
    client->is_shut = false;
    enter(client, GCXI_STAGE_READING);
    client->is_used = true;
    *slot = client;
}

static void take_out(struct client *client)
{
    if (client == NULL)
        return;
    client->is_used = false;
    client_count--;
}

void gcxi_connection_notify(void *arg, struct MHD_Connection *connection, void **slot,
                            enum MHD_ConnectionNotificationCode code)
{
    (void)arg;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        add(connection, slot);
        return;
    }
    take_out(*slot);
    *slot = NULL;
}

/* ---- Now and then ---- */

/* libmicrohttpd waits for changes of a socket alone, so an end that came with the
 * last bytes, and was there when it read them, it never sees. */
void gcxi_connections_end_half(void)
{
    struct pollfd fds[GCXI_CONNECTIONS_MAX];
    struct client *readers[GCXI_CONNECTIONS_MAX];
    char byte;
    nfds_t count = 0;
    for (struct client *c = clients; c < clients + GCXI_CONNECTIONS_MAX; c++) {
        if (!c->is_used || c->stage != GCXI_STAGE_READING || c->is_shut)
            continue;
        fds[count] = (struct pollfd){.fd = c->fd, .events = POLLRDHUP};
        readers[count++] = c;
    }
    if (count == 0 || poll(fds, count, 0) <= 0)
        return;
    for (nfds_t i = 0; i < count; i++)
        if (fds[i].revents != 0 && recv(fds[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
            shut(readers[i]);
}

void gcxi_connections_expire(void)
{
    uint64_t now = gcxi_clock_ns();
    for (struct client *c = clients; c < clients + GCXI_CONNECTIONS_MAX; c++)
        if (c->is_used && c->stage != GCXI_STAGE_WORKING && !c->is_shut && c->deadline_ns < now)
            shut(c);
}

bool gcxi_connection_has_left(struct MHD_Connection *connection)
{
    const struct client *client = client_of(connection);
    struct pollfd fd = {.fd = client != NULL ? client->fd : -1, .events = POLLRDHUP};
    return client != NULL && poll(&fd, 1, 0) > 0;
}

void gcxi_connections_reset_after_fork(void)
{
    for (struct client *c = clients; c < clients + GCXI_CONNECTIONS_MAX; c++)
        if (c->is_used)
            close(c->fd);
    memset(clients, 0, sizeof clients);
    client_count = 0;
}
