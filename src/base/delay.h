/* delay.h -- random delays at the edges of the phases, in checked builds.
 *
 * Where two threads meet, an order that comes once in a million runs may be the
 * one that loses an object. So wherever another thread may act between two steps
 * stands a gcxi_delay: with a seed set it does nothing, gives the processor away,
 * or sleeps for up to some 100 us, by chance. What the nth passing of an edge does
 * is settled by the seed: GCX_DELAYS, or 1 in stress builds. Without a seed, and in
 * other builds, a gcxi_delay costs nothing.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DELAY_H
#define GCXI_DELAY_H

#include "base/atomic.h"
#include "base/base.h"

#ifndef GCXI_STRESS
#define GCXI_STRESS 0
#endif

enum gcxi_edge {
    GCXI_EDGE_STOP,    /* between two requests to stop, world running */
    GCXI_EDGE_START,   /* between two threads that are let go */
    GCXI_EDGE_ENTER,   /* the concurrent marker: before and after it says so */
    GCXI_EDGE_PIECE,   /* between two pieces of its work */
    GCXI_EDGE_DONE,    /* it has found the last word, and says so */
    GCXI_EDGE_HALT,    /* a stop waits for it */
    GCXI_EDGE_RESUME,  /* it may go on, and is woken */
    GCXI_EDGE_DISARM,  /* around the end of tracking, before memory is allocated from */
    GCXI_EDGE_PUBLISH, /* a block is made, and words begin to lead to it */
    GCXI_EDGE_RELEASE, /* a byte was read that becomes FREED */
    GCXI_EDGE_UNBUMP,  /* a lane takes its newest slot back */
    GCXI_EDGE_CLAIM,   /* a released slot is an object again, with its old words */
    GCXI_EDGES
};

/* Of all delays; 0 = none. */
extern uint32_t gcxi_delay_seed;

/* errno is preserved. In no signal handler. */
GCXI_COLD void gcxi_delay_slow(enum gcxi_edge edge);

GCXI_INLINE bool gcxi_delays_are_on(void)
{
    return GCXI_CHECKED && gcxi_load_relaxed(&gcxi_delay_seed) != 0;
}

GCXI_INLINE void gcxi_delay(enum gcxi_edge edge)
{
    if (GCXI_UNLIKELY(gcxi_delays_are_on()))
        gcxi_delay_slow(edge);
}

#endif
