/* gctrace_line.c -- see gctrace_line.h.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/gctrace_line.h"

#include <unistd.h>

void gcxi_line_text(struct gcxi_line *line, const char *text)
{
    while (*text != '\0' && line->length < sizeof line->text)
        line->text[line->length++] = *text++;
}

void gcxi_line_number(struct gcxi_line *line, uint64_t value, unsigned min_digits)
{
    char digits[24];
    size_t i = sizeof digits - 1;
    digits[i] = '\0';
    do {
        digits[--i] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0 || sizeof digits - 1 - i < min_digits);
    gcxi_line_text(line, digits + i);
}

void gcxi_line_milli(struct gcxi_line *line, uint64_t thousandths)
{
    gcxi_line_number(line, thousandths / 1000, 1);
    gcxi_line_text(line, ".");
    gcxi_line_number(line, thousandths % 1000, 3);
}

void gcxi_line_field(struct gcxi_line *line, const char *before, uint64_t value)
{
    gcxi_line_text(line, before);
    gcxi_line_number(line, value, 1);
}

void gcxi_line_write(const struct gcxi_line *line)
{
    ssize_t ignored = write(2, line->text, line->length);
    (void)ignored;
}

const char *gcxi_cycle_word(const struct gcxi_cycle *cycle)
{
    if (cycle->reason == GCXI_FORCED || cycle->reason == GCXI_LEAK_SEARCH ||
        cycle->reason == GCXI_ROOT_SEARCH || cycle->reason == GCXI_NO_MEMORY)
        return "forced";
    if (cycle->begins_concurrent)
        return "minor, full begins";
    if (cycle->is_between)
        return cycle->promotes_all ? "minor, between, promotes all" : "minor, between";
    if (cycle->promotes_all)
        return "minor, promotes all";
    if (cycle->ends_concurrent)
        return "full, concurrent";
    return cycle->kind == GCX_MINOR ? "minor" : "full";
}
