/* leak_preload.h -- what libgcx-leak.so uses where it is there.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_LEAK_PRELOAD_H
#define GCXI_DIAG_LEAK_PRELOAD_H

/* Sets gcxi_leak_backtrace. */
void gcxi_leak_preload_unwinder(void);

/* Sets gcxi_leak_place to a search by elfutils. */
void gcxi_leak_preload_lines(void);

#endif
