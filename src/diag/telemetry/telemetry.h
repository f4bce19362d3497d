/* telemetry.h -- what the files of libgcx-diag.so share.
 *
 * Rules for all of them: the tables that hold addresses of objects are mapped,
 * because static data and what malloc returns may be scanned; nothing is
 * allocated from the collected heap; no lock is held where a thread may be
 * stopped unless the collector never waits for it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_TELEMETRY_H
#define GCXI_DIAG_TELEMETRY_TELEMETRY_H

#include "api/diag.h"
#include "base/base.h"

/* Constant once gcx_diag_entry has begun. */
extern const struct gcxi_diag_services *gcxi_diag;

/* Starts a thread that no signal of the program's reaches. 0, or an error number. */
int gcxi_diag_thread(void *(*main)(void *arg), void *arg);

#endif
