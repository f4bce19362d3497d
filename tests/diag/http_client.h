/* http_client.h -- asks the debug server by plain sockets.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_HTTP_CLIENT_H
#define GCX_TESTS_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct http_answer {
    int status;    /* 0: the connection ended without one */
    char *all;     /* headers and body, with '\0' after them; to be freed */
    char *body;    /* in all; "" if there is none */
    size_t length; /* of the body */
};

/* A descriptor, or -1. What takes longer than a minute has failed. */
static inline int http_connect(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval minute = {.tv_sec = 60};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof minute);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &minute, sizeof minute);
    return fd;
}

static inline int http_send(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t n = send(fd, bytes, count, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        bytes += n;
        count -= (size_t)n;
    }
    return 0;
}

/* All until the end of the connection, which it closes. */
static inline struct http_answer http_receive(int fd)
{
    struct http_answer answer = {0};
    size_t used = 0, capacity = 65536;
    answer.all = malloc(capacity + 1);
    for (ssize_t n = 1; n > 0;) {
        if (used == capacity)
            answer.all = realloc(answer.all, (capacity *= 2) + 1);
        do
            n = recv(fd, answer.all + used, capacity - used, 0);
        while (n < 0 && errno == EINTR); /* timeouts keep calls from being restarted */
        used += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    answer.all[used] = '\0';
    char *end = strstr(answer.all, "\r\n\r\n");
    answer.body = end != NULL ? end + 4 : answer.all + used;
    answer.length = used - (size_t)(answer.body - answer.all);
    if (sscanf(answer.all, "HTTP/1.%*d %d", &answer.status) != 1)
        answer.status = 0;
    return answer;
}

/* Sends those bytes and receives. */
static inline struct http_answer http_raw(int port, const char *request)
{
    int fd = http_connect(port);
    struct http_answer none = {.all = calloc(1, 1)};
    none.body = none.all;
    if (fd < 0)
        return none;
    free(none.all);
    http_send(fd, request, strlen(request));
    return http_receive(fd);
}

/* headers: NULL for a Host alone; each ends with "\r\n". */
static inline struct http_answer http_ask(int port, const char *method, const char *target,
                                          const char *headers, const char *body)
{
    char request[4096];
    snprintf(request, sizeof request,
             "%s %s HTTP/1.1\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s", method,
             target, headers != NULL ? headers : "Host: localhost\r\n", strlen(body), body);
    return http_raw(port, request);
}

static inline struct http_answer http_get(int port, const char *target)
{
    return http_ask(port, "GET", target, NULL, "");
}

static inline int http_has(const struct http_answer *answer, const char *text)
{
    return strstr(answer->all, text) != NULL;
}

static inline void http_drop(struct http_answer *answer)
{
    free(answer->all);
    memset(answer, 0, sizeof *answer);
}

#endif
