/* keeper.c -- memory that goes back by itself.
 *
 * Collections come with allocation. A program that lets go of most of its heap
 * and then allocates little would hold on to the memory, so a thread of the
 * library's looks ten times a second, for as long as there is something to do:
 *
 *   the heap is active    free memory past what the goal allows, and a tenth,
 *                         goes back if it has been there for a second
 *   quiet for a second    one full cycle, if the program has been active since
 *                         the last; a concurrent one is brought to its end
 *   and after that        all free memory but a nursery goes back
 *
 * Then it sleeps until the next cycle wakes it, and costs nothing. In a steady
 * state the free memory stays within the goal, so that none goes back to be
 * touched again.
 *
 * B1  It collects at most a fiftieth of the time. Each stop interrupts system calls
 *     that sleep (EINTR), as every stop does; there are two.
 * B2  The heap lock is held for one piece at a time.
 *
 * Locking: the fields belong to the thread, but for seq and is_running.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/keeper.h"

#include "gc/concurrent.h"
#include "gc/gc.h"
#include "gc/own_thread.h"
#include "heap/space.h"
#include "os/clock.h"
#include "os/futex.h"

#define MS_NS UINT64_C(1000000)
#define TICK_NS (100 * MS_NS)
#define PASS_TICK_NS (10 * MS_NS)
#define QUIET_NS (1000 * MS_NS)
#define LEAST_BYTES (64 * GCXI_MIB) /* committed; less is not worth a thread */
#define SLACK_BYTES (16 * GCXI_MIB) /* stays free in a quiet program */
#define PIECE_BYTES (4 * GCXI_MIB)  /* B2 */
#define TICK_BYTES (128 * GCXI_MIB) /* given back in a tick */
#define COLLECT_SHARE 50u           /* B1 */

static struct {
    uint32_t seq;          /* futex: moves with each cycle */
    uint32_t is_running;   /* 1: the thread exists */
    uint64_t cycles;       /* seen so far */
    uint64_t active_ns;    /* when the last was seen */
    uint64_t excess_ns;    /* since when too much is free; 0 = it is not */
    uint64_t next_full_ns; /* B1 */
    bool was_active;       /* since the last full cycle of its own */
} keeper;

/* ---- What there is to do ---- */

static uint64_t count_cycles(void)
{
    return gcxi_load_relaxed(&gcxi_gc.totals.minor_cycles) +
           gcxi_load_relaxed(&gcxi_gc.totals.full_cycles);
}

static void look(uint64_t now_ns)
{
    uint64_t cycles = count_cycles();
    if (cycles == keeper.cycles)
        return;
    keeper.cycles = cycles;
    keeper.active_ns = now_ns;
    keeper.was_active = true;
}

static bool is_quiet(uint64_t now_ns)
{
    return now_ns - keeper.active_ns >= QUIET_NS;
}

/* Free memory that the program will not need soon. Heap lock. */
static size_t excess_locked(bool is_quiet)
{
    size_t committed = gcxi_space_committed_bytes(), free = gcxi_space_free_bytes();
    size_t goal = gcxi_gc.pacer.goal_bytes;
    size_t kept = is_quiet ? committed - free + SLACK_BYTES : goal + goal / 10 + SLACK_BYTES;
    return gcxi_min(free, committed > kept ? committed - kept : 0);
}

static size_t excess_bytes(struct gcxi_mutator *self, bool is_quiet)
{
    gcxi_critical_enter(&self->suspend);
    gcxi_mutator_lock_heap(self);
    size_t excess = excess_locked(is_quiet);
    gcxi_mutator_unlock_heap();
    gcxi_critical_leave(&self->suspend);
    return excess;
}

/* ---- Doing it ---- */

static void collect(struct gcxi_mutator *self, enum gcx_cycle kind)
{
    gcxi_critical_enter(&self->suspend);
    gcxi_gc_collect(self, kind, GCXI_QUIET);
    gcxi_critical_leave(&self->suspend);
    keeper.cycles = count_cycles(); /* which is no activity of the program's */
}

/* Brings a full cycle in two stops to its end, by the passes that it needs: what became
 * old since it began is marked beside the program too. */
static void finish(struct gcxi_mutator *self)
{
    while (gcxi_concurrent_is_under_way() && !gcxi_gc_is_disabled()) {
        if (gcxi_concurrent_is_marked())
            collect(self, GCX_MINOR);
        else
            gcxi_own_thread_wait(self, &keeper.is_running, 1, PASS_TICK_NS);
    }
}

/* One that began before keeps what has died since. */
static void collect_full(struct gcxi_mutator *self)
{
    uint64_t begin_ns = gcxi_clock_ns();
    keeper.was_active = false;
    finish(self);
    collect(self, GCX_FULL);
    finish(self);
    uint64_t now_ns = gcxi_clock_ns();
    keeper.next_full_ns = now_ns + COLLECT_SHARE * (now_ns - begin_ns);
}

static void give_back(struct gcxi_mutator *self, size_t bytes)
{
    for (size_t given = 0, piece = 1; given < bytes && piece != 0; given += piece) {
        gcxi_critical_enter(&self->suspend);
        gcxi_mutator_lock_heap(self);
        piece = gcxi_space_purge_some(PIECE_BYTES);
        gcxi_mutator_unlock_heap();
        gcxi_critical_leave(&self->suspend);
    }
}

/* True if it is worth coming back soon. */
static bool tick(struct gcxi_mutator *self)
{
    uint64_t now_ns = gcxi_clock_ns();
    look(now_ns);
    bool quiet = is_quiet(now_ns);
    if (quiet && keeper.was_active && now_ns >= keeper.next_full_ns && !gcxi_gc_is_disabled())
        collect_full(self);
    size_t excess = excess_bytes(self, quiet && !keeper.was_active);
    if (excess == 0)
        keeper.excess_ns = 0;
    else if (keeper.excess_ns == 0)
        keeper.excess_ns = now_ns;
    else if (quiet || now_ns - keeper.excess_ns >= QUIET_NS)
        give_back(self, gcxi_min(excess, TICK_BYTES));
    return keeper.was_active || excess >= PIECE_BYTES;
}

static void *thread_main(void *arg)
{
    (void)arg;
    struct gcxi_mutator *self = gcxi_own_thread_begin(true);
    while (self != NULL) {
        uint32_t seq = gcxi_load_acquire(&keeper.seq);
        if (tick(self)) /* a word that does not move: cycles do not hasten it */
            gcxi_own_thread_wait(self, &keeper.is_running, 1, TICK_NS);
        else
            gcxi_own_thread_wait(self, &keeper.seq, seq, 0);
    }
    gcxi_store_release(&keeper.is_running, 0);
    return NULL;
}

void gcxi_keeper_start_thread(void)
{
    if (!gcxi_gc.settings.has_keeper || gcxi_space_committed_bytes() < LEAST_BYTES ||
        gcxi_load_relaxed(&keeper.is_running) != 0 ||
        gcxi_exchange_acq_rel(&keeper.is_running, 1) != 0)
        return;
    if (gcxi_own_thread_create(thread_main, NULL) != 0)
        gcxi_store_release(&keeper.is_running, 0);
}

void gcxi_keeper_wake(void)
{
    if (gcxi_load_relaxed(&keeper.is_running) == 0)
        return;
    gcxi_add_acq_rel(&keeper.seq, 1);
    gcxi_futex_wake(&keeper.seq, 1);
}

void gcxi_keeper_reset_after_fork(void)
{
    keeper.is_running = 0;
}
