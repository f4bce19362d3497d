/* profile_stack.h -- return addresses of the calling thread.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_PROFILE_STACK_H
#define GCXI_DIAG_TELEMETRY_PROFILE_STACK_H

#include <stdint.h>

#define GCXI_PROFILE_DEPTH 128u /* frames kept, the innermost */

/* Fills in return addresses, innermost first, beginning with site if that is
 * among them, and returns how many. Not for signal handlers. */
unsigned gcxi_profile_stack(uintptr_t pcs[GCXI_PROFILE_DEPTH], const void *site);

#endif
