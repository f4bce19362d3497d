/* report.c -- messages on stderr from any context.
 *
 * A collector has things to say exactly when nothing can be called: with the
 * world stopped (another thread may hold the stdio or malloc lock), in a signal
 * handler, with memory exhausted. So the line is formed in a buffer on the
 * stack and handed to write(2) in one piece.
 *
 *   R1  No lock, no allocation, no stdio, no locale; errno is preserved.
 *   R2  One message is one write unless the kernel takes less, so the lines of
 *       several threads do not mix.
 *   R3  A message is at most 512 bytes with its prefix and its newline; what
 *       does not fit is cut. A missing newline is added.
 *
 * Only %s %d %u %zu %lu %x %p %% are known. Anything else is a mistake in the
 * caller and appears as it stands, without taking an argument.
 *
 * Rejected: snprintf, which is not async-signal-safe by POSIX and in glibc may
 * allocate; dprintf, for the same reasons.
 *
 * SPDX-License-Identifier: MIT */
#include "base/base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define REPORT_BYTES 512
#define REPORT_NUMBER_BYTES 24 /* 2^64 in decimal, with sign */

struct report {
    char text[REPORT_BYTES];
    size_t used;
};

/* The last byte is kept for the newline. */
static void report_char(struct report *report, char c)
{
    if (report->used < REPORT_BYTES - 1)
        report->text[report->used++] = c;
}

static void report_string(struct report *report, const char *string)
{
    if (string == NULL)
        string = "(null)";
    while (*string != '\0')
        report_char(report, *string++);
}

static void report_number(struct report *report, uintmax_t value, unsigned base)
{
    char digits[REPORT_NUMBER_BYTES];
    size_t n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (n > 0)
        report_char(report, digits[--n]);
}

static void report_signed(struct report *report, int value)
{
    uintmax_t magnitude = (uintmax_t)value;

    if (value < 0) {
        report_char(report, '-');
        magnitude = (uintmax_t)0 - magnitude;
    }
    report_number(report, magnitude, 10);
}

static void report_pointer(struct report *report, const void *ptr)
{
    report_string(report, "0x");
    report_number(report, (uintptr_t)ptr, 16);
}

/* Formats one conversion, `spec` being what follows the percent sign. Returns
 * the number of characters of the specification. */
static size_t report_conversion(struct report *report, const char *spec, va_list *args)
{
    switch (spec[0]) {
    case 's':
        report_string(report, va_arg(*args, const char *));
        return 1;
    case 'd':
        report_signed(report, va_arg(*args, int));
        return 1;
    case 'u':
        report_number(report, va_arg(*args, unsigned), 10);
        return 1;
    case 'x':
        report_number(report, va_arg(*args, unsigned), 16);
        return 1;
    case 'p':
        report_pointer(report, va_arg(*args, void *));
        return 1;
    case '%':
        report_char(report, '%');
        return 1;
    default:
        break;
    }
    if (spec[0] == 'z' && spec[1] == 'u') {
        report_number(report, va_arg(*args, size_t), 10);
        return 2;
    }
    if (spec[0] == 'l' && spec[1] == 'u') {
        report_number(report, va_arg(*args, unsigned long), 10);
        return 2;
    }
    report_char(report, '%');
    return 0;
}

static void report_format(struct report *report, const char *format, va_list *args)
{
    while (*format != '\0') {
        if (*format == '%')
            format += 1 + report_conversion(report, format + 1, args);
        else
            report_char(report, *format++);
    }
}

static void report_write(struct report *report)
{
    size_t done = 0;

    if (report->text[report->used - 1] != '\n')
        report->text[report->used++] = '\n';
    while (done < report->used) {
        ssize_t n = write(STDERR_FILENO, report->text + done, report->used - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

void gcxi_report(const char *format, ...)
{
    const int saved_errno = errno;
    struct report report;
    va_list args;

    report.used = 0;
    report_string(&report, "gcx: ");
    va_start(args, format);
    report_format(&report, format, &args);
    va_end(args);
    report_write(&report);
    errno = saved_errno;
}

GCXI_COLD _Noreturn void gcxi_panic(const char *file, int line, const char *what)
{
    gcxi_report("%s:%d: %s", file, line, what);
    abort();
}
