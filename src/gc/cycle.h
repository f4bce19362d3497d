/* cycle.h -- what one cycle measured, for the pacer and the trace line.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_CYCLE_H
#define GCXI_GC_CYCLE_H

#include "gc/gc.h"

struct gcxi_cycle {
    enum gcx_cycle kind;
    enum gcxi_reason reason;
    bool begins_concurrent;   /* a full cycle's first stop; then kind is minor */
    bool is_between;          /* a minor cycle between the two */
    bool promotes_all;        /* a minor one that traces nothing */
    unsigned intervals;       /* since the last harvest of what was written */
    bool is_early;            /* one before the pacer planned one, for the marker waits */
    bool ends_concurrent;     /* its second */
    bool abandons_concurrent; /* a full cycle that begins anew */
    uint64_t begin_ns;        /* asked for */
    uint64_t stopped_ns;      /* all threads have stopped */
    uint64_t remember_ns;     /* spent on written old objects */
    uint64_t marked_ns;       /* marking is over */
    uint64_t swept_ns;        /* the census is over */
    uint64_t end_ns;          /* threads run again */
    size_t heap_before;       /* bytes in use when it began */
    size_t live_bytes;        /* after it */
    size_t promoted_bytes;
    unsigned threads; /* that have allocated since the cycle before */
    size_t dirty_pages;
    size_t static_bytes; /* of static data and added ranges, as was read */
    /* Only if lines are traced: */
    size_t stack_bytes;   /* of stacks and thread-local storage */
    uint64_t mark_cpu_ns; /* of all processors, while marking */
};

/* What is told of every cycle that ended; NULL: nothing. Runs with the heap lock
 * held, all threads running. */
typedef void gcxi_cycle_listener(const struct gcxi_cycle *cycle);
void gcxi_cycle_set_listener(gcxi_cycle_listener *listener);

/* What GCX_TRACE and GCX_TRACE_FILE ask for. The file is opened by init, which
 * reports where it cannot be. */
void gcxi_gctrace_init(void);
void gcxi_gctrace(const struct gcxi_cycle *cycle);

#endif
