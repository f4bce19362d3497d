/* harness.h -- clock, random numbers, flags, latencies and the result line.
 *
 * A workload prints one line that the runner reads:
 *
 *   result elapsed_ns=... ops=... checksum=... cycles=... peak_rss_kb=...
 *
 * and exits with 0 only if its own check of its result held. Every peer runs
 * the same random sequence, so that checksums agree between peers.
 *
 * Nothing here allocates from a peer.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_BENCH_HARNESS_H
#define GCX_BENCH_HARNESS_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline void bench_die(const char *message)
{
    fprintf(stderr, "bench: %s\n", message);
    exit(1);
}

/* The check that ends every workload. */
static inline void bench_expect(const char *what, uint64_t got, uint64_t want)
{
    if (got == want)
        return;
    fprintf(stderr, "bench: %s is %" PRIu64 ", not %" PRIu64 "\n", what, got, want);
    exit(1);
}

static inline uint64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Memory that no peer scans or counts; the process's end returns it. */
static inline void *bench_plain_memory(size_t n, size_t size)
{
    void *ptr = calloc(n, size);
    if (ptr == NULL)
        bench_die("out of memory");
    return ptr;
}

/* Makes the compiler believe that what ptr points to is used: without it a
 * malloc whose memory nobody reads may be removed together with its free. */
static inline void bench_keep(const void *ptr)
{
    __asm__ volatile("" : : "r"(ptr) : "memory");
}

/* ---- Random numbers: xorshift64*, state never 0 ------------------------- */

static inline uint64_t bench_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

/* In [0, n), n up to 2^32: by multiplication, for a division costs more than
 * the allocations that are measured. */
static inline uint64_t bench_random_below(uint64_t *state, uint64_t n)
{
    return ((bench_random(state) >> 32) * n) >> 32;
}

/* A bijection that scatters keys. */
static inline uint64_t bench_mix(uint64_t x)
{
    x = (x ^ (x >> 31)) * UINT64_C(0x7fb5d329728ea185);
    x = (x ^ (x >> 27)) * UINT64_C(0x81dadef4bc2dd44d);
    return x ^ (x >> 33);
}

/* ---- Flags: --name=value or --name value, and --quick -------------------- */

struct bench_flag {
    const char *name;
    uint64_t value; /* in: the default */
    uint64_t quick; /* the default with --quick */
};

static inline struct bench_flag *bench_flag_find(struct bench_flag *flags, size_t n,
                                                 const char *name, size_t length)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(flags[i].name) == length && strncmp(flags[i].name, name, length) == 0)
            return &flags[i];
    }
    return NULL;
}

/* Takes one flag at argv[*at]; false if there is no such flag or no value. */
static inline int bench_flag_take(int argc, char **argv, int *at, struct bench_flag *flags,
                                  size_t n)
{
    const char *arg = argv[*at];
    if (strncmp(arg, "--", 2) != 0)
        return 0;
    size_t length = strcspn(arg + 2, "=");
    struct bench_flag *flag = bench_flag_find(flags, n, arg + 2, length);
    if (flag == NULL)
        return 0;
    const char *text = arg + 2 + length + 1;
    if (arg[2 + length] == '\0') {
        if (*at + 1 >= argc)
            return 0;
        text = argv[++*at];
    }
    char *end;
    flag->value = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

/* Fills flags[].value from the command line; exits with 2 on anything else. */
static inline void bench_flags_parse(int argc, char **argv, struct bench_flag *flags, size_t n)
{
    for (int i = 1; i < argc; i++) {
        for (size_t k = 0; strcmp(argv[i], "--quick") == 0 && k < n; k++)
            flags[k].value = flags[k].quick;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0 || bench_flag_take(argc, argv, &i, flags, n))
            continue;
        fprintf(stderr, "usage: %s [--quick]", argv[0]);
        for (size_t k = 0; k < n; k++)
            fprintf(stderr, " [--%s %" PRIu64 "]", flags[k].name, flags[k].value);
        fprintf(stderr, "\n");
        exit(2);
    }
}

/* ---- Latencies: 32 buckets per power of two, so within 3 per cent -------- */

enum { BENCH_LG_SUB = 5, BENCH_SUB = 1 << BENCH_LG_SUB, BENCH_BUCKETS = 64 * BENCH_SUB };

struct bench_latency {
    uint64_t n;
    uint64_t max_ns;
    uint64_t count[BENCH_BUCKETS];
};

static inline size_t bench_latency_bucket(uint64_t ns)
{
    if (ns < BENCH_SUB)
        return (size_t)ns;
    unsigned lg = 63u - (unsigned)__builtin_clzll(ns);
    unsigned shift = lg - BENCH_LG_SUB;
    return ((size_t)(shift + 1) << BENCH_LG_SUB) + (size_t)((ns >> shift) - BENCH_SUB);
}

/* The smallest duration that falls into the bucket. */
static inline uint64_t bench_latency_floor(size_t bucket)
{
    if (bucket < BENCH_SUB)
        return bucket;
    unsigned shift = (unsigned)(bucket >> BENCH_LG_SUB) - 1;
    return (uint64_t)((bucket & (BENCH_SUB - 1)) + BENCH_SUB) << shift;
}

static inline void bench_latency_add(struct bench_latency *latency, uint64_t ns)
{
    latency->n++;
    latency->count[bench_latency_bucket(ns)]++;
    if (ns > latency->max_ns)
        latency->max_ns = ns;
}

static inline void bench_latency_merge(struct bench_latency *to, const struct bench_latency *from)
{
    to->n += from->n;
    if (from->max_ns > to->max_ns)
        to->max_ns = from->max_ns;
    for (size_t i = 0; i < BENCH_BUCKETS; i++)
        to->count[i] += from->count[i];
}

static inline uint64_t bench_latency_at(const struct bench_latency *latency, double part)
{
    uint64_t want = (uint64_t)((double)latency->n * part);
    uint64_t seen = 0;
    for (size_t i = 0; i < BENCH_BUCKETS; i++) {
        seen += latency->count[i];
        if (seen > want)
            return bench_latency_floor(i);
    }
    return latency->max_ns;
}

/* ---- The result line ----------------------------------------------------- */

static inline void bench_metric(const char *name, uint64_t value)
{
    printf(" %s=%" PRIu64, name, value);
}

/* ops: how many operations one sample stands for. */
static inline void bench_metric_latency(const struct bench_latency *latency, uint64_t ops)
{
    bench_metric("latency_ops", ops);
    bench_metric("p50_ns", bench_latency_at(latency, .5));
    bench_metric("p99_ns", bench_latency_at(latency, .99));
    bench_metric("p9999_ns", bench_latency_at(latency, .9999));
    bench_metric("max_ns", latency->max_ns);
}

/* Not ru_maxrss: that starts with what the parent had resident at the fork. */
static inline uint64_t bench_peak_rss_kb(void)
{
    uint64_t peak_kb = 0;
    char line[128];
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0)
            peak_kb = strtoull(line + 6, NULL, 10);
    }
    if (status != NULL)
        fclose(status);
    return peak_kb;
}

static inline void bench_result_end(void)
{
    bench_metric("peak_rss_kb", bench_peak_rss_kb());
    printf("\n");
}

#endif
