/* test_stress_threads.c -- threads that allocate, hand over, come and go.
 *
 * For builds that collect at every GCX_STRESS=N allocations; passes in any.
 *
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

/* cmocka's assertions belong to the main thread: others count. */
static atomic_int failures;

static void check(int condition)
{
    if (!condition) {
        atomic_fetch_add(&failures, 1);
    }
}

static int reset(void **state)
{
    (void)state;
    atomic_store(&failures, 0);
    alarm(900);
    return 0;
}

/* Under ThreadSanitizer no thread is registered at its creation, and these hold what
 * nothing else leads to before they allocate. */
static void begin_thread(void)
{
    check(gcx_thread_register() == 0);
}

/* ---- A pipeline of queues -------------------------------------------------------- */

enum { STAGES = 4, BODY = 100 };

struct message {
    struct message *next;
    struct message *origin; /* the message that it was made from */
    uint64_t seed;
    char body[BODY];
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t length;
    struct message *head;
    struct message *tail;
};

/* Static data: the queues are roots. */
static struct queue queues[STAGES + 1];

static NOINLINE struct message *make_message(uint64_t seed, struct message *origin)
{
    struct message *m = gcx_alloc(sizeof *m);
    m->origin = origin;
    m->seed = seed;
    pattern_fill(m->body, BODY, seed);
    return m;
}

static int message_intact(const struct message *m, uint64_t seed)
{
    return gcx_base(m) == m && m->seed == seed && pattern_intact(m->body, BODY, seed);
}

static void queue_put(struct queue *q, struct message *m)
{
    pthread_mutex_lock(&q->lock);
    while (q->length >= 100) {
        pthread_cond_wait(&q->changed, &q->lock);
    }
    if (q->tail == NULL) {
        q->head = m;
    } else {
        q->tail->next = m;
    }
    q->tail = m;
    q->length++;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

static struct message *queue_take(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->length == 0) {
        pthread_cond_wait(&q->changed, &q->lock);
    }
    struct message *m = q->head;
    q->head = m->next;
    q->tail = q->head == NULL ? NULL : q->tail;
    q->length--;
    m->next = NULL;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    return m;
}

static uint64_t message_count;

static void *run_stage(void *arg)
{
    size_t stage = (size_t)((struct queue *)arg - queues);
    begin_thread();
    for (uint64_t i = 0; i < message_count; i++) {
        struct message *m = queue_take(&queues[stage]);
        uint64_t seed = i * STAGES + stage;
        check(message_intact(m, seed));
        queue_put(&queues[stage + 1], make_message(seed + 1, m));
    }
    return NULL;
}

static void test_pipeline(void **state)
{
    (void)state;
    pthread_t threads[STAGES + 1];
    message_count = scaled(20000);
    memset(queues, 0, sizeof queues);
    for (size_t i = 0; i <= STAGES; i++) {
        pthread_mutex_init(&queues[i].lock, NULL);
        pthread_cond_init(&queues[i].changed, NULL);
    }
    for (size_t i = 0; i < STAGES; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_stage, &queues[i]), 0);
    }
    uint64_t sent = 0;
    for (uint64_t i = 0; i < message_count; i++) {
        for (; sent < message_count && sent < i + 50; sent++) {
            queue_put(&queues[0], make_message(sent * STAGES, NULL));
        }
        struct message *m = queue_take(&queues[STAGES]);
        for (uint64_t stage = 0; stage <= STAGES; stage++) {
            check(m != NULL && message_intact(m, i * STAGES + STAGES - stage));
            m = m != NULL ? m->origin : NULL;
        }
        check(m == NULL);
    }
    for (size_t i = 0; i < STAGES; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&failures), 0);
}

/* ---- A lock-free stack, whose nodes are never freed by hand ------------------------ */

static _Atomic(struct message *) top;
static atomic_size_t pushed;
static atomic_size_t popped;

static void *push_and_pop(void *arg)
{
    struct random r = {(uint64_t)(uintptr_t)arg};
    size_t steps = scaled(60000);
    begin_thread();
    for (size_t i = 0; i < steps; i++) {
        if (random_percent(&r, 55)) {
            struct message *m = make_message(random_next(&r), NULL);
            struct message *old = atomic_load(&top);
            do {
                m->next = old;
            } while (!atomic_compare_exchange_weak(&top, &old, m));
            atomic_fetch_add(&pushed, 1);
        } else {
            /* No ABA: what a thread still holds is not allocated again. */
            struct message *m = atomic_load(&top);
            while (m != NULL && !atomic_compare_exchange_weak(&top, &m, m->next)) {
            }
            if (m != NULL) {
                check(message_intact(m, m->seed));
                atomic_fetch_add(&popped, 1);
            }
        }
    }
    return NULL;
}

static void test_lock_free_stack(void **state)
{
    (void)state;
    pthread_t threads[6];
    for (uintptr_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, push_and_pop, (void *)(i + 1)), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    size_t left = 0;
    for (struct message *m = atomic_load(&top); m != NULL; m = m->next) {
        check(message_intact(m, m->seed));
        left++;
    }
    assert_int_equal(atomic_load(&failures), 0);
    assert_int_equal(left, atomic_load(&pushed) - atomic_load(&popped));
    atomic_store(&top, NULL);
}

/* ---- Threads that hand their work to the next and end ------------------------------ */

/* arg is in the hands of the creator until this thread has it; pthread_create
 * as a program would call it. */
static void *relay(void *arg)
{
    struct message *list = arg;
    uint64_t left = 0;
    for (struct message *m = list; m != NULL; m = m->next) {
        check(message_intact(m, m->seed));
        left++;
    }
    churn(sizeof(struct message), 30);
    for (struct message *m = list; m != NULL; m = m->next) {
        check(message_intact(m, m->seed));
    }
    struct message *first = make_message(left * 17, NULL);
    first->next = list;
    return first;
}

static void test_relay(void **state)
{
    (void)state;
    void *list = NULL;
    size_t threads = scaled(1000);
    threads = threads < 100 ? 100 : threads;
    for (size_t i = 0; i < threads; i++) {
        pthread_t thread;
        if (i % 50 == 0) {
            list = NULL;
        }
        if (i % 2 == 0) {
            assert_int_equal(gcx_thread_create(&thread, NULL, relay, list), 0);
        } else {
            assert_int_equal(pthread_create(&thread, NULL, relay, list), 0);
        }
        /* The result comes from a thread that is gone when it is taken. */
        pthread_join(thread, &list);
        check(list != NULL && message_intact(list, ((struct message *)list)->seed));
    }
    assert_int_equal(atomic_load(&failures), 0);
}

/* ---- All kinds of calls at once ---------------------------------------------------- */

static void *do_everything(void *arg)
{
    struct random r = {(uint64_t)(uintptr_t)arg * 1000};
    void **slots = gcx_alloc_root(64 * sizeof *slots);
    uint64_t seeds[64] = {0};
    size_t steps = scaled(60000);
    for (size_t i = 0; i < steps; i++) {
        uint32_t at = random_below(&r, 64);
        struct message *m = slots[at];
        if (m != NULL) {
            check(message_intact(m, seeds[at]));
        }
        switch (random_below(&r, 10)) {
        case 0:
            gcx_free(m);
            slots[at] = NULL;
            break;
        case 1:
            if (m != NULL) {
                slots[at] = gcx_realloc(m, sizeof *m + random_below(&r, 3000));
            }
            break;
        case 2:
            slots[at] = gcx_memdup(m, m != NULL ? sizeof *m : 0);
            if (m == NULL) {
                slots[at] = NULL;
            }
            break;
        case 3:
            check(gcx_blocking_begin() == 0);
            check(gcx_blocking_end() == 0);
            break;
        case 4:
            check(gcx_root_add(seeds, seeds + 64) == 0);
            check(gcx_root_remove(seeds, seeds + 64) == 0);
            break;
        case 5:
            check(stats_now().threads >= 1);
            if (i % 50 == 0) {
                gcx_collect(i % 200 == 0 ? GCX_FULL : GCX_MINOR);
            }
            break;
        default:
            seeds[at] = random_next(&r) | 0x8000000000000001u;
            slots[at] = make_message(seeds[at], NULL);
            break;
        }
    }
    gcx_free(slots);
    return NULL;
}

static void test_all_calls_from_all_threads(void **state)
{
    (void)state;
    pthread_t threads[6];
    for (uintptr_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, do_everything, (void *)(i + 1)), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&failures), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_pipeline, reset),
        cmocka_unit_test_setup(test_lock_free_stack, reset),
        cmocka_unit_test_setup(test_relay, reset),
        cmocka_unit_test_setup(test_all_calls_from_all_threads, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
