/* server_limits.h -- what the server gives at most.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_SERVER_LIMITS_H
#define GCXI_DIAG_TELEMETRY_SERVER_LIMITS_H

#define GCXI_CONNECTIONS_MAX 256u
#define GCXI_CONNECTIONS_MANY 192u   /* the one that has read longest goes */
#define GCXI_CONNECTION_BYTES 32768u /* for the headers and what is sent of them */
#define GCXI_BODY_BYTES 262144u

#define GCXI_READ_SECONDS 15u   /* for a whole request, or the next one's beginning */
#define GCXI_WRITE_SECONDS 120u /* for a whole answer */

#define GCXI_WORKERS 2u
#define GCXI_JOBS_MAX 192u   /* queued or being worked at */
#define GCXI_WAITING_MAX 32u /* for their seconds to pass */
#define GCXI_TICK_MS 250

#endif
