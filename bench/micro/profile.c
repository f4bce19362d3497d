/* profile.c -- what a profile costs while it is taken: the work of bt.c in many
 * short rounds of one process, the profile on in some of them and off in others.
 *
 *   --kind=0  the heap profile at the default rate
 *   --kind=1  the CPU profile: with --rounds=20 --warm=8, for what has been sampled
 *             is unwound 20 times a second only
 *   --kind=2  none in either: what the method itself is uncertain by
 *
 * Whole processes differ by several per cent from run to run, for where their
 * memory lies and for what else the machine does; rounds of one process do not,
 * and what drifts slowly touches neighbours alike. A block is one warm-up and
 * `rounds` counted rounds, each after a full cycle, and blocks come in the order
 * off on on off. Blocks are compared two by two; a result is the median of those
 * ratios with its quartiles, and its standard error from them, in ten thousandths.
 *
 * cpu_ is the processor time of the whole process, so also that of the thread
 * that unwinds for the CPU profile. Where profiles begin and are written is
 * outside: bt.c as a whole, with GCX_HEAP_PROFILE, has that too.
 *
 * The last profile of each kind is left in the working directory. Needs the
 * diagnostics: GCX_DIAG_LIBRARY=build/release/libgcx-diag.so.0.
 *
 * SPDX-License-Identifier: MIT */
#include <stdbool.h>

#include <gcx/profile.h>

#include "../gc/bt_trees.h"

enum profile_kind { PROFILE_HEAP, PROFILE_CPU, PROFILE_NONE };

/* Nanoseconds of one block. */
struct profile_times {
    double elapsed;
    double cpu;
};

struct profile_flags {
    enum profile_kind kind;
    unsigned depth;
    unsigned rounds;
    unsigned warm;
    size_t pairs;
};

static uint64_t profile_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void profile_begin(enum profile_kind kind)
{
    int64_t rate = kind == PROFILE_HEAP ? GCX_PROFILE_RATE_DEFAULT : 0;
    if (gcx_profile_set_rate(rate) < 0 || (kind == PROFILE_CPU && gcx_profile_cpu_begin() != 0))
        bench_die("no profile: is GCX_DIAG_LIBRARY set?");
}

static void profile_end(enum profile_kind kind, const char *path)
{
    gcx_profile_set_rate(0);
    if (kind == PROFILE_CPU && gcx_profile_cpu_end(path) != 0)
        bench_die("the CPU profile was not written");
    if (kind == PROFILE_HEAP && path != NULL && gcx_profile_heap(path, 0) != 0)
        bench_die("the heap profile was not written");
}

static void profile_round(const struct profile_flags *flags, struct profile_times *times)
{
    struct bt_job job = {flags->depth, 0, 0};
    gcx_collect(GCX_FULL);
    uint64_t begin_ns = bench_now_ns();
    uint64_t begin_cpu_ns = profile_cpu_ns();
    bt_run(&job);
    times->cpu += (double)(profile_cpu_ns() - begin_cpu_ns);
    times->elapsed += (double)(bench_now_ns() - begin_ns);
    bench_expect("nodes", job.nodes, bt_all_nodes(flags->depth));
}

static struct profile_times profile_block(const struct profile_flags *flags, enum profile_kind kind,
                                          const char *path)
{
    struct profile_times times = {0, 0};
    profile_begin(kind);
    for (unsigned i = 0; i < flags->warm; i++)
        profile_round(flags, &times);
    times = (struct profile_times){0, 0};
    for (unsigned i = 0; i < flags->rounds; i++)
        profile_round(flags, &times);
    profile_end(kind, path);
    return times;
}

static int profile_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void profile_metric(const char *what, const char *of, double ratio)
{
    char name[32];
    snprintf(name, sizeof name, "%s_%s", what, of);
    bench_metric(name, (uint64_t)(ratio * 10000 + .5));
}

/* For a median of n from a normal distribution: 1.253 deviations by the root of n,
 * and the quartiles are 1.349 deviations apart. */
static void profile_print(const char *what, double *ratios, size_t n)
{
    qsort(ratios, n, sizeof *ratios, profile_compare);
    double low = ratios[n / 4], median = ratios[n / 2], high = ratios[n - 1 - n / 4];
    double root = 1;
    for (unsigned i = 0; i < 32; i++) /* no libm here */
        root = (root + (double)n / root) / 2;
    profile_metric(what, "ratio", median);
    profile_metric(what, "quartile1", low);
    profile_metric(what, "quartile3", high);
    profile_metric(what, "error", .929 * (high - low) / root);
}

static void profile_compare_blocks(const struct profile_flags *flags, const char *path)
{
    struct peer_stats stats;
    double *elapsed = bench_plain_memory(flags->pairs, sizeof *elapsed);
    double *cpu = bench_plain_memory(flags->pairs, sizeof *cpu);
    uint64_t begin_ns = bench_now_ns();
    for (size_t i = 0; i < flags->pairs; i++) {
        struct profile_times times[2];
        for (size_t j = 0; j < 2; j++) {
            bool is_on = (i + j) % 2 != 0;
            times[is_on] = profile_block(flags, is_on ? flags->kind : PROFILE_NONE,
                                         is_on && i == flags->pairs - 1 ? path : NULL);
        }
        elapsed[i] = times[1].elapsed / times[0].elapsed;
        cpu[i] = times[1].cpu / times[0].cpu;
    }
    peer_get_stats(&stats);
    bench_result_begin(bench_now_ns() - begin_ns, flags->pairs, 0, &stats);
    profile_print("elapsed", elapsed, flags->pairs);
    profile_print("cpu", cpu, flags->pairs);
    bench_result_end();
}

int main(int argc, char **argv)
{
    static const char *const paths[] = {"profile-heap.pb.gz", "profile-cpu.pb.gz", NULL};
    struct bench_flag given[] = {
        {"kind", 0, 0}, {"n", 14, 10}, {"rounds", 2, 1}, {"warm", 1, 1}, {"pairs", 400, 4}};
    bench_flags_parse(argc, argv, given, 5);
    struct profile_flags flags = {(enum profile_kind)given[0].value, (unsigned)given[1].value,
                                  (unsigned)given[2].value, (unsigned)given[3].value,
                                  (size_t)given[4].value};
    if (given[0].value > PROFILE_NONE || flags.depth < BT_DEPTH_MIN || flags.depth > 24 ||
        flags.rounds < 1 || flags.pairs < 4)
        bench_die("kind is 0 to 2, n 4 to 24, rounds 1 and more, pairs 4 and more");
    peer_init();
    profile_compare_blocks(&flags, paths[flags.kind]);
    return 0;
}
