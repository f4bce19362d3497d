/* server_sites.h -- sampled allocations as JSON, for the page.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_SERVER_SITES_H
#define GCXI_DIAG_TELEMETRY_SERVER_SITES_H

#include "diag/telemetry/profile_sample.h"
#include "diag/telemetry/server_text.h"

/* The stacks that hold or have allocated most, with the functions on them. */
void gcxi_sites_json(struct gcxi_text *text, const struct gcxi_profile_snapshot *snapshot);

#endif
