/* server_page.c -- the page for people, compiled in from page/ (page_data.c is
 * made by the build).
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/server_page.h"

#include "diag/telemetry/server.h"

static void answer_constant(struct gcxi_request *request, const char *type,
                            const unsigned char *bytes, size_t count)
{
    request->reply.type = type;
    request->reply.is_page = true;
    request->reply.constant = bytes;
    request->reply.constant_bytes = count;
}

static void answer_html(struct gcxi_request *request)
{
    answer_constant(request, GCXI_TYPE_HTML, gcxi_page_html, gcxi_page_html_bytes);
}

static void answer_css(struct gcxi_request *request)
{
    answer_constant(request, "text/css; charset=utf-8", gcxi_page_css, gcxi_page_css_bytes);
}

static void answer_js(struct gcxi_request *request)
{
    answer_constant(request, "text/javascript; charset=utf-8", gcxi_page_js, gcxi_page_js_bytes);
}

const struct gcxi_route gcxi_page_routes[] = {
    {"/", GCXI_GET, GCXI_ANY, false, NULL, answer_html, 0},
    {"/page.css", GCXI_GET, GCXI_ANY, false, NULL, answer_css, 0},
    {"/page.js", GCXI_GET, GCXI_ANY, false, NULL, answer_js, 0},
    {NULL, 0, 0, false, NULL, NULL, 0},
};
