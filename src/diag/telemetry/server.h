/* server.h -- what the files of the debug server share.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_SERVER_H
#define GCXI_DIAG_TELEMETRY_SERVER_H

#include <microhttpd.h>

#include "diag/telemetry/profile_sample.h"
#include "diag/telemetry/server_calls.h"
#include "diag/telemetry/server_query.h"
#include "diag/telemetry/server_text.h"

#define GCXI_TYPE_TEXT "text/plain; charset=utf-8"
#define GCXI_TYPE_HTML "text/html; charset=utf-8"
#define GCXI_TYPE_JSON "application/json; charset=utf-8"
#define GCXI_TYPE_BYTES "application/octet-stream"

struct gcxi_request;

enum { GCXI_GET = 1, GCXI_POST = 2 };

struct gcxi_route {
    const char *path;
    unsigned methods;
    unsigned parameters; /* bits of enum gcxi_parameter */
    bool is_slow;        /* answered by a worker */

    /* For requests with seconds, before them; false with a reply. May be NULL:
     * then nothing is waited for. A worker's. */
    bool (*begin)(struct gcxi_request *request);

    /* On the server's thread, or a worker's. Both count as stopped: they call
     * the library between gcxi_server_attach and _detach alone. */
    void (*answer)(struct gcxi_request *request);

    int seconds; /* where the request gives none */
};

struct gcxi_reply {
    unsigned status;
    const char *type;
    const char *attachment; /* name of a file, or NULL */
    const char *allow;      /* methods, or NULL */
    const void *constant;   /* instead of text, or NULL */
    size_t constant_bytes;
    bool is_page;  /* may load our own style and script */
    bool is_empty; /* the answer to a HEAD whose body nobody has made */
    struct gcxi_text text;
};

struct gcxi_request {
    struct MHD_Connection *connection;
    const struct gcxi_route *route;
    struct gcxi_query query;
    struct gcxi_text body;
    const char *bare; /* first parameter without a value, or NULL */
    struct gcxi_reply reply;
    bool is_head;  /* asked for headers alone */
    bool is_begun; /* its headers have been looked at */
    bool is_done;  /* it has a reply */

    /* Of a job. */
    struct gcxi_request *next;
    bool has_begun;
    uint64_t begin_ns;
    uint64_t due_ns;
    struct gcxi_profile_snapshot before;
};

/* ---- server.c ---- */

/* Around what calls the library. Between them no socket is touched. */
void gcxi_server_attach(void);
void gcxi_server_detach(void);

/* Has the server's thread look at what there is to do, now. Any thread, while the
 * server runs. */
void gcxi_server_wake(void);

bool gcxi_server_is_remote(void);
bool gcxi_server_is_stopping(void);

/* ---- server_route.c ---- */

/* Each ends with a route without path. */
extern const struct gcxi_route gcxi_pprof_routes[], gcxi_vars_routes[], gcxi_live_routes[],
    gcxi_page_routes[];

enum MHD_Result gcxi_route_handle(void *arg, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_bytes, void **slot);
size_t gcxi_route_unescape(void *arg, struct MHD_Connection *connection, char *text);
void gcxi_route_completed(void *arg, struct MHD_Connection *connection, void **slot,
                          enum MHD_RequestTerminationCode code);

/* Replaces the reply by an error's: a status and a sentence. */
void gcxi_reply_error(struct gcxi_request *request, unsigned status, const char *format, ...)
    GCXI_PRINTF(3, 4);

/* ---- server_job.c ---- */

/* Does its answer tell of the seconds from now on? */
bool gcxi_job_must_wait(const struct gcxi_request *request);

/* Suspends the connection and has a worker answer; false if there are too many. */
bool gcxi_job_start(struct gcxi_request *request);
void gcxi_jobs_tick(void); /* now and then, by the server's thread */
void gcxi_jobs_end(void);  /* returns when all have a reply and no worker is left */
void gcxi_jobs_reset_after_fork(void);

/* ---- server_connection.c: the server's thread alone ---- */

enum gcxi_stage { GCXI_STAGE_READING, GCXI_STAGE_WORKING, GCXI_STAGE_WRITING };

void gcxi_connection_notify(void *arg, struct MHD_Connection *connection, void **slot,
                            enum MHD_ConnectionNotificationCode code);
void gcxi_connection_enter(struct MHD_Connection *connection, enum gcxi_stage stage);
bool gcxi_connection_has_left(struct MHD_Connection *connection); /* the client has closed it */
void gcxi_connections_expire(void);
void gcxi_connections_end_half(void); /* when libmicrohttpd has nothing that it could do */
void gcxi_connections_reset_after_fork(void);

#endif
