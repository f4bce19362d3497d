/* server_stats.c -- see server_stats.h.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/server_stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag/telemetry/server.h"
#include "diag/telemetry/telemetry.h"

#define FIELD(name, metric, help, is_counter, is_ns)                             \
    {                                                                            \
#name, metric, help, offsetof(struct gcx_stats, name), is_counter, is_ns \
    }

const struct gcxi_stats_field gcxi_stats_fields[] = {
    FIELD(live_bytes, "gcx_live_bytes", "Bytes that the last completed cycle found live.", 0, 0),
    FIELD(heap_bytes, "gcx_heap_bytes", "Bytes committed for objects.", 0, 0),
    FIELD(free_bytes, "gcx_heap_free_bytes", "Bytes of the heap in free blocks.", 0, 0),
    FIELD(peak_heap_bytes, "gcx_heap_peak_bytes", "The most that gcx_heap_bytes has been.", 0, 0),
    FIELD(meta_bytes, "gcx_meta_bytes", "Bytes committed for the collector's tables.", 0, 0),
    FIELD(goal_bytes, "gcx_goal_bytes", "Heap size at which a full cycle starts.", 0, 0),
    FIELD(nursery_bytes, "gcx_nursery_bytes", "Bytes allocated between minor cycles.", 0, 0),
    FIELD(total_alloc_bytes, "gcx_allocated_bytes_total", "Bytes allocated ever.", 1, 0),
    FIELD(total_allocs, "gcx_allocated_objects_total", "Objects allocated ever.", 1, 0),
    FIELD(minor_cycles, NULL, "", 1, 0),
    FIELD(full_cycles, NULL, "", 1, 0),
    FIELD(pause_last_ns, NULL, "", 0, 1),
    FIELD(pause_max_ns, "gcx_pause_max_seconds", "The longest stop of the program.", 0, 1),
    FIELD(pause_total_ns, "gcx_stopped_seconds_total", "Time that the program was stopped.", 1, 1),
    FIELD(minor_pause_max_ns, NULL, "", 0, 1),
    FIELD(full_pause_max_ns, NULL, "", 0, 1),
    FIELD(mark_total_ns, "gcx_mark_seconds_total", "Time in marking, of the stops.", 1, 1),
    FIELD(stop_total_ns, "gcx_stop_seconds_total", "Time until threads had stopped.", 1, 1),
    FIELD(stop_max_ns, "gcx_stop_max_seconds", "The longest that took.", 0, 1),
    FIELD(dirty_pages_total, "gcx_dirty_pages_total", "Old pages that cycles looked at.", 1, 0),
    FIELD(threads, "gcx_threads", "Threads registered now.", 0, 0),
    FIELD(mark_workers, "gcx_mark_workers", "Threads that mark.", 0, 0),
};
const size_t gcxi_stats_field_count = sizeof gcxi_stats_fields / sizeof *gcxi_stats_fields;

uint64_t gcxi_stats_value(const struct gcx_stats *stats, const struct gcxi_stats_field *field)
{
    uint64_t value;
    memcpy(&value, (const char *)stats + field->offset, sizeof value);
    return value;
}

void gcxi_stats_now(struct gcx_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    stats->struct_bytes = sizeof *stats;
    stats->dirty_backend = "";
    gcxi_server_attach();
    gcxi_diag->get_stats(stats);
    gcxi_server_detach();
}

void gcxi_stats_json(struct gcxi_text *text, const struct gcx_stats *stats)
{
    for (size_t i = 0; i < gcxi_stats_field_count; i++)
        gcxi_text_format(text, "%s\"%s\":%" PRIu64, i == 0 ? "{" : ",", gcxi_stats_fields[i].name,
                         gcxi_stats_value(stats, &gcxi_stats_fields[i]));
    gcxi_text_add(text, ",\"dirty_backend\":");
    gcxi_text_json(text, stats->dirty_backend);
    gcxi_text_add(text, "}");
}

char *gcxi_command_line(size_t *bytes)
{
    FILE *file = fopen("/proc/self/cmdline", "re");
    char *line = malloc(65536 + 1);
    *bytes = file != NULL && line != NULL ? fread(line, 1, 65536, file) : 0;
    if (line != NULL)
        line[*bytes] = '\0';
    if (file != NULL)
        fclose(file);
    return line;
}

void gcxi_command_line_json(struct gcxi_text *text)
{
    size_t bytes;
    char *line = gcxi_command_line(&bytes);
    gcxi_text_add(text, "[");
    for (size_t at = 0; at < bytes; at += strlen(line + at) + 1) {
        gcxi_text_add(text, at != 0 ? "," : "");
        gcxi_text_json(text, line + at);
    }
    gcxi_text_add(text, "]");
    free(line);
}
