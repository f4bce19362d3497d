/* profile_cpu.h -- where processor time goes, and where threads are.
 *
 * The callers of all count as stopped, or are no threads of the collector's.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_PROFILE_CPU_H
#define GCXI_DIAG_TELEMETRY_PROFILE_CPU_H

#include "diag/telemetry/profile_file.h"
#include "diag/telemetry/profile_tally.h"

/* As in gcx/profile.h. */
int gcxi_cpu_begin(void);
int gcxi_cpu_end(int fd);

/* Ends the profile under way; to be destroyed. NULL with errno. */
struct gcxi_profile_file *gcxi_cpu_end_file(void);

/* Calls visit for the number of each thread. */
void gcxi_each_thread(void (*visit)(void *arg, int tid), void *arg);

/* Where every thread but the caller is now; *silent is how many cannot be asked,
 * because they block the signal, or have not answered within a second. 0, or an
 * error number. The tally is to be freed in any case. */
int gcxi_threads_tally(struct gcxi_tally *tally, unsigned *silent);

/* The same as a file, as gcx_profile_threads. */
struct gcxi_profile_file *gcxi_threads_file(void);
int gcxi_threads_write(int fd);

#endif
