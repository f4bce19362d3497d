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
#include <unistd.h>

#include "gc/cycle.h"
#include "heap/space.h"
#include "os/clock.h"
#include "trace/workers.h"

struct line {
    char text[400];
    size_t length;
};

static void put_text(struct line *line, const char *text)
{
    while (*text != '\0' && line->length < sizeof line->text)
        line->text[line->length++] = *text++;
}

static void put_number(struct line *line, uint64_t value, unsigned min_digits)
{
    char digits[24];
    size_t i = sizeof digits - 1;
    digits[i] = '\0';
    do {
        digits[--i] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0 || sizeof digits - 1 - i < min_digits);
    put_text(line, digits + i);
}

/* Thousandths as a decimal number. */
static void put_milli(struct line *line, uint64_t thousandths)
{
    put_number(line, thousandths / 1000, 1);
    put_text(line, ".");
    put_number(line, thousandths % 1000, 3);
}

static void put_clock(struct line *line, const char *before, uint64_t ns)
{
    put_text(line, before);
    put_milli(line, ns / 1000);
}

static void put_mb(struct line *line, const char *before, uint64_t bytes, const char *after)
{
    put_text(line, before);
    put_number(line, bytes >> 20, 1);
    put_text(line, after);
}

static void put_head(struct line *line, const struct gcxi_cycle *cycle)
{
    const struct gcxi_totals *t = &gcxi_gc.totals;
    uint64_t elapsed = cycle->end_ns - gcxi_gc.start_ns;
    put_text(line, "gc ");
    put_number(line, t->minor_cycles + t->full_cycles, 1);
    put_text(line, " @");
    put_milli(line, elapsed / 1000000);
    put_text(line, "s ");
    put_number(line, t->pause_total_ns * 100 / (elapsed + 1), 1);
    put_text(line, "%: ");
}

static const char *cycle_word(const struct gcxi_cycle *cycle)
{
    if (cycle->reason == GCXI_FORCED || cycle->reason == GCXI_NO_MEMORY)
        return "forced";
    if (cycle->begins_concurrent)
        return "minor, full begins";
    if (cycle->is_between)
        return "minor, between";
    if (cycle->ends_concurrent)
        return "full, concurrent";
    return cycle->kind == GCX_MINOR ? "minor" : "full";
}

void gcxi_gctrace_line(const struct gcxi_cycle *cycle)
{
    struct line line = {.length = 0};
    uint64_t stop = cycle->stopped_ns - cycle->begin_ns;
    uint64_t marking = cycle->marked_ns - cycle->stopped_ns;
    uint64_t rest = cycle->end_ns - cycle->marked_ns;
    put_head(&line, cycle);
    put_clock(&line, "", stop);
    put_clock(&line, "+", marking);
    put_clock(&line, "+", rest);
    put_clock(&line, " ms clock, ", stop);
    put_clock(&line, "+0/", marking);
    put_clock(&line, "/0+", rest);
    put_mb(&line, " ms cpu, ", cycle->heap_before, "");
    put_mb(&line, "->", cycle->heap_before, "");
    put_mb(&line, "->", cycle->live_bytes, " MB");
    put_mb(&line, ", ", gcxi_gc.pacer.goal_bytes, " MB goal, 0 MB stacks, 0 MB globals, ");
    put_number(&line, gcxi_workers_count(), 1);
    put_text(&line, " P (");
    put_text(&line, cycle_word(cycle));
    put_text(&line, gcxi_gc.pacer.is_over_limit ? ", over the limit)\n" : ")\n");
    ssize_t ignored = write(2, line.text, line.length);
    (void)ignored;
}
