/* server_history.h -- what has been, for charts: samples of the statistics, and
 * pauses.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_SERVER_HISTORY_H
#define GCXI_DIAG_TELEMETRY_SERVER_HISTORY_H

#include "base/base.h"
#include "gcx/gcx.h"

#define GCXI_HISTORY_SAMPLES 600u
#define GCXI_HISTORY_MS 500
#define GCXI_HISTORY_PAUSES 1024u
#define GCXI_PAUSE_BUCKETS 14u /* of the histogram, without the one that has no end */

struct gcxi_history_sample {
    uint64_t at_ms; /* since 1970 */
    struct gcx_stats stats;
};

struct gcxi_history_pause {
    uint64_t at_ms; /* its end, since 1970 */
    uint64_t pause_ns;
    uint64_t live_bytes;
    bool is_full;
    bool is_forced;
};

struct gcxi_pause_histogram {
    uint64_t counts[GCXI_PAUSE_BUCKETS + 1]; /* not cumulative */
    uint64_t sum_ns;
};

extern const uint64_t gcxi_pause_bounds_ns[GCXI_PAUSE_BUCKETS];

/* Once: from now on pauses are recorded. */
void gcxi_history_start(void);

/* ---- The server's thread alone ---- */

/* Takes a sample if it is time. */
void gcxi_history_tick(void);

/* Samples have numbers from 0 on, [first, end) are there. */
void gcxi_history_range(uint64_t *first, uint64_t *end);
const struct gcxi_history_sample *gcxi_history_sample_at(uint64_t number);

/* ---- Any thread ---- */

/* The same for pauses; false if that one is there no longer. */
void gcxi_pauses_range(uint64_t *first, uint64_t *end);
bool gcxi_pauses_get(uint64_t number, struct gcxi_history_pause *pause);

void gcxi_pauses_histogram(bool is_full, struct gcxi_pause_histogram *histogram);

#endif
