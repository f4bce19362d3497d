/* defer.c -- deferred calls and resources; beside bench/go/defer.
 *
 *   call      a function with one deferred call
 *   three     one with three
 *   resource  opened and closed, n / 100 of them
 *
 * Per function; for resources, n is what the others make.
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/defer.h>
#include <gcx/resource.h>

#include "parts.h"

static uint64_t defer_sum;

static void defer_add(void *arg)
{
    defer_sum += (uintptr_t)arg;
}

static __attribute__((noinline)) void defer_one(uintptr_t i)
{
    GCX_DEFER(defer_add, (void *)i);
    bench_keep(&defer_sum);
}

static __attribute__((noinline)) void defer_three(uintptr_t i)
{
    GCX_DEFER(defer_add, (void *)i);
    GCX_DEFER(defer_add, (void *)(i + 1));
    GCX_DEFER(defer_add, (void *)(i + 2));
    bench_keep(&defer_sum);
}

static void defer_calls(uint64_t n)
{
    defer_sum = 0;
    for (uint64_t i = 0; i < n; i++)
        defer_one(i);
    bench_expect("sum", defer_sum, n * (n - 1) / 2);
}

static void defer_threes(uint64_t n)
{
    defer_sum = 0;
    for (uint64_t i = 0; i < n; i++)
        defer_three(i);
    bench_expect("sum", defer_sum, n * (n - 1) / 2 * 3 + n * 3);
}

static void defer_resources(uint64_t n)
{
    uint64_t opened = n / 100;
    defer_sum = 0;
    for (uint64_t i = 0; i < opened; i++)
        gcx_resource_close(gcx_resource_open(defer_add, (void *)(uintptr_t)1));
    bench_expect("closed", defer_sum, opened);
}

int main(int argc, char **argv)
{
    static const struct part parts[] = {{"call", NULL, defer_calls},
                                        {"three", NULL, defer_threes},
                                        {"resource", NULL, defer_resources}};
    peer_init();
    parts_run(argc, argv, parts, 3, 100000000, 10000000);
    return 0;
}
