/* risefall.c -- a program whose live heap rises and falls.
 *
 * A server with many sessions, of which each holds 2 MiB in objects of 64 bytes:
 * sessions come until --high MiB are live, all but --low MiB of them end, and for
 * --idle ms nothing happens; --rounds times. A line on stdout tells when a phase
 * begins, so that memory.py, which looks at the process from outside, knows.
 *
 * SPDX-License-Identifier: MIT */
#include "alloc_layer.h"

enum { RF_SESSION_NODES = 32768, RF_SESSIONS_MAX = 1 << 14 };

struct rf_node {
    struct rf_node *next;
    uint64_t number;
    uint64_t words[6];
};

static struct rf_node *rf_sessions[RF_SESSIONS_MAX];

static void rf_tell(const char *phase)
{
    printf("phase %s\n", phase);
    fflush(stdout);
}

static void rf_session_begin(uint64_t session)
{
    for (uint64_t i = 0; i < RF_SESSION_NODES; i++) {
        struct rf_node *n = ALLOC(sizeof *n);
        n->next = rf_sessions[session];
        n->number = session + i;
        rf_sessions[session] = n;
    }
}

static void rf_session_end(uint64_t session)
{
    struct rf_node *n = rf_sessions[session];
    rf_sessions[session] = NULL;
    while (PEER_FREES && n != NULL) {
        struct rf_node *next = n->next;
        FREE(n);
        n = next;
    }
}

static uint64_t rf_session_check(uint64_t session)
{
    uint64_t i = RF_SESSION_NODES;
    for (const struct rf_node *n = rf_sessions[session]; n != NULL; n = n->next)
        bench_expect("node", n->number, session + --i);
    bench_expect("nodes left", i, 0);
    return session;
}

/* A stop may interrupt a sleep. */
static void rf_idle(uint64_t ms)
{
    uint64_t end_ns = bench_now_ns() + ms * 1000000, now_ns;
    while ((now_ns = bench_now_ns()) < end_ns) {
        struct timespec rest = {.tv_sec = (time_t)((end_ns - now_ns) / 1000000000),
                                .tv_nsec = (long)((end_ns - now_ns) % 1000000000)};
        nanosleep(&rest, NULL);
    }
}

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {
        {"high", 2000, 200}, {"low", 100, 10}, {"idle", 8000, 2000}, {"rounds", 2, 1}};
    bench_flags_parse(argc, argv, flags, 4);
    uint64_t high = flags[0].value / 2, low = flags[1].value / 2;
    if (high > RF_SESSIONS_MAX || low > high)
        bench_die("sessions out of range");
    peer_init();

    uint64_t begin_ns = bench_now_ns(), sum = 0;
    for (uint64_t round = 0; round < flags[3].value; round++) {
        rf_tell("rise");
        for (uint64_t i = round == 0 ? 0 : low; i < high; i++)
            rf_session_begin(i);
        rf_tell("fall");
        for (uint64_t i = low; i < high; i++)
            rf_session_end(i);
        rf_idle(flags[2].value);
    }
    rf_tell("end");
    for (uint64_t i = 0; i < low; i++)
        sum += rf_session_check(i);

    struct peer_stats stats;
    peer_get_stats(&stats);
    bench_result_begin(bench_now_ns() - begin_ns, flags[3].value * high, sum, &stats);
    bench_result_end();
    return 0;
}
