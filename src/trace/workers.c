/* workers.c -- helper threads and the pool they share.
 *
 * Every worker marks from a stack of its own. When one runs dry it becomes
 * hungry; the others see that and give the older half of their stacks, at most
 * a batch at a time, to the pool, from which the hungry take. Marking is over
 * when all workers are hungry and the pool is empty.
 *
 * Waking a helper costs more than a small cycle, so the collecting thread marks
 * alone first and calls for help only if that does not end soon.
 *
 * W1  active counts the workers that may still give: it falls under the lock
 *     and only with the own stack and the pool empty, so 0 means the end.
 * W2  The next phase begins only when every helper has left the last.
 * W3  Each helper has a marker of its own: one thread at a time starts helpers.
 *
 * Locking: the pool's lock (rank WORK) for all its fields; hungry is also read
 * without it, as a hint. What holds addresses of objects is mapped, not
 * static: static data is a root.
 *
 * SPDX-License-Identifier: MIT */
#include "trace/workers.h"

#include <string.h>

#include "base/lock.h"
#include "os/apart.h"
#include "os/futex.h"
#include "os/thread.h"
#include "os/vm.h"

#define ALONE_BATCHES 512u
#define FEED_BATCHES 32u /* what a piece of the feed counts */
#define POOL_ENTRIES ((size_t)GCXI_POOL_BATCH * 64)
#define SPIN_ROUNDS 2000
#define APART_HELPERS 3u /* of more one may wait: to keep it off takes 1 us, before all begin */
#define STACK_BYTES (GCXI_CHECKED ? 64 * GCXI_KIB : 64 * GCXI_MIB)

struct gcxi_marker *gcxi_marker;
uint32_t gcxi_pool_hungry;

static struct {
    struct gcxi_lock lock;
    uintptr_t *entries; /* POOL_ENTRIES */
    size_t count;
    uint32_t active;
    uint32_t waiting;
    uint32_t inside;   /* helpers in this phase; futex */
    uint32_t seq;      /* futex: moves when entries came or the phase ended */
    uint32_t sleepers; /* in futex waits on seq; atomic */
    uint32_t phase;    /* futex: odd while helpers are wanted */
    gcxi_feed *feed;   /* of this phase */
    unsigned helpers;  /* that may join this phase; one started since may not */
    bool is_done;
} pool = {.lock = GCXI_LOCK_INIT(GCXI_RANK_WORK)};

static struct {
    struct gcxi_lock start_lock;
    unsigned wanted;             /* workers, the collecting thread included */
    unsigned running;            /* helper threads; start_lock */
    uint32_t is_needed;          /* some cycle was long enough for help */
    struct gcxi_marker *markers; /* GCXI_WORKERS_MAX; the first is gcxi_marker */
    struct gcxi_apart *aparts;   /* as many; of the helpers */
} workers = {.start_lock = GCXI_LOCK_INIT(GCXI_RANK_WORK)};

/* ---- The pool ---- */

static void pool_signal(uint32_t *word)
{
    gcxi_add_acq_rel(word, 1);
    gcxi_futex_wake(word, UINT32_MAX >> 1);
}

/* Entries came, or the end: most who wait are still spinning. A sleeper counts
 * itself before it looks at seq for the last time. */
static void pool_tell(void)
{
    gcxi_add_seq_cst(&pool.seq, 1);
    if (gcxi_load_seq_cst(&pool.sleepers) != 0)
        gcxi_futex_wake(&pool.seq, UINT32_MAX >> 1);
}

/* The hint asks for more only while there is nothing to take: whoever is about
 * to wake up needs no second gift. */
static void pool_hint_locked(void)
{
    gcxi_store_relaxed(&gcxi_pool_hungry, pool.waiting != 0 && pool.count == 0);
}

bool gcxi_pool_give(const uintptr_t *entries, size_t n)
{
    bool has_room;
    gcxi_lock(&pool.lock);
    has_room = pool.count + n <= POOL_ENTRIES;
    if (has_room) {
        memcpy(pool.entries + pool.count, entries, n * sizeof *entries);
        pool.count += n;
    }
    pool_hint_locked();
    gcxi_unlock(&pool.lock);
    if (has_room)
        pool_tell();
    return has_room;
}

/* Moves up to a batch to the worker's empty stack. */
static void pool_take_locked(struct gcxi_marker *m)
{
    pool.count -= gcxi_mark_push_top(m, pool.entries, pool.count, GCXI_POOL_BATCH / 4);
}

static void pool_wait(uint32_t seq)
{
    for (int i = 0; i < SPIN_ROUNDS; i++) {
        if (gcxi_load_acquire(&pool.seq) != seq)
            return;
        gcxi_cpu_relax();
    }
    gcxi_add_seq_cst(&pool.sleepers, 1);
    gcxi_futex_wait(&pool.seq, seq);
    gcxi_sub_relaxed(&pool.sleepers, 1);
}

/* Gets work for a worker that has none; false when marking is over. */
static bool pool_take(struct gcxi_marker *m)
{
    gcxi_lock(&pool.lock);
    pool.active--;
    pool.waiting++;
    pool_hint_locked();
    while (pool.count == 0 && !pool.is_done) {
        if (pool.active == 0) {
            pool.is_done = true;
            pool_tell();
            break;
        }
        uint32_t seq = gcxi_load_acquire(&pool.seq);
        gcxi_unlock(&pool.lock);
        pool_wait(seq);
        gcxi_lock(&pool.lock);
    }
    pool.waiting--;
    bool has_work = pool.count > 0;
    if (has_work) {
        pool.active++;
        pool_take_locked(m);
    }
    pool_hint_locked();
    gcxi_unlock(&pool.lock);
    return has_work;
}

/* Until the phase is over. */
static void work(struct gcxi_marker *m)
{
    gcxi_feed *feed = pool.feed;
    do
        gcxi_mark_drain(m, 0);
    while (feed(m) || pool_take(m));
}

/* ---- Helpers ---- */

static void helper_phase(struct gcxi_marker *m)
{
    gcxi_lock(&pool.lock);
    bool joins = !pool.is_done && (gcxi_load_relaxed(&pool.phase) & 1) != 0 &&
                 (unsigned)(m - workers.markers) <= pool.helpers;
    if (joins) {
        pool.inside++;
        pool.active++;
    }
    gcxi_unlock(&pool.lock);
    if (!joins)
        return;
    work(m);
    if (gcxi_sub_acq_rel(&pool.inside, 1) == 1)
        gcxi_futex_wake(&pool.inside, 1);
}

static void *helper_main(void *arg)
{
    struct gcxi_marker *m = arg;
    struct gcxi_apart *apart = &workers.aparts[m - workers.markers];
    for (uint32_t phase = 0;;) {
        gcxi_apart_sleep(apart);
        gcxi_futex_wait(&pool.phase, phase);
        gcxi_apart_arrive(apart);
        uint32_t now = gcxi_load_acquire(&pool.phase);
        if (now != phase && (now & 1) != 0)
            helper_phase(m);
        phase = now;
    }
    return NULL;
}

static bool helper_start(struct gcxi_marker *m)
{
    if (m->stack == NULL && gcxi_marker_init(m, STACK_BYTES) != 0)
        return false;
    return gcxi_thread_create_own(helper_main, m) == 0;
}

void gcxi_workers_start_threads(void)
{
    if (gcxi_load_relaxed(&workers.is_needed) == 0 || !gcxi_lock_try(&workers.start_lock))
        return;
    gcxi_store_relaxed(&workers.is_needed, 0);
    while (workers.running + 1 < workers.wanted &&
           helper_start(&workers.markers[workers.running + 1]))
        gcxi_store_release(&workers.running, workers.running + 1);
    gcxi_unlock(&workers.start_lock);
}

void gcxi_workers_reset_after_fork(void)
{
    workers.running = 0;
    if (workers.aparts != NULL)
        memset(workers.aparts, 0, GCXI_WORKERS_MAX * sizeof *workers.aparts);
    gcxi_lock_reset_after_fork(&pool.lock);
    gcxi_lock_reset_after_fork(&workers.start_lock);
    pool.inside = pool.active = pool.waiting = pool.phase = pool.sleepers = 0;
    gcxi_pool_hungry = 0;
}

int gcxi_workers_init(unsigned count)
{
    workers.wanted = count < GCXI_WORKERS_MAX ? count : GCXI_WORKERS_MAX;
    if (gcxi_marker != NULL)
        return 0;
    size_t entries_bytes = POOL_ENTRIES * sizeof *pool.entries;
    size_t markers_bytes = GCXI_WORKERS_MAX * sizeof *workers.markers;
    char *memory =
        gcxi_vm_map(entries_bytes + markers_bytes + GCXI_WORKERS_MAX * sizeof *workers.aparts);
    if (memory == NULL)
        return -1;
    pool.entries = (uintptr_t *)(void *)memory;
    workers.markers = (struct gcxi_marker *)(void *)(memory + entries_bytes);
    workers.aparts = (struct gcxi_apart *)(void *)(memory + entries_bytes + markers_bytes);
    if (gcxi_marker_init(workers.markers, STACK_BYTES) != 0)
        return -1;
    gcxi_marker = workers.markers;
    return 0;
}

unsigned gcxi_workers_count(void)
{
    return workers.wanted;
}

/* ---- A phase ---- */

static void phase_begin(gcxi_feed *feed)
{
    unsigned helpers = gcxi_load_acquire(&workers.running);
    for (unsigned i = 1; i <= helpers; i++)
        gcxi_marker_join(&workers.markers[i], gcxi_marker);
    gcxi_lock(&pool.lock);
    pool.is_done = false;
    pool.count = 0;
    pool.active = 1;
    pool.feed = feed;
    pool.helpers = helpers;
    gcxi_unlock(&pool.lock);
    for (unsigned i = 1; i <= helpers && helpers <= APART_HELPERS; i++)
        gcxi_apart_keep_off(&workers.aparts[i]);
    pool_signal(&pool.phase);
}

/* W2. */
static void phase_end(void)
{
    uint32_t inside;
    gcxi_lock(&pool.lock);
    gcxi_add_acq_rel(&pool.phase, 1);
    gcxi_unlock(&pool.lock);
    while ((inside = gcxi_load_acquire(&pool.inside)) != 0)
        gcxi_futex_wait(&pool.inside, inside);
    for (unsigned i = 1; i <= pool.helpers; i++)
        gcxi_marker->overflowed |= workers.markers[i].overflowed;
}

bool gcxi_feed_nothing(struct gcxi_marker *m)
{
    (void)m;
    return false;
}

/* True if nothing is left. */
static bool drain_alone(gcxi_feed *feed)
{
    if (!gcxi_mark_drain(gcxi_marker, ALONE_BATCHES))
        return false;
    for (uint32_t batches = ALONE_BATCHES; feed(gcxi_marker); batches -= FEED_BATCHES)
        if (batches <= FEED_BATCHES || !gcxi_mark_drain(gcxi_marker, batches))
            return false;
    return true;
}

void gcxi_workers_drain(gcxi_feed *feed)
{
    if (!drain_alone(feed)) {
        if (gcxi_load_relaxed(&workers.running) + 1 < workers.wanted)
            gcxi_store_relaxed(&workers.is_needed, 1);
        phase_begin(feed);
        work(gcxi_marker);
        phase_end();
    }
    if (GCXI_UNLIKELY(gcxi_marker->overflowed))
        gcxi_mark_recover(gcxi_marker);
}
