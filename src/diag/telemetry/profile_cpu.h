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

/* Asks where the threads are for whose numbers each calls visit, but for the caller:
 * take gets the address of the instruction, then return addresses. *silent is how
 * many cannot be asked, because they block the signal, or have not answered within
 * a second. 0, or an error number. */
typedef void gcxi_thread_taker(void *arg, int tid, const uintptr_t *pcs, unsigned depth);
int gcxi_threads_ask(void (*each)(void (*visit)(void *arg, int tid), void *arg, void *whom),
                     void *whom, gcxi_thread_taker *take, void *arg, unsigned *silent);

/* The same of all threads; the tally is to be freed in any case. */
int gcxi_threads_tally(struct gcxi_tally *tally, unsigned *silent);

/* A tally of threads as a file, and the tally freed; for an error NULL with errno. */
struct gcxi_profile_file *gcxi_threads_tally_file(struct gcxi_tally *tally, int error);

/* The same of all threads, as gcx_profile_threads. */
struct gcxi_profile_file *gcxi_threads_file(void);
int gcxi_threads_write(int fd);

#endif
