/* server_stats.h -- the fields of struct gcx_stats by name.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_SERVER_STATS_H
#define GCXI_DIAG_TELEMETRY_SERVER_STATS_H

#include "diag/telemetry/server_text.h"
#include "gcx/gcx.h"

struct gcxi_stats_field {
    const char *name;   /* as in the structure */
    const char *metric; /* for Prometheus; NULL: not one of its own */
    const char *help;
    size_t offset;
    bool is_counter;
    bool is_ns; /* the metric is in seconds */
};

extern const struct gcxi_stats_field gcxi_stats_fields[];
extern const size_t gcxi_stats_field_count;

uint64_t gcxi_stats_value(const struct gcx_stats *stats, const struct gcxi_stats_field *field);

/* Of this moment. Not between attach and detach. */
void gcxi_stats_now(struct gcx_stats *stats);

/* A JSON object of all of them. */
void gcxi_stats_json(struct gcxi_text *text, const struct gcx_stats *stats);

/* The arguments of the program; each ends with '\0'. NULL without memory. */
char *gcxi_command_line(size_t *bytes);

/* The same as a JSON array. */
void gcxi_command_line_json(struct gcxi_text *text);

#endif
