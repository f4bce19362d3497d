/* server_history.c -- see server_history.h.
 *
 * Times of day are the monotonic clock's plus what the day was ahead of it when
 * the server was first started: so samples and pauses stay in order, and keep
 * their times, when the day is set.
 *
 * The histograms are written by the thread that ran the cycle, under the heap
 * lock, so one at a time, and read without a lock. A pause that ends while a
 * sample is taken may be missing from the longest.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/server_history.h"

#include <time.h>

#include "base/atomic.h"
#include "diag/telemetry/server.h"
#include "diag/telemetry/telemetry.h"
#include "os/clock.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)

const uint64_t gcxi_pause_bounds_ns[GCXI_PAUSE_BUCKETS] = {
    50 * US, 100 * US, 250 * US, 500 * US, 1 * MS,   2500 * US, 5 * MS,
    10 * MS, 25 * MS,  50 * MS,  100 * MS, 250 * MS, 500 * MS,  1000 * MS,
};

static uint64_t day_ahead_ns; /* constant once started */
static struct gcxi_pause_histogram histograms[2];
static uint64_t longest_ns; /* since the last sample; atomic */

static struct gcxi_history_sample samples[GCXI_HISTORY_SAMPLES];
static uint64_t sample_count;
static uint64_t sample_due_ns;

static uint64_t day_us(uint64_t clock_ns)
{
    return (clock_ns + day_ahead_ns) / US;
}

/* ---- Pauses ---- */

static void count_pause(const struct gcxi_cycle *cycle)
{
    struct gcxi_pause_histogram *h = &histograms[cycle->kind == GCX_FULL];
    uint64_t pause_ns = cycle->end_ns - cycle->begin_ns;
    unsigned bucket = 0;
    while (bucket < GCXI_PAUSE_BUCKETS && pause_ns > gcxi_pause_bounds_ns[bucket])
        bucket++;
    gcxi_add_relaxed(&h->counts[bucket], 1);
    gcxi_add_relaxed(&h->sum_ns, pause_ns);
    if (pause_ns > gcxi_load_relaxed(&longest_ns))
        gcxi_store_relaxed(&longest_ns, pause_ns);
}

void gcxi_history_start(void)
{
    struct timespec day;
    clock_gettime(CLOCK_REALTIME, &day);
    day_ahead_ns = (uint64_t)day.tv_sec * 1000 * MS + (uint64_t)day.tv_nsec - gcxi_clock_ns();
    gcxi_diag->set_cycle_listener(count_pause);
}

size_t gcxi_history_pauses(struct gcx_pause pauses[GCX_PAUSES])
{
    gcxi_server_attach();
    size_t count = gcxi_diag->get_pauses(pauses, GCX_PAUSES);
    gcxi_server_detach();
    return count;
}

uint64_t gcxi_history_end_us(const struct gcx_pause *pause)
{
    return day_us(gcxi_diag->start_ns() + pause->at_ns);
}

void gcxi_history_histogram(bool is_full, struct gcxi_pause_histogram *histogram)
{
    const struct gcxi_pause_histogram *from = &histograms[is_full];
    for (unsigned i = 0; i <= GCXI_PAUSE_BUCKETS; i++)
        histogram->counts[i] = gcxi_load_relaxed(&from->counts[i]);
    histogram->sum_ns = gcxi_load_relaxed(&from->sum_ns);
}

/* ---- Samples ---- */

void gcxi_history_tick(void)
{
    uint64_t now = gcxi_clock_ns();
    if (now < sample_due_ns)
        return;
    struct gcxi_history_sample *sample = &samples[sample_count % GCXI_HISTORY_SAMPLES];
    sample->stats.struct_bytes = sizeof sample->stats;
    gcxi_server_attach();
    gcxi_diag->get_stats(&sample->stats);
    gcxi_server_detach();
    sample->longest_pause_ns = gcxi_exchange_acq_rel(&longest_ns, 0);
    sample->at_us = day_us(gcxi_clock_ns());
    sample_due_ns = now + GCXI_HISTORY_MS * MS;
    sample_count++;
}

void gcxi_history_range(uint64_t *first, uint64_t *end)
{
    *end = sample_count;
    *first = sample_count > GCXI_HISTORY_SAMPLES ? sample_count - GCXI_HISTORY_SAMPLES : 0;
}

const struct gcxi_history_sample *gcxi_history_sample_at(uint64_t number)
{
    return &samples[number % GCXI_HISTORY_SAMPLES];
}
