/* test_server.c -- the debug server: what it says, whom it refuses, and that it
 * holds up nobody.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <gcx/debug.h>
#include <gcx/profile.h>

#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"
#include "http_client.h"
#include "read_profile.h"

static int port;
static struct child_result result;
static void *volatile sink;

NOINLINE static void site_served(void)
{
    sink = gcx_alloc(64);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int serve(void **state)
{
    (void)state;
    gcx_profile_set_rate(2048);
    if (gcx_debug_serve("127.0.0.1:0") != 0)
        return -1;
    port = gcx_debug_port();
    return port > 0 ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    return gcx_debug_stop();
}

static void assert_answer(struct http_answer answer, int status, const char *text)
{
    if (answer.status != status || !http_has(&answer, text))
        fail_msg("status %d, not %d with \"%s\":\n%s", answer.status, status, text, answer.all);
    http_drop(&answer);
}

/* ---- Starting and stopping ---- */

static void test_addresses(void **state)
{
    static const struct {
        const char *address;
        int error;
    } cases[] = {
        {NULL, EINVAL},
        {"", EINVAL},
        {"127.0.0.1", EINVAL},
        {"127.0.0.1:", EINVAL},
        {"127.0.0.1:65536", EINVAL},
        {"127.0.0.1:-1", EINVAL},
        {"127.0.0.1:80x", EINVAL},
        {"127.0.0.1:99999999999", EINVAL},
        {"example.org:80", EINVAL},
        {"[::1:80", EINVAL},
        {"0.0.0.0:0", EPERM},
        {":0", EPERM},
        {"192.0.2.1:0", EPERM},
        {"[::]:0", EPERM},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(gcx_debug_serve(cases[i].address), -1);
        assert_int_equal(errno, cases[i].error);
    }
    assert_int_equal(gcx_debug_port(), 0);
    assert_int_equal(gcx_debug_stop(), -1);
    assert_int_equal(errno, ENOENT);
}

static void test_it_starts_and_stops(void **state)
{
    char taken[32];
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gcx_debug_serve("localhost:0"), 0);
        port = gcx_debug_port();
        assert_in_range(port, 1, 65535);
        assert_int_equal(gcx_debug_serve("127.0.0.1:0"), -1);
        assert_int_equal(errno, EBUSY);
        assert_answer(http_get(port, "/"), 200, "<!DOCTYPE html>");
        assert_int_equal(gcx_debug_stop(), 0);
        assert_int_equal(gcx_debug_port(), 0);
        assert_int_equal(http_connect(port), -1);
    }
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t bytes = sizeof name;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &bytes), 0);
    snprintf(taken, sizeof taken, "127.0.0.1:%d", ntohs(name.sin_port));
    assert_int_equal(gcx_debug_serve(taken), -1);
    assert_int_equal(errno, EADDRINUSE);
    close(fd);
}

static void test_remote(void **state)
{
    (void)state;
    assert_int_equal(gcx_debug_serve_remote("0.0.0.0:0"), 0);
    port = gcx_debug_port();
    assert_answer(http_ask(port, "GET", "/", "Host: 192.0.2.7:80\r\n", ""), 200, "<!DOCTYPE");
    assert_answer(http_ask(port, "GET", "/", "Host: evil.example\r\n", ""), 403, "evil.example");
    assert_int_equal(gcx_debug_stop(), 0);
}

static void test_stopping_ends_what_waits(void **state)
{
    (void)state;
    assert_int_equal(serve(NULL), 0);
    int fd = http_connect(port);
    const char request[] = "GET /debug/pprof/heap?seconds=600 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_int_equal(http_send(fd, request, sizeof request - 1), 0);
    usleep(300000);
    double begin = now();
    assert_int_equal(gcx_debug_stop(), 0);
    assert_true(now() - begin < 30);
    struct http_answer answer = http_receive(fd);
    http_drop(&answer);
}

/* ---- What it says ---- */

static void test_every_path(void **state)
{
    static const struct {
        const char *path, *type, *text;
    } cases[] = {
        {"/", "text/html; charset=utf-8", "<main"},
        {"/page.js", "text/javascript; charset=utf-8", "poll"},
        {"/base.js", "text/javascript; charset=utf-8", "// base.js"},
        {"/charts.js", "text/javascript; charset=utf-8", "// charts.js"},
        {"/classes.js", "text/javascript; charset=utf-8", "// classes.js"},
        {"/known.js", "text/javascript; charset=utf-8", "// known.js"},
        {"/sites.js", "text/javascript; charset=utf-8", "// sites.js"},
        {"/page.css", "text/css; charset=utf-8", "prefers-color-scheme: dark"},
        {"/debug/pprof/", "text/html; charset=utf-8", "/debug/pprof/heap?debug=1"},
        {"/debug/pprof/heap?debug=1", "text/plain; charset=utf-8", "heap profile: "},
        {"/debug/pprof/heap", "application/octet-stream", "filename=\"heap\""},
        {"/debug/pprof/heap?gc=1&debug=0", "application/octet-stream", "filename=\"heap\""},
        {"/debug/pprof/allocs", "application/octet-stream", "filename=\"allocs\""},
        {"/debug/pprof/profile?seconds=1", "application/octet-stream", "filename=\"profile\""},
        {"/debug/pprof/goroutine", "application/octet-stream", "filename=\"goroutine\""},
        {"/debug/pprof/threadcreate?debug=1", "text/plain; charset=utf-8", "main"},
        {"/debug/pprof/cmdline", "text/plain; charset=utf-8", "test_server"},
        {"/debug/pprof/symbol", "text/plain; charset=utf-8", "num_symbols: 1"},
        {"/debug/vars", "application/json; charset=utf-8", "\"memstats\": {\"Alloc\":"},
        {"/debug/gcx/live", "application/json; charset=utf-8", "\"samples\":"},
        {"/debug/gcx/classes", "application/json; charset=utf-8", "\"other_slots\"],\"rows\":[["},
        {"/debug/gcx/sites?gc=1", "application/json; charset=utf-8", "site_served"},
        {"/metrics", "text/plain; version=0.0.4; charset=utf-8", "gcx_pause_seconds_bucket"},
    };
    char type[128];
    (void)state;
    for (int i = 0; i < 20000; i++)
        site_served();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct http_answer answer = http_get(port, cases[i].path);
        snprintf(type, sizeof type, "Content-Type: %s\r\n", cases[i].type);
        assert_true(http_has(&answer, type));
        assert_true(http_has(&answer, "X-Content-Type-Options: nosniff\r\n"));
        assert_answer(answer, 200, cases[i].text);
    }
    assert_answer(http_ask(port, "HEAD", "/metrics", NULL, ""), 200, "Content-Length: ");
}

static Gcxi__Profile *profile_of(const char *target)
{
    char path[64];
    struct http_answer answer = http_get(port, target);
    assert_int_equal(answer.status, 200);
    snprintf(path, sizeof path, "gcx-server-%d.pb.gz", (int)getpid());
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(answer.body, 1, answer.length, file), answer.length);
    fclose(file);
    Gcxi__Profile *profile = profile_read(path);
    unlink(path);
    http_drop(&answer);
    assert_non_null(profile);
    return profile;
}

static void *allocate_for_a_while(void *arg)
{
    for (double end = now() + 2; now() < end;)
        for (int i = 0; i < 1000; i++)
            site_served();
    return arg;
}

static void test_profiles(void **state)
{
    pthread_t thread;
    (void)state;
    Gcxi__Profile *profile = profile_of("/debug/pprof/heap?gc=1");
    assert_string_equal(profile_text(profile, profile->default_sample_type), "inuse_space");
    double before = profile_sum(profile, "alloc_objects", "site_served");
    assert_true(before > 10000);
    gcxi__profile__free_unpacked(profile, NULL);
    profile = profile_of("/debug/pprof/allocs?seconds=1");
    assert_string_equal(profile_text(profile, profile->default_sample_type), "alloc_space");
    assert_true(profile_sum(profile, "alloc_objects", "site_served") < before / 2);
    assert_true(profile->duration_nanos >= 1000000000);
    gcxi__profile__free_unpacked(profile, NULL);
    assert_int_equal(gcx_thread_create(&thread, NULL, allocate_for_a_while, NULL), 0);
    profile = profile_of("/debug/pprof/heap?seconds=1&gc=1");
    assert_true(profile_sum(profile, "alloc_objects", "site_served") > 1000);
    gcxi__profile__free_unpacked(profile, NULL);
    pthread_join(thread, NULL);
}

static void test_one_cpu_profile_at_a_time(void **state)
{
    const char request[] = "GET /debug/pprof/profile HTTP/1.0\r\nHost: localhost\r\n\r\n";
    (void)state;
    int fd = http_connect(port);
    assert_int_equal(http_send(fd, request, sizeof request - 1), 0);
    usleep(1000000); /* until it has begun: asking sooner might keep it from that */
    assert_answer(http_get(port, "/debug/pprof/profile?seconds=1"), 503, "CPU profiling");
    close(fd); /* ends it */
    int begun = -1;
    for (int i = 0; i < 100 && (begun = gcx_profile_cpu_begin()) != 0; i++)
        usleep(50000);
    assert_int_equal(begun, 0);
    assert_int_equal(gcx_profile_cpu_end(NULL), 0);
}

/* Nothing is profiled for a HEAD: it is answered while a profile is under way. */
static void test_headers_of_what_waits(void **state)
{
    static const char *const targets[] = {"/debug/pprof/profile", "/debug/pprof/heap?seconds=600",
                                          "/debug/pprof/allocs?seconds=600"};
    (void)state;
    assert_int_equal(gcx_profile_cpu_begin(), 0);
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        struct http_answer answer = http_ask(port, "HEAD", targets[i], NULL, "");
        assert_true(http_has(&answer, "X-Content-Type-Options: nosniff\r\n"));
        assert_false(http_has(&answer, "Content-Length:"));
        assert_int_equal(answer.length, 0);
        assert_answer(answer, 200, "Content-Type: application/octet-stream\r\n");
    }
    assert_int_equal(gcx_profile_cpu_end(NULL), 0);
    assert_answer(http_ask(port, "HEAD", "/debug/pprof/profile?seconds=x", NULL, ""), 400, "");
}

static void test_symbols(void **state)
{
    char target[128];
    (void)state;
    snprintf(target, sizeof target, "/debug/pprof/symbol?%p+0x1", (void *)(uintptr_t)site_served);
    assert_answer(http_get(port, target), 200, " site_served\n");
    assert_answer(http_ask(port, "POST", "/debug/pprof/symbol", NULL, strchr(target, '?') + 1), 200,
                  " site_served\n");
    assert_answer(http_ask(port, "POST", "/debug/pprof/symbol", NULL, "nonsense"), 200,
                  "num_symbols: 1\n");
}

static void test_numbers_are_those_of_the_library(void **state)
{
    char text[64];
    (void)state;
    assert_answer(http_ask(port, "POST", "/debug/gcx/collect?kind=minor", NULL, ""), 200, "{");
    struct gcx_stats before = stats_now();
    assert_answer(http_ask(port, "POST", "/debug/gcx/collect", NULL, ""), 200, "\"full_cycles\":");
    assert_true(stats_now().full_cycles > before.full_cycles);
    snprintf(text, sizeof text, "gcx_cycles_total{kind=\"full\"} %lu\n",
             (unsigned long)stats_now().full_cycles);
    assert_answer(http_get(port, "/metrics"), 200, text);
    assert_answer(http_get(port, "/debug/gcx/live?since=1"), 200, "\"is_full\"],\"rows\":[[");
}

static unsigned long samples_taken(void)
{
    struct http_answer answer = http_get(port, "/debug/gcx/live?since=1");
    const char *next = strstr(answer.all, "\"next\":");
    assert_non_null(next);
    unsigned long taken = strtoul(next + 7, NULL, 10);
    http_drop(&answer);
    return taken;
}

/* The server's thread wakes twice for each sample that it takes. What workers have
 * answered does not wait for that: each would, and 20 take 10 samples' time. */
static void test_workers_answers_are_sent_at_once(void **state)
{
    (void)state;
    unsigned long before = samples_taken();
    for (int i = 0; i < 20; i++)
        assert_answer(http_ask(port, "POST", "/debug/gcx/collect?kind=minor", NULL, ""), 200, "{");
    assert_true(samples_taken() < before + 6);
}

/* ---- Whom it refuses ---- */

static void test_bad_requests(void **state)
{
    static const struct {
        const char *method, *target;
        int status;
        const char *text;
    } cases[] = {
        {"GET", "/nope", 404, "There is no /nope"},
        {"GET", "/debug/pprof/nope", 404, "There is no"},
        {"GET", "/debug/pprof/heap?seconds=-1", 400, "seconds is a whole number"},
        {"GET", "/debug/pprof/heap?seconds=0", 400, "seconds is a whole number"},
        {"GET", "/debug/pprof/heap?seconds=1e9", 400, "seconds is a whole number"},
        {"GET", "/debug/pprof/heap?seconds=1000000000", 400, "seconds is a whole number"},
        {"GET", "/debug/pprof/heap?seconds=99999999999999999999", 400, "seconds is"},
        {"GET", "/debug/pprof/heap?seconds=", 400, "seconds is"},
        {"GET", "/debug/pprof/heap?seconds", 400, "seconds is"},
        {"GET", "/debug/pprof/heap?debug=3", 400, "debug is 0, 1 or 2"},
        {"GET", "/debug/pprof/heap?gc=yes", 400, "gc is 0 or 1"},
        {"GET", "/debug/pprof/heap?seconds=1&debug=1", 400, "does not go with debug"},
        {"GET", "/debug/pprof/heap?colour=red", 400, "no parameter \"colour\""},
        {"GET", "/metrics?gc=1", 400, "no parameter \"gc\""},
        {"GET", "/debug/gcx/live?since=-1", 400, "since is"},
        {"GET", "/debug/gcx/collect", 405, "Allow: POST\r\n"},
        {"POST", "/debug/gcx/collect?kind=huge", 400, "minor or full"},
        {"POST", "/metrics", 405, "Allow: GET, HEAD\r\n"},
        {"DELETE", "/debug/pprof/heap", 405, "Allow: GET, HEAD\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct http_answer answer = http_ask(port, cases[i].method, cases[i].target, NULL, "");
        if (!http_has(&answer, "X-Go-Pprof"))
            fail_msg("%s %s: %s", cases[i].method, cases[i].target, answer.all);
        assert_true(http_has(&answer, "X-Go-Pprof: 1\r\n"));
        assert_true(http_has(&answer, "X-Content-Type-Options: nosniff\r\n"));
        assert_answer(answer, cases[i].status, cases[i].text);
    }
}

static void test_foreign_hosts(void **state)
{
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        {"Host: localhost\r\n", 200},
        {"Host: LOCALHOST:6060\r\n", 200},
        {"Host: 127.0.0.1:1\r\n", 200},
        {"Host: [::1]:1\r\n", 200},
        {"Host: evil.example\r\n", 403},
        {"Host: localhost.evil.example\r\n", 403},
        {"Host: 127.0.0.1.evil.example\r\n", 403},
        {"Host: 192.0.2.1\r\n", 403},
        {"Host: localhost:99999\r\n", 403},
        {"Host: [::1\r\n", 403},
        {"Host: \r\n", 400},
        {"", 400},
        {"Host: localhost\r\nOrigin: http://localhost\r\n", 200},
        {"Host: localhost\r\nOrigin: http://evil.example\r\n", 403},
        {"Host: localhost\r\nOrigin: null\r\n", 403},
        {"Host: localhost\r\nSec-Fetch-Site: same-origin\r\n", 200},
        {"Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n", 403},
        {"Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n", 200},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_answer(http_ask(port, "GET", "/metrics", cases[i].headers, ""), cases[i].status, "");
}

static void test_requests_that_hide_something(void **state)
{
    static const char *const cases[][2] = {
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n"
         "Connection: close\r\n\r\n",
         "more than one Host header"},
        {"GET /metrics HTTP/1.0\r\nhost: localhost\r\nHost: localhost\r\n\r\n", "more than one"},
        {"GET /metrics%00 HTTP/1.0\r\nHost: localhost\r\n\r\n", "%00 is no character"},
        {"GET /metrics%00/x HTTP/1.0\r\nHost: localhost\r\n\r\n", "%00 is no character"},
        {"GET /debug/pprof/heap?debug=1%00 HTTP/1.0\r\nHost: localhost\r\n\r\n", "debug is"},
        {"GET /debug/pprof/heap?debug%00=1 HTTP/1.0\r\nHost: localhost\r\n\r\n", "no parameter"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_answer(http_raw(port, cases[i][0]), 400, cases[i][1]);
    assert_answer(http_raw(port, "GET /metrics HTTP/1.0\r\n\r\n"), 200, "gcx_live_bytes");
    assert_answer(http_raw(port, "GET /%6detrics HTTP/1.0\r\nHost: localhost\r\n\r\n"), 200,
                  "gcx_info");
}

/* ---- Whom it does not wait for ---- */

static void assert_it_answers(void)
{
    double begin = now();
    assert_answer(http_get(port, "/metrics"), 200, "gcx_info");
    assert_true(now() - begin < 10);
}

static void test_half_requests(void **state)
{
    int fds[300];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = http_connect(port);
        assert_true(fds[i] >= 0);
        http_send(fds[i], "GET / HT", i % 2 != 0 ? 8 : 0);
    }
    assert_it_answers();
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
    assert_it_answers();
}

static void test_large_headers(void **state)
{
    static char block[65536];
    struct http_answer answer = {0};
    (void)state;
    memset(block, 'x', sizeof block);
    int fd = http_connect(port);
    http_send(fd, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", 37);
    for (int i = 0; i < 1600 && http_send(fd, block, sizeof block) == 0; i++)
        ;
    answer = http_receive(fd);
    assert_true(answer.status == 0 || answer.status == 431 || answer.status == 413);
    http_drop(&answer);
    assert_answer(http_raw(port, "POST /debug/pprof/symbol HTTP/1.1\r\nHost: localhost\r\n"
                                 "Content-Length: 99999999\r\n\r\n"),
                  413, "bytes at most");
    assert_it_answers();
}

static void test_clients_that_never_read(void **state)
{
    const char request[] = "GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct timeval short_time = {.tv_usec = 200000};
    int fds[10];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = http_connect(port);
        setsockopt(fds[i], SOL_SOCKET, SO_SNDTIMEO, &short_time, sizeof short_time);
        for (int n = 0; n < 500 && http_send(fds[i], request, sizeof request - 1) == 0; n++)
            ;
        if (i % 5 == 0)
            assert_it_answers();
    }
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
    assert_it_answers();
}

static void test_broken_requests(void **state)
{
    static const char *const cases[] = {
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET /x%00%ff%zz?%00=%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET /debug/pprof/heap?%73econds=%2d1 HTTP/1.1\r\nHost: localhost\r\n"
        "Connection: close\r\n\r\n",
        "POST /debug/gcx/collect HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        "POST /debug/pprof/symbol HTTP/1.1\r\nHost: localhost\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int fd = http_connect(port);
        http_send(fd, cases[i], strlen(cases[i]));
        shutdown(fd, SHUT_WR);
        struct http_answer answer = http_receive(fd);
        if (answer.status != 0 && answer.status < 400)
            fail_msg("%s\n%s", cases[i], answer.all);
        http_drop(&answer);
    }
    assert_it_answers();
}

/* Nobody has to wait for the deadline of a client that can send no more: one that
 * could has been there for longer, and is there still. */
static void test_requests_that_end_halfway(void **state)
{
    static const char *const cases[] = {
        "GET / HT",
        "\r\n\r\n\r\n",
        "POST /debug/pprof/symbol HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\nab",
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\nGET /metrics HTTP/1.1\r\nHost: "
        "localhost\r\n\r\n",
        "POST /debug/pprof/symbol HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n"
        "Expect: 100-continue\r\n\r\n0x401000",
    };
    static const char *const answers[] = {NULL, NULL, NULL, "gcx_info", "gcx_info", "num_symbols"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char byte;
        int able = http_connect(port), unable = http_connect(port);
        http_send(able, "GET ", 4);
        http_send(unable, cases[i], strlen(cases[i]));
        shutdown(unable, SHUT_WR);
        struct http_answer answer = http_receive(unable);
        assert_int_equal(recv(able, &byte, 1, MSG_DONTWAIT), -1);
        assert_int_equal(errno, EAGAIN);
        close(able);
        const char *first = answers[i] != NULL ? strstr(answer.all, answers[i]) : NULL;
        assert_int_equal(first != NULL, answers[i] != NULL);
        if (i == 4) /* the second as well */
            assert_non_null(strstr(first + 2000, answers[i]));
        http_drop(&answer);
    }
}

/* Sends it and no more; what comes back, if anything does, is an answer. */
static void assert_it_copes(const char *bytes, size_t count)
{
    int fd = http_connect(port);
    assert_true(fd >= 0);
    http_send(fd, bytes, count);
    shutdown(fd, SHUT_WR);
    struct http_answer answer = http_receive(fd);
    int is_answer = answer.status >= 100 && answer.status <= 599;
    if (*answer.all != '\0' && !is_answer)
        fail_msg("%.*s\n%s", (int)count, bytes, answer.all);
    http_drop(&answer);
}

/* Bytes are replaced, taken out, put in, and pieces are doubled. The requests say
 * nothing of seconds, which might be waited for. */
static void test_requests_changed_at_random(void **state)
{
    static const char *const seeds[] = {
        "GET /debug/gcx/live?since=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "HEAD /metrics HTTP/1.1\r\nHost: [::1]:80\r\nOrigin: http://[::1]:80\r\n\r\n",
        "POST /debug/pprof/symbol HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8\r\n\r\n0x401000",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /%64ebug/vars?a=%00&b HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
    };
    static const char letters[] = "\r\n :/?&=%+-[].,;\"\t09azAZ\x01\x7f\xff";
    struct random r = {7};
    (void)state;
    for (size_t i = 0; i < scaled(2000); i++) {
        char bytes[512] = "";
        strcpy(bytes, seeds[i % COUNT_OF(seeds)]);
        size_t count = strlen(bytes);
        for (uint32_t changes = 1 + random_below(&r, 4); changes > 0; changes--) {
            size_t at = random_below(&r, (uint32_t)count);
            size_t n = 1 + random_below(&r, (uint32_t)(count - at));
            switch (random_below(&r, 4)) {
            case 0:
                memmove(bytes + at, bytes + at + n, count - at - n);
                count -= n < count ? n : 0;
                break;
            case 1:
                if (count + n > sizeof bytes)
                    break;
                memmove(bytes + at + n, bytes + at, count - at);
                count += n;
                break;
            default:
                bytes[at] = letters[random_below(&r, sizeof letters - 1)];
            }
        }
        assert_it_copes(bytes, count);
    }
    assert_it_answers();
}

/* ---- Forks ---- */

static void test_a_forked_child_has_no_server(void **state)
{
    int status;
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        if (gcx_debug_port() != 0 || gcx_debug_stop() != -1 || errno != ENOENT)
            _exit(1);
        if (gcx_debug_serve("127.0.0.1:0") != 0)
            _exit(2);
        struct http_answer answer = http_get(gcx_debug_port(), "/debug/gcx/sites");
        _exit(answer.status == 200 && gcx_debug_stop() == 0 ? 0 : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_it_answers();
}

/* ---- The environment ---- */

static int child_served(const char *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++)
        site_served();
    if (gcx_debug_port() == 0)
        return 0;
    struct http_answer answer = http_get(gcx_debug_port(), "/metrics");
    printf("status %d\n", answer.status);
    return 0;
}

/* For consumers.sh: says where it serves, and works for so many seconds. */
static int child_stay(const char *arg)
{
    double end = now() + atof(arg);
    site_served();
    printf("127.0.0.1:%d\n", gcx_debug_port());
    fflush(stdout);
    while (now() < end)
        for (int i = 0; i < 1000; i++)
            site_served();
    return 0;
}

static void run_child(const char *address, const char *more)
{
    char library[4200], variable[128];
    snprintf(library, sizeof library, "GCX_DIAG_LIBRARY=%s", getenv("GCX_DIAG_LIBRARY"));
    snprintf(variable, sizeof variable, "GCX_DEBUG_ADDR=%s", address);
    child_run(&result, "served", "", (const char *[]){library, variable, more, NULL});
    assert_true(child_ok(&result));
}

static void test_the_environment_serves(void **state)
{
    (void)state;
    run_child("127.0.0.1:0", NULL);
    assert_string_equal(result.err, "");
    assert_string_equal(result.out, "status 200\n");
    run_child("0.0.0.0:0", "GCX_DEBUG_REMOTE=1");
    assert_string_equal(result.out, "status 200\n");
    run_child("0.0.0.0:0", NULL);
    assert_non_null(strstr(result.err, "GCX_DEBUG_ADDR=0.0.0.0:0: not served: other machines"));
    run_child("nonsense", NULL);
    assert_non_null(strstr(result.err, "GCX_DEBUG_ADDR=nonsense: not served: expected"));
    assert_string_equal(result.out, "");
}

static int child_without(const char *arg)
{
    (void)arg;
    if (gcx_debug_serve("127.0.0.1:0") != -1 || errno != ENOTSUP || gcx_debug_port() != 0)
        return 1;
    return gcx_debug_stop() == -1 && errno == ENOTSUP ? 0 : 2;
}

static void test_without_the_diagnostics(void **state)
{
    (void)state;
    child_run(&result, "without", "", (const char *[]){"GCX_DIAG_LIBRARY=/nonexistent.so", NULL});
    assert_true(child_ok(&result));
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {
        {"served", child_served},
        {"stay", child_stay},
        {"without", child_without},
    };
    const struct CMUnitTest alone[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_it_starts_and_stops),
        cmocka_unit_test(test_remote),
        cmocka_unit_test(test_stopping_ends_what_waits),
        cmocka_unit_test(test_the_environment_serves),
        cmocka_unit_test(test_without_the_diagnostics),
    };
    const struct CMUnitTest served[] = {
        cmocka_unit_test(test_every_path),
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_one_cpu_profile_at_a_time),
        cmocka_unit_test(test_headers_of_what_waits),
        cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_numbers_are_those_of_the_library),
        cmocka_unit_test(test_workers_answers_are_sent_at_once),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_foreign_hosts),
        cmocka_unit_test(test_requests_that_hide_something),
        cmocka_unit_test(test_half_requests),
        cmocka_unit_test(test_large_headers),
        cmocka_unit_test(test_clients_that_never_read),
        cmocka_unit_test(test_broken_requests),
        cmocka_unit_test(test_requests_that_end_halfway),
        cmocka_unit_test(test_requests_changed_at_random),
        cmocka_unit_test(test_a_forked_child_has_no_server),
    };
    if (child_is(argc, argv))
        return child_main(argv, children, COUNT_OF(children));
    int failed = cmocka_run_group_tests(alone, NULL, NULL);
    return cmocka_run_group_tests(served, serve, stop) + failed;
}
