/* summary.c -- see summary.h.
 *
 * The figures are those of gcx_get_stats, and what the system says of the process.
 * Nothing is counted for it, so a program runs as without. One that ends without
 * its exit handlers, by _exit or a signal, says nothing; neither does a forked
 * child, whose figures would be its parent's as well.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/summary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gc/gc.h"
#include "os/clock.h"

static pid_t owner;

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

static double mib(uint64_t bytes)
{
    return (double)bytes / (double)GCXI_MIB;
}

static void print_cycles(const struct gcx_stats *stats)
{
    uint64_t elapsed_ns = gcxi_clock_ns() - gcxi_gc.start_ns;
    fprintf(stderr, "gcx: cycles: %llu minor, %llu full, in %.3f s; %.1f %% of that in stops\n",
            (unsigned long long)stats->minor_cycles, (unsigned long long)stats->full_cycles,
            ms(elapsed_ns) / 1e3, (double)stats->pause_total_ns * 100 / (double)(elapsed_ns + 1));
    fprintf(stderr, "gcx: stops: %.3f ms in all, %.3f ms of that marking; the longest %.3f ms\n",
            ms(stats->pause_total_ns), ms(stats->mark_total_ns), ms(stats->pause_max_ns));
}

static void print_memory(const struct gcx_stats *stats)
{
    fprintf(stderr, "gcx: allocated: %.1f MiB, %llu objects\n", mib(stats->total_alloc_bytes),
            (unsigned long long)stats->total_allocs);
    fprintf(stderr,
            "gcx: heap: %.1f MiB at most, %.1f MiB now, %.1f MiB live after the last cycle; "
            "tables %.1f MiB\n",
            mib(stats->peak_heap_bytes), mib(stats->heap_bytes), mib(stats->live_bytes),
            mib(stats->meta_bytes));
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void print_process(const struct gcx_stats *stats)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    fprintf(stderr,
            "gcx: process: %.1f MiB at most, %.2f s of processor time; writes found by %s, "
            "marking threads: %llu\n",
            mib((uint64_t)usage.ru_maxrss * GCXI_KIB),
            seconds(usage.ru_utime) + seconds(usage.ru_stime), stats->dirty_backend,
            (unsigned long long)stats->mark_workers);
}

static void print(void)
{
    struct gcx_stats stats = {.struct_bytes = sizeof stats};
    if (getpid() != owner)
        return;
    gcx_get_stats(&stats);
    print_cycles(&stats);
    print_memory(&stats);
    print_process(&stats);
}

int gcxi_summary_init(void)
{
    owner = getpid();
    if (atexit(print) == 0)
        return 0;
    errno = ENOMEM;
    return -1;
}
