/* idle.h -- blocks of lanes that a program has ceased to use.
 *
 * A lane keeps its block through every cycle, empty or not, for a thread may be
 * stopped between reading and moving cur (heap/lane.h, L3). Most programs use a
 * few size classes at a time and in the end have used many: strings that grow,
 * tables that double. So the thread itself looks through its lanes, at its first
 * block after a cycle: an empty block from which nothing was taken since the last
 * look, and so for a cycle at least, goes back, to be freed by the next census.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_HEAP_IDLE_H
#define GCXI_HEAP_IDLE_H

#include "heap/lane.h"

/* cycles: how many there have been. Does nothing if that is as it was the last
 * time. Owner thread in a critical section, under the heap lock. */
void gcxi_idle_look(struct gcxi_local *local, uint64_t cycles);

#endif
