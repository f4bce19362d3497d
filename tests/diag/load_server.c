/* load_server.c -- what a program notices of many requests.
 *
 * Usage: load_server REQUESTS [ROUNDS]
 *
 * A program allocates on four threads at full speed, with some 16 MiB live, and
 * serves, while 50 clients ask for REQUESTS answers in all. ROUNDS times, one
 * after the other, so that what else the machine does meets all alike:
 *
 *   alone      nobody asks
 *   elsewhere  they ask another process, which does nothing else: what they and
 *              the serving cost the program is then processor time alone
 *   asked      they ask the program
 *   beset      they ask the program, and clients that send half a request, that
 *              send headers without end and that never read are there too
 *
 * Prints the stops of the program and how long answers took; fails if one was no
 * answer. Without ROUNDS it is a test: beset alone, and no times are told.
 *
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#include <gcx/debug.h>
#include <gcx/stats.h>

#include "http_client.h"

enum { ALLOCATORS = 4, CLIENTS = 50, SILENT = 60, UNREAD = 10, PAUSES_MAX = 1 << 20 };

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* ---- The program ---- */

struct stops {
    uint64_t count, median_ns, p99_ns, max_ns, total_ns;
    uint64_t ran_ns;
    uint64_t alloc_bytes;
};

static volatile int is_over;

static void *allocate(void *arg)
{
    void *kept[8192] = {0};
    for (size_t i = 0; !__atomic_load_n(&is_over, __ATOMIC_RELAXED); i++) {
        size_t *object =
            i % 4 == 0 ? gcx_alloc_noscan(16 + i * 37 % 2000) : gcx_alloc(16 + i * 13 % 500);
        if (object == NULL)
            abort();
        *object = i;
        kept[i * 7 % COUNT_OF(kept)] = object;
    }
    return kept[0] != NULL ? arg : NULL;
}

/* More than the library keeps, when it is asked often enough. */
static uint64_t pauses[PAUSES_MAX];
static size_t pause_count;

static void gather_pauses(uint64_t *until_ns)
{
    struct gcx_pause last[GCX_PAUSES];
    size_t n = gcx_get_pauses(last, GCX_PAUSES);
    for (size_t i = 0; i < n && last[i].at_ns > *until_ns && pause_count < PAUSES_MAX; i++)
        pauses[pause_count++] = last[i].pause_ns;
    if (n != 0)
        *until_ns = last[0].at_ns;
}

static void run_until_told(int from)
{
    char end;
    uint64_t until_ns = 0;
    while (recv(from, &end, 1, MSG_DONTWAIT) < 0) {
        gather_pauses(&until_ns);
        usleep(20000);
    }
}

static struct stops stops_of(uint64_t ran_ns)
{
    struct gcx_stats stats = {.struct_bytes = sizeof stats};
    struct stops stops = {.count = pause_count, .ran_ns = ran_ns};
    gcx_get_stats(&stats);
    stops.alloc_bytes = stats.total_alloc_bytes;
    qsort(pauses, pause_count, sizeof *pauses, compare);
    for (size_t i = 0; i < pause_count; i++)
        stops.total_ns += pauses[i];
    if (pause_count != 0) {
        stops.median_ns = pauses[pause_count / 2];
        stops.p99_ns = pauses[pause_count * 99 / 100];
        stops.max_ns = pauses[pause_count - 1];
    }
    return stops;
}

/* Tells its port, works until it is told to end, and tells its stops. */
static void program_main(int channel, int allocators)
{
    pthread_t threads[ALLOCATORS];
    if (gcx_debug_serve("127.0.0.1:0") != 0)
        die("gcx_debug_serve");
    int port = gcx_debug_port();
    for (int i = 0; i < allocators; i++)
        if (gcx_thread_create(&threads[i], NULL, allocate, NULL) != 0)
            die("gcx_thread_create");
    uint64_t begin_ns = now_ns();
    http_send(channel, (char *)&port, sizeof port);
    run_until_told(channel);
    struct stops stops = stops_of(now_ns() - begin_ns);
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < allocators; i++)
        pthread_join(threads[i], NULL);
    if (gcx_debug_stop() != 0)
        die("gcx_debug_stop");
    http_send(channel, (char *)&stops, sizeof stops);
    exit(0);
}

struct program {
    pid_t pid;
    int channel;
    int port;
};

static struct program program_start(int allocators)
{
    int ends[2];
    struct program program = {0};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        die("socketpair");
    program.pid = fork();
    if (program.pid == 0) {
        close(ends[0]);
        program_main(ends[1], allocators);
    }
    close(ends[1]);
    program.channel = ends[0];
    if (recv(program.channel, &program.port, sizeof program.port, MSG_WAITALL) !=
        (ssize_t)sizeof program.port)
        die("the program");
    return program;
}

static struct stops program_end(struct program *program)
{
    struct stops stops = {0};
    int status = 1;
    http_send(program->channel, "", 1);
    if (recv(program->channel, &stops, sizeof stops, MSG_WAITALL) != (ssize_t)sizeof stops)
        die("the program's stops");
    close(program->channel);
    if (waitpid(program->pid, &status, 0) != program->pid || status != 0) {
        fprintf(stderr, "the program ended with status %d\n", status);
        exit(1);
    }
    return stops;
}

/* ---- Clients ---- */

/* As a page, a Prometheus and now and then somebody with pprof would ask. */
static const char *target_of(size_t number)
{
    static const char *const often[] = {"/debug/gcx/live?since=1", "/metrics", "/debug/vars", "/",
                                        "/base.js"};
    static const char *const seldom[] = {"/debug/pprof/heap", "/debug/gcx/sites?gc=1",
                                         "/debug/pprof/goroutine?debug=1", "/debug/pprof/allocs"};
    if (number % 10 == 0)
        return "/debug/gcx/classes";
    if (number % 100 == 1)
        return seldom[number / 100 % COUNT_OF(seldom)];
    return often[number % COUNT_OF(often)];
}

struct load {
    int port;
    size_t requests;
    size_t next; /* atomic, as the next */
    size_t failed;
    uint64_t *took_ns;
};

static void *ask(void *arg)
{
    struct load *load = arg;
    size_t number;
    while ((number = __atomic_fetch_add(&load->next, 1, __ATOMIC_RELAXED)) < load->requests) {
        uint64_t begin_ns = now_ns();
        struct http_answer answer = http_get(load->port, target_of(number));
        load->took_ns[number] = now_ns() - begin_ns;
        if (answer.status != 200) {
            fprintf(stderr, "%s: status %d\n", target_of(number), answer.status);
            __atomic_fetch_add(&load->failed, 1, __ATOMIC_RELAXED);
        }
        http_drop(&answer);
    }
    return arg;
}

/* False if one was not answered. */
static bool ask_all(struct load *load)
{
    pthread_t threads[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++)
        if (pthread_create(&threads[i], NULL, ask, load) != 0)
            die("pthread_create");
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    qsort(load->took_ns, load->requests, sizeof *load->took_ns, compare);
    return load->failed == 0;
}

/* ---- Clients that misbehave ---- */

struct rude {
    int port;
    volatile int is_over;
};

/* 100 MB of headers, again and again; the server ends each connection early. */
static void *send_headers(void *arg)
{
    static char block[65536];
    struct rude *rude = arg;
    memset(block, 'x', sizeof block);
    while (!__atomic_load_n(&rude->is_over, __ATOMIC_RELAXED)) {
        int fd = http_connect(rude->port);
        http_send(fd, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", 37);
        for (int i = 0; i < 1600 && http_send(fd, block, sizeof block) == 0; i++)
            ;
        close(fd);
    }
    return arg;
}

/* Begin requests, and send many whole ones whose answers nobody reads. */
static void pester(struct rude *rude, int fds[SILENT + UNREAD])
{
    static const char request[] = "GET /base.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct timeval short_time = {.tv_usec = 100000};
    for (int i = 0; i < SILENT + UNREAD; i++) {
        fds[i] = http_connect(rude->port);
        if (fds[i] < 0)
            die("connect");
        setsockopt(fds[i], SOL_SOCKET, SO_SNDTIMEO, &short_time, sizeof short_time);
        if (i < SILENT)
            http_send(fds[i], "GET /metr", i % 2 != 0 ? 9 : 0);
        for (int n = 0; i >= SILENT && n < 200; n++)
            if (http_send(fds[i], request, sizeof request - 1) != 0)
                break;
    }
}

static bool ask_all_beset(struct load *load)
{
    struct rude rude = {.port = load->port};
    int fds[SILENT + UNREAD];
    pthread_t thread;
    pester(&rude, fds);
    if (pthread_create(&thread, NULL, send_headers, &rude) != 0)
        die("pthread_create");
    bool is_answered = ask_all(load);
    __atomic_store_n(&rude.is_over, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    for (int i = 0; i < SILENT + UNREAD; i++)
        close(fds[i]);
    return is_answered;
}

/* ---- Rounds ---- */

enum mode { ALONE, ELSEWHERE, ASKED, BESET };

static const char *const mode_names[] = {"alone", "elsewhere", "asked", "beset"};

static void print(enum mode mode, const struct stops *s, const struct load *load, uint64_t took_ns)
{
    double seconds = (double)s->ran_ns * 1e-9;
    printf("%-10s stops %6lu, median %6.0f us, p99 %6.0f us, max %7.0f us, %4.1f %% of the time; "
           "%5.0f MB/s",
           mode_names[mode], (unsigned long)s->count, (double)s->median_ns * 1e-3,
           (double)s->p99_ns * 1e-3, (double)s->max_ns * 1e-3,
           100 * (double)s->total_ns / (double)s->ran_ns, (double)s->alloc_bytes * 1e-6 / seconds);
    if (mode != ALONE)
        printf("; %5.0f answers/s, median %5.1f ms, p99 %6.1f ms",
               (double)load->requests / ((double)took_ns * 1e-9),
               (double)load->took_ns[load->requests / 2] * 1e-6,
               (double)load->took_ns[load->requests * 99 / 100] * 1e-6);
    printf("\n");
    fflush(stdout);
}

static bool run(enum mode mode, size_t requests, bool is_told)
{
    struct program program = program_start(ALLOCATORS), other = {0};
    struct load load = {.port = program.port, .requests = requests};
    bool is_answered = true;
    load.took_ns = calloc(requests, sizeof *load.took_ns);
    if (load.took_ns == NULL)
        die("calloc");
    if (mode == ELSEWHERE) {
        other = program_start(0);
        load.port = other.port;
    }
    uint64_t begin_ns = now_ns();
    if (mode == ALONE)
        sleep(5);
    else
        is_answered = mode == BESET ? ask_all_beset(&load) : ask_all(&load);
    uint64_t took_ns = now_ns() - begin_ns;
    struct stops stops = program_end(&program);
    if (mode == ELSEWHERE)
        program_end(&other);
    if (is_told)
        print(mode, &stops, &load, took_ns);
    free(load.took_ns);
    return is_answered && stops.count != 0;
}

int main(int argc, char **argv)
{
    size_t requests = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    bool is_fine = requests != 0;
    signal(SIGPIPE, SIG_IGN);
    if (requests == 0)
        fprintf(stderr, "usage: load_server REQUESTS [ROUNDS]\n");
    if (is_fine && rounds == 0)
        is_fine = run(BESET, requests, false);
    for (size_t i = 0; i < rounds && is_fine; i++)
        for (enum mode mode = ALONE; mode <= BESET; mode++)
            is_fine = run(mode, requests, true) && is_fine;
    return is_fine ? 0 : 1;
}
