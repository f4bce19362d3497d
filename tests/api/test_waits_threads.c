/* test_waits_threads.c -- declaring waits, what is told of those that never end, and
 * what threads, processes and signals do meanwhile.
 *
 * SPDX-License-Identifier: MIT */
#include "../support/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/child.h"
#include "../support/scale.h"
#include "../support/waiting.h"

/* ---- Begin and end --------------------------------------------------------------- */

static void *begin_and_end(void *arg)
{
    void *objects[] = {NULL};
    errno = 0;
    assert_int_equal(gcx_wait_end(), -1); /* not even registered, where that is possible */
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_int_equal(gcx_wait_begin(NULL, 1), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gcx_wait_begin(NULL, 0), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(gcx_wait_begin(objects, 1), 0);
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(gcx_wait_end(), 0);
    }
    errno = 0;
    assert_int_equal(gcx_wait_end(), -1);
    assert_int_equal(errno, EINVAL);
    gcx_blocking_begin();
    errno = 0;
    assert_int_equal(gcx_wait_begin(objects, 1), -1);
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_int_equal(gcx_wait_end(), -1);
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_int_equal(gcx_thread_leaks(NULL, NULL), -1);
    assert_int_equal(errno, EINVAL);
    gcx_blocking_end();
    return arg;
}

static void test_begin_and_end(void **state)
{
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, begin_and_end, NULL), 0);
    pthread_join(thread, NULL);
}

/* ---- Kinds of waits ---------------------------------------------------------------- */

/* Waits within each other, each for an object that nobody else has. */
static void declare(void *objects[], int depth)
{
    for (int i = 0; i < depth; i++) {
        objects[i] = channel_create(0);
        gcx_wait_begin(&objects[i], 1);
    }
}

static void *nest_two(void *arg)
{
    void *own[2];
    declare(own, 2);
    sleep_for_ever();
    return arg;
}

static void *nest_three(void *arg)
{
    void *own[3];
    declare(own, 3);
    sleep_for_ever();
    return arg;
}

/* The inner wait is for what all can see, and is the one that counts. */
static void *nest_reachable(void *arg)
{
    void *objects[] = {global};
    void *own[1];
    declare(own, 1);
    gcx_wait_begin(objects, 1);
    sleep_for_ever();
    return arg;
}

static void *end_inner(void *arg)
{
    void *objects[] = {global};
    void *own[1];
    declare(own, 1);
    gcx_wait_begin(objects, 1);
    gcx_wait_end();
    sleep_for_ever();
    return arg;
}

static void *block(void *arg)
{
    void *own[1];
    declare(own, 1);
    gcx_blocking_begin();
    sleep_for_ever();
    gcx_blocking_end();
    return arg;
}

static void *interior(void *arg)
{
    struct channel *c = channel_create(0);
    void *objects[] = {NULL, &c->values[3]};
    gcx_wait_begin(objects, 2);
    sleep_for_ever();
    return arg;
}

static struct channel in_static_memory;

static void *foreign_static(void *arg)
{
    void *objects[] = {&in_static_memory};
    gcx_wait_begin(objects, 1);
    sleep_for_ever();
    return arg;
}

static void *foreign_frame(void *arg)
{
    struct channel in_frame = {0};
    void *objects[] = {&in_frame};
    gcx_wait_begin(objects, 1);
    sleep_for_ever();
    return arg;
}

static void *foreign_malloc(void *arg)
{
    void *objects[] = {malloc(100)};
    gcx_wait_begin(objects, 1);
    sleep_for_ever();
    return arg;
}

static void *released(void *arg)
{
    void *objects[] = {channel_create(0)};
    gcx_free(objects[0]);
    gcx_wait_begin(objects, 1);
    sleep_for_ever();
    return arg;
}

static void *undeclared(void *arg)
{
    void *own[1];
    declare(own, 1);
    gcx_wait_end();
    sleep_for_ever();
    return arg;
}

/* The mutex and the condition lie in the object. */
struct box {
    pthread_mutex_t mutex;
    pthread_cond_t is_full;
    int count;
};

static void *wait_for_box(void *arg)
{
    struct box *box = gcx_alloc(sizeof *box);
    void *objects[] = {box};
    pthread_mutex_init(&box->mutex, NULL);
    pthread_cond_init(&box->is_full, NULL);
    pthread_mutex_lock(&box->mutex);
    atomic_fetch_add(&has_begun, 1);
    gcx_wait_begin(objects, 1);
    while (box->count == 0) {
        pthread_cond_wait(&box->is_full, &box->mutex);
    }
    gcx_wait_end();
    return arg;
}

/* A mutex that its owner locks again, or that ended with it. */
static void *lock_twice(void *arg)
{
    pthread_mutex_t *mutex = gcx_alloc(sizeof *mutex);
    void *objects[] = {mutex};
    pthread_mutex_init(mutex, NULL);
    pthread_mutex_lock(mutex);
    atomic_fetch_add(&has_begun, 1);
    gcx_wait_begin(objects, 1);
    pthread_mutex_lock(mutex);
    gcx_wait_end();
    return arg;
}

/* ThreadSanitizer lets no stop through there. */
#if !defined(__SANITIZE_THREAD__)
static void *lock_to_read_and_to_write(void *arg)
{
    pthread_rwlock_t *lock = gcx_alloc(sizeof *lock);
    void *objects[] = {lock};
    pthread_rwlock_init(lock, NULL);
    pthread_rwlock_rdlock(lock);
    atomic_fetch_add(&has_begun, 1);
    gcx_wait_begin(objects, 1);
    while (pthread_rwlock_wrlock(lock) != 0) {
        sleep_for_ever(); /* the system has seen it */
    }
    gcx_wait_end();
    return arg;
}

#endif

struct kind {
    void *(*run)(void *);
    int leaked;
};

static int child_kinds(const char *arg)
{
    static const struct kind kinds[] = {
        {nest_two, 1},
        {nest_three, 0},
        {nest_reachable, 0},
        {end_inner, 1},
        {block, 1},
        {interior, 1},
        {foreign_static, 0},
        {foreign_frame, 0},
        {foreign_malloc, 0},
        {released, 0},
        {undeclared, 0},
        {wait_for_box, 1},
        {lock_twice, 1},
#if !defined(__SANITIZE_THREAD__)
        {lock_to_read_and_to_write, 1},
#endif
    };
    long expected = 0;
    int wrong = 0;
    (void)arg;
    sem_init(&never, 0, 0);
    global = channel_create(0);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        atomic_store(&has_begun, 0);
        start(kinds[i].run, NULL);
        await_begin();
        expected += kinds[i].leaked;
        long found = count_leaks();
        if (found != expected) {
            fprintf(stderr, "kind %zu: %ld instead of %ld\n", i, found, expected);
            expected = found;
            wrong++;
        }
    }
    return wrong;
}

static struct child_result result;

static void test_kinds_of_waits(void **state)
{
    (void)state;
    child_run(&result, "kinds", "", NULL);
    if (!child_ok(&result)) {
        fail();
    }
}

/* ---- What is told -------------------------------------------------------------------- */

static NOINLINE void *wait_here(void *opaque)
{
    struct channel *c = opaque;
    void *objects[] = {c};
    pthread_mutex_lock(&channel_mutex);
    channel_waiters++;
    gcx_wait_begin(objects, 1);
    while (!c->is_closed) {
        pthread_cond_wait(&channel_changed, &channel_mutex);
    }
    gcx_wait_end();
    pthread_mutex_unlock(&channel_mutex);
    return NULL;
}

static int leaker_tid;

static void *named(void *arg)
{
    leaker_tid = (int)syscall(SYS_gettid);
    prctl(PR_SET_NAME, "leaker");
    return wait_here(arg);
}

static void *one_named(void *arg)
{
    start(named, make(0));
    return arg;
}

static void note_leak(const struct gcx_thread_leak *leak, void *arg)
{
    assert_int_equal(leak->tid, leaker_tid);
    assert_string_equal(leak->name, "leaker");
    assert_null(leak->stack);
    assert_int_equal(leak->object_count, 1);
    assert_true(hide(leak->objects[0]) == channels[0]);
    assert_true(leak->depth >= 1 && leak->depth <= 64);
    assert_in_range((uintptr_t)leak->frames[0], (uintptr_t)wait_here, (uintptr_t)wait_here + 1024);
    ++*(int *)arg;
    errno = 0;
    assert_int_equal(gcx_thread_leaks(NULL, NULL), -1);
    assert_int_equal(errno, EBUSY);
    collect_full();
    assert_int_equal(gcx_size(leak->objects[0]) >= sizeof(struct channel), 1);
}

static void test_what_is_told(void **state)
{
    int calls = 0;
    (void)state;
    run_apart(one_named, NULL);
    channel_await_waiters(1);
    clear_stack();
    assert_int_equal(gcx_thread_leaks(note_leak, &calls), 1);
    assert_int_equal(calls, 1);
    collect_full();
    churn(sizeof(struct channel), 300);
    rescue();
    assert_int_equal(count_leaks(), 0);
}

static void *six(void *arg)
{
    for (int i = 0; i < 6; i++) {
        start(receive, make(0));
    }
    return arg;
}

/* What ordinary cycles see does not change. */
static void test_ordinary_cycles(void **state)
{
    (void)state;
    run_apart(six, NULL);
    channel_await_waiters(6);
    for (int i = 0; i < 12; i++) {
        collect_and_churn(i % 3 == 0 ? GCX_FULL : GCX_MINOR, sizeof(struct channel));
    }
    assert_int_equal(count_leaks(), 6);
    collect_and_churn(GCX_MINOR, sizeof(struct channel));
    rescue();
}

/* ---- Ends of threads and processes ------------------------------------------------------- */

static void *exit_in_wait(void *c)
{
    void *objects[] = {c};
    gcx_wait_begin(objects, 1);
    pthread_exit(NULL);
}

static void test_threads_that_exit_in_a_wait(void **state)
{
    (void)state;
    run_apart(exit_in_wait, channel_create(0));
    assert_int_equal(count_leaks(), 0);
}

/* ThreadSanitizer does not see the locks of a thread that has been cancelled, and
 * AddressSanitizer keeps the frames that it has left. */
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
static void *cancelled_in_wait(void *c)
{
    void *objects[] = {c};
    gcx_wait_begin(objects, 1);
    sleep_for_ever();
    return NULL;
}

static void cancel(const struct gcx_thread_leak *leak, void *thread)
{
    (void)leak;
    pthread_cancel(*(pthread_t *)thread);
}

static void test_threads_that_are_cancelled(void **state)
{
    pthread_t thread;
    (void)state;
    sem_init(&never, 0, 0);
    atomic_store(&has_begun, 0);
    assert_int_equal(gcx_thread_create(&thread, NULL, cancelled_in_wait, channel_create(0)), 0);
    await_begin();
    clear_stack();
    assert_int_equal(gcx_thread_leaks(cancel, &thread), 1);
    pthread_join(thread, NULL);
    assert_int_equal(count_leaks(), 0);
}
#endif

static int fork_and_count(void)
{
    int status = -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        long count = gcx_thread_leaks(NULL, NULL);
        _exit(count == -1 ? 100 + errno : (int)count);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The child goes on with the waits of the caller. */
static void test_fork_in_a_wait(void **state)
{
    int status = -1;
    (void)state;
    assert_int_equal(gcx_wait_begin(NULL, 0), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        _exit(gcx_wait_end() == 0 && gcx_wait_end() == -1 ? 0 : 1);
    }
    assert_int_equal(gcx_wait_end(), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void fork_within(const struct gcx_thread_leak *leak, void *code)
{
    *(int *)code = fork_and_count();
    assert_non_null(leak->objects[0]);
}

/* The child has one thread, and none that leaked; within a search that one is its own. */
static void test_fork(void **state)
{
    int code = -1;
    (void)state;
    run_apart(forgotten_sender, NULL);
    channel_await_waiters(1);
    assert_int_equal(count_leaks(), 1);
    assert_int_equal(fork_and_count(), 0);
    clear_stack();
    assert_int_equal(gcx_thread_leaks(fork_within, &code), 1);
    assert_int_equal(code, 100 + EBUSY);
    assert_int_equal(count_leaks(), 1);
    rescue();
}

/* ---- Threads on their way ---------------------------------------------------------------------- */

/* Each promise is kept: its last reference is often that of a thread which has been
 * woken and is not yet at the end of its wait. None of them may be reported. */
struct promise {
    pthread_mutex_t mutex;
    pthread_cond_t is_kept;
    int kept;
};

typedef _Atomic(struct promise *) place;

static place promised[4];
static atomic_int is_over, all_rely_no_more;

static void *keep_promises(void *arg)
{
    place *slot = arg;
    while (!atomic_load(&all_rely_no_more)) {
        struct promise *p = atomic_exchange(slot, NULL);
        if (p == NULL) {
            sched_yield();
            continue;
        }
        pthread_mutex_lock(&p->mutex);
        p->kept = 1;
        pthread_cond_signal(&p->is_kept);
        pthread_mutex_unlock(&p->mutex);
    }
    return NULL;
}

static void rely_on_promise(place *slot)
{
    struct promise *p = gcx_alloc(sizeof *p);
    void *objects[] = {p};
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->is_kept, NULL);
    pthread_mutex_lock(&p->mutex);
    atomic_store(slot, p);
    gcx_wait_begin(objects, 1);
    while (!p->kept) {
        pthread_cond_wait(&p->is_kept, &p->mutex);
    }
    gcx_wait_end();
    pthread_mutex_unlock(&p->mutex);
}

static void *rely_on_promises(void *arg)
{
    while (!atomic_load(&is_over)) {
        rely_on_promise(arg);
        churn(64, 20);
    }
    return NULL;
}

/* A search may give up where threads went on each time. */
static void search_among_promises(void)
{
    size_t searches = 0;
    for (size_t i = 0; i < scaled(40); i++) {
        long count = count_leaks();
        if (count != 1 && (count != -1 || errno != EAGAIN)) {
            fail_msg("%ld leaked", count);
        }
        searches += count == 1;
    }
    assert_true(searches > 0);
}

static void test_promises(void **state)
{
    pthread_t keepers[COUNT_OF(promised)];
    pthread_t others[COUNT_OF(promised)];
    (void)state;
    run_apart(forgotten_sender, NULL);
    channel_await_waiters(1);
    for (size_t i = 0; i < COUNT_OF(promised); i++) {
        assert_int_equal(gcx_thread_create(&keepers[i], NULL, keep_promises, &promised[i]), 0);
        assert_int_equal(gcx_thread_create(&others[i], NULL, rely_on_promises, &promised[i]), 0);
    }
    search_among_promises();
    atomic_store(&is_over, 1);
    for (size_t i = 0; i < COUNT_OF(promised); i++) {
        pthread_join(others[i], NULL);
    }
    atomic_store(&all_rely_no_more, 1);
    for (size_t i = 0; i < COUNT_OF(promised); i++) {
        pthread_join(keepers[i], NULL);
    }
    rescue();
}

/* ---- Threads that are awake ------------------------------------------------------ */

static atomic_int cycles, is_told;

static void count_cycle(enum gcx_cycle kind, void *arg)
{
    (void)kind;
    (void)arg;
    atomic_fetch_add(&cycles, 1);
}

static void *receive_beside(void *c)
{
    atomic_fetch_add(&has_begun, 1);
    return channel_receive(c);
}

/* As if it had been woken and not come to the end: it holds what it waits for alone,
 * and what another waits for. Goes on when told, or after the first cycle. */
static void *stay_awake(void *arg)
{
    struct channel *own = channel_create(0);
    struct channel *others = make(0);
    void *objects[] = {own};
    start(receive_beside, others);
    channel_await_waiters(1);
    gcx_wait_begin(objects, 1);
    int before = atomic_load(&cycles);
    atomic_fetch_add(&has_begun, 1);
    while (!atomic_load(&is_told) && (arg == NULL || atomic_load(&cycles) == before)) {
        sched_yield();
    }
    gcx_wait_end();
    gcx_keep_alive(others);
    return NULL;
}

static void begin_awake(void *arg)
{
    atomic_store(&has_begun, 0);
    atomic_store(&is_told, 0);
    start(stay_awake, arg);
    while (atomic_load(&has_begun) < 2) {
        sched_yield();
    }
}

/* It goes on while the search looks at it: the other may be woken by it. */
static void test_a_thread_that_goes_on(void **state)
{
    const struct gcx_events events = {.cycle_end = count_cycle};
    (void)state;
    assert_int_equal(gcx_set_event_listener(&events), 0);
    begin_awake(&cycles);
    long count = count_leaks();
    gcx_set_event_listener(NULL);
    assert_true(count <= 1); /* the other, where the first has gone already */
    assert_true(atomic_load(&cycles) >= 2);
    rescue();
}

/* It does not for a second: neither of the two is reported. */
static void test_a_thread_that_stays_awake(void **state)
{
    (void)state;
    begin_awake(NULL);
    assert_int_equal(count_leaks(), 0);
    atomic_store(&is_told, 1);
    rescue();
    assert_int_equal(count_leaks(), 0);
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"kinds", child_kinds}};
    if (child_is(argc, argv)) {
        return child_main(argv, children, COUNT_OF(children));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begin_and_end),
        cmocka_unit_test(test_kinds_of_waits),
        cmocka_unit_test(test_what_is_told),
        cmocka_unit_test(test_ordinary_cycles),
        cmocka_unit_test(test_threads_that_exit_in_a_wait),
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
        cmocka_unit_test(test_threads_that_are_cancelled),
#endif
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_fork_in_a_wait),
        cmocka_unit_test(test_promises),
        cmocka_unit_test(test_a_thread_that_goes_on),
        cmocka_unit_test(test_a_thread_that_stays_awake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
