/* test_cleanup.c -- cleanups and finalizers: when, how often, in what order.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gcx/weak.h>

#include "../support/cmocka_all.h"
#include "../support/capture.h"
#include "../support/child.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

enum { LEAF = 48, MANY = 2000, FEW = 20 };

/* What has run, by number. An object of one test that a word left on the stack
 * has kept may go in the next, so an argument also names its test. */
static unsigned char ran[MANY];
static size_t order[MANY], order_count;
static size_t test_number;

static void reset(void)
{
    gcx_run_finalizers();
    memset(ran, 0, sizeof ran);
    order_count = 0;
    test_number++;
}

static void *number(size_t n)
{
    return (void *)(test_number * MANY + n);
}

static void note(void *arg)
{
    size_t n = (size_t)arg % MANY;
    if ((size_t)arg / MANY != test_number) {
        return;
    }
    ran[n]++;
    order[order_count++ % MANY] = n;
}

static void note_finalizer(void *obj, void *arg)
{
    (void)obj;
    note(arg);
}

static void collect(enum gcx_cycle cycle)
{
    clear_stack();
    gcx_collect(cycle);
    clear_stack();
}

static size_t count_ran(size_t from, size_t to, size_t step)
{
    size_t count = 0;
    for (size_t i = from; i < to; i += step) {
        assert_true(ran[i] <= 1);
        count += ran[i];
    }
    return count;
}

/* ---- Cleanups ------------------------------------------------------------- */

static NOINLINE void add_cleanups(void **strong)
{
    for (size_t i = 0; i < MANY; i++) {
        void *p = gcx_alloc(LEAF);
        assert_int_equal(gcx_cleanup_add((char *)p + i % LEAF, note, number(i)), 0);
        strong[i] = i % 2 == 0 ? p : NULL;
    }
}

static void run_cleanups(enum gcx_cycle cycle)
{
    void **strong = gcx_alloc_root(MANY * sizeof *strong);
    reset();
    add_cleanups(strong);
    collect(cycle);
    assert_true(gcx_run_finalizers() >= order_count);
    assert_int_equal(count_ran(0, MANY, 2), 0);
    assert_true(count_ran(1, MANY, 2) >= MANY / 2 - FEW);
    collect(GCX_MINOR);
    collect(GCX_FULL);
    gcx_run_finalizers();
    assert_int_equal(count_ran(0, MANY, 2), 0);
    memset(strong, 0, MANY * sizeof *strong);
    collect(GCX_FULL);
    gcx_run_finalizers();
    assert_true(count_ran(0, MANY, 1) >= MANY - FEW);
    collect(GCX_FULL);
    gcx_run_finalizers();
    count_ran(0, MANY, 1);
    gcx_free(strong);
}

static void test_cleanups(void **state)
{
    (void)state;
    run_cleanups(GCX_FULL);
    run_cleanups(GCX_MINOR);
}

static NOINLINE void add_many_to_one(size_t from, size_t count)
{
    void *p = gcx_alloc(LEAF);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(gcx_cleanup_add(p, note, number(from + i)), 0);
    }
    for (size_t i = 2; i < count; i += 3) {
        assert_int_equal(gcx_cleanup_cancel(p, note, number(from + i)), 0);
        assert_int_equal(gcx_cleanup_cancel(p, note, number(from + i)), -1);
        assert_int_equal(errno, ENOENT);
    }
}

/* The last added runs first; those cancelled do not run. */
static void test_many_of_one_object(void **state)
{
    (void)state;
    reset();
    for (size_t k = 0; k < 20; k++) {
        add_many_to_one(k * 100, 100);
    }
    collect(GCX_FULL);
    gcx_run_finalizers();
    size_t complete = 0;
    for (size_t k = 0; k < 20; k++) {
        size_t count = count_ran(k * 100, k * 100 + 100, 1);
        assert_true(count == 0 || count == 67);
        for (size_t i = 2; i < 100; i += 3) {
            assert_int_equal(ran[k * 100 + i], 0);
        }
        complete += count == 67;
    }
    assert_true(complete >= 17);
    for (size_t i = 1; i < order_count; i++) {
        assert_true(order[i] / 100 != order[i - 1] / 100 || order[i] < order[i - 1]);
    }
}

static void count_call(void *arg)
{
    ++*(size_t *)arg;
}

static NOINLINE void add_with_links(void **links, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *p = gcx_alloc(LEAF);
        assert_int_equal(gcx_cleanup_add(p, note, number(2 * i)), 0);
        assert_int_equal(gcx_link_add_long(&links[i], p), 0);
        assert_int_equal(gcx_cleanup_add(p, note, number(2 * i + 1)), 0);
    }
}

static NOINLINE void add_counting(size_t *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(gcx_cleanup_add(gcx_alloc(LEAF), count_call, calls), 0);
    }
}

static size_t count_left(void *const *links, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        left += gcx_link_get(&links[i]) != NULL;
    }
    return left;
}

/* What is due waits, each for one call, however many are added and become due
 * meanwhile; links among them are gone at once. */
static void run_waiting(enum gcx_cycle cycle)
{
    enum { WAITING = 500, MORE = 20000 };
    static size_t calls;
    void **links = calloc(WAITING, sizeof *links);
    reset();
    calls = 0;
    add_with_links(links, WAITING);
    collect(cycle);
    assert_true(count_left(links, WAITING) <= FEW);
    for (size_t i = 0; i < 4; i++) {
        add_counting(&calls, MORE);
        collect(i % 2 == 0 ? cycle : GCX_FULL);
    }
    assert_int_equal(order_count, 0);
    gcx_run_finalizers();
    assert_true(count_ran(0, 2 * WAITING, 1) >= 2 * (WAITING - FEW));
    assert_true(calls >= 4 * MORE - FEW && calls <= 4 * MORE);
    for (size_t i = 0; i < WAITING; i++) {
        assert_int_equal(ran[2 * i], ran[2 * i + 1]);
        gcx_link_remove(&links[i]);
    }
    free(links);
}

static void test_waiting_for_the_call(void **state)
{
    (void)state;
    run_waiting(GCX_FULL);
    run_waiting(GCX_MINOR);
}

static size_t checked_args, intact_args;

static void check_arg(void *arg)
{
    checked_args++;
    intact_args += pattern_intact(arg, LEAF, 9) ? 1u : 0u;
}

static NOINLINE void add_with_args(void)
{
    for (size_t i = 0; i < 200; i++) {
        void *arg = gcx_alloc(LEAF);
        pattern_fill(arg, LEAF, 9);
        assert_int_equal(gcx_cleanup_add(gcx_alloc(LEAF), check_arg, arg), 0);
    }
}

/* The argument is kept until it is used. */
static void test_arguments_are_kept(void **state)
{
    (void)state;
    reset();
    checked_args = intact_args = 0;
    add_with_args();
    for (int i = 0; i < 3; i++) {
        collect(i == 0 ? GCX_MINOR : GCX_FULL);
        churn(LEAF, 3000);
        collect(GCX_FULL);
        churn(LEAF, 3000);
        gcx_run_finalizers();
    }
    assert_true(checked_args >= 200 - FEW);
    assert_int_equal(intact_args, checked_args);
}

static NOINLINE void add_to_sizes(void)
{
    static const size_t sizes[] = {1, 16, 100, 1000, 10000, 100000, 1000000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        gcx_cleanup_add(gcx_alloc(sizes[i]), note, number(2 * i));
        gcx_cleanup_add(gcx_alloc_noscan(sizes[i]), note, number(2 * i + 1));
    }
}

static void test_objects_of_every_size(void **state)
{
    (void)state;
    reset();
    add_to_sizes();
    collect(GCX_FULL);
    gcx_run_finalizers();
    assert_true(count_ran(0, 14, 1) >= 10);
}

/* ---- Finalizers ----------------------------------------------------------- */

struct link {
    struct link *next;
    uintptr_t number;
};

enum { LISTS = 20, LENGTH = 20 };

/* A list of finalizable objects: each waits for the one before it. */
static NOINLINE void make_list(size_t first_number)
{
    struct link *first = NULL;
    for (size_t i = LENGTH; i-- > 0;) {
        struct link *l = gcx_alloc(sizeof *l);
        l->next = first;
        assert_int_equal(gcx_finalizer_set(l, note_finalizer, number(first_number + i)), 0);
        first = l;
    }
}

/* One of each list at a time, in order; a word left on the stack may keep the
 * end of a list. */
static void run_order(enum gcx_cycle cycle)
{
    static size_t next[LISTS];
    reset();
    memset(next, 0, sizeof next);
    for (size_t i = 0; i < LISTS; i++) {
        make_list(i * LENGTH);
    }
    for (size_t i = 0; i < LENGTH + 5; i++) {
        collect(i == 0 ? cycle : GCX_FULL);
        size_t before = order_count;
        gcx_run_finalizers();
        assert_true(order_count <= before + LISTS);
    }
    for (size_t i = 0; i < order_count; i++) {
        assert_int_equal(order[i] % LENGTH, next[order[i] / LENGTH]++);
    }
    size_t complete = 0;
    for (size_t i = 0; i < LISTS; i++) {
        complete += next[i] == LENGTH;
    }
    assert_true(complete >= LISTS / 2);
}

static void test_order(void **state)
{
    (void)state;
    run_order(GCX_FULL);
    run_order(GCX_MINOR);
}

static void **revived;
static gcx_weak **short_weak, **long_weak;
static int was_cleared, was_found;

static void revive(void *obj, void *arg)
{
    was_cleared = gcx_weak_get(*short_weak) == NULL;
    was_found = gcx_weak_get(*long_weak) == obj;
    *revived = obj;
    note(arg);
}

static NOINLINE void make_revivable(void)
{
    void **p = gcx_alloc(LEAF);
    p[0] = gcx_alloc(LEAF);
    pattern_fill(p[0], LEAF, 3);
    *short_weak = gcx_weak_create(p);
    *long_weak = gcx_weak_create_long(p);
    gcx_finalizer_set(p, revive, number(0));
    gcx_cleanup_add(p, note, number(1));
}

/* A finalizer makes its object reachable again; the cleanup waits. */
static void test_resurrection(void **state)
{
    (void)state;
    reset();
    revived = gcx_alloc_root(sizeof *revived);
    short_weak = gcx_alloc_root(sizeof *short_weak);
    long_weak = gcx_alloc_root(sizeof *long_weak);
    make_revivable();
    for (int i = 0; i < 3 && ran[0] == 0; i++) {
        collect(GCX_FULL);
        churn(LEAF, 1000);
        gcx_run_finalizers();
    }
    assert_int_equal(ran[0], 1);
    assert_true(was_cleared);
    assert_true(was_found);
    for (int i = 0; i < 3; i++) {
        collect(i == 1 ? GCX_MINOR : GCX_FULL);
        churn(LEAF, 1000);
        gcx_run_finalizers();
        assert_true(pattern_intact(*(void **)*revived, LEAF, 3));
        assert_ptr_equal(gcx_weak_get(*long_weak), *revived);
    }
    assert_int_equal(ran[0], 1);
    assert_int_equal(ran[1], 0);
    *revived = NULL;
    for (int i = 0; i < 3 && ran[1] == 0; i++) {
        collect(GCX_FULL);
        gcx_run_finalizers();
    }
    assert_int_equal(ran[0], 1);
    assert_int_equal(ran[1], 1);
    assert_null(gcx_weak_get(*long_weak));
    gcx_free(revived);
    gcx_free(short_weak);
    gcx_free(long_weak);
}

static void test_replacing_and_removing(void **state)
{
    (void)state;
    reset();
    void **p = gcx_alloc_root(2 * sizeof *p);
    p[0] = gcx_alloc(LEAF);
    p[1] = gcx_alloc(LEAF);
    gcx_finalizer_set(p[0], note_finalizer, number(0));
    gcx_finalizer_set(p[0], note_finalizer, number(1));
    gcx_finalizer_set(p[1], note_finalizer, number(2));
    gcx_finalizer_set(p[1], NULL, NULL);
    memset(p, 0, 2 * sizeof *p);
    for (int i = 0; i < 3; i++) {
        collect(GCX_FULL);
        gcx_run_finalizers();
    }
    assert_int_equal(ran[0], 0);
    assert_int_equal(ran[1], 1);
    assert_int_equal(ran[2], 0);
    gcx_free(p);
}

enum { RINGS = 20 };

static NOINLINE void make_rings(gcx_weak **weak)
{
    for (size_t i = 0; i < RINGS; i++) {
        struct link *a = gcx_alloc(sizeof *a), *b = gcx_alloc(sizeof *b);
        a->next = b;
        b->next = a;
        gcx_finalizer_set(a, note_finalizer, number(2 * i));
        gcx_finalizer_set(b, note_finalizer, number(2 * i + 1));
        weak[i] = gcx_weak_create_long(a);
    }
}

/* Then they go as any list does. */
static NOINLINE void break_rings(gcx_weak **weak)
{
    for (size_t i = 0; i < RINGS; i++) {
        struct link *a = gcx_weak_get(weak[i]);
        assert_non_null(a);
        assert_ptr_equal(a->next->next, a);
        a->next->next = NULL;
    }
}

static size_t count_text(const char *text, const char *wanted)
{
    size_t count = 0;
    while ((text = strstr(text, wanted)) != NULL) {
        text++;
        count++;
    }
    return count;
}

/* Neither can be first: both stay, and that is said once. */
static void test_cycles_of_finalizers(void **state)
{
    (void)state;
    static struct capture capture;
    gcx_weak **weak = gcx_alloc_root(RINGS * sizeof *weak);
    reset();
    capture_begin(&capture);
    make_rings(weak);
    for (int i = 0; i < 4; i++) {
        collect(GCX_FULL);
        gcx_run_finalizers();
    }
    size_t told = count_text(capture_end(&capture), "cycle of finalizers");
    assert_true(told >= RINGS / 2 && told <= RINGS);
    assert_int_equal(count_ran(0, 2 * RINGS, 1), 0);
    break_rings(weak);
    for (int i = 0; i < 6; i++) {
        collect(GCX_FULL);
        gcx_run_finalizers();
    }
    assert_true(count_ran(0, 2 * RINGS, 1) >= RINGS);
    gcx_free(weak);
}

/* ---- What callbacks may do ------------------------------------------------- */

static void allocate_much(void *arg)
{
    for (int i = 0; i < 50; i++) {
        void *p = gcx_alloc(200);
        pattern_fill(p, 200, 1);
    }
    gcx_collect(GCX_MINOR);
    note(arg);
}

static void add_another(void *arg)
{
    note(arg);
    if ((size_t)arg % MANY + 1 < 30) {
        gcx_cleanup_add(gcx_alloc(LEAF), add_another, (char *)arg + 1);
        gcx_collect(GCX_FULL);
    }
    gcx_run_finalizers();
}

static NOINLINE void add_one(void (*fn)(void *arg), size_t n)
{
    gcx_cleanup_add(gcx_alloc(LEAF), fn, number(n));
}

static void test_callbacks_allocate_and_collect(void **state)
{
    (void)state;
    reset();
    for (size_t i = 0; i < 200; i++) {
        add_one(allocate_much, 100 + i);
    }
    add_one(add_another, 0);
    for (int i = 0; i < 40; i++) {
        collect(GCX_FULL);
        gcx_run_finalizers();
    }
    assert_true(count_ran(100, 300, 1) >= 200 - FEW);
    count_ran(0, 30, 1);
}

static jmp_buf jump;

static void jump_out(void *arg)
{
    note(arg);
    longjmp(jump, 1);
}

/* The callback that jumps has run; all the others run as well, once. */
static void test_callbacks_that_jump_out(void **state)
{
    (void)state;
    reset();
    for (size_t i = 0; i < 300; i++) {
        add_one(i % 7 == 0 ? jump_out : note, i);
    }
    collect(GCX_FULL);
    volatile int jumps = 0;
    if (setjmp(jump) != 0) {
        jumps++;
    }
    gcx_run_finalizers();
    assert_true(jumps >= 20);
    assert_true(count_ran(0, 300, 1) >= 300 - FEW);
    collect(GCX_FULL);
    assert_true(gcx_run_finalizers() <= FEW);
    count_ran(0, 300, 1);
}

static void fill_memory(void *arg)
{
    void **list = NULL;
    void **block;
    while ((block = gcx_alloc(1 << 16)) != NULL) {
        block[0] = list;
        list = block;
    }
    assert_int_equal(errno, ENOMEM);
    note(arg);
}

static void test_callbacks_out_of_memory(void **state)
{
    (void)state;
    reset();
    struct gcx_stats stats = stats_now();
    gcx_set_heap_max((int64_t)(stats.heap_bytes + (32 << 20)));
    for (size_t i = 0; i < 5; i++) {
        add_one(i % 2 == 0 ? fill_memory : note, i);
    }
    for (int i = 0; i < 3; i++) {
        collect(GCX_FULL);
        gcx_run_finalizers();
    }
    gcx_set_heap_max(-1);
    assert_true(count_ran(0, 5, 1) >= 2);
    collect(GCX_FULL);
    assert_non_null(gcx_alloc(1 << 20));
}

/* ---- On the library's thread ---------------------------------------------- */

static int done;
static pthread_t callback_thread;

static void tell_thread(void *arg)
{
    callback_thread = pthread_self();
    void *p = gcx_alloc(1000);
    pattern_fill(p, 1000, 1);
    __atomic_fetch_add((int *)arg, 1, __ATOMIC_SEQ_CST);
}

static void end_thread(void *arg)
{
    tell_thread(arg);
    pthread_exit(NULL);
}

static NOINLINE void add_counted(size_t count, void (*fn)(void *arg))
{
    for (size_t i = 0; i < count; i++) {
        gcx_cleanup_add(gcx_alloc(LEAF), fn, &done);
    }
}

/* Until so many have been called; the parent's alarm ends a failure. */
static void wait_for(int count)
{
    while (__atomic_load_n(&done, __ATOMIC_SEQ_CST) < count) {
        usleep(1000);
        clear_stack();
        gcx_collect(GCX_FULL);
    }
}

static int child_thread(const char *arg)
{
    (void)arg;
    add_counted(1000, tell_thread);
    wait_for(990);
    if (pthread_equal(callback_thread, pthread_self())) {
        return 1;
    }
    add_counted(20, end_thread);
    wait_for(990 + 15);
    add_counted(1000, tell_thread);
    wait_for(990 + 15 + 990);
    return 0;
}

/* In the child what the parent had due is due, on a thread of its own. */
static int child_fork(const char *arg)
{
    (void)arg;
    add_counted(1000, tell_thread);
    collect(GCX_FULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        add_counted(1000, tell_thread);
        wait_for(1950);
        _exit(0);
    }
    int status = 1;
    waitpid(pid, &status, 0);
    add_counted(1000, tell_thread);
    wait_for(1950);
    return status;
}

static int child_demand(const char *arg)
{
    (void)arg;
    add_counted(1000, tell_thread);
    collect(GCX_FULL);
    collect(GCX_FULL);
    usleep(20000);
    if (done != 0 || gcx_run_finalizers() < 980) {
        return 1;
    }
    return done >= 980 ? 0 : 2;
}

static void run_child(const char *name, const char *variable)
{
    static struct child_result result;
    const char *variables[] = {variable, NULL};
    child_run(&result, name, "", variables);
    assert_true(child_ok(&result));
}

static void test_on_a_thread(void **state)
{
    (void)state;
    run_child("thread", "GCX_FINALIZERS=thread");
}

static void test_fork(void **state)
{
    (void)state;
    run_child("fork", "GCX_FINALIZERS=thread");
}

static void test_on_demand_by_environment(void **state)
{
    (void)state;
    run_child("demand", "GCX_FINALIZERS=demand");
}

static void count_calls(void *arg)
{
    ++*(int *)arg;
}

static void test_notifier(void **state)
{
    (void)state;
    int calls = 0;
    reset();
    assert_int_equal(gcx_set_finalizer_notifier(count_calls, &calls), 0);
    for (size_t i = 0; i < 50; i++) {
        add_one(note, i);
    }
    collect(GCX_FULL);
    assert_true(calls >= 1);
    gcx_run_finalizers();
    gcx_set_finalizer_notifier(NULL, NULL);
    int before = calls;
    add_one(note, 60);
    collect(GCX_FULL);
    assert_int_equal(calls, before);
}

static int calls_of_threads;

static void *add_and_drop(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < scaled(20000); i++) {
        void *p = gcx_alloc(LEAF);
        gcx_cleanup_add(p, count_calls, &calls_of_threads);
        if (i % 3 == 0) {
            gcx_cleanup_cancel(p, count_calls, &calls_of_threads);
        }
        if (i % 1000 == 0) {
            gcx_collect(GCX_MINOR);
        }
    }
    return NULL;
}

static void test_threads_that_add(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    reset();
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(gcx_thread_create(&threads[i], NULL, add_and_drop, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        gcx_run_finalizers();
    }
    collect(GCX_FULL);
    gcx_run_finalizers();
    size_t called = (size_t)calls_of_threads;
    size_t want = THREADS * (scaled(20000) - (scaled(20000) + 2) / 3);
    assert_true(called <= want);
    assert_true(called >= want - THREADS * FEW);
}

/* ---- Mistakes ------------------------------------------------------------- */

static void check_refused(int status, const char *text, const char *wanted)
{
    assert_int_equal(status, -1);
    if (strstr(text, wanted) == NULL) {
        fail_msg("\"%s\" is not in: %s", wanted, text);
    }
}

static void test_mistakes(void **state)
{
    (void)state;
    static struct capture capture;
    static int foreign;
    char *p = gcx_alloc(64);
    void *root = gcx_alloc_root(64);
    capture_begin(&capture);
    int own = gcx_cleanup_add(p, note, p + 63);
    int own_finalizer = gcx_finalizer_set(p, note_finalizer, p);
    int none = gcx_cleanup_add(p, NULL, NULL);
    errno = 0;
    int cancelled_none = gcx_cleanup_cancel(p, NULL, NULL);
    int error = errno;
    int outside = gcx_cleanup_add(&foreign, note, NULL);
    int of_root = gcx_finalizer_set(root, note_finalizer, NULL);
    const char *text = capture_end(&capture);
    check_refused(own, text, "the argument lies in the object and would keep it alive");
    check_refused(own_finalizer, text, "gcx_finalizer_set");
    check_refused(none, text, "no function");
    check_refused(cancelled_none, text, "gcx_cleanup_cancel");
    assert_int_equal(error, EINVAL);
    check_refused(outside, text, "no object of this heap");
    check_refused(of_root, text, "a root object");
    gcx_free(root);
}

static NOINLINE void add_self_keeping(gcx_weak **weak)
{
    void **object = gcx_alloc(LEAF), **arg = gcx_alloc(LEAF);
    arg[1] = object;
    gcx_cleanup_add(object, note, arg);
    *weak = gcx_weak_create(object);
}

/* Legitimate: the argument has a cleanup itself. */
static NOINLINE void add_two_in_a_row(void)
{
    void *second = gcx_alloc(LEAF);
    gcx_cleanup_add(second, check_arg, gcx_alloc(LEAF));
    gcx_cleanup_add(gcx_alloc(LEAF), check_arg, second);
}

static void test_an_argument_that_keeps_its_object(void **state)
{
    (void)state;
    static struct capture capture;
    gcx_weak **weak = gcx_alloc_root(sizeof *weak);
    reset();
    add_two_in_a_row();
    capture_begin(&capture);
    for (int i = 0; i < 3; i++) {
        collect(GCX_FULL);
        gcx_run_finalizers();
    }
    assert_null(strstr(capture_end(&capture), "argument"));
    add_self_keeping(weak);
    capture_begin(&capture);
    for (int i = 0; i < 3; i++) {
        collect(GCX_FULL);
    }
    const char *text = capture_end(&capture);
    const char *first = strstr(text, "leads back to its own object");
    assert_non_null(first);
    assert_null(strstr(first + 1, "leads back"));
    assert_non_null(gcx_weak_get(*weak));
    gcx_free(weak);
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {
        {"thread", child_thread}, {"fork", child_fork}, {"demand", child_demand}};
    if (child_is(argc, argv)) {
        return child_main(argv, children, COUNT_OF(children));
    }
    struct gcx_options options = GCX_OPTIONS_DEFAULT;
    options.finalizers = GCX_FINALIZERS_ON_DEMAND;
    if (gcx_init(&options) != 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cleanups),
        cmocka_unit_test(test_many_of_one_object),
        cmocka_unit_test(test_waiting_for_the_call),
        cmocka_unit_test(test_arguments_are_kept),
        cmocka_unit_test(test_objects_of_every_size),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_resurrection),
        cmocka_unit_test(test_replacing_and_removing),
        cmocka_unit_test(test_cycles_of_finalizers),
        cmocka_unit_test(test_callbacks_allocate_and_collect),
        cmocka_unit_test(test_callbacks_that_jump_out),
        cmocka_unit_test(test_callbacks_out_of_memory),
        cmocka_unit_test(test_on_a_thread),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_on_demand_by_environment),
        cmocka_unit_test(test_notifier),
        cmocka_unit_test(test_threads_that_add),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_an_argument_that_keeps_its_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
