/* server_history.h -- what has been, for charts: samples of the statistics, and
 * pauses.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_SERVER_HISTORY_H
#define GCXI_DIAG_TELEMETRY_SERVER_HISTORY_H

#include "base/base.h"
#include "gcx/stats.h"

#define GCXI_HISTORY_SAMPLES 600u
#define GCXI_HISTORY_MS 500
#define GCXI_PAUSE_BUCKETS 14u /* of the histogram, without the one that has no end */

struct gcxi_history_sample {
    uint64_t at_us;            /* since 1970 */
    uint64_t longest_pause_ns; /* since the one before */
    struct gcx_stats stats;
};

struct gcxi_pause_histogram {
    uint64_t counts[GCXI_PAUSE_BUCKETS + 1]; /* not cumulative */
    uint64_t sum_ns;
};

extern const uint64_t gcxi_pause_bounds_ns[GCXI_PAUSE_BUCKETS];

/* Once: from now on pauses are counted. */
void gcxi_history_start(void);

/* ---- The server's thread alone ---- */

/* Takes a sample if it is time. */
void gcxi_history_tick(void);

/* Samples have numbers from 0 on, [first, end) are there. */
void gcxi_history_range(uint64_t *first, uint64_t *end);
const struct gcxi_history_sample *gcxi_history_sample_at(uint64_t number);

/* ---- Any thread; not between attach and detach ---- */

/* The last ones, the newest first; returns how many. */
size_t gcxi_history_pauses(struct gcx_pause pauses[GCX_PAUSES]);

/* The end of one of them, since 1970; the same whenever it is asked for. */
uint64_t gcxi_history_end_us(const struct gcx_pause *pause);

void gcxi_history_histogram(bool is_full, struct gcxi_pause_histogram *histogram);

#endif
