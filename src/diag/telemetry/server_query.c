/* server_query.c -- see server_query.h.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/server_query.h"

#include <stdio.h>
#include <string.h>

struct parameter {
    const char *name;
    const char *expected;
    unsigned bit;
    bool (*set)(struct gcxi_query *query, const char *value);
};

/* Digits alone, at most max. */
static bool parse(const char *text, uint64_t max, uint64_t *value)
{
    *value = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (digit > max || *value > (max - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    return true;
}

static bool set_int(int *to, const char *text, unsigned min, unsigned max)
{
    uint64_t value;
    if (!parse(text, max, &value) || value < min)
        return false;
    *to = (int)value;
    return true;
}

static bool set_debug(struct gcxi_query *query, const char *value)
{
    return set_int(&query->debug, value, 0, 2);
}

static bool set_gc(struct gcxi_query *query, const char *value)
{
    return set_int(&query->is_gc, value, 0, 1);
}

static bool set_seconds(struct gcxi_query *query, const char *value)
{
    return set_int(&query->seconds, value, 1, GCXI_SECONDS_MAX);
}

static bool set_since(struct gcxi_query *query, const char *value)
{
    return parse(value, INT64_MAX, &query->since);
}

static bool set_kind(struct gcxi_query *query, const char *value)
{
    query->is_minor = strcmp(value, "minor") == 0;
    return query->is_minor || strcmp(value, "full") == 0;
}

static const struct parameter parameters[] = {
    {"debug", "0, 1 or 2", GCXI_DEBUG, set_debug},
    {"gc", "0 or 1", GCXI_GC, set_gc},
    {"seconds", "a whole number from 1 to 600", GCXI_SECONDS, set_seconds},
    {"since", "a whole number", GCXI_SINCE, set_since},
    {"kind", "minor or full", GCXI_KIND, set_kind},
};

bool gcxi_query_take(struct gcxi_query *query, unsigned allowed, const char *name,
                     const char *value, char problem[GCXI_QUERY_PROBLEM_BYTES])
{
    if ((allowed & GCXI_ANY) != 0)
        return true;
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        const struct parameter *p = &parameters[i];
        if (strcmp(p->name, name) != 0 || (p->bit & allowed) == 0)
            continue;
        query->given |= p->bit;
        if (value != NULL && p->set(query, value))
            return true;
        snprintf(problem, GCXI_QUERY_PROBLEM_BYTES, "%s is %s, not \"%.60s\".", p->name,
                 p->expected, value != NULL ? value : "");
        return false;
    }
    snprintf(problem, GCXI_QUERY_PROBLEM_BYTES, "There is no parameter \"%.60s\" here.", name);
    return false;
}
