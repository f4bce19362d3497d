/* test_cpu.c -- the CPU profile has the shares that the program has, and the
 * thread profile shows where threads wait.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <gcx/profile.h>

#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/proc.h"
#include "read_profile.h"

static char path[64];
static struct child_result result;

/* ---- Sites of known cost ------------------------------------------------------- */

static double thread_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#define BURN(seconds)                                                            \
    do {                                                                         \
        volatile unsigned sink = 0;                                              \
        for (double end = thread_seconds() + (seconds); thread_seconds() < end;) \
            for (unsigned i = 0; i < 20000; i++)                                 \
                sink += i;                                                       \
        (void)sink;                                                              \
    } while (0)

NOINLINE static void burn_three(double seconds)
{
    BURN(3 * seconds);
}

NOINLINE static void burn_one(double seconds)
{
    BURN(seconds);
}

static void *burn_both(void *arg)
{
    for (int i = 0; i < 10; i++) {
        burn_three(0.05);
        burn_one(0.05);
    }
    return arg;
}

static Gcxi__Profile *end_and_read(void)
{
    assert_int_equal(gcx_profile_cpu_end(path), 0);
    Gcxi__Profile *profile = profile_take(path);
    assert_non_null(profile);
    return profile;
}

/* ---- CPU ------------------------------------------------------------------------- */

/* One thread is there before, two come later. Not by a sanitizer, whose own work is
 * another part of each. */
static void test_shares(void **state)
{
    pthread_t threads[2];
    (void)state;
    if (SANITIZED)
        skip();
    assert_int_equal(gcx_profile_cpu_begin(), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, burn_both, NULL), 0);
    burn_both(NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    Gcxi__Profile *p = end_and_read();
    double three = profile_sum(p, "cpu", "burn_three"), one = profile_sum(p, "cpu", "burn_one");
    double all = profile_sum(p, "cpu", NULL);
    if (fabs(three / (three + one) - 0.75) > 0.03 || all < 5e9 || all > 7e9)
        fail_msg("%.2f s and %.2f s of %.2f s", three * 1e-9, one * 1e-9, all * 1e-9);
    assert_true(profile_sum(p, "samples", "burn_both") * 1e7 > all * 0.97);
    assert_int_equal(p->period, 10000000);
    assert_string_equal(profile_text(p, p->period_type->type), "cpu");
    assert_string_equal(profile_text(p, p->period_type->unit), "nanoseconds");
    assert_true(p->duration_nanos > 0);
    profile_drop(p);
}

static void test_time_in_the_collector_shows(void **state)
{
    (void)state;
    void **list = NULL;
    assert_int_equal(gcx_profile_cpu_begin(), 0);
    for (int i = 0; i < 400000; i++) {
        void **next = gcx_alloc(64);
        *next = list;
        list = next;
    }
    for (double end = thread_seconds() + 0.5; thread_seconds() < end;)
        gcx_collect(GCX_FULL);
    gcx_keep_alive(list);
    Gcxi__Profile *p = end_and_read();
    assert_true(profile_sum(p, "cpu", "gcx_collect") > 0.2e9);
    profile_drop(p);
}

static void *allocate(void *arg)
{
    void *kept[64] = {0};
    for (size_t i = 0; i < 2000000; i++) {
        size_t *object = gcx_alloc(16 + i * 37 % 300);
        if (object == NULL || *object != 0)
            return NULL;
        *object = i;
        kept[i % 64] = object;
    }
    return kept[0] != NULL ? arg : NULL;
}

static void test_threads_allocate_meanwhile(void **state)
{
    pthread_t threads[3];
    (void)state;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(gcx_profile_cpu_begin(), 0);
        for (size_t i = 0; i < COUNT_OF(threads); i++)
            assert_int_equal(gcx_thread_create(&threads[i], NULL, allocate, &threads), 0);
        gcx_profile_threads("/dev/null");
        for (size_t i = 0; i < COUNT_OF(threads); i++) {
            void *outcome;
            pthread_join(threads[i], &outcome);
            assert_ptr_equal(outcome, &threads);
        }
        assert_int_equal(gcx_profile_cpu_end(NULL), 0);
    }
}

static void own_handler(int number)
{
    (void)number;
}

static void test_errors_are_told(void **state)
{
    (void)state;
    assert_int_equal(gcx_profile_cpu_end(path), -1);
    assert_int_equal(errno, ENOENT);
    unlink(path);
    assert_int_equal(gcx_profile_cpu_begin(), 0);
    assert_int_equal(gcx_profile_cpu_begin(), -1);
    assert_int_equal(errno, EBUSY);
    assert_int_equal(gcx_profile_cpu_end("/nonexistent/cpu"), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(gcx_profile_cpu_end("/dev/full"), -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(gcx_profile_threads(NULL), -1);
    assert_int_equal(errno, EINVAL);
}

static int child_handles(const char *arg)
{
    (void)arg;
    signal(SIGPROF, own_handler);
    if (gcx_profile_cpu_begin() != -1 || errno != EBUSY)
        return 1;
    return gcx_profile_threads("/dev/null") == -1 && errno == EBUSY ? 0 : 2;
}

static int child_forks(const char *arg)
{
    int status;
    (void)arg;
    if (gcx_profile_cpu_begin() != 0)
        return 1;
    pid_t pid = fork();
    if (pid == 0) {
        if (gcx_profile_cpu_end(NULL) != -1 || errno != ENOENT || gcx_profile_cpu_begin() != 0)
            _exit(2);
        burn_one(0.3);
        _exit(gcx_profile_cpu_end("/dev/null") == 0 ? 0 : 3);
    }
    waitpid(pid, &status, 0);
    return gcx_profile_cpu_end(NULL) == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}

static int profile_nothing(void)
{
    return gcx_profile_cpu_begin() == 0 && gcx_profile_cpu_end(NULL) == 0 ? 0 : 1;
}

/* Whatever the thread that unwinds has just locked, it is free in the child. */
static int child_forks_often(const char *arg)
{
    int status = 0;
    (void)arg;
    for (int i = 0; i < 12 && status == 0; i++) {
        if (gcx_profile_cpu_begin() != 0)
            return 1;
        pid_t pid = fork();
        if (pid == 0) {
            alarm(20);
            burn_one(0.02);
            _exit(profile_nothing());
        }
        if (waitpid(pid, &status, 0) != pid || gcx_profile_cpu_end(NULL) != 0)
            return 2;
    }
    return status == 0 ? 0 : 3;
}

static int child_burns(const char *arg)
{
    (void)arg;
    gcx_alloc(16);
    burn_one(0.5);
    return 0;
}

/* Its own child ends last, and writes no profile. */
static int child_leaves(const char *arg)
{
    (void)arg;
    pid_t parent = getpid();
    gcx_alloc(16);
    if (fork() == 0)
        while (getppid() == parent)
            usleep(10000);
    else
        burn_one(0.3);
    return 0;
}

static void run_child(const char *name, const char *more)
{
    char library[4200];
    snprintf(library, sizeof library, "GCX_DIAG_LIBRARY=%s", getenv("GCX_DIAG_LIBRARY"));
    child_run(&result, name, "", (const char *[]){library, more, NULL});
    assert_true(child_ok(&result));
}

static void test_other_processes(void **state)
{
    char variable[128];
    (void)state;
    run_child("handles", NULL);
    run_child("forks", NULL);
    run_child("forks_often", NULL);
    snprintf(variable, sizeof variable, "GCX_CPU_PROFILE=%s", path);
    run_child("burns", variable);
    Gcxi__Profile *p = profile_take(path);
    assert_non_null(p);
    assert_true(profile_sum(p, "cpu", "burn_one") > 0.3e9);
    profile_drop(p);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    run_child("leaves", variable);
    assert_true(wait(NULL) > 0); /* its child, which is ours by now */
    p = profile_take(path);
    assert_non_null(p);
    profile_drop(p);
    run_child("burns", "GCX_CPU_PROFILE=/nonexistent/cpu");
    assert_non_null(strstr(result.err, "GCX_CPU_PROFILE: cannot write /nonexistent/cpu: No such"));
    run_child("burns", "GCX_CPU_PROFILE=/dev/full");
    assert_non_null(strstr(result.err, "GCX_CPU_PROFILE: cannot write /dev/full: No space left"));
}

/* ---- Threads ----------------------------------------------------------------------- */

static sem_t gate;

NOINLINE static void wait_at_gate(void)
{
    while (sem_wait(&gate) != 0)
        ;
    __asm__ volatile("");
}

static void *wait_once(void *arg)
{
    wait_at_gate();
    return arg;
}

static uint32_t is_over;

static void *allocate_until_over(void *arg)
{
    while (__atomic_load_n(&is_over, __ATOMIC_RELAXED) == 0)
        gcx_keep_alive(gcx_alloc(64));
    return arg;
}

/* One that waits is often stopped for a collection, and blocks signals then. */
static void test_where_threads_are_while_others_allocate(void **state)
{
    pthread_t waiting, allocating;
    int found = 0;
    (void)state;
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    assert_int_equal(gcx_thread_create(&waiting, NULL, wait_once, NULL), 0);
    assert_int_equal(gcx_thread_create(&allocating, NULL, allocate_until_over, NULL), 0);
    usleep(200000);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(gcx_profile_threads(path), 0);
        Gcxi__Profile *p = profile_read(path);
        found += (int)profile_sum(p, "threads", "wait_at_gate");
        profile_drop(p);
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
    sem_post(&gate);
    pthread_join(waiting, NULL);
    pthread_join(allocating, NULL);
    assert_true(
        found >=
        14); /* a third was before threads were looked at again; all but when the machine is busy */
}

static void test_where_threads_are(void **state)
{
    static pthread_t threads[150];
    (void)state;
    sem_init(&gate, 0, 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_once, NULL), 0);
    usleep(200000);
    assert_int_equal(gcx_profile_threads(path), 0);
    Gcxi__Profile *p = profile_read(path);
    assert_non_null(p);
    assert_int_equal((int)profile_sum(p, "threads", "wait_at_gate"), COUNT_OF(threads));
    profile_drop(p);
    unlink(path);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        sem_post(&gate);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {
        {"handles", child_handles}, {"forks", child_forks},   {"forks_often", child_forks_often},
        {"burns", child_burns},     {"leaves", child_leaves},
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_time_in_the_collector_shows),
        cmocka_unit_test(test_threads_allocate_meanwhile),
        cmocka_unit_test(test_errors_are_told),
        cmocka_unit_test(test_other_processes),
        cmocka_unit_test(test_where_threads_are),
        cmocka_unit_test(test_where_threads_are_while_others_allocate),
    };
    if (child_is(argc, argv))
        return child_main(argv, children, COUNT_OF(children));
    snprintf(path, sizeof path, "gcx-test-cpu-%d.pb.gz", (int)getpid());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
