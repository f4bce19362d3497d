/* summary.h -- GCX_STATS=1: what the collector did, in some lines on stderr at exit.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_SUMMARY_H
#define GCXI_GC_SUMMARY_H

/* At the start of the library. 0, or -1 with ENOMEM. */
int gcxi_summary_init(void);

#endif
