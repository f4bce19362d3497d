/* fork.h -- a forked child goes on with the heap as it was.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_FORK_H
#define GCXI_GC_FORK_H

/* Registers the handlers with pthread_atfork; once. */
void gcxi_fork_init(void);

#endif
