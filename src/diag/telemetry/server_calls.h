/* server_calls.h -- the calls of gcx/debug.h.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_SERVER_CALLS_H
#define GCXI_DIAG_TELEMETRY_SERVER_CALLS_H

#include "base/base.h"

int gcxi_server_serve(const char *address, bool is_remote);
int gcxi_server_stop(void);
int gcxi_server_port(void);

#endif
