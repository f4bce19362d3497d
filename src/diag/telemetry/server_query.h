/* server_query.h -- the parameters of a request.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_SERVER_QUERY_H
#define GCXI_DIAG_TELEMETRY_SERVER_QUERY_H

#include "base/base.h"

#define GCXI_QUERY_PROBLEM_BYTES 160u
#define GCXI_SECONDS_MAX 600

enum gcxi_parameter {
    GCXI_DEBUG = 1,   /* 0: a file for programs; 1, 2: text for people */
    GCXI_GC = 2,      /* a full cycle first */
    GCXI_SECONDS = 4, /* what happens in so many */
    GCXI_SINCE = 8,   /* what is newer than that number */
    GCXI_KIND = 16,   /* of a cycle */
    GCXI_ANY = 32     /* whatever it is, unread */
};

struct gcxi_query {
    unsigned given; /* bits of enum gcxi_parameter */
    int debug;
    int seconds;
    int is_gc;
    uint64_t since;
    bool is_minor;
};

/* Takes a parameter in; value may be NULL. False, and problem says why, for one
 * that is not in allowed or makes no sense. */
bool gcxi_query_take(struct gcxi_query *query, unsigned allowed, const char *name,
                     const char *value, char problem[GCXI_QUERY_PROBLEM_BYTES]);

#endif
