/* gctrace_json.c -- the traces for programs: GCX_TRACE=json, an object on a line of
 * stderr for each cycle, and GCX_TRACE_FILE, Chrome trace events.
 *
 * The file is an array that ends anew with every cycle, so it is whole whenever
 * it is read. A cycle is four spans (all of it, stop, mark, rest) and two counters.
 *
 * Locking: the heap lock, under which both are called.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "gc/gctrace_line.h"
#include "heap/space.h"
#include "trace/workers.h"

/* ---- GCX_TRACE=json ---- */

void gcxi_gctrace_json(const struct gcxi_cycle *cycle)
{
    const struct gcxi_totals *t = &gcxi_gc.totals;
    struct gcxi_line line = {.length = 0};
    gcxi_line_field(&line, "{\"gc\":", t->minor_cycles + t->full_cycles);
    gcxi_line_field(&line, ",\"at_ns\":", cycle->end_ns - gcxi_gc.start_ns);
    gcxi_line_text(&line, cycle->kind == GCX_MINOR ? ",\"kind\":\"minor\"" : ",\"kind\":\"full\"");
    gcxi_line_text(&line, ",\"word\":\"");
    gcxi_line_text(&line, gcxi_cycle_word(cycle));
    gcxi_line_field(&line, "\",\"pause_ns\":", cycle->end_ns - cycle->begin_ns);
    gcxi_line_field(&line, ",\"stop_ns\":", cycle->stopped_ns - cycle->begin_ns);
    gcxi_line_field(&line, ",\"mark_ns\":", cycle->marked_ns - cycle->stopped_ns);
    gcxi_line_field(&line, ",\"rest_ns\":", cycle->end_ns - cycle->marked_ns);
    gcxi_line_field(&line, ",\"pause_total_ns\":", t->pause_total_ns);
    gcxi_line_field(&line, ",\"before_bytes\":", cycle->heap_before);
    gcxi_line_field(&line, ",\"live_bytes\":", cycle->live_bytes);
    gcxi_line_field(&line, ",\"promoted_bytes\":", cycle->promoted_bytes);
    gcxi_line_field(&line, ",\"goal_bytes\":", gcxi_gc.pacer.goal_bytes);
    gcxi_line_field(&line, ",\"heap_bytes\":", gcxi_space_committed_bytes());
    gcxi_line_field(&line, ",\"dirty_pages\":", cycle->dirty_pages);
    gcxi_line_field(&line, ",\"workers\":", gcxi_workers_count());
    gcxi_line_text(&line, gcxi_gc.pacer.is_over_limit ? ",\"is_over_limit\":true}\n"
                                                      : ",\"is_over_limit\":false}\n");
    gcxi_line_write(&line);
}

/* ---- GCX_TRACE_FILE ---- */

#define FILE_END "\n]\n"

static int file = -1;
static pid_t file_owner; /* a forked child leaves it alone */
static off_t file_bytes; /* without FILE_END */

void gcxi_gctrace_init(void)
{
    char path[PATH_MAX];
    const char *text = getenv("GCX_TRACE_FILE");
    if (text == NULL || *text == '\0')
        return;
    if (gcxi_parse_path(path, sizeof path, text))
        file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    else
        errno = ENAMETOOLONG;
    if (file < 0)
        gcxi_report("GCX_TRACE_FILE: cannot write %s: %s", text, strerror(errno));
    file_owner = getpid();
}

/* Times are in microseconds. */
static void put_event(struct gcxi_line *line, const char *name, const char *phase, uint64_t at_ns)
{
    gcxi_line_text(line, file_bytes == 0 && line->length == 0 ? "[\n" : ",\n");
    gcxi_line_text(line, "{\"name\":\"");
    gcxi_line_text(line, name);
    gcxi_line_text(line, "\",\"cat\":\"gc\",\"ph\":\"");
    gcxi_line_text(line, phase);
    gcxi_line_text(line, "\",\"ts\":");
    gcxi_line_milli(line, at_ns - gcxi_gc.start_ns);
    gcxi_line_field(line, ",\"pid\":", (uint64_t)file_owner);
}

static void put_span(struct gcxi_line *line, const char *name, uint64_t begin_ns, uint64_t end_ns)
{
    put_event(line, name, "X", begin_ns);
    gcxi_line_field(line, ",\"tid\":", (uint64_t)file_owner);
    gcxi_line_text(line, ",\"dur\":");
    gcxi_line_milli(line, end_ns - begin_ns);
    gcxi_line_text(line, "}");
}

static void put_cycle(struct gcxi_line *line, const struct gcxi_cycle *cycle)
{
    put_span(line, gcxi_cycle_word(cycle), cycle->begin_ns, cycle->end_ns);
    put_span(line, "stop", cycle->begin_ns, cycle->stopped_ns);
    put_span(line, "mark", cycle->stopped_ns, cycle->marked_ns);
    put_span(line, "rest", cycle->marked_ns, cycle->end_ns);
    put_event(line, "memory", "C", cycle->begin_ns);
    gcxi_line_field(line, ",\"args\":{\"used\":", cycle->heap_before);
    gcxi_line_text(line, "}}");
    put_event(line, "memory", "C", cycle->end_ns);
    gcxi_line_field(line, ",\"args\":{\"used\":", cycle->live_bytes);
    gcxi_line_text(line, "}}");
}

/* False with errno; a short write is none: the next says why, if there is a reason. */
static bool write_at(off_t at, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = pwrite(file, text, bytes, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return false;
        text += n;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

/* What was whole stays readable: the array ends where it did before. */
static void give_up(int error)
{
    gcxi_report("GCX_TRACE_FILE: no more is written: %s", strerror(error));
    if (ftruncate(file, file_bytes) == 0 && file_bytes != 0)
        (void)write_at(file_bytes, FILE_END, sizeof FILE_END - 1);
    close(file);
    file = -1;
}

void gcxi_trace_events(const struct gcxi_cycle *cycle)
{
    if (file < 0 || getpid() != file_owner)
        return;
    struct gcxi_line line = {.length = 0};
    put_cycle(&line, cycle);
    size_t bytes = line.length;
    gcxi_line_text(&line, FILE_END);
    if (write_at(file_bytes, line.text, line.length))
        file_bytes += (off_t)bytes;
    else
        give_up(errno);
}
