/* server_page.c -- the page for people, compiled in from page/ (page_data.c is
 * made by the build).
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/server_page.h"

#include <string.h>

#include "diag/telemetry/server.h"

static const char *type_of(const char *name)
{
    const char *suffix = strrchr(name, '.');
    if (strcmp(suffix, ".js") == 0)
        return "text/javascript; charset=utf-8";
    return strcmp(suffix, ".css") == 0 ? "text/css; charset=utf-8" : GCXI_TYPE_HTML;
}

static void answer_file(struct gcxi_request *request)
{
    const char *name = request->route->path + 1;
    const struct gcxi_page_file *file = gcxi_page_files;
    if (*name == '\0')
        name = "page.html";
    while (strcmp(file->name, name) != 0)
        file++;
    request->reply.type = type_of(name);
    request->reply.is_page = true;
    request->reply.constant = file->bytes;
    request->reply.constant_bytes = file->count;
}

/* Each is in page/. */
const struct gcxi_route gcxi_page_routes[] = {
    {"/", GCXI_GET, GCXI_ANY, false, NULL, answer_file, 0},
    {"/page.css", GCXI_GET, GCXI_ANY, false, NULL, answer_file, 0},
    {"/page.js", GCXI_GET, GCXI_ANY, false, NULL, answer_file, 0},
    {"/base.js", GCXI_GET, GCXI_ANY, false, NULL, answer_file, 0},
    {"/charts.js", GCXI_GET, GCXI_ANY, false, NULL, answer_file, 0},
    {"/classes.js", GCXI_GET, GCXI_ANY, false, NULL, answer_file, 0},
    {"/known.js", GCXI_GET, GCXI_ANY, false, NULL, answer_file, 0},
    {"/sites.js", GCXI_GET, GCXI_ANY, false, NULL, answer_file, 0},
    {NULL, 0, 0, false, NULL, NULL, 0},
};
