/* server_vars.c -- numbers for programs: /debug/vars as Go's expvar, /metrics for
 * Prometheus, and what the page draws.
 *
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diag/telemetry/server.h"
#include "diag/telemetry/server_history.h"
#include "diag/telemetry/server_stats.h"
#include "diag/telemetry/telemetry.h"

#define NS 1e-9
#define GO_PAUSES 256u /* of MemStats */

/* ---- /debug/vars ---- */

static void put_command_line(struct gcxi_text *text)
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

/* MemStats.PauseNs and PauseEnd: the last is at [(NumGC + 255) % 256]. */
static void put_go_pauses(struct gcxi_text *text, uint64_t cycles)
{
    struct gcxi_history_pause recent[GO_PAUSES] = {{0}};
    uint64_t first, end;
    gcxi_pauses_range(&first, &end);
    for (uint64_t back = 0; back < GO_PAUSES && back < end - first && back < cycles; back++)
        if (!gcxi_pauses_get(end - 1 - back, &recent[(cycles + 255 - back) % GO_PAUSES]))
            break;
    gcxi_text_add(text, ",\"PauseNs\":");
    for (unsigned i = 0; i < GO_PAUSES; i++)
        gcxi_text_format(text, "%c%" PRIu64, i == 0 ? '[' : ',', recent[i].pause_ns);
    gcxi_text_add(text, "],\"PauseEnd\":");
    for (unsigned i = 0; i < GO_PAUSES; i++)
        gcxi_text_format(text, "%c%" PRIu64, i == 0 ? '[' : ',', recent[i].at_ms * 1000000);
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
    put_command_line(text);
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
        if (f->is_ns)
            gcxi_text_format(text, "%s %.9f\n", f->metric, (double)value * NS);
        else
            gcxi_text_format(text, "%s %" PRIu64 "\n", f->metric, value);
    }
}

static void put_histogram(struct gcxi_text *text, bool is_full)
{
    struct gcxi_pause_histogram histogram;
    uint64_t count = 0;
    const char *kind = is_full ? "full" : "minor";
    gcxi_pauses_histogram(is_full, &histogram);
    for (unsigned i = 0; i < GCXI_PAUSE_BUCKETS; i++) {
        count += histogram.counts[i];
        gcxi_text_format(text, "gcx_pause_seconds_bucket{kind=\"%s\",le=\"%g\"} %" PRIu64 "\n",
                         kind, (double)gcxi_pause_bounds_ns[i] * NS, count);
    }
    count += histogram.counts[GCXI_PAUSE_BUCKETS];
    gcxi_text_format(text,
                     "gcx_pause_seconds_bucket{kind=\"%s\",le=\"+Inf\"} %" PRIu64 "\n"
                     "gcx_pause_seconds_sum{kind=\"%s\"} %.9f\n"
                     "gcx_pause_seconds_count{kind=\"%s\"} %" PRIu64 "\n",
                     kind, count, kind, (double)histogram.sum_ns * NS, kind, count);
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

/* ---- /debug/gcx/live ---- */

static void put_sample(struct gcxi_text *text, const struct gcxi_history_sample *sample)
{
    const struct gcx_stats *s = &sample->stats;
    gcxi_text_format(text, "[%" PRIu64, sample->at_ms);
    const uint64_t values[] = {s->heap_bytes,        s->live_bytes,    s->free_bytes,
                               s->goal_bytes,        s->meta_bytes,    s->threads,
                               s->total_alloc_bytes, s->total_allocs,  s->minor_cycles,
                               s->full_cycles,       s->pause_total_ns};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        gcxi_text_format(text, ",%" PRIu64, values[i]);
    gcxi_text_add(text, "]");
}

/* Those from number since on; since_ms is when the first was taken. */
static void put_samples(struct gcxi_text *text, uint64_t since, uint64_t *since_ms)
{
    uint64_t first, end;
    gcxi_history_range(&first, &end);
    if (since > first && since <= end) /* a greater one is another process's */
        first = since;
    *since_ms = first != 0 && first < end ? gcxi_history_sample_at(first - 1)->at_ms : 0;
    gcxi_text_format(text,
                     "{\"next\":%" PRIu64 ",\"columns\":[\"at_ms\",\"heap_bytes\",\"live_bytes\","
                     "\"free_bytes\",\"goal_bytes\",\"meta_bytes\",\"threads\","
                     "\"total_alloc_bytes\",\"total_allocs\",\"minor_cycles\",\"full_cycles\","
                     "\"pause_total_ns\"],\"rows\":[",
                     end);
    for (uint64_t i = first; i < end; i++) {
        gcxi_text_add(text, i != first ? "," : "");
        put_sample(text, gcxi_history_sample_at(i));
    }
    gcxi_text_add(text, "]}");
}

static void put_pauses(struct gcxi_text *text, uint64_t since_ms)
{
    struct gcxi_history_pause p;
    uint64_t first, end;
    const char *separator = "";
    gcxi_pauses_range(&first, &end);
    gcxi_text_add(text, "{\"columns\":[\"number\",\"at_ms\",\"pause_ns\",\"live_bytes\","
                        "\"is_full\",\"is_forced\"],\"rows\":[");
    for (uint64_t i = first; i < end; i++) {
        if (!gcxi_pauses_get(i, &p) || p.at_ms < since_ms)
            continue;
        gcxi_text_format(text, "%s[%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%d,%d]",
                         separator, i, p.at_ms, p.pause_ns, p.live_bytes, p.is_full, p.is_forced);
        separator = ",";
    }
    gcxi_text_add(text, "]}");
}

static void answer_live(struct gcxi_request *request)
{
    struct gcx_stats stats;
    uint64_t since_ms;
    struct gcxi_text *text = &request->reply.text;
    gcxi_stats_now(&stats);
    request->reply.type = GCXI_TYPE_JSON;
    gcxi_text_format(text, "{\"version\":\"%s\",\"pid\":%ld,\"cmdline\":", GCX_VERSION_STRING,
                     (long)getpid());
    put_command_line(text);
    gcxi_text_add(text, ",\"stats\":");
    gcxi_stats_json(text, &stats);
    gcxi_text_add(text, ",\"samples\":");
    put_samples(text, request->query.since, &since_ms);
    gcxi_text_add(text, ",\"pauses\":");
    put_pauses(text, since_ms);
    gcxi_text_add(text, "}\n");
}

/* ---- /debug/gcx/collect ---- */

static void answer_collect(struct gcxi_request *request)
{
    struct gcx_stats stats;
    gcxi_server_attach();
    gcxi_diag->collect(request->query.is_minor ? GCX_MINOR : GCX_FULL);
    gcxi_server_detach();
    gcxi_stats_now(&stats);
    request->reply.type = GCXI_TYPE_JSON;
    gcxi_stats_json(&request->reply.text, &stats);
}

const struct gcxi_route gcxi_vars_routes[] = {
    {"/debug/vars", GCXI_GET, 0, false, NULL, answer_vars, 0},
    {"/metrics", GCXI_GET, 0, false, NULL, answer_metrics, 0},
    {"/debug/gcx/live", GCXI_GET, GCXI_SINCE, false, NULL, answer_live, 0},
    {"/debug/gcx/collect", GCXI_POST, GCXI_KIND, true, NULL, answer_collect, 0},
    {NULL, 0, 0, false, NULL, NULL, 0},
};
