/* concurrent.h -- full cycles that mark beside the program.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_CONCURRENT_H
#define GCXI_GC_CONCURRENT_H

#include "gc/gc.h"
#include "trace/workers.h"

/* Between the two stops of such a cycle. Changes only in stops. */
bool gcxi_concurrent_is_under_way(void);

/* Nothing is left to mark beside the program. Any thread. */
bool gcxi_concurrent_is_marked(void);

/* And a stop should come now. Any thread. Not any more once one was refused, because
 * a thread could not be stopped, until another comes. */
bool gcxi_concurrent_waits(void);
void gcxi_concurrent_refuse(void);

/* Before the program takes memory, without the heap lock: it may have to wait a
 * little, for it allocates faster than the marker marks. */
void gcxi_concurrent_pace_slow(struct gcxi_mutator *self);
GCXI_INLINE void gcxi_concurrent_pace(struct gcxi_mutator *self)
{
    if (gcxi_concurrent_is_under_way() && !gcxi_concurrent_is_marked())
        gcxi_concurrent_pace_slow(self);
}

/* Before a cycle between the stops: the second is due, because marking has
 * ended, or because the heap grows too fast for it. Heap lock. */
bool gcxi_concurrent_is_due(void);

/* Starts the thread that marks, once, if the settings want one. It uses malloc:
 * not with the world stopped, and the caller counts as stopped. */
void gcxi_concurrent_start_thread(void);

/* Whether a full cycle may begin so now. World stopped, as in all that follows. */
bool gcxi_concurrent_is_possible(void);

/* The first stop, at the end of a minor cycle: roots, and off. */
void gcxi_concurrent_begin_stw(void);

/* Marking has halted when the first returns, and goes on after the second. */
void gcxi_concurrent_halt_stw(void);
void gcxi_concurrent_resume_stw(void);

/* Per unit, in a stop after marking has halted: 0 where all objects were found
 * marked before (N7). */
const uint8_t *gcxi_concurrent_open_stw(void);

/* The second stop: what is left of it is fed to the workers. */
bool gcxi_concurrent_feed(struct gcxi_marker *m);
void gcxi_concurrent_end_stw(void);

/* Between the stops: the unit was in use at the last stop (N2). */
bool gcxi_concurrent_knows(uint32_t unit);

/* Gives the cycle up. */
void gcxi_concurrent_abandon_stw(void);

/* Time that the thread has marked for the cycle under way: by the clock, and on
 * a processor, which it may have to share with the program. */
uint64_t gcxi_concurrent_mark_ns(void);
uint64_t gcxi_concurrent_cpu_ns(void);

/* Live before the first stop. */
size_t gcxi_concurrent_begin_bytes(void);

/* After a stop, the world running: sends the thread to work if there is any. Not
 * within it, for a thread that wakes may take the processor of the one that wakes it. */
void gcxi_concurrent_wake(void);

/* In a forked child, where the thread is gone. */
void gcxi_concurrent_reset_after_fork(void);

#endif
