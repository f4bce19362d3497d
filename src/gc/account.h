/* account.h -- what a cycle found, for the statistics and the pacer.
 *
 * Locking: the heap lock, and for gcxi_account_plan the world stopped.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_ACCOUNT_H
#define GCXI_GC_ACCOUNT_H

#include "gc/cycle.h"

/* At its end: into the totals, and among the last pauses. */
void gcxi_account_pause(const struct gcxi_cycle *cycle);

/* After the census: the pacer plans the next. */
void gcxi_account_plan(const struct gcxi_cycle *cycle);

/* What was allocated since the last cycle, in percent of what is between two that
 * are planned. */
size_t gcxi_account_percent(void);

/* A cycle that had to be left out: the next comes after as much as usual. */
void gcxi_account_nothing(void);

#endif
