/* server_live.c -- what the page draws and does, but for its profiles
 * (server_sites.h): samples and pauses, size classes, cycles.
 *
 * Rows come as {"columns": [name, ...], "rows": [[number, ...], ...]}.
 *
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <unistd.h>

#include "diag/telemetry/server.h"
#include "diag/telemetry/server_history.h"
#include "diag/telemetry/server_stats.h"
#include "diag/telemetry/telemetry.h"
#include "heap/geometry.h"

/* ---- /debug/gcx/live ---- */

static void put_sample(struct gcxi_text *text, const struct gcxi_history_sample *sample)
{
    const struct gcx_stats *s = &sample->stats;
    gcxi_text_add(text, "[");
    gcxi_text_decimal(text, sample->at_us, 3);
    const uint64_t values[] = {s->heap_bytes,        s->live_bytes,     s->free_bytes,
                               s->goal_bytes,        s->meta_bytes,     s->threads,
                               s->total_alloc_bytes, s->total_allocs,   s->minor_cycles,
                               s->full_cycles,       s->pause_total_ns, sample->longest_pause_ns};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        gcxi_text_format(text, ",%" PRIu64, values[i]);
    gcxi_text_add(text, "]");
}

/* Those from number since on, and when the last before them was taken: 0 for
 * all. A number that is too great is another process's. */
static uint64_t put_samples(struct gcxi_text *text, uint64_t since)
{
    uint64_t first, end;
    gcxi_history_range(&first, &end);
    bool is_later = since > first && since <= end;
    first = is_later ? since : first;
    gcxi_text_format(text,
                     "{\"next\":%" PRIu64 ",\"columns\":[\"at_ms\",\"heap_bytes\",\"live_bytes\","
                     "\"free_bytes\",\"goal_bytes\",\"meta_bytes\",\"threads\","
                     "\"total_alloc_bytes\",\"total_allocs\",\"minor_cycles\",\"full_cycles\","
                     "\"pause_total_ns\",\"longest_pause_ns\"],\"rows\":[",
                     end);
    for (uint64_t i = first; i < end; i++) {
        gcxi_text_add(text, i != first ? "," : "");
        put_sample(text, gcxi_history_sample_at(i));
    }
    gcxi_text_add(text, "]}");
    return is_later ? gcxi_history_sample_at(first - 1)->at_us : 0;
}

static void put_pauses(struct gcxi_text *text, uint64_t since_us)
{
    struct gcx_pause pauses[GCX_PAUSES];
    const char *separator = "[";
    size_t count = gcxi_history_pauses(pauses);
    gcxi_text_add(text, "{\"columns\":[\"at_ms\",\"pause_ns\",\"is_full\"],\"rows\":[");
    for (size_t i = count; i-- > 0;) {
        uint64_t at_us = gcxi_history_end_us(&pauses[i]);
        if (at_us < since_us)
            continue;
        gcxi_text_add(text, separator);
        gcxi_text_decimal(text, at_us, 3);
        gcxi_text_format(text, ",%" PRIu64 ",%d]", pauses[i].pause_ns, pauses[i].kind == GCX_FULL);
        separator = ",[";
    }
    gcxi_text_add(text, "]}");
}

static void answer_live(struct gcxi_request *request)
{
    struct gcx_stats stats;
    struct gcxi_text *text = &request->reply.text;
    gcxi_stats_now(&stats);
    request->reply.type = GCXI_TYPE_JSON;
    gcxi_text_format(text, "{\"version\":\"%s\",\"pid\":%ld,\"cmdline\":", GCX_VERSION_STRING,
                     (long)getpid());
    gcxi_command_line_json(text);
    gcxi_text_add(text, ",\"stats\":");
    gcxi_stats_json(text, &stats);
    gcxi_text_add(text, ",\"samples\":");
    uint64_t since_us = put_samples(text, request->query.since);
    gcxi_text_add(text, ",\"pauses\":");
    put_pauses(text, since_us);
    gcxi_text_add(text, "}\n");
}

/* ---- /debug/gcx/classes ---- */

#define CLASSES_MAX (2 * (GCXI_CLASSES + 1u)) /* scanned and not; one for large objects */

static void answer_classes(struct gcxi_request *request)
{
    struct gcx_class_stats classes[CLASSES_MAX];
    struct gcxi_text *text = &request->reply.text;
    gcxi_server_attach();
    size_t count = gcxi_diag->get_classes(classes, CLASSES_MAX);
    gcxi_server_detach();
    request->reply.type = GCXI_TYPE_JSON;
    gcxi_text_add(text, "{\"columns\":[\"slot_bytes\",\"is_noscan\",\"blocks\",\"heap_bytes\","
                        "\"live_objects\",\"live_bytes\",\"other_slots\"],\"rows\":[");
    for (size_t i = 0; i < count; i++) {
        const struct gcx_class_stats *c = &classes[i];
        gcxi_text_format(text,
                         "%s[%zu,%d,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]",
                         i != 0 ? "," : "", c->slot_bytes, c->is_noscan, c->blocks, c->heap_bytes,
                         c->live_objects, c->live_bytes, c->other_slots);
    }
    gcxi_text_add(text, "]}\n");
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

const struct gcxi_route gcxi_live_routes[] = {
    {"/debug/gcx/live", GCXI_GET, GCXI_SINCE, false, NULL, answer_live, 0},
    {"/debug/gcx/classes", GCXI_GET, 0, true, NULL, answer_classes, 0},
    {"/debug/gcx/collect", GCXI_POST, GCXI_KIND, true, NULL, answer_collect, 0},
    {NULL, 0, 0, false, NULL, NULL, 0},
};
