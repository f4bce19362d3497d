/* server_history.c -- see server_history.h.
 *
 * Pauses are written by the thread that ran the cycle, under the heap lock, so
 * one at a time, and read without a lock: a pause is whole if its ring has not
 * come round to it by the time that it has been read.
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

/* Words, each atomic. */
struct pause_words {
    uint64_t at_ms;
    uint64_t pause_ns;
    uint64_t live_bytes;
    uint64_t flags;
};

enum { IS_FULL = 1, IS_FORCED = 2 };

static struct pause_words pauses[GCXI_HISTORY_PAUSES];
static uint64_t pause_begun; /* pauses that are written, or being written */
static uint64_t pause_count; /* pauses that have been written */
static struct gcxi_pause_histogram histograms[2];

static struct gcxi_history_sample samples[GCXI_HISTORY_SAMPLES];
static uint64_t sample_count;
static uint64_t sample_due_ns;

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / MS;
}

/* ---- Pauses ---- */

static void count_pause(const struct gcxi_cycle *cycle, uint64_t pause_ns)
{
    struct gcxi_pause_histogram *h = &histograms[cycle->kind == GCX_FULL];
    unsigned bucket = 0;
    while (bucket < GCXI_PAUSE_BUCKETS && pause_ns > gcxi_pause_bounds_ns[bucket])
        bucket++;
    gcxi_add_relaxed(&h->counts[bucket], 1);
    gcxi_add_relaxed(&h->sum_ns, pause_ns);
}

/* The words are stored by release, so that who sees one of them by acquire also
 * sees pause_begun (gcxi_pauses_get). */
static void note_pause(const struct gcxi_cycle *cycle)
{
    uint64_t number = pause_count;
    uint64_t pause_ns = cycle->end_ns - cycle->begin_ns;
    struct pause_words *to = &pauses[number % GCXI_HISTORY_PAUSES];
    uint64_t flags =
        (cycle->kind == GCX_FULL ? IS_FULL : 0u) | (cycle->reason == GCXI_FORCED ? IS_FORCED : 0u);
    gcxi_store_seq_cst(&pause_begun, number + 1);
    gcxi_store_release(&to->at_ms, now_ms());
    gcxi_store_release(&to->pause_ns, pause_ns);
    gcxi_store_release(&to->live_bytes, cycle->live_bytes);
    gcxi_store_release(&to->flags, flags);
    gcxi_store_release(&pause_count, number + 1);
    count_pause(cycle, pause_ns);
}

void gcxi_history_start(void)
{
    gcxi_diag->set_cycle_listener(note_pause);
}

void gcxi_pauses_range(uint64_t *first, uint64_t *end)
{
    *end = gcxi_load_acquire(&pause_count);
    *first = *end > GCXI_HISTORY_PAUSES - 1 ? *end - (GCXI_HISTORY_PAUSES - 1) : 0;
}

/* A word of a later pause, read by acquire, brings that pause's pause_begun. */
bool gcxi_pauses_get(uint64_t number, struct gcxi_history_pause *pause)
{
    const struct pause_words *from = &pauses[number % GCXI_HISTORY_PAUSES];
    pause->at_ms = gcxi_load_acquire(&from->at_ms);
    pause->pause_ns = gcxi_load_acquire(&from->pause_ns);
    pause->live_bytes = gcxi_load_acquire(&from->live_bytes);
    uint64_t flags = gcxi_load_acquire(&from->flags);
    pause->is_full = (flags & IS_FULL) != 0;
    pause->is_forced = (flags & IS_FORCED) != 0;
    return gcxi_load_seq_cst(&pause_begun) <= number + GCXI_HISTORY_PAUSES;
}

void gcxi_pauses_histogram(bool is_full, struct gcxi_pause_histogram *histogram)
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
    sample->at_ms = now_ms();
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
