/* exec.h -- no stop is asked for while the process becomes another program.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_EXEC_H
#define GCXI_GC_EXEC_H

#include <stdbool.h>

/* Around exec, whose return means that it failed. begin is false where there is
 * nothing to end: before the library started, in a child of vfork. */
bool gcxi_exec_begin(void);
void gcxi_exec_end(void);

#endif
