/* profile_unwind.h -- the stack of a sample.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_PROFILE_UNWIND_H
#define GCXI_DIAG_TELEMETRY_PROFILE_UNWIND_H

#include "diag/telemetry/profile_signal.h"
#include "diag/telemetry/profile_stack.h"

struct gcxi_unwinder;

/* NULL without memory. One thread at a time; it counts as stopped. */
struct gcxi_unwinder *gcxi_unwinder_create(void);
void gcxi_unwinder_destroy(struct gcxi_unwinder *unwinder);

/* The address of the instruction, then return addresses; how many. */
unsigned gcxi_unwinder_walk(struct gcxi_unwinder *unwinder, const struct gcxi_thread_sample *sample,
                            uintptr_t pcs[GCXI_PROFILE_DEPTH]);

#endif
