/* test_threadleak.c -- the profile of threads that wait for what cannot come: as a
 * file and by the server, with stacks, names and objects.
 *
 * SPDX-License-Identifier: MIT */
#include "../support/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <gcx/debug.h>
#include <gcx/profile.h>

#include "../support/waiting.h"
#include "http_client.h"
#include "read_profile.h"

static char path[64];

NOINLINE static void *wait_for_none(void *c)
{
    void *value = channel_receive(c);
    __asm__ volatile("");
    return value;
}

static void *leak(void *c)
{
    prctl(PR_SET_NAME, "leaker");
    return wait_for_none(c);
}

NOINLINE static void *wait_for_global(void *c)
{
    void *value = channel_receive(c);
    __asm__ volatile("");
    return value;
}

/* The first blocks the signal by which stacks are asked for. */
static void *leak_silently(void *c)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPROF);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return wait_for_none(c);
}

static void *leak_three(void *arg)
{
    start(leak, make(0));
    start(leak, make(0));
    start(leak_silently, make(0));
    global = make(0);
    start(wait_for_global, global);
    return arg;
}

static int begin(void **state)
{
    (void)state;
    run_apart(leak_three, NULL);
    channel_await_waiters(4);
    clear_stack();
    return 0;
}

static int end(void **state)
{
    (void)state;
    rescue();
    return 0;
}

/* Of the silent one the frame is known that began the wait, and more of them where
 * there are frame pointers. */
static void test_file(void **state)
{
    (void)state;
    assert_int_equal(gcx_profile_thread_leaks(path), 0);
    Gcxi__Profile *p = profile_take(path);
    assert_non_null(p);
    assert_int_equal((int)profile_sum(p, "threads", NULL), 3);
    assert_in_range((int)profile_sum(p, "threads", "wait_for_none"), 2, 3);
    double begun = profile_sum(p, "threads", "channel_wait"); /* where that is no part of */
    double within = profile_sum(p, "threads", "channel_select");
    assert_int_equal((int)(begun > within ? begun : within), 3);
    assert_int_equal((int)profile_sum(p, "threads", "wait_for_global"), 0);
    profile_drop(p);
}

static void test_errors(void **state)
{
    (void)state;
    errno = 0;
    assert_int_equal(gcx_profile_thread_leaks(NULL), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gcx_profile_thread_leaks("/nonexistent/leaks"), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(gcx_profile_thread_leaks("/dev/full"), -1);
    assert_int_equal(errno, ENOSPC);
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        count++;
    return count;
}

static void test_server(void **state)
{
    (void)state;
    if (gcx_debug_serve("127.0.0.1:0") != 0) {
        assert_int_equal(errno, ENOTSUP);
        skip();
    }
    struct http_answer answer = http_get(gcx_debug_port(), "/debug/pprof/threadleak?debug=1");
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "threadleak profile: total 3\n"));
    assert_non_null(strstr(answer.body, "wait_for_none"));
    assert_null(strstr(answer.body, "wait_for_global"));
    http_drop(&answer);
    answer = http_get(gcx_debug_port(), "/debug/pprof/threadleak?debug=2");
    assert_int_equal(count_of(answer.body, " (leaker) [leaked], waits for 0x"), 2);
    assert_int_equal(count_of(answer.body, " [leaked], waits for 0x"), 3);
    http_drop(&answer);
    answer = http_get(gcx_debug_port(), "/debug/pprof/threadleak");
    assert_true(http_has(&answer, "filename=\"threadleak\""));
    http_drop(&answer);
    answer = http_get(gcx_debug_port(), "/debug/pprof/");
    assert_non_null(strstr(answer.body, "/debug/pprof/threadleak?debug=1"));
    http_drop(&answer);
    assert_int_equal(gcx_debug_stop(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_server),
    };
    snprintf(path, sizeof path, "gcx-threadleak-%d.pb.gz", (int)getpid());
    return cmocka_run_group_tests(tests, begin, end);
}
