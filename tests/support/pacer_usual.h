/* pacer_usual.h -- settings of the pacer that tests of it begin with.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_PACER_USUAL_H
#define GCX_TESTS_PACER_USUAL_H

#include "gc/pacer.h"

static const struct gcxi_pacer_settings usual = {
    .percent = 100,
    .memory_limit = INT64_MAX,
    .cache_bytes = 32 * GCXI_MIB,
    .has_minor = true,
    .concurrent_bytes = SIZE_MAX,
    .growing_bytes = SIZE_MAX,
};

#endif
