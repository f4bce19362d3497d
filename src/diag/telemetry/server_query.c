/* server_query.c -- see server_query.h.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/server_query.h"

#include <stdio.h>
#include <string.h>

#include "base/parse.h"

struct parameter {
    const char *name;
    const char *expected;
    unsigned bit;
    bool (*set)(struct gcxi_query *query, const char *value);
};

static bool set_int(int *to, const char *text, int min, int max)
{
    int64_t value;
    if (!gcxi_parse_count(text, max, &value) || value < min)
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
    int64_t since;
    if (!gcxi_parse_count(value, INT64_MAX, &since))
        return false;
    query->since = (uint64_t)since;
    return true;
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
