/* server_route.c -- which request is answered by what, and who may ask.
 *
 *   begun: headers are here --> body --> routed: answered, or suspended
 *                                        until its job has an answer --> sent
 *
 * Refused before anything is done for it: a Host that is not this machine, an
 * Origin of another site, a request that a page of another site makes.
 *
 * SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "diag/telemetry/server.h"
#include "diag/telemetry/server_address.h"
#include "diag/telemetry/server_limits.h"

static const struct gcxi_route *const tables[] = {gcxi_pprof_routes, gcxi_vars_routes,
                                                  gcxi_live_routes, gcxi_page_routes};

static const char *header(struct gcxi_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

void gcxi_reply_error(struct gcxi_request *request, unsigned status, const char *format, ...)
{
    char sentence[256];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    struct gcxi_reply *reply = &request->reply;
    gcxi_text_free(&reply->text);
    gcxi_text_format(&reply->text, "%s\n", sentence);
    reply->status = status;
    reply->type = GCXI_TYPE_TEXT;
    reply->attachment = NULL;
    reply->constant = NULL;
}

/* ---- Sending ---- */

static const char page_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
static const char no_policy[] = "default-src 'none'; frame-ancestors 'none'";

static void add_headers(struct MHD_Response *response, const struct gcxi_reply *reply)
{
    char disposition[128];
    MHD_add_response_header(response, "Content-Type", reply->type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Content-Security-Policy",
                            reply->is_page ? page_policy : no_policy);
    if (reply->status >= 400)
        MHD_add_response_header(response, "X-Go-Pprof", "1");
    if (reply->allow != NULL)
        MHD_add_response_header(response, "Allow", reply->allow);
    if (reply->attachment != NULL) {
        snprintf(disposition, sizeof disposition, "attachment; filename=\"%s\"", reply->attachment);
        MHD_add_response_header(response, "Content-Disposition", disposition);
    }
}

static ssize_t read_nothing(void *arg, uint64_t at, char *buffer, size_t bytes)
{
    (void)arg, (void)at, (void)buffer, (void)bytes;
    return MHD_CONTENT_READER_END_OF_STREAM;
}

/* Of a length that is not known, so it says none. In chunks, libmicrohttpd would
 * send an end of the body that is not there. */
static struct MHD_Response *make_empty(void)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1, read_nothing, NULL, NULL);
    if (response != NULL)
        MHD_set_response_options(response, MHD_RF_HTTP_VERSION_1_0_ONLY, MHD_RO_END);
    return response;
}

static struct MHD_Response *make_response(struct gcxi_reply *reply)
{
    if (reply->is_empty)
        return make_empty();
    if (reply->constant != NULL)
        return MHD_create_response_from_buffer(
            reply->constant_bytes, (void *)(uintptr_t)reply->constant, MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->text.length, reply->text.bytes, MHD_RESPMEM_MUST_FREE);
    if (response != NULL)
        memset(&reply->text, 0, sizeof reply->text); /* the response's now */
    return response;
}

static enum MHD_Result send_reply(struct gcxi_request *request)
{
    struct gcxi_reply *reply = &request->reply;
    if (reply->text.has_failed)
        gcxi_reply_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "There is no memory for that.");
    struct MHD_Response *response = make_response(reply);
    if (response == NULL)
        return MHD_NO;
    add_headers(response, reply);
    gcxi_connection_enter(request->connection, GCXI_STAGE_WRITING);
    enum MHD_Result result = MHD_queue_response(request->connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- Guards: false with a reply ---- */

static enum MHD_Result count_host(void *arg, enum MHD_ValueKind kind, const char *key,
                                  const char *value)
{
    (void)kind, (void)value;
    *(unsigned *)arg += strcasecmp(key, "Host") == 0;
    return MHD_YES;
}

/* A script may ask by HTTP/1.0 without one; a browser, which another site could make
 * ask, always sends it. */
static bool host_is_ours(struct gcxi_request *request, const char *version)
{
    const char *host = header(request, "Host");
    unsigned count = 0;
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_host, &count);
    if (count == 0 && strcmp(version, "HTTP/1.0") == 0)
        return true;
    if (count != 1 || host == NULL || *host == '\0') {
        gcxi_reply_error(request, MHD_HTTP_BAD_REQUEST, "The request has %s Host header.",
                         count > 1 ? "more than one" : "no");
        return false;
    }
    if (gcxi_address_is_host(host, gcxi_server_is_remote()))
        return true;
    gcxi_reply_error(request, MHD_HTTP_FORBIDDEN,
                     "Host: %.80s is not this machine; ask by its address or as localhost.", host);
    return false;
}

static bool site_is_ours(struct gcxi_request *request)
{
    const char *origin = header(request, "Origin");
    const char *site = header(request, "Sec-Fetch-Site");
    const char *mode = header(request, "Sec-Fetch-Mode");
    bool is_foreign = origin != NULL && !gcxi_address_is_origin(origin, header(request, "Host"));
    bool is_followed = mode != NULL && strcmp(mode, "navigate") == 0; /* a link is fine */
    if (!is_foreign && (site == NULL || strcmp(site, "cross-site") != 0 || is_followed))
        return true;
    gcxi_reply_error(request, MHD_HTTP_FORBIDDEN, "Pages of other sites may not ask for that.");
    return false;
}

static const struct gcxi_route *find_route(const char *path)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct gcxi_route *route = tables[i]; route->path != NULL; route++)
            if (strcmp(route->path, path) == 0)
                return route;
    return NULL;
}

static bool method_is_allowed(struct gcxi_request *request, const char *method)
{
    static const char *const allow[] = {"", "GET, HEAD", "POST", "GET, HEAD, POST"};
    bool is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    unsigned bit = is_get ? GCXI_GET : strcmp(method, "POST") == 0 ? GCXI_POST : 0;
    if ((request->route->methods & bit) != 0)
        return true;
    request->reply.allow = allow[request->route->methods];
    gcxi_reply_error(request, MHD_HTTP_METHOD_NOT_ALLOWED, "%s takes %s.", request->route->path,
                     request->reply.allow);
    return false;
}

struct parameters {
    struct gcxi_request *request;
    char problem[GCXI_QUERY_PROBLEM_BYTES];
};

static enum MHD_Result take_parameter(void *arg, enum MHD_ValueKind kind, const char *key,
                                      const char *value)
{
    struct parameters *p = arg;
    (void)kind;
    if (value == NULL && p->request->bare == NULL)
        p->request->bare = key;
    bool is_fine =
        gcxi_query_take(&p->request->query, p->request->route->parameters, key, value, p->problem);
    return is_fine ? MHD_YES : MHD_NO;
}

static bool parameters_are_valid(struct gcxi_request *request)
{
    struct parameters p = {.request = request};
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, take_parameter, &p);
    if (*p.problem != '\0') {
        gcxi_reply_error(request, MHD_HTTP_BAD_REQUEST, "%s", p.problem);
        return false;
    }
    if (request->query.seconds == 0 || request->query.debug == 0)
        return true;
    gcxi_reply_error(request, MHD_HTTP_BAD_REQUEST,
                     "seconds gives a file: it does not go with debug.");
    return false;
}

/* A path ends where a string does, so what is behind an escaped NUL would be lost. */
size_t gcxi_route_unescape(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg, (void)connection;
    return strstr(text, "%00") != NULL ? strlen(text) : MHD_http_unescape(text);
}

static bool path_is_text(struct gcxi_request *request, const char *path)
{
    if (strstr(path, "%00") == NULL)
        return true;
    gcxi_reply_error(request, MHD_HTTP_BAD_REQUEST, "%%00 is no character of a path.");
    return false;
}

static bool may_be_answered(struct gcxi_request *request, const char *path, const char *method,
                            const char *version)
{
    if (!host_is_ours(request, version) || !site_is_ours(request) || !path_is_text(request, path))
        return false;
    request->is_head = strcmp(method, "HEAD") == 0;
    request->route = find_route(path);
    if (request->route != NULL)
        return method_is_allowed(request, method) && parameters_are_valid(request);
    gcxi_reply_error(request, MHD_HTTP_NOT_FOUND, "There is no %.100s; see /debug/pprof/ and /.",
                     path);
    return false;
}

/* ---- Requests ---- */

static enum MHD_Result begin(struct MHD_Connection *connection, void **slot)
{
    struct gcxi_request *request = calloc(1, sizeof *request);
    if (request == NULL)
        return MHD_NO;
    request->connection = connection;
    request->reply.status = MHD_HTTP_OK;
    request->reply.type = GCXI_TYPE_TEXT;
    *slot = request;
    const char *length = header(request, "Content-Length");
    if (length == NULL || strtoull(length, NULL, 10) <= GCXI_BODY_BYTES)
        return MHD_YES;
    request->is_begun = request->is_done = true;
    gcxi_reply_error(request, MHD_HTTP_CONTENT_TOO_LARGE, "A request has %u bytes at most.",
                     GCXI_BODY_BYTES);
    return send_reply(request);
}

/* A body of unknown length that turns out too long ends the connection. */
static enum MHD_Result take_body(struct gcxi_request *request, const char *body, size_t *body_bytes)
{
    if (request->is_done)
        return MHD_NO;
    gcxi_text_put(&request->body, body, *body_bytes);
    *body_bytes = 0;
    return request->body.length <= GCXI_BODY_BYTES && !request->body.has_failed ? MHD_YES : MHD_NO;
}

static enum MHD_Result answer(struct gcxi_request *request)
{
    gcxi_connection_enter(request->connection, GCXI_STAGE_WORKING);
    if (request->query.seconds == 0)
        request->query.seconds = request->route->seconds;
    request->is_done = true;
    if (request->is_head && gcxi_job_must_wait(request)) { /* for nothing: nobody reads it */
        request->reply.type = GCXI_TYPE_BYTES;
        request->reply.is_empty = true;
        return send_reply(request);
    }
    if (request->route->is_slow && !gcxi_server_is_stopping() && gcxi_job_start(request))
        return MHD_YES;
    if (request->route->is_slow)
        gcxi_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
                         "Too many are waiting for profiles; ask again later.");
    else
        request->route->answer(request);
    return send_reply(request);
}

enum MHD_Result gcxi_route_handle(void *arg, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_bytes, void **slot)
{
    struct gcxi_request *request = *slot;
    (void)arg;
    if (request == NULL)
        return begin(connection, slot);
    if (*body_bytes != 0)
        return take_body(request, body, body_bytes);
    if (request->is_done)
        return send_reply(request);
    if (request->is_begun)
        return MHD_NO;
    request->is_begun = true;
    if (may_be_answered(request, path, method, version))
        return answer(request);
    request->is_done = true;
    return send_reply(request);
}

void gcxi_route_completed(void *arg, struct MHD_Connection *connection, void **slot,
                          enum MHD_RequestTerminationCode code)
{
    struct gcxi_request *request = *slot;
    (void)arg;
    (void)code;
    if (request == NULL)
        return;
    gcxi_text_free(&request->body);
    gcxi_text_free(&request->reply.text);
    gcxi_profile_snapshot_drop(&request->before);
    free(request);
    *slot = NULL;
    gcxi_connection_enter(connection, GCXI_STAGE_READING);
}
