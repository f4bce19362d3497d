/* test_resource.c -- each resource is closed once; the forgotten ones are told.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gcx/defer.h>
#include <gcx/resource.h>

#include "../support/capture.h"
#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/scale.h"

enum { N = 2000, FEW = 40 };

static uint32_t closes[N]; /* how often each was closed */
static gcx_resource *held[N];
static uint64_t reports, reported_forgotten;

static void close_one(void *arg)
{
    __atomic_add_fetch(&closes[(uintptr_t)arg - 1], 1, __ATOMIC_RELAXED);
}

static gcx_resource *open_one(size_t i)
{
    return gcx_resource_open(close_one, (void *)(i + 1));
}

static void on_forgotten(const struct gcx_resource_counts *site, void *arg)
{
    assert_ptr_equal(arg, &reports);
    assert_non_null(strstr(site->site, "test_resource.c:"));
    assert_true(site->opened >= site->closed + site->forgotten);
    reported_forgotten = site->forgotten;
    reports++;
}

static void reset(void)
{
    memset(closes, 0, sizeof closes);
    memset(held, 0, sizeof held);
    reports = 0;
    gcx_resource_set_reporter(on_forgotten, &reports);
}

static NOINLINE void open_all(void)
{
    for (size_t i = 0; i < N; i++) {
        held[i] = open_one(i);
        assert_non_null(held[i]);
        assert_ptr_equal(gcx_resource_get(held[i]), (void *)(i + 1));
    }
}

static void forget_all(void)
{
    memset(held, 0, sizeof held);
    clear_stack();
    collect_full();
    gcx_run_finalizers();
}

/* A third is closed, a third is forgotten, a third stays open. */
static void test_each_is_closed_once(void **state)
{
    (void)state;
    reset();
    struct gcx_resource_counts before = gcx_resource_count();
    open_all();
    collect_full();
    assert_int_equal(gcx_run_finalizers(), 0); /* held: none is forgotten */
    for (size_t i = 0; i < N; i += 3) {
        assert_int_equal(gcx_resource_close(held[i]), 0);
        assert_null(gcx_resource_get(held[i]));
    }
    for (size_t i = 1; i < N; i += 3)
        held[i] = NULL;
    clear_stack();
    collect_full();
    gcx_run_finalizers();
    size_t forgotten = 0;
    for (size_t i = 0; i < N; i++) {
        assert_true(closes[i] == (i % 3 == 0) || (i % 3 == 1 && closes[i] == 1));
        forgotten += i % 3 == 1 && closes[i] == 1;
    }
    struct gcx_resource_counts after = gcx_resource_count();
    assert_int_equal(after.opened - before.opened, N);
    assert_int_equal(after.closed - before.closed, (N + 2) / 3);
    assert_int_equal(after.forgotten - before.forgotten, forgotten);
    assert_true(forgotten >= N / 3 - FEW);
    assert_int_equal(reports, forgotten);
    assert_int_equal(reported_forgotten, after.forgotten);
    forget_all();
    for (size_t i = 0; i < N; i++)
        assert_true(closes[i] <= 1);
}

/* What a record led to is kept until it is closed, and not after that. */
static void close_object(void *arg)
{
    assert_true(pattern_intact(arg, 48, 5));
}

static NOINLINE void hold_objects(hidden_ptr *objects, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        objects[i] = make_hidden(48, 5);
        held[i] = gcx_resource_open(close_object, reveal(objects[i]));
    }
}

static void test_keeps_its_argument(void **state)
{
    enum { OBJECTS = 100 };
    static hidden_ptr objects[OBJECTS];
    (void)state;
    reset();
    hold_objects(objects, OBJECTS);
    clear_stack();
    collect_full();
    churn(48, 1000);
    for (size_t i = 0; i < OBJECTS; i++) {
        assert_true(hidden_intact(objects[i], 48, 5));
        assert_int_equal(gcx_resource_close(held[i]), 0);
    }
    clear_stack();
    collect_full();
    assert_true(count_gone(objects, OBJECTS) >= OBJECTS / 2);
}

static void leave(int early)
{
    gcx_resource *r = open_one(0);
    GCX_DEFER(gcx_resource_end, r);
    if (early)
        return;
    gcx_resource_close(r); /* the deferred call finds it closed */
}

static void test_end_and_release(void **state)
{
    (void)state;
    reset();
    leave(1);
    leave(0);
    assert_int_equal(closes[0], 2);
    gcx_resource *r = open_one(1);
    assert_ptr_equal(gcx_resource_release(r), (void *)2);
    assert_null(gcx_resource_release(r));
    gcx_resource_end(r);
    gcx_resource_end(NULL);
    assert_int_equal(closes[1], 0);
}

/* ---- Threads ------------------------------------------------------------- */

static uint64_t successes;

static void *close_all(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < N; i++) {
        void *what = gcx_resource_release(held[i]);
        if (what != NULL) {
            close_one(what);
            __atomic_add_fetch(&successes, 1, __ATOMIC_RELAXED);
        }
    }
    return NULL;
}

static void test_threads_close_each_once(void **state)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    (void)state;
    for (size_t round = 0; round < scaled(20); round++) {
        reset();
        open_all();
        successes = 0;
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, close_all, NULL), 0);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(successes, N);
        for (size_t i = 0; i < N; i++)
            assert_int_equal(closes[i], 1);
    }
}

/* ---- Mistakes ------------------------------------------------------------ */

static void test_mistakes(void **state)
{
    static struct capture capture;
    (void)state;
    reset();
    errno = 0;
    assert_null(gcx_resource_open(NULL, &capture));
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_int_equal(gcx_resource_close(NULL), -1);
    assert_int_equal(errno, EINVAL);
    assert_null(gcx_resource_get(NULL));
    assert_null(gcx_resource_release(NULL));
    gcx_resource *r = open_one(0);
    assert_int_equal(gcx_resource_close(r), 0);
    capture_begin(&capture);
    assert_int_equal(gcx_resource_close(r), -1);
    const char *said = capture_end(&capture);
    for (int sites = 0; sites < 3; sites++) { /* opened, closed, and before that */
        said = strstr(said, "test_resource.c:");
        assert_non_null(said);
        said++;
    }
    assert_int_equal(closes[0], 1);
}

/* ---- Reports ------------------------------------------------------------- */

static NOINLINE void forget_ten(void)
{
    for (size_t i = 0; i < 10; i++)
        gcx_resource_open(close_one, (void *)(i + 1));
    held[0] = open_one(0);
}

static int child_forget(const char *arg)
{
    (void)arg;
    forget_ten();
    clear_stack();
    collect_full();
    gcx_run_finalizers();
    for (int i = 0; i < 2000 && gcx_resource_count().forgotten == 0; i++)
        usleep(5000); /* the library's thread may be at them */
    return gcx_resource_count().forgotten > 0 ? 0 : 1;
}

static void test_report_at_exit(void **state)
{
    static const char *const variables[] = {"GCX_RESOURCE_REPORT=1", "GCX_FINALIZERS=demand", NULL};
    static const char *const others[] = {"GCX_FINALIZERS=demand", NULL};
    static const char *const nonsense[] = {"GCX_RESOURCE_REPORT=bogus", NULL};
    static struct child_result result;
    (void)state;
    child_run(&result, "forget", NULL, variables);
    assert_true(child_ok(&result));
    assert_non_null(strstr(result.err, ": 10 opened, 0 closed, "));
    assert_non_null(strstr(result.err, ": 1 opened, 0 closed, 0 forgotten, 1 open\n"));
    child_run(&result, "forget", NULL, nonsense);
    assert_true(child_ok(&result));
    assert_non_null(strstr(result.err, "GCX_RESOURCE_REPORT=bogus is ignored"));
    assert_null(strstr(result.err, "opened"));
    child_run(&result, "forget", NULL, others);
    assert_true(child_ok(&result));
    assert_null(strstr(result.err, "opened"));
}

/* Once for each place. */
static void test_report_when_checked(void **state)
{
    static const char *const variables[] = {"GCX_CHECK=1", "GCX_FINALIZERS=demand", NULL};
    static struct child_result result;
    (void)state;
    child_run(&result, "forget", NULL, variables);
    assert_true(child_ok(&result));
    const char *said = strstr(result.err, "test_resource.c:");
    assert_non_null(said);
    assert_non_null(strstr(said, "was forgotten"));
    assert_null(strstr(said + 1, "test_resource.c:"));
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"forget", child_forget}};
    if (child_is(argc, argv))
        return child_main(argv, children, COUNT_OF(children));
    setenv("GCX_FINALIZERS", "demand", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_closed_once),
        cmocka_unit_test(test_keeps_its_argument),
        cmocka_unit_test(test_end_and_release),
        cmocka_unit_test(test_threads_close_each_once),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_report_at_exit),
        cmocka_unit_test(test_report_when_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
