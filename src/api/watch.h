/* watch.h -- finding an object that is to be watched, for the entry points.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_API_WATCH_H
#define GCXI_API_WATCH_H

#include "gc/gc.h"

/* The object that holds p, to be watched. */
struct gcxi_watched {
    struct gcxi_mutator *self; /* the caller, in a critical section; or NULL */
    struct gcxi_block *block;
    uint32_t slot;
    uintptr_t object;
};

/* Enters a critical section and finds it. False with errno, and outside one,
 * if p leads to no object (EINVAL, reported as a mistake of that function), to
 * a root, which is never collected (EINVAL), or without memory. */
bool gcxi_watch_begin(struct gcxi_watched *w, const void *p, const char *function);
void gcxi_watch_end(const struct gcxi_watched *w);

#endif
