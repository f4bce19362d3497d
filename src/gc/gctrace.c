/* gctrace.c -- GCX_TRACE=1: a line per cycle in the shape of Go's gctrace.
 *
 *   gc 4 @0.004s 6%: 0.077+0.86+0.002 ms clock, 0.15+0/0.86/0+0.004 ms cpu,
 *   14->15->12 MB, 16 MB goal, 0 MB stacks, 0 MB globals, 2 P (minor)
 *
 * The three times are those to stop the threads, to mark, and to sort the
 * blocks and start the threads. Written with one write(2) from a buffer on the
 * stack: stdio might be in use by a thread that is stopped.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/cycle.h"
#include "gc/gctrace_line.h"
#include "heap/space.h"
#include "os/clock.h"
#include "trace/workers.h"

static void put_clock(struct gcxi_line *line, const char *before, uint64_t ns)
{
    gcxi_line_text(line, before);
    gcxi_line_milli(line, ns / 1000);
}

static void put_mb(struct gcxi_line *line, const char *before, uint64_t bytes, const char *after)
{
    gcxi_line_text(line, before);
    gcxi_line_number(line, bytes >> 20, 1);
    gcxi_line_text(line, after);
}

static void put_head(struct gcxi_line *line, const struct gcxi_cycle *cycle)
{
    const struct gcxi_totals *t = &gcxi_gc.totals;
    uint64_t elapsed = cycle->end_ns - gcxi_gc.start_ns;
    gcxi_line_text(line, "gc ");
    gcxi_line_number(line, t->minor_cycles + t->full_cycles, 1);
    gcxi_line_text(line, " @");
    gcxi_line_milli(line, elapsed / 1000000);
    gcxi_line_text(line, "s ");
    gcxi_line_number(line, t->pause_total_ns * 100 / (elapsed + 1), 1);
    gcxi_line_text(line, "%: ");
}

static void write_line(const struct gcxi_cycle *cycle)
{
    struct gcxi_line line = {.length = 0};
    uint64_t stop = cycle->stopped_ns - cycle->begin_ns;
    uint64_t marking = cycle->marked_ns - cycle->stopped_ns;
    uint64_t rest = cycle->end_ns - cycle->marked_ns;
    put_head(&line, cycle);
    put_clock(&line, "", stop);
    put_clock(&line, "+", marking);
    put_clock(&line, "+", rest);
    put_clock(&line, " ms clock, ", stop);
    put_clock(&line, "+0/", cycle->mark_cpu_ns);
    put_clock(&line, "/0+", rest);
    put_mb(&line, " ms cpu, ", cycle->heap_before, "");
    put_mb(&line, "->", cycle->heap_before, "");
    put_mb(&line, "->", cycle->live_bytes, " MB");
    put_mb(&line, ", ", gcxi_gc.pacer.goal_bytes, " MB goal");
    put_mb(&line, ", ", cycle->stack_bytes, " MB stacks");
    put_mb(&line, ", ", cycle->static_bytes, " MB globals, ");
    gcxi_line_number(&line, gcxi_workers_count(), 1);
    gcxi_line_text(&line, " P (");
    gcxi_line_text(&line, gcxi_cycle_word(cycle));
    gcxi_line_text(&line, gcxi_gc.pacer.is_over_limit ? ", over the limit)\n" : ")\n");
    gcxi_line_write(&line);
}

void gcxi_gctrace(const struct gcxi_cycle *cycle)
{
    if (gcxi_gc.settings.trace == GCXI_TRACE_LINE)
        write_line(cycle);
    if (gcxi_gc.settings.trace == GCXI_TRACE_JSON)
        gcxi_gctrace_json(cycle);
    gcxi_trace_events(cycle);
}
