/* settings.h -- what the program and the environment ask for.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_SETTINGS_H
#define GCXI_GC_SETTINGS_H

#include "gc/pacer.h"
#include "gcx/gcx.h"

enum gcxi_trace { GCXI_TRACE_OFF, GCXI_TRACE_LINE, GCXI_TRACE_JSON };

struct gcxi_settings {
    struct gcxi_pacer_settings pacer;
    enum gcx_barrier barrier;
    const char *dirty_name; /* GCX_DIRTY, or NULL */
    unsigned mark_workers;
    int stop_signal;
    size_t heap_max; /* SIZE_MAX = none */
    size_t reserve_bytes;
    uint8_t promise;       /* GCX_PROMISE, enum gcx_promise; atomic, gcx_set_promise */
    bool reports_escapes;  /* GCX_ESCAPE_REPORT */
    bool has_keeper;       /* GCX_KEEPER: gc/keeper.h */
    unsigned refill_share; /* blocks of which that part is free are filled; 0 = by the barrier */
    enum gcxi_trace trace; /* GCX_TRACE */
    bool tells_summary;    /* GCX_STATS: gc/summary.h */
    bool is_checked;       /* gc/check.h, gc/verify.h */
    bool runs_on_demand;   /* cleanups and finalizers: only by gcx_run_finalizers */
    unsigned stress;       /* a cycle at every so many slow allocations; 0 = off */
};

/* Defaults, then the environment, then what opts sets. Nonsense in the
 * environment is reported and ignored. 0, or -1 with EINVAL for opts. */
int gcxi_settings_read(struct gcxi_settings *settings, const struct gcx_options *opts);

#endif
