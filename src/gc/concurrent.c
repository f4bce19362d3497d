/* concurrent.c -- full cycles that mark beside the program.
 *
 *              first stop                    second stop
 *   program ------||-------------------------------||-------->
 *              minor cycle,      runs         roots, what was
 *              roots          meanwhile       written, what is young
 *   marker        '---- marks what is old ----'|
 *
 * The first stop is a minor cycle, after which all objects are old and all
 * writes to them are seen; then the epoch moves on, so that nothing is marked.
 * A thread marks what the roots lead to while the program runs. The second stop
 * is a full cycle that finds most marked: it looks at the roots again, at the
 * marked objects on written pages or cards, and at what is young. So the same
 * record of writes serves generations and this (Boehm, Demers, Shenker: Mostly
 * parallel garbage collection, 1991).
 *
 * Minor cycles go on between the stops, for what a nursery holds is what makes
 * a stop long. What survives them is old and not marked. Once the graph is marked
 * they come as soon as the marker has nothing left: each begins another pass over
 * the roots and what they have shown. The passes grow shorter, and so do the intervals in which
 * the program writes what the next has to look at. After a short one comes the
 * second stop. A program that allocates much faster than the marker marks waits.
 *
 * N1  Between the stops a slot is old if its byte is the epoch (marked) or the
 *     one before (not yet); gcxi_mark_is_old.
 * N2  The marker changes a byte only from the epoch before to the epoch, in
 *     units that were in use at the last stop of any kind (M6). All of them: an
 *     object that is old has all it points to in such units, or was written
 *     since. None of those blocks goes until the next stop: a large object that
 *     is released only gets the byte FREED.
 * N3  What is allocated between the stops is young, or, recycled, old and
 *     marked, and its memory was written since the first stop.
 * N4  A marked object that the second stop does not show holds the words that
 *     the marker saw in it: its page, card or unit would be shown otherwise.
 *     So no pointer to an unmarked object is missed.
 * N5  busy is set whenever the thread touches the heap. Once halt was set it becomes
 *     so for a look at halt only (both sequentially consistent).
 * N6  A minor cycle between gives the epoch before to what it marks, leaves all
 *     other bytes alone, and owes what it has shown to the second stop (R7).
 * N7  Of a unit that is not open all old objects are marked: so words that lead
 *     there do not matter, and what lives in it is what lived at the last census.
 *     The marker closes a unit when no byte in it is the epoch before, and only
 *     a stop gives that byte to what is not marked yet: to survivors (N6), whose
 *     units are young and opened in each stop. Or a scope does, in a block that
 *     is young as well.
 *
 * Locking: state and the marker change with the world stopped, or by the thread
 * while busy.
 *
 * Rejected: a barrier that shows what is overwritten (snapshot at the
 * beginning), for pages tell only that something was written.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/concurrent.h"

#include <string.h>

#include "base/atomic.h"
#include "base/delay.h"
#include "gc/owed.h"
#include "gc/remember.h"
#include "gc/statics.h"
#include "gc/verify.h"
#include "heap/marks.h"
#include "heap/space.h"
#include "os/apart.h"
#include "os/clock.h"
#include "os/futex.h"
#include "os/stack.h"
#include "os/thread.h"
#include "os/vm.h"

#define STACK_BYTES (GCXI_CHECKED ? 64 * GCXI_KIB : 64 * GCXI_MIB)
#define PIECE_BATCHES 64u /* between two looks at halt */
#define FEED_ENTRIES 256u
#define CLOSE_UNITS 64u

/* After the graph, what was owed up to then, and again what was since: until a
 * pass is short, for the next stop comes right after it. One that is hardly shorter
 * than the one before has to be made shorter: the program waits. */
#define PASSES_MIN 2u
#define PASSES_MAX 16u
#define PASS_SHORT_NS 3000000u
#define LITTLE_BYTES (16 * GCXI_MIB)

/* The program waits for the marker so long at least, and counts as having run so
 * long at most. */
#define PACE_LEAST_NS 100000u
#define PACE_MOST_NS 300000u

enum state { IDLE, MARKING, MARKED };
enum thread_state { NO_THREAD, STARTING, STARTED };

static struct {
    uint32_t state; /* enum state; futex: MARKED */
    uint32_t round; /* futex: moves when marking begins or goes on */
    uint32_t busy;
    uint32_t halt;
    uint32_t is_refused; /* a stop that it waits for was tried in vain */
    uint32_t inside;     /* checked builds: the thread touches the heap */
    uint32_t thread;     /* enum thread_state */
    struct gcxi_lock feed_lock;
    struct gcxi_marker *marker; /* mapped */
    uint8_t *filter;            /* a copy of gcxi_map.used */
    uint8_t *put_off;           /* per unit: M6 */
    uint32_t next_put_off;      /* where the search in it goes on; feed_lock */
    uint8_t *open;              /* per unit: N7 */
    uint32_t next_close;        /* where the search for units to close goes on, */
    uint32_t end_close;         /* and where it ends */
    uint64_t mark_ns;
    struct gcxi_apart apart;
    clockid_t cpu_clock;     /* of the thread, when it has STARTED */
    uint64_t cpu_begin_ns;   /* by it, at the first stop */
    size_t live_max_bytes;   /* when so much is live the second stop comes in any case */
    size_t live_begin_bytes; /* before the first stop */
    size_t heap_begin_bytes; /* of that, in the heap */
    bool waits_late;         /* the heap only grows, which needs the room, or is little */
    size_t passes;
    size_t long_passes;      /* of them: hardly shorter than the one before */
    uint64_t pass_begin_ns;  /* mark_ns when the last pass began */
    uint64_t pass_before_ns; /* it took, before the last */
} concurrent = {.feed_lock = GCXI_LOCK_INIT(GCXI_RANK_WORK)};

/* What a cycle has to mark or read: static data that can be read beside the program
 * counts as live. */
static size_t live_bytes(void)
{
    return gcxi_load_relaxed(&gcxi_gc.totals.live_bytes) + gcxi_statics_beside_bytes();
}

/* ---- The program waits ---- */

static uint64_t pace_factor(void)
{
    size_t now_bytes = live_bytes() + gcxi_load_relaxed(&gcxi_gc.allocated_bytes);
    unsigned factor =
        gcxi_pacer_wait(concurrent.live_begin_bytes, now_bytes, concurrent.waits_late);
    return gcxi_max(factor, concurrent.long_passes > 1 ? 3 : (unsigned)concurrent.long_passes);
}

struct pace {
    struct gcxi_mutator *self;
    uint64_t wait_ns;
};

static void pace_wait(uintptr_t sp, void *arg)
{
    struct pace *pace = arg;
    gcxi_suspend_block(&pace->self->suspend, sp);
    if (!gcxi_concurrent_is_marked())
        gcxi_futex_wait_for(&concurrent.state, MARKING, pace->wait_ns);
    gcxi_suspend_unblock(&pace->self->suspend);
}

void gcxi_concurrent_pace_slow(struct gcxi_mutator *self)
{
    uint64_t now_ns = gcxi_clock_ns(), factor = pace_factor();
    uint64_t ran_ns = gcxi_min(now_ns - self->paced_ns, PACE_MOST_NS);
    struct pace pace = {self, factor * ran_ns};
    if (factor != 0 && pace.wait_ns < PACE_LEAST_NS)
        return;
    if (factor != 0)
        gcxi_stack_with_registers(pace_wait, &pace);
    self->paced_ns = gcxi_clock_ns();
}

bool gcxi_concurrent_is_under_way(void)
{
    return gcxi_load_acquire(&concurrent.state) != IDLE;
}

bool gcxi_concurrent_is_marked(void)
{
    return gcxi_load_acquire(&concurrent.state) == MARKED;
}

bool gcxi_concurrent_waits(void)
{
    return gcxi_concurrent_is_marked() && gcxi_load_relaxed(&concurrent.is_refused) == 0;
}

void gcxi_concurrent_refuse(void)
{
    gcxi_store_relaxed(&concurrent.is_refused, 1);
}

/* Of the last pass, or so far. */
static uint64_t pass_ns(void)
{
    return concurrent.mark_ns - concurrent.pass_begin_ns;
}

/* To mark what is left of a little heap takes no longer than the stops that passes begin
 * with. Tests want them. */
static bool is_little(void)
{
    return concurrent.live_begin_bytes < LITTLE_BYTES && !gcxi_delays_are_on();
}

static bool is_passed(void)
{
    if (is_little())
        return true;
    if (concurrent.passes < PASSES_MIN)
        return false;
    return pass_ns() < PASS_SHORT_NS || concurrent.passes >= PASSES_MAX;
}

bool gcxi_concurrent_is_due(void)
{
    return (gcxi_concurrent_is_marked() && is_passed()) ||
           live_bytes() >= concurrent.live_max_bytes;
}

bool gcxi_concurrent_knows(uint32_t unit)
{
    return concurrent.filter[unit] != 0;
}

size_t gcxi_concurrent_begin_bytes(void)
{
    return concurrent.heap_begin_bytes;
}

uint64_t gcxi_concurrent_mark_ns(void)
{
    return concurrent.mark_ns;
}

uint64_t gcxi_concurrent_cpu_ns(void)
{
    uint64_t now_ns = gcxi_clock_thread_cpu_ns(concurrent.cpu_clock);
    return now_ns > concurrent.cpu_begin_ns ? now_ns - concurrent.cpu_begin_ns : 0;
}

/* ---- The thread ---- */

/* N5. False if it has to stay away. */
static bool thread_enter(void)
{
    gcxi_delay(GCXI_EDGE_ENTER);
    gcxi_store_seq_cst(&concurrent.busy, 1);
    gcxi_delay(GCXI_EDGE_ENTER);
    if (gcxi_load_seq_cst(&concurrent.halt) == 0 && gcxi_load_acquire(&concurrent.state) == MARKING)
        return true;
    gcxi_store_release(&concurrent.busy, 0);
    gcxi_futex_wake(&concurrent.busy, 1);
    return false;
}

static void thread_leave(bool is_done)
{
    gcxi_delay(GCXI_EDGE_DONE);
    if (is_done) {
        gcxi_store_release(&concurrent.state, MARKED);
        gcxi_futex_wake(&concurrent.state, UINT32_MAX >> 1);
    }
    gcxi_delay(GCXI_EDGE_DONE);
    gcxi_store_seq_cst(&concurrent.busy, 0);
    if (gcxi_load_seq_cst(&concurrent.halt) != 0)
        gcxi_futex_wake(&concurrent.busy, 1);
}

/* Little heaps are marked before the program has done much, unless in small
 * pieces with delays between them: 1 to 32 batches. */
static uint32_t piece_batches(void)
{
    return gcxi_delays_are_on() ? 1u << gcxi_delay_seed % 6 : PIECE_BATCHES;
}

/* N7. Looks at some units after the graph, when most that lived at the first stop
 * are marked. False if none is left to look at. */
static bool close_some(void)
{
    uint32_t end = concurrent.end_close, unit = concurrent.next_close;
    for (uint32_t i = 0; i < CLOSE_UNITS && unit < end; i++) {
        if (concurrent.open[unit] == 0 || concurrent.filter[unit] == 0) {
            unit++;
            continue;
        }
        const struct gcxi_block *block = &gcxi_map.blocks[unit];
        uint8_t before = gcxi_map.epoch_before;
        if (gcxi_marks_find(block->marks, 0, block->slots, before) == block->slots)
            gcxi_clear_bytes(concurrent.open + unit, block->units); /* the verifier may look */
        unit += block->units;
    }
    concurrent.next_close = unit;
    return unit < end;
}

static void thread_mark(void)
{
    bool is_done = false;
    while (!is_done && thread_enter()) {
        if (GCXI_CHECKED)
            gcxi_store_seq_cst(&concurrent.inside, 1);
        uint64_t begin_ns = gcxi_clock_ns();
        is_done = gcxi_mark_drain(concurrent.marker, piece_batches()) &&
                  !gcxi_statics_show_beside(concurrent.marker) && !close_some() &&
                  !gcxi_remember_show_beside(concurrent.marker);
        concurrent.mark_ns += gcxi_clock_ns() - begin_ns;
        if (GCXI_CHECKED)
            gcxi_store_seq_cst(&concurrent.inside, 0);
        thread_leave(is_done);
        gcxi_delay(GCXI_EDGE_PIECE);
    }
}

static void *thread_main(void *arg)
{
    (void)arg;
    concurrent.cpu_clock = gcxi_clock_of_thread();
    gcxi_store_release(&concurrent.thread, STARTED); /* is_possible looks for it */
    for (;;) {
        uint32_t round = gcxi_load_acquire(&concurrent.round);
        thread_mark();
        gcxi_apart_sleep(&concurrent.apart);
        gcxi_futex_wait(&concurrent.round, round);
        gcxi_apart_arrive(&concurrent.apart);
    }
    return NULL;
}

void gcxi_concurrent_wake(void)
{
    if (gcxi_load_relaxed(&concurrent.thread) != STARTED || !gcxi_concurrent_is_under_way())
        return;
    gcxi_apart_keep_off(&concurrent.apart);
    gcxi_add_acq_rel(&concurrent.round, 1);
    gcxi_futex_wake(&concurrent.round, 1);
}

static bool make_tables(void)
{
    size_t units = (size_t)gcxi_map.units + 1;
    if (concurrent.filter == NULL)
        concurrent.filter = gcxi_vm_map(3 * units);
    if (concurrent.marker == NULL)
        concurrent.marker = gcxi_vm_map(sizeof *concurrent.marker);
    if (concurrent.filter == NULL || concurrent.marker == NULL)
        return false;
    concurrent.put_off = concurrent.filter + units;
    concurrent.open = concurrent.put_off + units;
    if (concurrent.marker->stack == NULL && gcxi_marker_init(concurrent.marker, STACK_BYTES) != 0)
        return false;
    return gcxi_remember_beside_init() == 0;
}

/* In a heap that only grows what was just allocated lives. */
static bool is_worth_it(void)
{
    size_t grown = gcxi_gc.pacer.is_growing ? gcxi_load_relaxed(&gcxi_gc.allocated_bytes) : 0;
    return live_bytes() + grown >= gcxi_pacer_beside_bytes(&gcxi_gc.pacer, &gcxi_gc.settings.pacer);
}

/* So early that the thread runs when a cycle wants it: all that was allocated may be
 * live now. */
static bool may_be_worth_it(void)
{
    const struct gcxi_pacer_settings *settings = &gcxi_gc.settings.pacer;
    size_t most = live_bytes() + gcxi_load_relaxed(&gcxi_gc.allocated_bytes);
    return most >= gcxi_min(settings->growing_bytes, settings->concurrent_bytes) / 2;
}

void gcxi_concurrent_start_thread(void)
{
    uint32_t none = NO_THREAD;
    if (!may_be_worth_it() || gcxi_load_relaxed(&concurrent.thread) != NO_THREAD ||
        !gcxi_compare_exchange(&concurrent.thread, &none, STARTING))
        return;
    bool is_there = make_tables() && gcxi_thread_create_own(thread_main, NULL) == 0;
    if (!is_there)
        gcxi_store_release(&concurrent.thread, NO_THREAD);
}

/* ---- The stops ---- */

/* N5. */
static bool is_away(void)
{
    return gcxi_load_seq_cst(&concurrent.inside) == 0 && gcxi_load_seq_cst(&concurrent.halt) != 0;
}

bool gcxi_concurrent_is_possible(void)
{
    return is_worth_it() && gcxi_load_acquire(&concurrent.thread) == STARTED &&
           !gcxi_remember_is_none() && !gcxi_gc.settings.is_checked;
}

static void copy_zone(enum gcxi_zone_index zone)
{
    uint32_t first = gcxi_zone_first(zone);
    memcpy(concurrent.filter + first, gcxi_map.used + first, gcxi_zone_end(zone) - first);
}

static void clear_zone(enum gcxi_zone_index zone)
{
    uint32_t first = gcxi_zone_first(zone);
    memset(concurrent.put_off + first, 0, gcxi_zone_end(zone) - first);
}

/* N2. */
static void copy_used(void)
{
    copy_zone(GCXI_ZONE_SCAN);
    copy_zone(GCXI_ZONE_NOSCAN);
}

/* N7. */
static void open_young(enum gcxi_zone_index zone)
{
    for (uint32_t unit = gcxi_zone_first(zone), end = gcxi_zone_end(zone); unit < end; unit++)
        concurrent.open[unit] =
            (concurrent.open[unit] | gcxi_map.young[unit]) & gcxi_map.used[unit];
}

/* Words into units that a census has freed lead nowhere. */
static void close_freed(enum gcxi_zone_index zone)
{
    for (uint32_t unit = gcxi_zone_first(zone), end = gcxi_zone_end(zone); unit < end; unit++)
        concurrent.open[unit] &= gcxi_map.used[unit];
}

static void open_all(enum gcxi_zone_index zone)
{
    uint32_t first = gcxi_zone_first(zone);
    memcpy(concurrent.open + first, gcxi_map.used + first, gcxi_zone_end(zone) - first);
    concurrent.next_close = concurrent.end_close = 0;
}

/* What became old since is often reached from roots only: a list whose head is one. */
static void show_roots(bool is_first)
{
    gcxi_mutators_mark_stw(concurrent.marker, false);
    gcxi_statics_begin_beside_stw(concurrent.marker, is_first);
}

void gcxi_concurrent_begin_stw(void)
{
    GCXI_ASSERT(concurrent.state == IDLE);
    copy_used();
    clear_zone(GCXI_ZONE_SCAN);
    clear_zone(GCXI_ZONE_NOSCAN);
    open_all(GCXI_ZONE_SCAN);
    open_all(GCXI_ZONE_NOSCAN);
    concurrent.next_put_off = 0;
    gcxi_marker_begin_beside(concurrent.marker, concurrent.open, concurrent.put_off);
    show_roots(true);
    concurrent.mark_ns = 0;
    concurrent.cpu_begin_ns = gcxi_clock_thread_cpu_ns(concurrent.cpu_clock);
    concurrent.passes = concurrent.long_passes = 0;
    concurrent.live_begin_bytes = live_bytes();
    concurrent.heap_begin_bytes = gcxi_gc.totals.live_bytes;
    concurrent.waits_late = gcxi_gc.pacer.is_growing || concurrent.live_begin_bytes < LITTLE_BYTES;
    concurrent.pass_begin_ns = 0;
    gcxi_owed_clear_stw();
    gcxi_remember_beside_begin_stw(true);
    concurrent.live_max_bytes =
        gcxi_min(gcxi_pacer_beside_most(live_bytes()),
                 (size_t)gcxi_gc.settings.pacer.memory_limit + gcxi_statics_beside_bytes());
    gcxi_store_release(&concurrent.state, MARKING);
    gcxi_delay(GCXI_EDGE_RESUME);
}

/* What was shown meanwhile is looked at beside the program too. */
static void begin_pass(void)
{
    if (concurrent.passes != 0 && pass_ns() > concurrent.pass_before_ns / 4 * 3)
        concurrent.long_passes++;
    concurrent.passes++;
    concurrent.pass_before_ns = pass_ns();
    concurrent.pass_begin_ns = concurrent.mark_ns;
    concurrent.next_close = 1;
    concurrent.end_close = gcxi_zone_end(GCXI_ZONE_NOSCAN);
    gcxi_owed_turn_stw();
    gcxi_remember_beside_begin_stw(false);
    show_roots(false);
    gcxi_store_release(&concurrent.state, MARKING);
}

void gcxi_concurrent_resume_stw(void)
{
    GCXI_ASSERT(is_away());
    gcxi_verify_between_end_stw();
    copy_used();
    close_freed(GCXI_ZONE_SCAN);
    close_freed(GCXI_ZONE_NOSCAN);
    if (concurrent.state == MARKED)
        begin_pass();
    gcxi_delay(GCXI_EDGE_RESUME);
    gcxi_store_seq_cst(&concurrent.halt, 0);
    gcxi_delay(GCXI_EDGE_RESUME);
}

void gcxi_concurrent_halt_stw(void)
{
    gcxi_delay(GCXI_EDGE_HALT);
    gcxi_store_seq_cst(&concurrent.halt, 1);
    gcxi_delay(GCXI_EDGE_HALT);
    while (gcxi_load_seq_cst(&concurrent.busy) != 0)
        gcxi_futex_wait(&concurrent.busy, 1);
    GCXI_ASSERT(is_away());
    gcxi_store_relaxed(&concurrent.is_refused, 0);
    gcxi_mark_settle(concurrent.marker);
    open_young(GCXI_ZONE_SCAN);
    open_young(GCXI_ZONE_NOSCAN);
    gcxi_verify_between_begin_stw();
}

/* The next block in the zone that was put off, from that unit on, or 0. */
static uint32_t find_put_off(enum gcxi_zone_index zone, uint32_t unit)
{
    uint32_t lo = (uint32_t)gcxi_max(unit, gcxi_zone_first(zone)), end = gcxi_zone_end(zone);
    const uint8_t *found = lo < end ? memchr(concurrent.put_off + lo, 1, end - lo) : NULL;
    return found != NULL ? (uint32_t)(found - concurrent.put_off) : 0;
}

/* Objects of one of them. */
static bool feed_put_off(struct gcxi_marker *m)
{
    gcxi_lock(&concurrent.feed_lock);
    uint32_t unit = find_put_off(GCXI_ZONE_SCAN, concurrent.next_put_off);
    if (unit == 0)
        unit = find_put_off(GCXI_ZONE_NOSCAN, concurrent.next_put_off);
    concurrent.next_put_off = unit != 0 ? unit + 1 : gcxi_map.units;
    gcxi_unlock(&concurrent.feed_lock);
    if (unit != 0 && gcxi_map.used[unit] != 0)
        gcxi_mark_block(m, gcxi_unit_block(unit));
    return unit != 0;
}

/* Some of what is on its stack. */
static bool feed_stack(struct gcxi_marker *m)
{
    struct gcxi_marker *from = concurrent.marker;
    gcxi_lock(&concurrent.feed_lock);
    size_t n = gcxi_mark_push_top(m, from->base, (size_t)(from->sp - from->base), FEED_ENTRIES);
    from->sp -= n;
    gcxi_unlock(&concurrent.feed_lock);
    return n != 0;
}

const uint8_t *gcxi_concurrent_open_stw(void)
{
    return concurrent.open;
}

bool gcxi_concurrent_feed(struct gcxi_marker *m)
{
    return feed_stack(m) || feed_put_off(m);
}

void gcxi_concurrent_end_stw(void)
{
    GCXI_ASSERT(is_away());
    if (concurrent.marker->overflowed)
        gcxi_marker->overflowed = true;
    gcxi_store_release(&concurrent.state, IDLE);
    gcxi_store_seq_cst(&concurrent.halt, 0);
}

/* ---- Giving up ---- */

static void zone_is_unmarked(enum gcxi_zone_index zone)
{
    uint32_t end = gcxi_zone_end(zone);
    for (uint32_t unit = gcxi_zone_first(zone); (unit = gcxi_next_used(unit, end)) < end;) {
        struct gcxi_block *block = &gcxi_map.blocks[unit];
        for (uint32_t i = 0; i < block->slots; i++)
            if (block->marks[i] == gcxi_map.epoch_before)
                block->marks[i] = gcxi_map.epoch;
        unit += block->units;
    }
}

/* What is marked and what is not are both old. */
static void forget_marks(void)
{
    if (concurrent.state == IDLE)
        return;
    zone_is_unmarked(GCXI_ZONE_SCAN);
    zone_is_unmarked(GCXI_ZONE_NOSCAN);
    gcxi_map.epoch_before = gcxi_map.epoch_kept = gcxi_map.epoch;
    gcxi_store_release(&concurrent.state, IDLE); /* threads that wait for the marker look */
}

void gcxi_concurrent_abandon_stw(void)
{
    gcxi_concurrent_halt_stw();
    forget_marks();
    gcxi_store_seq_cst(&concurrent.halt, 0);
}

void gcxi_concurrent_reset_after_fork(void)
{
    forget_marks();
    concurrent.busy = concurrent.halt = concurrent.inside = 0;
    memset(&concurrent.apart, 0, sizeof concurrent.apart);
    concurrent.thread = NO_THREAD;
    gcxi_lock_reset_after_fork(&concurrent.feed_lock);
}
