/* test_profile.c -- the heap profile says what the program did.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gcx/profile.h>

#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "read_profile.h"

#define RATE 2048
#define MIB (1024.0 * 1024.0)

static char path[64];
static struct child_result result;

/* ---- Sites of known size -------------------------------------------------------- */

static void *volatile sink;

NOINLINE static void *site_small(void)
{
    sink = gcx_alloc(48);
    return sink;
}

NOINLINE static void *site_noscan(size_t size)
{
    sink = gcx_alloc_noscan(size);
    return sink;
}

NOINLINE static void *site_large(void)
{
    sink = gcx_calloc(1, 40960);
    return sink;
}

static const char *library_variable(void)
{
    static char library[4200];
    snprintf(library, sizeof library, "GCX_DIAG_LIBRARY=%s", getenv("GCX_DIAG_LIBRARY"));
    return library;
}

static Gcxi__Profile *write_and_read(unsigned flags)
{
    assert_int_equal(gcx_profile_heap(path, flags), 0);
    Gcxi__Profile *profile = profile_take(path);
    assert_non_null(profile);
    return profile;
}

static Gcxi__Profile *small_profile(void)
{
    gcx_profile_set_rate(RATE);
    for (int i = 0; i < 10000; i++)
        site_small();
    gcx_profile_set_rate(0);
    return write_and_read(GCX_PROFILE_COLLECT);
}

static void assert_near(double value, double expected)
{
    if (fabs(value - expected) > expected * 0.05)
        fail_msg("%.0f is not within 5 %% of %.0f", value, expected);
}

/* ---- Rates -------------------------------------------------------------------- */

static void test_rate_is_off_until_set(void **state)
{
    (void)state;
    assert_int_equal(gcx_profile_set_rate(-1), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gcx_profile_set_rate(RATE), 0);
    assert_int_equal(gcx_profile_set_rate(0), RATE);
    for (int i = 0; i < 100000; i++)
        site_small();
    Gcxi__Profile *profile = write_and_read(GCX_PROFILE_COLLECT);
    assert_true(profile_sum(profile, "alloc_objects", NULL) < 1000);
    profile_drop(profile);
}

static void test_every_site_has_its_share(void **state)
{
    (void)state;
    gcx_profile_set_rate(RATE);
    for (int i = 0; i < 400000; i++) {
        site_small();
        if (i % 8 == 0)
            site_noscan(512);
        if (i % 400 == 0)
            site_large();
    }
    gcx_profile_set_rate(0);
    Gcxi__Profile *profile = write_and_read(GCX_PROFILE_COLLECT);
    assert_near(profile_sum(profile, "alloc_objects", "site_small"), 400000);
    assert_near(profile_sum(profile, "alloc_space", "site_small"), 400000 * 48.0);
    assert_near(profile_sum(profile, "alloc_objects", "site_noscan"), 50000);
    assert_near(profile_sum(profile, "alloc_space", "site_noscan"), 50000 * 512.0);
    assert_near(profile_sum(profile, "alloc_objects", "site_large"), 1000);
    assert_near(profile_sum(profile, "alloc_space", "site_large"), 1000 * 40960.0);
    profile_drop(profile);
}

/* With a rate of 1 nothing is an estimate. */
static void test_every_allocation_can_be_recorded(void **state)
{
    (void)state;
    for (int i = 0; i < 5000; i++) /* what the runs have ready is not asked for */
        site_noscan(200);
    gcx_profile_set_rate(1);
    for (int i = 0; i < 5000; i++)
        site_noscan(200);
    Gcxi__Profile *before = write_and_read(GCX_PROFILE_COLLECT);
    for (int i = 0; i < 777; i++)
        site_noscan(200);
    gcx_profile_set_rate(0);
    Gcxi__Profile *profile = write_and_read(GCX_PROFILE_COLLECT);
    assert_true(profile_sum(profile, "alloc_objects", "site_noscan") -
                    profile_sum(before, "alloc_objects", "site_noscan") ==
                777);
    profile_drop(before);
    profile_drop(profile);
}

NOINLINE static void *by_many_ways(unsigned levels)
{
    if (levels == 0)
        return site_noscan(100);
    void *left = by_many_ways(levels - 1);
    void *right = by_many_ways(levels - 1);
    return left != NULL ? right : NULL;
}

/* As in a program that builds trees: none is mixed up with another or lost. */
static void test_stacks_that_all_differ(void **state)
{
    enum { LEVELS = 14, WAYS = 1 << LEVELS };
    size_t ways = 0;
    (void)state;
    for (int i = 0; i < 5000; i++)
        site_noscan(100);
    gcx_profile_set_rate(1);
    for (int i = 0; i < 5000; i++)
        site_noscan(100);
    for (volatile int i = 0; i < 2; i++) /* from one place */
        assert_non_null(by_many_ways(LEVELS));
    gcx_profile_set_rate(0);
    Gcxi__Profile *profile = write_and_read(GCX_PROFILE_COLLECT);
    assert_true(profile_sum(profile, "alloc_objects", "by_many_ways") == 2 * WAYS);
    for (size_t i = 0; i < profile->n_sample; i++) {
        const Gcxi__Sample *sample = profile->sample[i];
        bool is_one = false;
        for (size_t j = 0; j < sample->n_location_id && !is_one; j++)
            is_one = location_is_in(profile, sample->location_id[j], "by_many_ways");
        ways += is_one && sample->value[0] == 2;
    }
    assert_int_equal(ways, WAYS);
    profile_drop(profile);
}

/* ---- What is in use --------------------------------------------------------------- */

#define KEPT 60000

static void test_in_use_is_what_is_live(void **state)
{
    struct gcx_stats stats = {0};
    (void)state;
    void **kept = gcx_alloc(KEPT * sizeof *kept);
    gcx_profile_set_rate(RATE);
    for (int i = 0; i < KEPT; i++) {
        kept[i] = site_noscan(640);
        site_noscan(640);
    }
    gcx_profile_set_rate(0);
    Gcxi__Profile *profile = write_and_read(GCX_PROFILE_COLLECT);
    gcx_get_stats(&stats);
    assert_near(profile_sum(profile, "inuse_space", NULL),
                (double)stats.live_bytes - KEPT * sizeof *kept);
    assert_near(profile_sum(profile, "inuse_objects", "site_noscan"), KEPT);
    profile_drop(profile);
    memset(kept, 0, KEPT * sizeof *kept);
    profile = write_and_read(GCX_PROFILE_COLLECT);
    assert_true(profile_sum(profile, "inuse_space", NULL) < MIB);
    profile_drop(profile);
}

static void test_released_objects_are_not_in_use(void **state)
{
    (void)state;
    void **kept = gcx_alloc(20000 * sizeof *kept);
    gcx_profile_set_rate(RATE);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20000; i++)
            kept[i] = site_noscan(320);
        for (int i = 0; i < 20000; i++) {
            gcx_free(kept[i]);
            kept[i] = NULL;
        }
        gcx_collect(GCX_MINOR);
    }
    gcx_profile_set_rate(0);
    Gcxi__Profile *profile = write_and_read(GCX_PROFILE_COLLECT);
    assert_true(profile_sum(profile, "inuse_space", "site_noscan") < MIB);
    profile_drop(profile);
}

/* ---- The file ------------------------------------------------------------------------ */

static void test_what_a_reader_needs(void **state)
{
    char self[4096];
    (void)state;
    Gcxi__Profile *p = small_profile();
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    assert_string_equal(p->string_table[0], "");
    assert_int_equal(p->n_sample_type, 4);
    assert_string_equal(profile_text(p, p->default_sample_type), "inuse_space");
    assert_string_equal(profile_text(p, p->period_type->type), "space");
    assert_string_equal(profile_text(p, p->period_type->unit), "bytes");
    assert_true(p->period > 0 && p->time_nanos > 0);
    assert_string_equal(profile_text(p, p->mapping[0]->filename), self);
    for (size_t i = 0; i < p->n_location; i++)
        assert_int_equal(p->location[i]->id, i + 1);
    for (size_t i = 0; i < p->n_sample; i++) {
        assert_int_equal(p->sample[i]->n_value, 4);
        assert_int_equal(p->sample[i]->n_label, 1);
        assert_string_equal(profile_text(p, p->sample[i]->label[0]->key), "bytes");
    }
    profile_drop(p);
}

/* The code before main has no debug information: nobody else's lines are its own. */
static void test_code_without_lines_has_none(void **state)
{
    size_t found = 0;
    (void)state;
    Gcxi__Profile *p = small_profile();
    for (size_t i = 0; i < p->n_function; i++) {
        if (strcmp(profile_text(p, p->function[i]->name), "_start") != 0)
            continue;
        const char *file = profile_text(p, p->function[i]->filename);
        if (*file != '\0' && strstr(file, "start") == NULL)
            fail_msg("_start is in %s", file);
        found++;
    }
    assert_int_equal(found, 1);
    profile_drop(p);
}

static void test_errors_are_told(void **state)
{
    (void)state;
    assert_int_equal(gcx_profile_heap(NULL, 0), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gcx_profile_heap(path, 64), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gcx_profile_heap("/nonexistent/heap", 0), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(gcx_profile_heap("/dev/full", 0), -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(gcx_profile_write_heap(-1, 0), -1);
    assert_int_equal(errno, EBADF);
    unlink(path);
}

static void put_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_file(const char *text)
{
    char read[64] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    read[fread(read, 1, sizeof read - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(read, text);
}

static void handle_nothing(int signal)
{
    (void)signal;
}

static void test_calls_that_fail_leave_the_file(void **state)
{
    struct sigaction before;
    (void)state;
    assert_int_equal(gcx_profile_heap(path, 64), -1);
    assert_int_equal(access(path, F_OK), -1);
    put_file("kept");
    assert_int_equal(gcx_profile_heap(path, 64), -1);
    assert_file("kept");
    assert_int_equal(gcx_profile_cpu_end(path), -1);
    assert_int_equal(errno, ENOENT);
    assert_file("kept");
    sigaction(SIGPROF, &(struct sigaction){.sa_handler = handle_nothing}, &before);
    assert_int_equal(gcx_profile_threads(path), -1);
    assert_int_equal(errno, EBUSY);
    assert_file("kept");
    sigaction(SIGPROF, &before, NULL);
    unlink(path);
}

/* Nothing of the file before is behind the profile. */
static void test_a_profile_replaces_a_longer_file(void **state)
{
    static char text[1 << 20];
    struct stat file;
    (void)state;
    memset(text, 'x', sizeof text - 1);
    put_file(text);
    assert_int_equal(gcx_profile_heap(path, 0), 0);
    assert_int_equal(stat(path, &file), 0);
    assert_true(file.st_size < (off_t)sizeof text - 1);
    profile_drop(profile_take(path));
}

/* ---- Threads -------------------------------------------------------------------------- */

static void *allocate(void *arg)
{
    void *kept[64] = {0};
    for (uintptr_t i = 0; i < 60000; i++) {
        size_t size = 16 + (i * 37) % 700;
        uintptr_t *object = i % 3 == 0 ? gcx_alloc(size) : gcx_alloc_noscan(size);
        if (object == NULL)
            return NULL;
        *object = i;
        if (i % 5 == 0)
            gcx_free(kept[i % 64]);
        kept[i % 64] = object;
        if (*(uintptr_t *)kept[i % 64] != i)
            return NULL;
    }
    return arg;
}

static void test_threads_allocate_while_profiles_are_written(void **state)
{
    pthread_t threads[4];
    (void)state;
    gcx_profile_set_rate(512);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(gcx_thread_create(&threads[i], NULL, allocate, &threads), 0);
    for (int i = 0; i < 5; i++)
        profile_drop(write_and_read(i % 2 != 0 ? GCX_PROFILE_COLLECT : 0));
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *outcome;
        assert_int_equal(pthread_join(threads[i], &outcome), 0);
        assert_ptr_equal(outcome, &threads);
    }
    gcx_profile_set_rate(0);
    Gcxi__Profile *profile = write_and_read(GCX_PROFILE_COLLECT);
    assert_true(profile_sum(profile, "alloc_space", "allocate") > 50 * MIB);
    profile_drop(profile);
}

static pthread_barrier_t is_first;

static void *allocate_first(void *arg)
{
    pthread_barrier_wait(&is_first);
    return gcx_alloc_noscan(100) != NULL ? arg : NULL;
}

static int child_together(const char *arg)
{
    pthread_t threads[4];
    (void)arg;
    gcx_profile_set_rate(1);
    pthread_barrier_init(&is_first, NULL, COUNT_OF(threads));
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        if (gcx_thread_create(&threads[i], NULL, allocate_first, &threads) != 0)
            return 1;
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *outcome;
        if (pthread_join(threads[i], &outcome) != 0 || outcome != &threads)
            return 2;
    }
    return 0;
}

/* What the unwinder sets up, it sets up once: under ThreadSanitizer this fails
 * when two threads are in it for the first time at once. */
static void test_first_samples_of_threads_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        child_run(&result, "together", "", (const char *[]){library_variable(), NULL});
        assert_true(child_ok(&result));
    }
}

/* ---- By hand: test_profile --child sum GIGABYTES ---------------------------------------------- */

static int print_site(const Gcxi__Profile *p, const char *type, const char *site, double expected)
{
    double value = profile_sum(p, type, site), off = 100 * (value / expected - 1);
    printf("%-12s %-12s %14.0f of %14.0f: %+.2f %%\n", site, type, value, expected, off);
    return fabs(off) <= 5;
}

/* So many GB at the default rate, a third by each site, and 400,000 objects that
 * stay. Non-zero if one is off by more than 5 %. */
static int child_sum(const char *gigabytes)
{
    struct gcx_stats stats = {0};
    size_t rounds = (size_t)(atof(gigabytes) * 1e9 / 3 / 40960), kept_count = 0;
    void **kept = gcx_alloc(400000 * sizeof *kept);
    gcx_profile_set_rate(GCX_PROFILE_RATE_DEFAULT);
    for (size_t i = 0; i < rounds; i++) {
        site_large();
        for (size_t j = 0; j < 80; j++) {
            void *object = site_noscan(512);
            if (kept_count < 400000)
                kept[kept_count++] = object;
        }
        for (size_t j = 0; j < 40960 / 48; j++)
            site_small();
    }
    gcx_profile_set_rate(0);
    Gcxi__Profile *p = write_and_read(GCX_PROFILE_COLLECT);
    gcx_get_stats(&stats);
    double n = (double)rounds;
    int is_near = print_site(p, "alloc_space", "site_large", n * 40960);
    is_near &= print_site(p, "alloc_space", "site_noscan", n * 80 * 512);
    is_near &= print_site(p, "alloc_space", "site_small", n * (40960 / 48) * 48);
    double live = (double)stats.live_bytes - 400000.0 * sizeof *kept;
    is_near &= print_site(p, "inuse_space", "site_noscan", live);
    gcx_keep_alive(kept);
    profile_drop(p);
    return is_near ? 0 : 1;
}

/* ---- The environment --------------------------------------------------------------------- */

static int child_work(const char *arg)
{
    for (int i = 0; i < 200000; i++)
        site_small();
    if (strcmp(arg, "signal") == 0) {
        raise(SIGUSR2);
        for (int i = 0; i < 200 && access(getenv("TEST_PROFILE"), R_OK) != 0; i++)
            usleep(50000);
        _exit(access(getenv("TEST_PROFILE"), R_OK) == 0 ? 0 : 3);
    }
    if (strcmp(arg, "fork") == 0) {
        pid_t pid = fork();
        if (pid == 0)
            exit(0);
        waitpid(pid, NULL, 0);
        return access(getenv("TEST_PROFILE"), F_OK) == 0 ? 4 : 0;
    }
    return 0;
}

static void run_child(const char *arg, const char *profile, const char *more)
{
    char heap[128], test[128];
    snprintf(heap, sizeof heap, "GCX_HEAP_PROFILE=%s", profile);
    snprintf(test, sizeof test, "TEST_PROFILE=%s", profile);
    child_run(&result, "work", arg, (const char *[]){library_variable(), heap, test, more, NULL});
}

static void assert_written(const char *file)
{
    Gcxi__Profile *profile = profile_read(file);
    assert_non_null(profile);
    assert_near(profile_sum(profile, "alloc_objects", "site_small"), 200000);
    profile_drop(profile);
    unlink(file);
}

static void test_a_profile_at_exit(void **state)
{
    (void)state;
    run_child("", path, "GCX_PROFILE_RATE=1KiB");
    assert_true(child_ok(&result));
    assert_string_equal(result.err, "");
    assert_written(path);
}

static void test_a_profile_on_a_signal(void **state)
{
    char signal_variable[64];
    (void)state;
    snprintf(signal_variable, sizeof signal_variable, "GCX_PROFILE_SIGNAL=%d", SIGUSR2);
    run_child("signal", path, signal_variable);
    assert_true(child_ok(&result));
    unlink(path);
}

static void test_a_forked_child_writes_none(void **state)
{
    (void)state;
    run_child("fork", path, "GCX_PROFILE_RATE=1KiB");
    assert_true(child_ok(&result));
    assert_written(path);
}

static void test_nonsense_is_told_and_the_program_runs(void **state)
{
    (void)state;
    run_child("", "/nonexistent/heap", "GCX_PROFILE_RATE=many");
    assert_true(child_ok(&result));
    assert_non_null(strstr(result.err, "GCX_PROFILE_RATE=many: expected"));
    assert_non_null(
        strstr(result.err, "GCX_HEAP_PROFILE: cannot write /nonexistent/heap: No such file"));
    run_child("", "/dev/full", NULL);
    assert_non_null(strstr(result.err, "GCX_HEAP_PROFILE: cannot write /dev/full: No space left"));
    unlink(path);
}

static void test_signals_that_have_another_use(void **state)
{
    const int signals[] = {0,       SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,   SIGFPE,      SIGILL,
                           SIGTRAP, SIGSYS,  SIGABRT, SIGPROF, SIGRTMIN, SIGRTMAX + 1};
    char variable[64], said[128], stop[64];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        snprintf(variable, sizeof variable, "GCX_PROFILE_SIGNAL=%d", signals[i]);
        snprintf(said, sizeof said, "%s is ignored: expected", variable);
        snprintf(stop, sizeof stop, "GCX_STOP_SIGNAL=%d", SIGRTMIN);
        child_run(&result, "work", "",
                  (const char *[]){library_variable(), "GCX_HEAP_PROFILE=/dev/null", variable, stop,
                                   NULL});
        assert_true(child_ok(&result));
        assert_non_null(strstr(result.err, said));
    }
}

static int child_without(const char *arg)
{
    (void)arg;
    if (gcx_alloc(16) == NULL || gcx_profile_set_rate(1) != -1 || errno != ENOTSUP)
        return 1;
    return gcx_profile_heap("/dev/null", 0) == -1 && errno == ENOTSUP ? 0 : 2;
}

static void test_without_the_diagnostics(void **state)
{
    (void)state;
    child_run(&result, "without", "",
              (const char *[]){"GCX_DIAG_LIBRARY=/nonexistent.so", "GCX_HEAP_PROFILE=x", NULL});
    assert_true(child_ok(&result));
    assert_non_null(strstr(result.err, "no diagnostics: /nonexistent.so"));
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {
        {"work", child_work},
        {"together", child_together},
        {"sum", child_sum},
        {"without", child_without},
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate_is_off_until_set),
        cmocka_unit_test(test_every_site_has_its_share),
        cmocka_unit_test(test_every_allocation_can_be_recorded),
        cmocka_unit_test(test_stacks_that_all_differ),
        cmocka_unit_test(test_in_use_is_what_is_live),
        cmocka_unit_test(test_released_objects_are_not_in_use),
        cmocka_unit_test(test_what_a_reader_needs),
        cmocka_unit_test(test_code_without_lines_has_none),
        cmocka_unit_test(test_errors_are_told),
        cmocka_unit_test(test_calls_that_fail_leave_the_file),
        cmocka_unit_test(test_a_profile_replaces_a_longer_file),
        cmocka_unit_test(test_threads_allocate_while_profiles_are_written),
        cmocka_unit_test(test_first_samples_of_threads_at_once),
        cmocka_unit_test(test_a_profile_at_exit),
        cmocka_unit_test(test_a_profile_on_a_signal),
        cmocka_unit_test(test_a_forked_child_writes_none),
        cmocka_unit_test(test_nonsense_is_told_and_the_program_runs),
        cmocka_unit_test(test_signals_that_have_another_use),
        cmocka_unit_test(test_without_the_diagnostics),
    };
    snprintf(path, sizeof path, "gcx-test-%d.pb.gz", (int)getpid());
    if (child_is(argc, argv)) {
        return child_main(argv, children, COUNT_OF(children));
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
