/* server_vars.c -- numbers for programs: /debug/vars as Go's expvar, and /metrics
 * for Prometheus.
 *
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "diag/telemetry/server.h"
#include "diag/telemetry/server_history.h"
#include "diag/telemetry/server_stats.h"
#include "diag/telemetry/telemetry.h"

/* ---- /debug/vars ---- */

/* MemStats.PauseNs and PauseEnd, of as many: the last is at [(NumGC + 255) % 256]. */
static void put_go_pauses(struct gcxi_text *text, uint64_t cycles)
{
    struct gcx_pause last[GCX_PAUSES];
    uint64_t pause_ns[GCX_PAUSES] = {0}, end_ns[GCX_PAUSES] = {0};
    size_t count = gcxi_history_pauses(last);
    for (size_t back = 0; back < count && back < cycles; back++) {
        size_t at = (cycles + GCX_PAUSES - 1 - back) % GCX_PAUSES;
        pause_ns[at] = last[back].pause_ns;
        end_ns[at] = gcxi_history_end_us(&last[back]) * 1000;
    }
    gcxi_text_add(text, ",\"PauseNs\":");
    for (unsigned i = 0; i < GCX_PAUSES; i++)
        gcxi_text_format(text, "%c%" PRIu64, i == 0 ? '[' : ',', pause_ns[i]);
    gcxi_text_add(text, "],\"PauseEnd\":");
    for (unsigned i = 0; i < GCX_PAUSES; i++)
        gcxi_text_format(text, "%c%" PRIu64, i == 0 ? '[' : ',', end_ns[i]);
    gcxi_text_add(text, "]");
}

/* The fields of Go's MemStats that mean something here. */
static void put_memstats(struct gcxi_text *text, const struct gcx_stats *s)
{
    uint64_t cycles = s->minor_cycles + s->full_cycles;
    uint64_t used = s->heap_bytes - s->free_bytes;
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = {
        {"Alloc", used},
        {"TotalAlloc", s->total_alloc_bytes},
        {"Sys", s->heap_bytes + s->meta_bytes},
        {"Mallocs", s->total_allocs},
        {"HeapAlloc", used},
        {"HeapSys", s->heap_bytes},
        {"HeapIdle", s->free_bytes},
        {"HeapInuse", used},
        {"GCSys", s->meta_bytes},
        {"NextGC", s->goal_bytes},
        {"PauseTotalNs", s->pause_total_ns},
        {"NumGC", cycles},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        gcxi_text_format(text, "%c\"%s\":%" PRIu64, i == 0 ? '{' : ',', fields[i].name,
                         fields[i].value);
    gcxi_text_add(text, ",\"EnableGC\":true");
    put_go_pauses(text, cycles);
    gcxi_text_add(text, "}");
}

static void answer_vars(struct gcxi_request *request)
{
    struct gcx_stats stats;
    struct gcxi_text *text = &request->reply.text;
    gcxi_stats_now(&stats);
    request->reply.type = GCXI_TYPE_JSON;
    gcxi_text_add(text, "{\n\"cmdline\": ");
    gcxi_command_line_json(text);
    gcxi_text_add(text, ",\n\"gcx\": ");
    gcxi_stats_json(text, &stats);
    gcxi_text_add(text, ",\n\"memstats\": ");
    put_memstats(text, &stats);
    gcxi_text_add(text, "\n}\n");
}

/* ---- /metrics ---- */

static void put_family(struct gcxi_text *text, const char *name, const char *type, const char *help)
{
    gcxi_text_format(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_fields(struct gcxi_text *text, const struct gcx_stats *stats)
{
    for (size_t i = 0; i < gcxi_stats_field_count; i++) {
        const struct gcxi_stats_field *f = &gcxi_stats_fields[i];
        uint64_t value = gcxi_stats_value(stats, f);
        if (f->metric == NULL)
            continue;
        put_family(text, f->metric, f->is_counter ? "counter" : "gauge", f->help);
        gcxi_text_format(text, "%s ", f->metric);
        gcxi_text_decimal(text, value, f->is_ns ? 9 : 0);
        gcxi_text_add(text, "\n");
    }
}

static void put_histogram(struct gcxi_text *text, bool is_full)
{
    struct gcxi_pause_histogram histogram;
    uint64_t count = 0;
    const char *kind = is_full ? "full" : "minor";
    gcxi_history_histogram(is_full, &histogram);
    for (unsigned i = 0; i < GCXI_PAUSE_BUCKETS; i++) {
        count += histogram.counts[i];
        gcxi_text_format(text, "gcx_pause_seconds_bucket{kind=\"%s\",le=\"", kind);
        gcxi_text_decimal(text, gcxi_pause_bounds_ns[i], 9);
        gcxi_text_format(text, "\"} %" PRIu64 "\n", count);
    }
    count += histogram.counts[GCXI_PAUSE_BUCKETS];
    gcxi_text_format(text,
                     "gcx_pause_seconds_bucket{kind=\"%s\",le=\"+Inf\"} %" PRIu64 "\n"
                     "gcx_pause_seconds_count{kind=\"%s\"} %" PRIu64 "\n"
                     "gcx_pause_seconds_sum{kind=\"%s\"} ",
                     kind, count, kind, count, kind);
    gcxi_text_decimal(text, histogram.sum_ns, 9);
    gcxi_text_add(text, "\n");
}

static void answer_metrics(struct gcxi_request *request)
{
    struct gcx_stats stats;
    struct gcxi_text *text = &request->reply.text;
    gcxi_stats_now(&stats);
    request->reply.type = "text/plain; version=0.0.4; charset=utf-8";
    put_family(text, "gcx_info", "gauge", "The library that runs.");
    gcxi_text_format(text, "gcx_info{version=\"%s\",dirty_backend=\"%s\"} 1\n", GCX_VERSION_STRING,
                     stats.dirty_backend);
    put_fields(text, &stats);
    put_family(text, "gcx_cycles_total", "counter", "Cycles that have been completed.");
    gcxi_text_format(text, "gcx_cycles_total{kind=\"minor\"} %" PRIu64 "\n", stats.minor_cycles);
    gcxi_text_format(text, "gcx_cycles_total{kind=\"full\"} %" PRIu64 "\n", stats.full_cycles);
    put_family(text, "gcx_pause_seconds", "histogram",
               "Stops of the program since the server was first started.");
    put_histogram(text, false);
    put_histogram(text, true);
}

const struct gcxi_route gcxi_vars_routes[] = {
    {"/debug/vars", GCXI_GET, 0, false, NULL, answer_vars, 0},
    {"/metrics", GCXI_GET, 0, false, NULL, answer_metrics, 0},
    {NULL, 0, 0, false, NULL, NULL, 0},
};
