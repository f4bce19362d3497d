/* test_stacks.c -- stacks of the program's own: what lies on them stays, by
 * whichever switch, in any thread, wherever a stop comes; mistakes are told.
 *
 * SPDX-License-Identifier: MIT */
#include "../support/cmocka_all.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "../support/capture.h"
#include "../support/fiber.h"
#include "../support/hide.h"
#include "../support/proc.h"
#include "../support/scale.h"

#define STACK_BYTES ((size_t)256 * 1024) /* clear_stack takes 64 KiB */

static atomic_int failures;
#define CHECK(condition) ((condition) ? (void)0 : (void)atomic_fetch_add(&failures, 1))

static int reset(void **state)
{
    (void)state;
    atomic_store(&failures, 0);
    return 0;
}

struct item {
    struct item *next;
    uint64_t seed;
    uint64_t check;
};

static NOINLINE struct item *make_item(struct item *next, uint64_t seed)
{
    struct item *item = gcx_alloc(sizeof *item);
    if (item == NULL) {
        abort();
    }
    item->next = next;
    item->seed = seed;
    item->check = pattern_word(seed, 0);
    return item;
}

static NOINLINE size_t list_length(const struct item *item)
{
    size_t n = 0;
    for (; item != NULL; item = item->next) {
        CHECK(item->check == pattern_word(item->seed, 0));
        n++;
    }
    return n;
}

/* ---- What a suspended stack holds stays ----------------------------------- */

/* Registers only: the values live across the switch and are taken nowhere. */
static void hold_in_registers(struct fiber *self, void *arg)
{
    uint64_t seed = (uint64_t)(uintptr_t)arg;
    struct item *a = make_item(NULL, seed);
    struct item *b = make_item(NULL, seed + 1);
    struct item *c = make_item(NULL, seed + 2);
    struct item *d = make_item(NULL, seed + 3);
    struct item *e = make_item(NULL, seed + 4);
    clear_stack();
    for (int i = 0; i < 3; i++) {
        fiber_switch(self, self->back);
        CHECK(a->check == pattern_word(seed, 0) && b->check == pattern_word(seed + 1, 0));
        CHECK(c->check == pattern_word(seed + 2, 0) && d->check == pattern_word(seed + 3, 0));
        CHECK(e->check == pattern_word(seed + 4, 0));
    }
}

static void hold_in_frames(struct fiber *self, void *arg)
{
    struct item *lists[8] = {NULL};
    (void)arg;
    for (uint64_t i = 0; i < 400; i++) {
        lists[i % 8] = make_item(lists[i % 8], i);
        if (i % 50 == 0) {
            fiber_switch(self, self->back);
        }
    }
    for (size_t i = 0; i < 8; i++) {
        CHECK(list_length(lists[i]) == 50);
    }
}

/* C lets a loop hold only the address past the end. */
static void hold_the_end(struct fiber *self, void *arg)
{
    (void)arg;
    uint64_t *block = gcx_alloc(64);
    for (uint64_t i = 0; i < 8; i++) {
        block[i] = pattern_word(i, 0);
    }
    uint64_t *volatile end = block + 8;
    block = NULL;
    clear_stack();
    fiber_switch(self, self->back);
    for (uint64_t i = 0; i < 8; i++) {
        CHECK(end[(intptr_t)i - 8] == pattern_word(i, 0));
    }
}

static void run_all(int by_hand, int is_private)
{
    static void (*const runs[])(struct fiber *, void *) = {hold_in_registers, hold_in_frames,
                                                           hold_the_end};
    struct fiber fibers[24];
    size_t done = 0;
    for (size_t i = 0; i < COUNT_OF(fibers); i++) {
        fiber_init(&fibers[i], fiber_map(STACK_BYTES), STACK_BYTES, by_hand, runs[i % 3],
                   (void *)(uintptr_t)(i * 1000));
        assert_int_equal(gcx_stack_set_private(fibers[i].stack, is_private), 0);
    }
    for (int round = 0; done < COUNT_OF(fibers); round++) {
        for (size_t i = 0; i < COUNT_OF(fibers); i++) {
            if (!fibers[i].is_done && (i + (size_t)round) % 3 != 0) {
                fiber_resume(&fibers[i]);
                done += fibers[i].is_done ? 1u : 0u;
            }
        }
        if (round % 4 == 3) {
            collect_full();
        } else {
            collect_minor();
        }
        churn(sizeof(struct item), 300);
        churn(64, 300);
    }
    for (size_t i = 0; i < COUNT_OF(fibers); i++) {
        fiber_fini(&fibers[i]);
        munmap(fibers[i].memory, STACK_BYTES);
    }
    assert_int_equal(atomic_load(&failures), 0);
}

static void test_ucontext(void **state)
{
    (void)state;
    run_all(0, 0);
    run_all(0, 1);
}

static void test_switch_by_hand(void **state)
{
    (void)state;
    run_all(1, 0);
    run_all(1, 1);
}

/* What a fiber that has ended or is gone held goes. */
static hidden_ptr left_behind[64];

static void leave_some(struct fiber *self, void *arg)
{
    struct item *kept[64];
    (void)arg;
    for (size_t i = 0; i < 64; i++) {
        kept[i] = make_item(NULL, i);
        left_behind[i] = hide(kept[i]);
    }
    fiber_switch(self, self->back);
    for (size_t i = 0; i < 64; i++) {
        CHECK(kept[i]->seed == i);
    }
}

static void test_unregistered_stacks_hold_nothing(void **state)
{
    (void)state;
    struct fiber f;
    fiber_init(&f, fiber_map(STACK_BYTES), STACK_BYTES, 0, leave_some, NULL);
    fiber_resume(&f);
    collect_full();
    assert_int_equal(count_gone(left_behind, 64), 0);
    fiber_fini(&f);
    collect_full();
    assert_in_range(count_gone(left_behind, 64), 60, 64);
    munmap(f.memory, STACK_BYTES);
}

/* ---- Prepared and changed stacks ------------------------------------------ */

static void test_a_prepared_stack_is_scanned(void **state)
{
    (void)state;
    char *memory = fiber_map(STACK_BYTES);
    void **top = (void **)(void *)(memory + STACK_BYTES);
    hidden_ptr h[3];
    top[-1] = reveal(h[0] = make_hidden(48, 1));
    top[-100] = reveal(h[1] = make_hidden(48, 2));
    gcx_stack *all = gcx_stack_register(memory, top, NULL);
    collect_full();
    assert_true(hidden_intact(h[0], 48, 1) && hidden_intact(h[1], 48, 2));
    assert_int_equal(gcx_stack_set_sp(all, top - 1), 0);
    assert_int_equal(gcx_stack_set_private(all, 1), 0);
    collect_full();
    assert_true(hidden_intact(h[0], 48, 1));
    assert_int_equal(count_gone(&h[1], 1), 1);
    collect_minor();
    /* Changed, and told of. */
    top[-2] = reveal(h[2] = make_hidden(48, 3));
    assert_int_equal(gcx_stack_set_sp(all, top - 2), 0);
    for (int i = 0; i < 4; i++) {
        collect_minor();
        churn(48, 500);
    }
    assert_true(hidden_intact(h[2], 48, 3));
    assert_int_equal(gcx_stack_unregister(all), 0);
    munmap(memory, STACK_BYTES);
}

/* Without the promise to leave it alone, a suspended stack may be written. */
static void wait_for_value(struct fiber *self, void *arg)
{
    struct item *volatile slot = NULL;
    *(struct item *volatile **)arg = &slot;
    fiber_switch(self, self->back);
    CHECK(list_length(slot) == 1);
}

static NOINLINE void hand_over(struct item *volatile *slot, uint64_t seed)
{
    *slot = make_item(NULL, seed);
}

static void test_a_value_written_into_a_waiting_frame(void **state)
{
    (void)state;
    struct item *volatile *slot = NULL;
    struct fiber f;
    fiber_init(&f, fiber_map(STACK_BYTES), STACK_BYTES, 0, wait_for_value, &slot);
    fiber_resume(&f);
    collect_minor();
    collect_minor();
    hand_over(slot, 7);
    for (int i = 0; i < 4; i++) {
        collect_minor();
        churn(sizeof(struct item), 500);
    }
    fiber_resume(&f);
    assert_int_equal(f.is_done, 1);
    assert_int_equal(atomic_load(&failures), 0);
    fiber_fini(&f);
    munmap(f.memory, STACK_BYTES);
}

/* ---- Threads -------------------------------------------------------------- */

#define THREADS 4
#define SHARED 32
static struct fiber shared[SHARED];
static atomic_int taken[SHARED];
static atomic_int stop_threads;

static void build_and_wander(struct fiber *self, void *arg)
{
    struct item *list = NULL;
    size_t length = 0;
    (void)arg;
    while (atomic_load(&stop_threads) == 0) {
        list = make_item(list, length++);
        if (length == 200) {
            CHECK(list_length(list) == length);
            list = NULL;
            length = 0;
        }
        if (length % 4 == 0) {
            fiber_switch(self, self->back);
        }
    }
    CHECK(list_length(list) == length);
}

static void *run_fibers(void *arg)
{
    uint64_t x = (uint64_t)(uintptr_t)arg + 1;
    gcx_thread_register();
    while (atomic_load(&stop_threads) == 0) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        size_t i = (size_t)(x >> 33) % SHARED;
        if (atomic_exchange(&taken[i], 1) == 0) {
            if (!shared[i].is_done) {
                fiber_resume(&shared[i]);
            }
            atomic_store(&taken[i], 0);
        }
    }
    free(fiber_of_thread.context);
    return NULL;
}

static void wander(int by_hand)
{
    pthread_t threads[THREADS];
    atomic_store(&stop_threads, 0);
    for (size_t i = 0; i < SHARED; i++) {
        fiber_init(&shared[i], fiber_map(STACK_BYTES), STACK_BYTES, by_hand, build_and_wander,
                   NULL);
        gcx_stack_set_private(shared[i].stack, i % 2 == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_fibers, (void *)(uintptr_t)i), 0);
    }
    for (int i = 0; i < 150; i++) {
        gcx_collect(i % 8 == 7 ? GCX_FULL : GCX_MINOR);
        churn(sizeof(struct item), 50);
        sched_yield();
    }
    atomic_store(&stop_threads, 1);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (size_t i = 0; i < SHARED; i++) {
        if (!shared[i].is_done) {
            fiber_resume(&shared[i]);
        }
        CHECK(shared[i].is_done);
        fiber_fini(&shared[i]);
        munmap(shared[i].memory, STACK_BYTES);
    }
    assert_int_equal(atomic_load(&failures), 0);
}

/* Fibers go from thread to thread, switching all the time while others stop
 * them: a stop between any two instructions of a switch. */
static void test_fibers_wander_between_threads(void **state)
{
    (void)state;
    wander(0);
    wander(1);
}

/* A thread ends on a fiber's stack. */
static void end_thread(struct fiber *self, void *arg)
{
    struct item *list = make_item(NULL, 1);
    (void)self;
    (void)arg;
    gcx_keep_alive(list);
    pthread_exit(NULL);
}

static void *resume_once(void *arg)
{
    fiber_resume(arg);
    return NULL;
}

static void test_a_thread_ends_on_a_fiber(void **state)
{
    (void)state;
    uint64_t threads = stats_now().threads;
    struct fiber f;
    pthread_t thread;
    fiber_init(&f, fiber_map(STACK_BYTES), STACK_BYTES, 0, end_thread, NULL);
    assert_int_equal(pthread_create(&thread, NULL, resume_once, &f), 0);
    pthread_join(thread, NULL);
    assert_int_equal(stats_now().threads, threads);
    collect_full();
    fiber_fini(&f);
    collect_full();
    munmap(f.memory, STACK_BYTES);
}

/* ---- Many ----------------------------------------------------------------- */

static void hold_one(struct fiber *self, void *arg)
{
    struct item *item = make_item(NULL, (uint64_t)(uintptr_t)arg);
    fiber_switch(self, self->back);
    CHECK(item->check == pattern_word((uint64_t)(uintptr_t)arg, 0));
}

static void many(size_t count, int is_private)
{
    const size_t bytes = 32768; /* the least, by gcx.h */
    char *memory = fiber_map(count * bytes);
    struct fiber *fibers = calloc(count, sizeof *fibers);
    madvise(memory, count * bytes, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < count; i++) {
        fiber_init(&fibers[i], memory + i * bytes, bytes, FIBER_HAS_HAND_SWITCH, hold_one,
                   (void *)(uintptr_t)i);
        gcx_stack_set_private(fibers[i].stack, is_private);
        fiber_resume(&fibers[i]);
    }
    collect_minor();
    collect_full();
    churn(sizeof(struct item), 10000);
    collect_minor();
    churn(sizeof(struct item), 10000);
    for (size_t i = 0; i < count; i++) {
        fiber_resume(&fibers[i]);
        fiber_fini(&fibers[i]);
    }
    collect_minor();
    free(fibers);
    munmap(memory, count * bytes);
    assert_int_equal(atomic_load(&failures), 0);
}

static void test_a_hundred_thousand_fibers(void **state)
{
    (void)state;
    size_t count = SANITIZED || stats_now().mark_workers == 0 ? 5000 : 100000;
    many(scaled(count), 0);
    many(scaled(count), 1);
}

/* ---- By callback ---------------------------------------------------------- */

static void *volatile *values; /* from malloc */
static size_t values_used;
static int is_allocating;

static void scan_values(gcx_scanner *scanner, void *arg)
{
    CHECK(arg == &values);
    gcx_scan_range(scanner, (const void *)values, (const void *)(values + values_used));
    gcx_scan_range(scanner, NULL, NULL);
    if (is_allocating) {
        CHECK(gcx_alloc(100000) == NULL);
        CHECK(errno == EDEADLK);
        is_allocating = 0;
    }
}

static void test_a_stack_scanned_by_callback(void **state)
{
    (void)state;
    hidden_ptr h[100];
    struct capture capture;
    values = calloc(200, sizeof *values);
    gcx_stack *stack = gcx_stack_register_callback(scan_values, (void *)(uintptr_t)&values);
    assert_non_null(stack);
    for (size_t i = 0; i < 100; i++) {
        h[i] = make_hidden(64, i);
        values[i] = reveal(h[i]);
        values_used = i + 1;
        if (i % 10 == 0) {
            collect_minor();
        }
    }
    collect_full();
    churn(64, 1000);
    collect_minor();
    assert_int_equal(count_intact(h, 100, 64, 0), 100);
    values_used = 50;
    collect_full();
    assert_int_equal(count_intact(h, 50, 64, 0), 50);
    assert_in_range(count_gone(h + 50, 50), 47, 50);
    capture_begin(&capture);
    is_allocating = 1;
    collect_full();
    assert_non_null(strstr(capture_end(&capture), "callback"));
    errno = 0;
    assert_int_equal(gcx_stack_switch(NULL, stack), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gcx_stack_unregister(stack), 0);
    collect_full();
    assert_in_range(count_gone(h, 50), 47, 50);
    free((void *)(uintptr_t)values);
    assert_int_equal(atomic_load(&failures), 0);
    assert_null(gcx_stack_register_callback(NULL, NULL));
    assert_int_equal(errno, EINVAL);
}

/* ---- Mistakes ------------------------------------------------------------- */

static void expect_error(int result, int error, const struct capture *capture, const char *word)
{
    assert_int_equal(result, -1);
    assert_int_equal(errno, error);
    if (strstr(capture->text, word) == NULL) {
        fail_msg("no \"%s\" in: %s", word, capture->text);
    }
}

#define EXPECT(call, error, word)                        \
    do {                                                 \
        struct capture capture_;                         \
        capture_begin(&capture_);                        \
        errno = 0;                                       \
        int result_ = (call);                            \
        int errno_ = errno;                              \
        capture_end(&capture_);                          \
        errno = errno_;                                  \
        expect_error(result_, (error), &capture_, word); \
    } while (0)

static int is_registered(void *lo, void *hi, void *sp)
{
    return gcx_stack_register(lo, hi, sp) != NULL ? 0 : -1;
}

static void try_mistakes(struct fiber *self, void *arg)
{
    struct fiber *other = arg;
    EXPECT(gcx_stack_switch(self->stack, self->stack), EBUSY, "runs on it");
    EXPECT(gcx_stack_switch(NULL, other->stack), EPERM, "does not run on");
    EXPECT(gcx_stack_switch(other->stack, self->stack), EPERM, "does not run on");
    EXPECT(gcx_stack_unregister(self->stack), EBUSY, "runs on it");
    EXPECT(gcx_stack_set_sp(self->stack, NULL), EBUSY, "runs on it");
    EXPECT(gcx_stack_set_private(self->stack, 1), EBUSY, "runs on it");
    EXPECT(gcx_thread_set_stack_base(&other, NULL), EPERM, "registered stack");
}

static atomic_int other_thread_tried;

static void *switch_to_running(void *arg)
{
    struct fiber *f = arg;
    gcx_thread_register();
    if (gcx_stack_switch(NULL, f->stack) == -1 && errno == EBUSY) {
        atomic_store(&other_thread_tried, 1);
    }
    return NULL;
}

static void let_another_try(struct fiber *self, void *arg)
{
    pthread_t thread;
    struct capture capture;
    (void)arg;
    capture_begin(&capture);
    CHECK(pthread_create(&thread, NULL, switch_to_running, self) == 0);
    pthread_join(thread, NULL);
    CHECK(strstr(capture_end(&capture), "runs on it") != NULL);
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    struct fiber f, other;
    char *memory = fiber_map(4 * STACK_BYTES);
    char *end = memory + 4 * STACK_BYTES;
    fiber_init(&f, memory + STACK_BYTES, STACK_BYTES, 0, try_mistakes, &other);
    fiber_init(&other, end - STACK_BYTES, STACK_BYTES, 0, let_another_try, NULL);
    EXPECT(is_registered(f.memory, f.memory + STACK_BYTES, NULL), EEXIST, "already");
    EXPECT(is_registered(memory, memory + STACK_BYTES + 8, NULL), EEXIST, "already");
    EXPECT(is_registered(f.memory + 2 * STACK_BYTES - 8, end, NULL), EEXIST, "already");
    EXPECT(is_registered(memory, end, NULL), EEXIST, "already");
    EXPECT(is_registered(f.memory + 64, f.memory + 128, NULL), EEXIST, "already");
    EXPECT(is_registered(memory, f.memory + 1, NULL), EEXIST, "already");
    EXPECT(is_registered(f.memory + STACK_BYTES - 1, other.memory, NULL), EEXIST, "already");
    EXPECT(is_registered(NULL, end, NULL), EINVAL, "range");
    EXPECT(is_registered(end, memory, NULL), EINVAL, "range");
    EXPECT(is_registered(memory, memory, NULL), EINVAL, "range");
    EXPECT(is_registered(memory, memory + 64, memory + 128), EINVAL, "sp");
    gcx_stack *beside = gcx_stack_register(memory, f.memory, f.memory);
    assert_non_null(beside);
    EXPECT(gcx_stack_set_sp(beside, end), EINVAL, "outside");
    assert_int_equal(gcx_stack_unregister(beside), 0);
    EXPECT(gcx_stack_unregister(beside), EINVAL, "not registered");
    EXPECT(gcx_stack_switch(NULL, beside), EINVAL, "not registered");
    EXPECT(gcx_stack_set_sp(beside, NULL), EINVAL, "not registered");
    assert_int_equal(gcx_blocking_begin(), 0);
    EXPECT(gcx_stack_switch(NULL, f.stack), EINVAL, "");
    assert_int_equal(gcx_blocking_end(), 0);
    fiber_resume(&f);
    assert_int_equal(f.is_done, 1);
    fiber_resume(&other);
    assert_int_equal(atomic_load(&other_thread_tried), 1);
    fiber_fini(&f);
    fiber_fini(&other);
    EXPECT(gcx_stack_unregister(NULL), EINVAL, "not registered");
    munmap(memory, 4 * STACK_BYTES);
    assert_int_equal(atomic_load(&failures), 0);
}

/* Runs on a registered stack that it did not announce: told, and nothing lost. */
static void collect_there(struct fiber *self, void *arg)
{
    struct item *list = NULL;
    (void)self;
    (void)arg;
    for (uint64_t i = 0; i < 50; i++) {
        list = make_item(list, i);
    }
    gcx_collect(GCX_FULL);
    churn(sizeof(struct item), 500);
    CHECK(list_length(list) == 50);
}

static NOINLINE void swap_silently(struct fiber *f)
{
    f->back = fiber_self();
    fiber_set_self(f);
    if (f->back->context == NULL) {
        f->back->context = malloc(sizeof *f->back->context);
    }
    swapcontext(f->back->context, f->context);
    fiber_set_self(NULL);
}

static NOINLINE void return_silently(struct fiber *self, void *arg)
{
    collect_there(self, arg);
    swapcontext(self->context, self->back->context);
}

static void test_a_switch_that_was_not_announced(void **state)
{
    (void)state;
    struct fiber f;
    struct capture capture;
    struct item *kept = make_item(NULL, 9);
    fiber_init(&f, fiber_map(STACK_BYTES), STACK_BYTES, 0, return_silently, NULL);
    capture_begin(&capture);
    swap_silently(&f);
    assert_non_null(strstr(capture_end(&capture), "did not announce"));
    assert_int_equal(list_length(kept), 1);
    assert_int_equal(atomic_load(&failures), 0);
    fiber_fini(&f);
    munmap(f.memory, STACK_BYTES);
}

/* ---- A stack base given by hand ------------------------------------------- */

static NOINLINE void hold_below(hidden_ptr *above)
{
    hidden_ptr below;
    void *volatile kept = reveal(below = make_hidden(80, 2));
    clear_stack();
    gcx_collect(GCX_FULL);
    CHECK(hidden_intact(below, 80, 2));
    CHECK(count_gone(above, 32) >= 28);
    gcx_keep_alive(kept);
}

/* Where in a frame its address lies is the processor's business. */
static NOINLINE void collect_below(hidden_ptr *above)
{
    CHECK(gcx_thread_set_stack_base((char *)__builtin_frame_address(0) + 16, NULL) == 0);
    hold_below(above);
    CHECK(atomic_load(&failures) == 0);
}

static NOINLINE void fill_above(void *volatile *table, hidden_ptr *above)
{
    for (size_t i = 0; i < 32; i++) {
        table[i] = reveal(above[i] = make_hidden(80, i));
    }
}

static void *set_base(void *arg)
{
    void *volatile table[32];
    hidden_ptr above[32];
    (void)arg;
    fill_above(table, above);
    collect_full();
    CHECK(count_intact(above, 32, 80, 0) == 32);
    CHECK(gcx_thread_set_stack_base(NULL, NULL) == -1 && errno == EINVAL);
    CHECK(gcx_thread_set_stack_base((void *)4096, NULL) == -1 && errno == EINVAL);
    collect_below(above);
    table[0] = NULL;
    return NULL;
}

static void test_stack_base_by_hand(void **state)
{
    (void)state;
    pthread_t thread;
    struct capture capture;
    capture_begin(&capture);
    assert_int_equal(pthread_create(&thread, NULL, set_base, NULL), 0);
    pthread_join(thread, NULL);
    assert_non_null(strstr(capture_end(&capture), "frame does not lie"));
    assert_int_equal(atomic_load(&failures), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_ucontext, reset),
        cmocka_unit_test_setup(test_switch_by_hand, reset),
        cmocka_unit_test_setup(test_unregistered_stacks_hold_nothing, reset),
        cmocka_unit_test_setup(test_a_prepared_stack_is_scanned, reset),
        cmocka_unit_test_setup(test_a_value_written_into_a_waiting_frame, reset),
        cmocka_unit_test_setup(test_fibers_wander_between_threads, reset),
        cmocka_unit_test_setup(test_a_thread_ends_on_a_fiber, reset),
        cmocka_unit_test_setup(test_a_hundred_thousand_fibers, reset),
        cmocka_unit_test_setup(test_a_stack_scanned_by_callback, reset),
        cmocka_unit_test_setup(test_mistakes_are_named, reset),
        cmocka_unit_test_setup(test_a_switch_that_was_not_announced, reset),
        cmocka_unit_test_setup(test_stack_base_by_hand, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
