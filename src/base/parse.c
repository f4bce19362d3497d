/* parse.c -- see parse.h.
 *
 * SPDX-License-Identifier: MIT */
#include "base/parse.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Reads digits at *text and moves past them. False without a digit or when
 * the value passes INT64_MAX. */
static bool parse_digits(const char **text, int64_t *value)
{
    const char *p = *text;
    int64_t v = 0;
    if (*p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(v, (int64_t)10, &v) ||
            __builtin_add_overflow(v, (int64_t)(*p - '0'), &v))
            return false;
    }
    *text = p;
    *value = v;
    return true;
}

bool gcxi_parse_int(const char *text, int64_t *value)
{
    if (strcmp(text, "off") == 0) {
        *value = -1;
        return true;
    }
    bool negative = *text == '-';
    int64_t v;
    text += negative;
    if (!parse_digits(&text, &v) || *text != '\0')
        return false;
    *value = negative ? -v : v;
    return true;
}

bool gcxi_parse_count(const char *text, int64_t max, int64_t *value)
{
    return parse_digits(&text, value) && *text == '\0' && *value <= max;
}

/* The power of two that a unit stands for, or -1. */
static int parse_unit(const char *unit)
{
    static const char letters[] = "KMGT";
    if (*unit == '\0' || strcmp(unit, "B") == 0)
        return 0;
    const char *letter = strchr(letters, *unit);
    const char *rest = unit + 1;
    if (letter == NULL || (*rest != '\0' && strcmp(rest, "B") != 0 && strcmp(rest, "iB") != 0))
        return -1;
    return 10 * (int)(letter - letters + 1);
}

bool gcxi_parse_bytes(const char *text, int64_t *bytes)
{
    int64_t v;
    if (!parse_digits(&text, &v))
        return false;
    int lg = parse_unit(text);
    return lg >= 0 && !__builtin_mul_overflow(v, (int64_t)1 << lg, bytes);
}

bool gcxi_parse_path(char *path, size_t size, const char *pattern)
{
    const char *mark = strstr(pattern, "%p");
    int n = mark == NULL ? snprintf(path, size, "%s", pattern)
                         : snprintf(path, size, "%.*s%d%s", (int)(mark - pattern), pattern,
                                    (int)getpid(), mark + 2);
    return n >= 0 && (size_t)n < size;
}
