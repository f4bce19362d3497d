/* test_threads.c -- many threads on one heap.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/proc.h"
#include "../support/random.h"
#include "../support/scale.h"

enum { THREADS = 8, SIZE = 80 };

/* cmocka's assertions belong to the main thread: others count. */
static atomic_int failures;

#define CHECK(condition)                    \
    do {                                    \
        if (!(condition)) {                 \
            atomic_fetch_add(&failures, 1); \
        }                                   \
    } while (0)

static int reset(void **state)
{
    (void)state;
    atomic_store(&failures, 0);
    alarm(300); /* a lost wake-up or a deadlock ends the test */
    return 0;
}

static void pause_ms(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0) {
    }
}

static void start(pthread_t *threads, size_t count, void *(*run)(void *), void *args,
                  size_t arg_bytes)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run, (char *)args + i * arg_bytes), 0);
    }
}

static void join(const pthread_t *threads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

/* ---- Exchange --------------------------------------------------------------- */

enum { SLOTS = 5000 };

struct item {
    struct item *next;
    uint64_t seed;
    char body[SIZE];
};

static struct item **shared;
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t exchanges;

static int item_intact(const struct item *item)
{
    return gcx_base(item) == item && pattern_intact(item->body, SIZE, item->seed);
}

static NOINLINE struct item *make_item(uint64_t seed)
{
    struct item *item = gcx_alloc(sizeof *item);
    item->seed = seed;
    pattern_fill(item->body, SIZE, seed);
    return item;
}

/* Takes lists out of an old array, checks them, puts its own there. */
static void *exchange(void *arg)
{
    struct random r = {(uint64_t) * (int *)arg + 100};
    for (int64_t i = 0; i < exchanges; i++) {
        struct item *mine = make_item(random_next(&r));
        mine->next = make_item(random_next(&r));
        pthread_mutex_lock(&shared_lock);
        struct item **slot = &shared[random_below(&r, SLOTS)];
        struct item *theirs = *slot;
        *slot = mine;
        pthread_mutex_unlock(&shared_lock);
        for (struct item *item = theirs; item != NULL; item = item->next) {
            CHECK(item_intact(item));
        }
        if (i % 5000 == 0) {
            gcx_collect(i % 20000 == 0 ? GCX_FULL : GCX_MINOR);
        }
    }
    return NULL;
}

static void test_exchange_through_an_old_array(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    int seeds[THREADS] = {1, 2, 3, 4, 5, 6, 7, 8};
    exchanges = (int64_t)scaled(60000);
    shared = gcx_calloc(SLOTS, sizeof(struct item *));
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_FULL);
    start(threads, THREADS, exchange, seeds, sizeof seeds[0]);
    join(threads, THREADS);
    assert_int_equal(atomic_load(&failures), 0);
    size_t found = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        for (struct item *item = shared[i]; item != NULL; item = item->next) {
            assert_true(item_intact(item));
            found++;
        }
    }
    assert_true(found > SLOTS / 2);
    shared = NULL;
}

/* Without a lock: each slot is exchanged atomically. */
static void *exchange_atomically(void *arg)
{
    struct random r = {(uint64_t) * (int *)arg + 200};
    _Atomic(struct item *) *slots = (_Atomic(struct item *) *)(void *)shared;
    for (int64_t i = 0; i < exchanges; i++) {
        struct item *mine = make_item(random_next(&r));
        mine->next = make_item(random_next(&r));
        struct item *theirs = atomic_exchange(&slots[random_below(&r, SLOTS)], mine);
        for (struct item *item = theirs; item != NULL; item = item->next) {
            CHECK(item_intact(item));
        }
    }
    return NULL;
}

static void test_exchange_without_a_lock(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    int seeds[THREADS] = {1, 2, 3, 4, 5, 6, 7, 8};
    exchanges = (int64_t)scaled(100000);
    shared = gcx_calloc(SLOTS, sizeof(struct item *));
    gcx_collect(GCX_FULL);
    start(threads, THREADS, exchange_atomically, seeds, sizeof seeds[0]);
    for (int i = 0; i < 50; i++) {
        gcx_collect(i % 10 == 0 ? GCX_FULL : GCX_MINOR);
        pause_ms(1);
    }
    join(threads, THREADS);
    assert_int_equal(atomic_load(&failures), 0);
    shared = NULL;
}

/* Every thread collects all the time; none may lose its list. */
static void *collect_all_the_time(void *arg)
{
    struct item *list = NULL;
    size_t length = 0;
    uint64_t seed = (uint64_t) * (int *)arg << 32;
    for (int i = 0; i < 150; i++) {
        for (int k = 0; k < 20; k++) {
            struct item *item = make_item(seed + length);
            item->next = list;
            list = item;
            length++;
        }
        gcx_collect(i % 8 == 7 ? GCX_FULL : GCX_MINOR);
    }
    for (struct item *item = list; item != NULL; item = item->next) {
        length--;
        CHECK(item->seed == seed + length && item_intact(item));
    }
    CHECK(length == 0);
    return NULL;
}

static void test_all_threads_collect(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    int seeds[THREADS] = {1, 2, 3, 4, 5, 6, 7, 8};
    start(threads, THREADS, collect_all_the_time, seeds, sizeof seeds[0]);
    join(threads, THREADS);
    assert_int_equal(atomic_load(&failures), 0);
}

/* Freed by another thread than the one that allocated. */
static void *free_what_comes(void *arg)
{
    _Atomic(void *) *mailbox = arg;
    void *p;
    while ((p = atomic_exchange(mailbox, NULL)) != (void *)arg) {
        if (p != NULL) {
            CHECK(gcx_base(p) == p && all_bytes(p, 64, 3));
            gcx_free(p);
        }
    }
    return NULL;
}

static void test_free_by_another_thread(void **state)
{
    (void)state;
    static _Atomic(void *) mailbox;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, free_what_comes, &mailbox), 0);
    for (int i = 0; i < 200000; i++) {
        void *p = gcx_alloc(64);
        CHECK(all_bytes(p, 64, 0));
        memset(p, 3, 64);
        void *missed = atomic_exchange(&mailbox, p);
        if (missed != NULL) {
            CHECK(all_bytes(missed, 64, 3));
            gcx_free(missed);
        }
    }
    void *empty = NULL;
    while (!atomic_compare_exchange_weak(&mailbox, &empty, (void *)&mailbox)) {
        empty = NULL;
        sched_yield();
    }
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&failures), 0);
}

/* ---- Coming and going ---------------------------------------------------- */

static void *live_briefly(void *arg)
{
    uint64_t seed = (uint64_t)(uintptr_t)arg;
    struct item *list = NULL;
    for (uint64_t i = 0; i < 50; i++) {
        struct item *item = make_item(seed + i);
        item->next = list;
        list = item;
    }
    for (struct item *item = list; item != NULL; item = item->next) {
        CHECK(item_intact(item));
    }
    return NULL;
}

static void run_short_threads(int count)
{
    for (int i = 0; i < count; i += THREADS) {
        pthread_t threads[THREADS];
        for (int k = 0; k < THREADS; k++) {
            assert_int_equal(
                pthread_create(&threads[k], NULL, live_briefly, (void *)((uintptr_t)i * 64 + 1)),
                0);
        }
        if (i % 160 == 0) {
            gcx_collect(i % 480 == 0 ? GCX_FULL : GCX_MINOR);
        }
        join(threads, THREADS);
    }
    collect_full();
}

static void test_short_threads_leave_nothing(void **state)
{
    (void)state;
    int count = is_stressed() || SANITIZED ? 400 : 4000;
    run_short_threads(count / 5);
    struct gcx_stats stats = stats_now();
    size_t rss = proc_rss_bytes();
    size_t space = proc_address_space_bytes();
    size_t maps = proc_maps_count();
    size_t fds = proc_dir_entries("/proc/self/fd");
    size_t tasks = proc_dir_entries("/proc/self/task");

    run_short_threads(count);

    assert_int_equal(atomic_load(&failures), 0);
    assert_int_equal(stats_now().threads, stats.threads);
    assert_int_equal(proc_dir_entries("/proc/self/fd"), fds);
    assert_int_equal(proc_dir_entries("/proc/self/task"), tasks);
    assert_true(stats_now().meta_bytes <= stats.meta_bytes + (4 << 20));
    assert_true(stats_now().heap_bytes <= stats.heap_bytes + (16 << 20));
    if (!SANITIZED) {
        assert_true(proc_maps_count() <= maps + 200);
        assert_true(proc_rss_bytes() <= rss + (24 << 20));
        assert_true(proc_address_space_bytes() <= space + (256 << 20));
    }
}

static void *live_detached(void *arg)
{
    CHECK(gcx_alloc(100) != NULL);
    sem_post(arg);
    return NULL;
}

static void test_detached_threads(void **state)
{
    (void)state;
    sem_t done;
    pthread_attr_t attr;
    uint64_t threads = stats_now().threads;
    sem_init(&done, 0, 0);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        while (pthread_create(&thread, &attr, live_detached, &done) != 0) {
            pause_ms(1);
        }
    }
    for (int i = 0; i < 200; i++) {
        while (sem_wait(&done) != 0) {
        }
    }
    for (int i = 0; i < 10000 && stats_now().threads != threads; i++) {
        pause_ms(1);
    }
    assert_int_equal(stats_now().threads, threads);
    pthread_attr_destroy(&attr);
    sem_destroy(&done);
}

/* Threads that end by pthread_exit and by cancellation are forgotten too. */
static void *end_by_exit(void *arg)
{
    (void)arg;
    CHECK(gcx_alloc(100) != NULL);
    pthread_exit(NULL);
}

static void *wait_to_be_cancelled(void *arg)
{
    CHECK(gcx_alloc(100) != NULL);
    sem_post(arg);
    for (;;) {
        pause();
    }
    return NULL;
}

static void test_other_ends_of_threads(void **state)
{
    (void)state;
    uint64_t threads = stats_now().threads;
    sem_t ready;
    sem_init(&ready, 0, 0);
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, end_by_exit, NULL), 0);
        pthread_join(thread, NULL);
        assert_int_equal(pthread_create(&thread, NULL, wait_to_be_cancelled, &ready), 0);
        while (sem_wait(&ready) != 0) {
        }
        pthread_cancel(thread);
        pthread_join(thread, NULL);
        gcx_collect(GCX_MINOR);
    }
    assert_int_equal(stats_now().threads, threads);
    sem_destroy(&ready);
}

/* A destructor of thread-specific data may still allocate. */
static pthread_key_t late_key;
static atomic_int late_calls;

static void allocate_late(void *value)
{
    CHECK(value != NULL && item_intact(value));
    live_briefly((void *)(uintptr_t)77);
    gcx_collect(GCX_MINOR);
    atomic_fetch_add(&late_calls, 1);
}

static void *leave_a_value(void *arg)
{
    (void)arg;
    pthread_setspecific(late_key, make_item(5));
    clear_stack();
    gcx_collect(GCX_FULL);
    return NULL;
}

static void test_allocation_in_destructors(void **state)
{
    (void)state;
    uint64_t threads = stats_now().threads;
    pthread_t thread;
    assert_int_equal(pthread_key_create(&late_key, allocate_late), 0);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(pthread_create(&thread, NULL, leave_a_value, NULL), 0);
        pthread_join(thread, NULL);
        gcx_collect(GCX_FULL);
    }
    assert_int_equal(atomic_load(&failures), 0);
    assert_int_equal(atomic_load(&late_calls), 50);
    assert_int_equal(stats_now().threads, threads);
    pthread_key_delete(late_key);
}

/* ---- Registration --------------------------------------------------------- */

static void *register_and_unregister(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        CHECK(gcx_thread_register() == 0);
        CHECK(gcx_thread_register() == 0);
        CHECK(gcx_thread_unregister() == 0);
        errno = 0;
        CHECK(gcx_thread_unregister() == -1);
        CHECK(errno == ENOENT);
        gcx_collect(GCX_MINOR);
        CHECK(gcx_alloc(64) != NULL); /* registers */
        struct item *item = make_item(1);
        gcx_collect(GCX_FULL);
        CHECK(item_intact(item));
        CHECK(gcx_thread_unregister() == 0);
    }
    return NULL;
}

static void test_register_and_unregister(void **state)
{
    (void)state;
    uint64_t threads = stats_now().threads;
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, register_and_unregister, NULL), 0);
        pthread_join(thread, NULL);
    }
    assert_int_equal(atomic_load(&failures), 0);
    assert_int_equal(stats_now().threads, threads);
}

static pthread_barrier_t gate;

static void *register_and_wait(void *arg)
{
    (void)arg;
    CHECK(gcx_thread_register() == 0);
    pthread_barrier_wait(&gate);
    pthread_barrier_wait(&gate);
    return NULL;
}

static void test_threads_are_counted(void **state)
{
    (void)state;
    pthread_t threads[5];
    gcx_alloc(1);
    uint64_t before = stats_now().threads;
    assert_true(before >= 1);
    pthread_barrier_init(&gate, NULL, 6);
    start(threads, 5, register_and_wait, threads, 0);
    pthread_barrier_wait(&gate);
    assert_int_equal(stats_now().threads, before + 5);
    pthread_barrier_wait(&gate);
    join(threads, 5);
    assert_int_equal(stats_now().threads, before);
    pthread_barrier_destroy(&gate);
}

/* A third allocates, a third waits in the system, a third says that it does. */
enum { MANY = 64 };

static atomic_int many_may_end;

static NOINLINE int churn_until_told(void)
{
    int is_intact = 1;
    while (atomic_load(&many_may_end) == 0) {
        is_intact &= item_intact(make_item(7));
        sched_yield();
    }
    return is_intact;
}

static void *one_of_many(void *arg)
{
    int number = *(int *)arg;
    struct item *volatile mine = make_item((uint64_t)number);
    pthread_barrier_wait(&gate);
    if (number % 3 == 0) {
        CHECK(churn_until_told());
    } else if (number % 3 == 1) {
        gcx_blocking_begin();
    }
    pthread_barrier_wait(&gate);
    CHECK(number % 3 != 1 || gcx_blocking_end() == 0);
    CHECK(item_intact(mine) && mine->seed == (uint64_t)number);
    return NULL;
}

static void test_sixty_four_threads(void **state)
{
    (void)state;
    pthread_t threads[MANY];
    int numbers[MANY];
    uint64_t before = stats_now().threads;
    for (int i = 0; i < MANY; i++) {
        numbers[i] = i;
    }
    atomic_store(&many_may_end, 0);
    pthread_barrier_init(&gate, NULL, MANY + 1);
    start(threads, MANY, one_of_many, numbers, sizeof numbers[0]);
    pthread_barrier_wait(&gate);
    assert_int_equal(stats_now().threads, before + MANY);
    uint64_t cycles = stats_now().full_cycles;
    for (int i = 0; i < 20; i++) {
        gcx_collect(i % 2 == 0 ? GCX_FULL : GCX_MINOR);
    }
    assert_true(stats_now().full_cycles >= cycles + 10);
    atomic_store(&many_may_end, 1);
    pthread_barrier_wait(&gate);
    join(threads, MANY);
    assert_int_equal(atomic_load(&failures), 0);
    assert_int_equal(stats_now().threads, before);
    pthread_barrier_destroy(&gate);
}

/* ---- gcx_thread_create --------------------------------------------------- */

static void *receive(void *arg)
{
    struct item *item = arg;
    CHECK(item_intact(item));
    clear_stack();
    gcx_collect(GCX_FULL);
    CHECK(item_intact(item));
    return (void *)(uintptr_t)item->seed;
}

static NOINLINE int create_with_item(pthread_t *thread, uint64_t seed)
{
    return gcx_thread_create(thread, NULL, receive, make_item(seed));
}

static void test_thread_create_keeps_its_argument(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 30; round++) {
        pthread_t threads[THREADS];
        for (size_t i = 0; i < THREADS; i++) {
            assert_int_equal(create_with_item(&threads[i], round * 100 + i), 0);
            collect_minor();
            churn(sizeof(struct item), 100);
        }
        for (size_t i = 0; i < THREADS; i++) {
            void *result = NULL;
            pthread_join(threads[i], &result);
            assert_int_equal((uintptr_t)result, round * 100 + i);
        }
    }
    assert_int_equal(atomic_load(&failures), 0);
}

static void *note_stack_size(void *arg)
{
    pthread_attr_t attr;
    (void)arg;
    size_t bytes = 0;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstacksize(&attr, &bytes);
    pthread_attr_destroy(&attr);
    return (void *)bytes;
}

static void test_thread_create_attributes(void **state)
{
    (void)state;
    pthread_t thread;
    pthread_attr_t attr;
    void *bytes = NULL;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 24 << 20);
    assert_int_equal(gcx_thread_create(&thread, &attr, note_stack_size, NULL), 0);
    pthread_join(thread, &bytes);
    assert_in_range(bytes, 23 << 20, 32 << 20);
    /* More stack than there are addresses: the error of pthread_create. */
    pthread_attr_setstacksize(&attr, (size_t)1 << 50);
    uint64_t threads = stats_now().threads;
    assert_int_not_equal(gcx_thread_create(&thread, &attr, note_stack_size, NULL), 0);
    assert_int_equal(stats_now().threads, threads);
    pthread_attr_destroy(&attr);
}

/* ---- Waits ---------------------------------------------------------------- */

struct waiter {
    int ends[2];
    pthread_mutex_t lock;
    pthread_cond_t woken;
    int is_woken;
    sem_t semaphore;
    atomic_int waiting;
};

static struct waiter waiter;

/* Waits by each call that the system restarts, a pointer in its frame. */
static void *wait_in_calls(void *arg)
{
    struct item *item = make_item(8);
    char byte = 0;
    (void)arg;
    atomic_fetch_add(&waiter.waiting, 1);
    CHECK(read(waiter.ends[0], &byte, 1) == 1);
    CHECK(item_intact(item));
    atomic_fetch_add(&waiter.waiting, 1);
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.is_woken) {
        CHECK(pthread_cond_wait(&waiter.woken, &waiter.lock) == 0);
    }
    pthread_mutex_unlock(&waiter.lock);
    CHECK(item_intact(item));
    atomic_fetch_add(&waiter.waiting, 1);
    CHECK(sem_wait(&waiter.semaphore) == 0);
    CHECK(item_intact(item));
    return NULL;
}

static void let_wait(int waiting)
{
    while (atomic_load(&waiter.waiting) < waiting) {
        sched_yield();
    }
    for (int i = 0; i < 30; i++) {
        pause_ms(1);
        gcx_collect(i % 2 == 0 ? GCX_FULL : GCX_MINOR);
        churn(sizeof(struct item), 200);
    }
}

static void test_threads_waiting_in_the_system(void **state)
{
    (void)state;
    pthread_t threads[4];
    memset(&waiter, 0, sizeof waiter);
    pthread_mutex_init(&waiter.lock, NULL);
    pthread_cond_init(&waiter.woken, NULL);
    sem_init(&waiter.semaphore, 0, 0);
    assert_int_equal(pipe(waiter.ends), 0);
    start(threads, 4, wait_in_calls, threads, 0);
    let_wait(4);
    assert_int_equal(write(waiter.ends[1], "1234", 4), 4);
    let_wait(8);
    pthread_mutex_lock(&waiter.lock);
    waiter.is_woken = 1;
    pthread_cond_broadcast(&waiter.woken);
    pthread_mutex_unlock(&waiter.lock);
    let_wait(12);
    for (int i = 0; i < 4; i++) {
        sem_post(&waiter.semaphore);
    }
    join(threads, 4);
    assert_int_equal(atomic_load(&failures), 0);
    close(waiter.ends[0]);
    close(waiter.ends[1]);
    sem_destroy(&waiter.semaphore);
}

/* A mutex held by one stopped thread and wanted by another. */
static void *lock_and_allocate(void *arg)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)arg;
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&lock);
        struct item *item = make_item(4);
        if (i % 50 == 0) {
            gcx_collect(GCX_MINOR);
        }
        CHECK(item_intact(item));
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void test_allocation_under_a_lock(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    start(threads, THREADS, lock_and_allocate, threads, 0);
    join(threads, THREADS);
    assert_int_equal(atomic_load(&failures), 0);
}

/* ---- Blocking sections ---------------------------------------------------- */

struct blocked {
    atomic_int inside;
    atomic_int leave;
    atomic_int in_pause;
    atomic_int calling_end;
    atomic_int ended_during_pause;
};

/* Inside, with every signal blocked, a thread cannot be stopped at all: a
 * collection that waits for it waits for ever. */
static void *stay_blocked(void *arg)
{
    struct blocked *b = arg;
    sigset_t all;
    sigset_t old;
    struct item *item = make_item(6);
    CHECK(gcx_blocking_begin() == 0);
    CHECK(gcx_blocking_begin() == 0);
    CHECK(gcx_blocking_end() == 0); /* nested: still inside */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    atomic_fetch_add(&b->inside, 1);
    while (atomic_load(&b->leave) == 0) {
        sched_yield();
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    CHECK(gcx_blocking_end() == 0);
    CHECK(item_intact(item)); /* its stack has been a root meanwhile */
    errno = 0;
    CHECK(gcx_blocking_end() == -1);
    CHECK(errno == EINVAL);
    return NULL;
}

static void test_a_collection_does_not_wait_for_blocking_sections(void **state)
{
    (void)state;
    struct blocked b;
    pthread_t threads[4];
    memset(&b, 0, sizeof b);
    start(threads, 4, stay_blocked, &b, 0);
    while (atomic_load(&b.inside) < 4) {
        sched_yield();
    }
    for (int i = 0; i < 20; i++) {
        gcx_collect(i % 4 == 0 ? GCX_FULL : GCX_MINOR);
        churn(sizeof(struct item), 200);
    }
    atomic_store(&b.leave, 1);
    join(threads, 4);
    assert_int_equal(atomic_load(&failures), 0);
}

static void hold_the_pause(void *arg)
{
    struct blocked *b = arg;
    atomic_store(&b->in_pause, 1);
    for (int i = 0; i < 2000 && atomic_load(&b->calling_end) == 0; i++) {
        pause_ms(1);
    }
    pause_ms(50);
    atomic_store(&b->in_pause, 0);
}

static void *end_during_a_pause(void *arg)
{
    struct blocked *b = arg;
    gcx_alloc(1);
    CHECK(gcx_blocking_begin() == 0);
    atomic_store(&b->inside, 1);
    while (atomic_load(&b->in_pause) == 0) {
        sched_yield();
    }
    atomic_store(&b->calling_end, 1);
    CHECK(gcx_blocking_end() == 0);
    atomic_store(&b->ended_during_pause, atomic_load(&b->in_pause));
    return NULL;
}

static void test_the_end_of_a_blocking_section_waits(void **state)
{
    (void)state;
    struct blocked b;
    struct gcx_events events = {.pause_begin = hold_the_pause, .arg = &b};
    pthread_t thread;
    memset(&b, 0, sizeof b);
    assert_int_equal(pthread_create(&thread, NULL, end_during_a_pause, &b), 0);
    while (atomic_load(&b.inside) == 0) {
        sched_yield();
    }
    gcx_set_event_listener(&events);
    gcx_collect(GCX_FULL);
    gcx_set_event_listener(NULL);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&b.calling_end), 1);
    assert_int_equal(atomic_load(&b.ended_during_pause), 0);
    assert_int_equal(atomic_load(&failures), 0);
}

/* In and out all the time while others collect. */
static void *block_and_unblock(void *arg)
{
    atomic_int *stop = arg;
    struct item *list = NULL;
    uint64_t length = 0;
    while (atomic_load(stop) == 0) {
        struct item *item = make_item(length++);
        item->next = length % 1000 == 0 ? NULL : list;
        list = item;
        CHECK(gcx_blocking_begin() == 0);
        CHECK(gcx_blocking_end() == 0);
        CHECK(item_intact(list));
    }
    for (struct item *item = list; item != NULL; item = item->next) {
        CHECK(item_intact(item));
    }
    return NULL;
}

static void test_blocking_sections_and_collections_race(void **state)
{
    (void)state;
    pthread_t threads[4];
    static atomic_int stop;
    atomic_store(&stop, 0);
    start(threads, 4, block_and_unblock, &stop, 0);
    for (int i = 0; i < 200; i++) {
        gcx_collect(i % 10 == 0 ? GCX_FULL : GCX_MINOR);
        churn(sizeof(struct item), 50);
    }
    atomic_store(&stop, 1);
    join(threads, 4);
    assert_int_equal(atomic_load(&failures), 0);
}

static void test_blocking_errors(void **state)
{
    (void)state;
    errno = 0;
    assert_int_equal(gcx_blocking_end(), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gcx_blocking_begin(), 0);
    assert_int_equal(gcx_blocking_end(), 0);
    assert_int_equal(gcx_blocking_end(), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_exchange_through_an_old_array, reset),
        cmocka_unit_test_setup(test_exchange_without_a_lock, reset),
        cmocka_unit_test_setup(test_all_threads_collect, reset),
        cmocka_unit_test_setup(test_free_by_another_thread, reset),
        cmocka_unit_test_setup(test_short_threads_leave_nothing, reset),
        cmocka_unit_test_setup(test_detached_threads, reset),
        cmocka_unit_test_setup(test_other_ends_of_threads, reset),
        cmocka_unit_test_setup(test_allocation_in_destructors, reset),
        cmocka_unit_test_setup(test_register_and_unregister, reset),
        cmocka_unit_test_setup(test_threads_are_counted, reset),
        cmocka_unit_test_setup(test_sixty_four_threads, reset),
        cmocka_unit_test_setup(test_thread_create_keeps_its_argument, reset),
        cmocka_unit_test_setup(test_thread_create_attributes, reset),
        cmocka_unit_test_setup(test_threads_waiting_in_the_system, reset),
        cmocka_unit_test_setup(test_allocation_under_a_lock, reset),
        cmocka_unit_test_setup(test_a_collection_does_not_wait_for_blocking_sections, reset),
        cmocka_unit_test_setup(test_the_end_of_a_blocking_section_waits, reset),
        cmocka_unit_test_setup(test_blocking_sections_and_collections_race, reset),
        cmocka_unit_test_setup(test_blocking_errors, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
