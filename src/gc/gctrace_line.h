/* gctrace_line.h -- texts of the traces, made and written without stdio or malloc:
 * a thread that is stopped might be in either.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_GCTRACE_LINE_H
#define GCXI_GC_GCTRACE_LINE_H

#include "gc/cycle.h"

struct gcxi_line {
    char text[1400];
    size_t length;
};

void gcxi_line_text(struct gcxi_line *line, const char *text);
void gcxi_line_number(struct gcxi_line *line, uint64_t value, unsigned min_digits);
void gcxi_line_milli(struct gcxi_line *line, uint64_t thousandths); /* as a decimal number */
void gcxi_line_field(struct gcxi_line *line, const char *before, uint64_t value);
void gcxi_line_write(const struct gcxi_line *line); /* to stderr, by one write */

const char *gcxi_cycle_word(const struct gcxi_cycle *cycle);

/* gctrace_json.c */
void gcxi_gctrace_json(const struct gcxi_cycle *cycle);
void gcxi_trace_events(const struct gcxi_cycle *cycle);

#endif
