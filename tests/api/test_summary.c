/* test_summary.c -- GCX_STATS=1: the summary at exit, and who writes none.
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/gcx.h>

#include "../support/child.h"
#include "../support/cmocka_all.h"

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))
#define MIB (1024.0 * 1024.0)

/* Prints what the summary is to say. */
static int run_cycles(const char *arg)
{
    (void)arg;
    for (int i = 0; i < 100000; i++)
        gcx_alloc(64);
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_MINOR);
    struct gcx_stats stats = {.struct_bytes = sizeof stats};
    gcx_get_stats(&stats);
    printf("%llu %llu %.1f %llu\n", (unsigned long long)stats.minor_cycles,
           (unsigned long long)stats.full_cycles, (double)stats.total_alloc_bytes / MIB,
           (unsigned long long)stats.total_allocs);
    return 0;
}

static int run_fork(const char *arg)
{
    int status = -1;
    (void)arg;
    gcx_collect(GCX_FULL);
    pid_t child = fork();
    if (child == 0)
        exit(0);
    return child > 0 && waitpid(child, &status, 0) == child ? status : 1;
}

/* Child `name` with GCX_STATS set so; the keeper might collect after the child's
 * last look. */
static const char *summary_of(const char *name, const char *variable, const char **out)
{
    const char *variables[] = {"GCX_KEEPER=0", variable, NULL};
    static struct child_result result;
    child_run(&result, name, NULL, variables);
    assert_true(child_ok(&result));
    *out = result.out;
    return result.err;
}

static void test_tells_what_the_statistics_do(void **state)
{
    (void)state;
    const char *out;
    const char *err = summary_of("cycles", "GCX_STATS=1", &out);
    unsigned long long minor, full, objects, minor_told, full_told, objects_told;
    double mib, mib_told, seconds, percent, all, marking, longest, peak, now, live;
    assert_int_equal(sscanf(out, "%llu %llu %lf %llu", &minor, &full, &mib, &objects), 4);
    int n = sscanf(err,
                   "gcx: cycles: %llu minor, %llu full, in %lf s; %lf %% of that in stops\n"
                   "gcx: stops: %lf ms in all, %lf ms of that marking; the longest %lf ms\n"
                   "gcx: allocated: %lf MiB, %llu objects\n"
                   "gcx: heap: %lf MiB at most, %lf MiB now, %lf MiB live after the last cycle;",
                   &minor_told, &full_told, &seconds, &percent, &all, &marking, &longest, &mib_told,
                   &objects_told, &peak, &now, &live);
    assert_int_equal(n, 12);
    assert_int_equal(minor_told, minor);
    assert_int_equal(full_told, full);
    assert_true(full >= 2);
    assert_true(mib_told >= mib && mib >= 6);
    assert_true(objects_told >= objects && objects >= 100000);
    assert_true(longest > 0 && longest <= all && marking <= all);
    assert_true(percent > 0 && percent <= 100);
    assert_true(live <= now && now <= peak);
    assert_non_null(strstr(err, "gcx: process: "));
}

static void test_silent_unless_asked(void **state)
{
    (void)state;
    const char *out;
    assert_string_equal(summary_of("cycles", "GCX_STATS=0", &out), "");
    assert_string_equal(summary_of("cycles", "GCX_STATS=", &out), "");
}

static void test_nonsense_is_reported(void **state)
{
    (void)state;
    const char *out;
    const char *err = summary_of("cycles", "GCX_STATS=yes", &out);
    assert_non_null(strstr(err, "GCX_STATS=yes"));
    assert_null(strstr(err, "cycles:"));
}

static void test_a_forked_child_writes_none(void **state)
{
    (void)state;
    const char *out;
    const char *first = strstr(summary_of("fork", "GCX_STATS=1", &out), "gcx: cycles:");
    assert_non_null(first);
    assert_null(strstr(first + 1, "gcx: cycles:"));
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"cycles", run_cycles}, {"fork", run_fork}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tells_what_the_statistics_do),
        cmocka_unit_test(test_silent_unless_asked),
        cmocka_unit_test(test_nonsense_is_reported),
        cmocka_unit_test(test_a_forked_child_writes_none),
    };
    if (child_is(argc, argv))
        return child_main(argv, children, COUNT_OF(children));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
