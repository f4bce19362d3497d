/* scale.h -- how much a test does: less where a cycle runs at every Nth
 * allocation (GCX_STRESS=N, which builds for stress obey), or under sanitizers.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_SCALE_H
#define GCX_TESTS_SCALE_H

#include <stdlib.h>

#include "proc.h"

static inline int is_stressed(void)
{
    return getenv("GCX_STRESS") != NULL;
}

/* count in ordinary builds, a tenth or a twentieth of it in the others. */
static inline size_t scaled(size_t count)
{
    size_t less = is_stressed() ? count / 20 : SANITIZED ? count / 10 : count;
    return less > 0 ? less : 1;
}

#endif
