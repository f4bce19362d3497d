/* fault.h -- SIGSEGV: faults of the collector's making first, then the
 * program's handler.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_FAULT_H
#define GCXI_OS_FAULT_H

#include <signal.h>

#include "base/base.h"

/* True if the fault at that address is dealt with: its thread tries again.
 * Called in the signal handler, with all signals blocked. */
typedef bool gcxi_fault_resolver(uintptr_t addr);

/* From here on faults go to resolve, and what that does not know to the handler
 * the program had. 0, or -1 with errno. */
int gcxi_fault_init(gcxi_fault_resolver *resolve);
void gcxi_fault_fini(void);

/* sigaction(SIGSEGV, ...) as the program calls it, while the handler is ours: it
 * sees and changes its own. False if it is not ours: the C library's does. */
bool gcxi_fault_action(const struct sigaction *action, struct sigaction *old);

/* Whether the kernel still knows our handler: one may be installed past our
 * interposition. */
bool gcxi_fault_is_first(void);

/* In a forked child. */
void gcxi_fault_reset_after_fork(void);

#endif
