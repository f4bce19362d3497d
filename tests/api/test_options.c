/* test_options.c -- gcx_init and the environment, each in a fresh process.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/gcx.h>

#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"

#define EXPECT(condition)                                                         \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition); \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

/* ---- Children ---------------------------------------------------------------- */

/* An ordinary program: lists that survive cycles. */
static void work(void)
{
    uint64_t **list = NULL;
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t **cell = gcx_alloc(32);
        EXPECT(cell != NULL);
        cell[0] = (uint64_t *)(void *)(i % 100 == 0 ? NULL : list);
        memcpy(&cell[1], &i, sizeof i);
        list = cell;
        if (i % 10000 == 0) {
            gcx_collect(i % 20000 == 0 ? GCX_FULL : GCX_MINOR);
        }
    }
    for (uint64_t i = 99999; list != NULL; i--) {
        EXPECT(memcmp(&list[1], &i, sizeof i) == 0);
        list = (uint64_t **)(void *)list[0];
    }
}

/* Says what the settings are, the way that the interface tells them; before any
 * cycle if told so. */
static int tell(const char *arg)
{
    if (arg == NULL || strcmp(arg, "at once") != 0)
        work();
    struct gcx_stats stats = stats_now();
    printf("workers=%ju backend=%s nursery=%ju percent=%d limit=%jd max=%jd\n",
           (uintmax_t)stats.mark_workers, stats.dirty_backend, (uintmax_t)stats.nursery_bytes,
           gcx_set_heap_percent(100), (intmax_t)gcx_set_memory_limit(-1),
           (intmax_t)gcx_set_heap_max(-1));
    return 0;
}

static int init_null(const char *arg)
{
    (void)arg;
    EXPECT(gcx_init(NULL) == 0);
    EXPECT(gcx_init(NULL) == 0);
    work();
    return tell(NULL);
}

static void set_wrong(struct gcx_options *o, int which)
{
    switch (which) {
    case 0:
        o->barrier = (enum gcx_barrier)3;
        break;
    case 1:
        o->barrier = (enum gcx_barrier) - 1;
        break;
    case 2:
        o->heap_percent = -2;
        break;
    case 3:
        o->heap_percent = INT32_MIN;
        break;
    case 4:
        o->mark_workers = -1;
        break;
    case 5:
        o->mark_workers = 65;
        break;
    case 6:
        o->concurrent = 2;
        break;
    case 7:
        o->stop_signal = -1;
        break;
    case 8:
        o->stop_signal = SIGTERM;
        break;
    case 9:
        o->stop_signal = SIGRTMAX + 1;
        break;
    case 10:
        o->memory_limit = -1;
        break;
    case 11:
        o->heap_max = -1;
        break;
    case 12:
        o->struct_bytes = 0;
        break;
    case 13:
        o->struct_bytes = 3;
        break;
    case 14:
        o->concurrent = -2;
        break;
    case 15:
        o->mark_workers = 100;
        break;
    default:
        exit(9);
    }
}

enum { WRONG_OPTIONS = 16 };

/* A refused call has no effect; the next one may do better. */
static int init_wrong(const char *arg)
{
    struct gcx_options o = GCX_OPTIONS_DEFAULT;
    set_wrong(&o, atoi(arg));
    errno = 0;
    EXPECT(gcx_init(&o) == -1);
    EXPECT(errno == EINVAL);
    struct gcx_options good = GCX_OPTIONS_DEFAULT;
    good.heap_percent = 321;
    EXPECT(gcx_init(&good) == 0);
    EXPECT(gcx_set_heap_percent(100) == 321);
    work();
    return 0;
}

static int init_all(const char *arg)
{
    (void)arg;
    struct gcx_options o = GCX_OPTIONS_DEFAULT;
    o.barrier = GCX_BARRIER_NONE;
    o.heap_percent = 77;
    o.mark_workers = 3;
    o.stop_signal = SIGRTMIN + 5;
    o.memory_limit = 1000 << 20;
    o.heap_max = 2000 << 20;
    o.reserve_bytes = (size_t)8 << 30;
    o.nursery_bytes = 4 << 20;
    EXPECT(gcx_init(&o) == 0);
    struct gcx_options other = GCX_OPTIONS_DEFAULT;
    other.heap_percent = 500;
    other.mark_workers = 9;
    EXPECT(gcx_init(&other) == 0); /* no effect */
    set_wrong(&other, 4);
    EXPECT(gcx_init(&other) == 0); /* not even looked at */
    return tell(NULL);
}

static int init_after_allocation(const char *arg)
{
    (void)arg;
    EXPECT(gcx_alloc(10) != NULL);
    struct gcx_options o = GCX_OPTIONS_DEFAULT;
    o.heap_percent = 500;
    EXPECT(gcx_init(&o) == 0);
    return tell(NULL);
}

/* Functions that may well be a program's first. */
static int first_call(const char *arg)
{
    void *slots[4] = {NULL};
    switch (atoi(arg)) {
    case 0:
        gcx_collect(GCX_FULL);
        break;
    case 1:
        gcx_collect(GCX_MINOR);
        break;
    case 2:
        gcx_free(NULL);
        break;
    case 3:
        EXPECT(gcx_base(slots) == NULL);
        break;
    case 4:
        EXPECT(gcx_size(slots) == 0);
        break;
    case 5:
        EXPECT(gcx_root_add(slots, slots + 4) == 0);
        break;
    case 6:
        EXPECT(gcx_root_remove(slots, slots + 4) == -1);
        break;
    case 7:
        gcx_disable();
        break;
    case 8:
        gcx_enable();
        break;
    case 9:
        gcx_release_memory();
        break;
    case 10:
        EXPECT(gcx_set_heap_percent(50) == 100);
        break;
    case 11:
        EXPECT(gcx_set_memory_limit(-1) == INT64_MAX);
        break;
    case 12:
        EXPECT(gcx_set_heap_max(64 << 20) == -1);
        break;
    case 13:
        EXPECT(gcx_thread_register() == 0);
        break;
    case 14:
        gcx_thread_unregister();
        break;
    case 15:
        gcx_blocking_begin();
        gcx_blocking_end();
        break;
    case 16:
        EXPECT(gcx_strdup("x") != NULL);
        break;
    case 17:
        EXPECT(gcx_realloc(NULL, 10) != NULL);
        break;
    case 18:
        EXPECT(gcx_alloc_root(10) != NULL);
        break;
    case 19:
        gcx_dirty(slots);
        break;
    case 20:
        gcx_store(slots, &slots[1], slots);
        EXPECT(slots[1] == slots);
        break;
    case 21:
        stats_now();
        break;
    case 22:
        EXPECT(gcx_set_event_listener(NULL) == 0);
        break;
    case 23:
        EXPECT(gcx_alloc_noscan(0) != NULL);
        break;
    case 24:
        EXPECT(gcx_alloc_aligned(1 << 20, 1) != NULL);
        break;
    case 25:
        EXPECT(gcx_calloc(3, 3) != NULL);
        break;
    case 26:
        EXPECT(strcmp(gcx_version(), "") != 0);
        break;
    case 27:
        EXPECT(gcx_blocking_end() == -1);
        break;
    default:
        return 9;
    }
    work();
    return 0;
}

enum { FIRST_CALLS = 28 };

/* ---- Tests -------------------------------------------------------------------- */

static struct child_result result;

static const char *run(const char *child, const char *arg, const char *variable)
{
    const char *variables[] = {variable, NULL};
    child_run(&result, child, arg, variables);
    assert_true(child_ok(&result));
    return result.out;
}

static void expect_setting(const char *variable, const char *setting)
{
    const char *out = run("tell", NULL, variable);
    if (strstr(out, setting) == NULL) {
        fail_msg("%s gives %s", variable, out);
    }
    assert_string_equal(result.err, "");
}

static void test_defaults(void **state)
{
    (void)state;
    const char *out = run("init_null", NULL, NULL);
    assert_non_null(strstr(out, "percent=100 limit=9223372036854775807 max=-1"));
    assert_string_equal(result.err, "");
}

static void test_environment(void **state)
{
    (void)state;
    expect_setting("GCX_PERCENT=50", "percent=50 ");
    expect_setting("GCX_PERCENT=-1", "percent=-1 ");
    expect_setting("GCX_PERCENT=0", "percent=0 ");
    expect_setting("GCX_PERCENT=10000", "percent=10000 ");
    expect_setting("GCX_MARK_WORKERS=1", "workers=1 ");
    expect_setting("GCX_MARK_WORKERS=5", "workers=5 ");
    expect_setting("GCX_MARK_WORKERS=64", "workers=64 ");
    expect_setting("GCX_MEMORY_LIMIT=512MiB", "limit=536870912 ");
    expect_setting("GCX_MEMORY_LIMIT=2GiB", "limit=2147483648 ");
    expect_setting("GCX_MEMORY_LIMIT=300000000", "limit=300000000 ");
    expect_setting("GCX_HEAP_MAX=256MiB", "max=268435456\n");
    expect_setting("GCX_HEAP_MAX=1GiB", "max=1073741824\n");
    expect_setting("GCX_BARRIER=none", "backend=none");
    expect_setting("GCX_DIRTY=mprotect", "backend=mprotect");
    expect_setting("GCX_NURSERY=1MiB", "percent=100 ");
    expect_setting("GCX_RESERVE=4GiB", "percent=100 ");
    expect_setting("GCX_STOP_SIGNAL=40", "percent=100 ");
}

static void test_nursery_sizes_differ(void **state)
{
    (void)state;
    unsigned long long small = 0;
    unsigned long long large = 0;
    const char *out = strstr(run("tell", "at once", "GCX_NURSERY=1MiB"), "nursery=");
    assert_non_null(out);
    small = strtoull(out + strlen("nursery="), NULL, 10);
    out = strstr(run("tell", "at once", "GCX_NURSERY=16MiB"), "nursery=");
    assert_non_null(out);
    large = strtoull(out + strlen("nursery="), NULL, 10);
    assert_true(small < large);
}

/* Nonsense is told once, by the name of the variable, and then ignored. */
static void test_nonsense_in_the_environment(void **state)
{
    (void)state;
    static const char *const nonsense[] = {
        "GCX_PERCENT=abc",       "GCX_PERCENT=12x",
        "GCX_PERCENT=-7",        "GCX_PERCENT=99999999999999999999",
        "GCX_MARK_WORKERS=many", "GCX_MARK_WORKERS=-3",
        "GCX_MARK_WORKERS=65",   "GCX_BARRIER=sometimes",
        "GCX_MARK_WORKERS=0",    "GCX_MARK_WORKERS=100",
        "GCX_STOP_SIGNAL=9",     "GCX_STOP_SIGNAL=9999",
        "GCX_STOP_SIGNAL=32",    "GCX_STOP_SIGNAL=33", /* the C library's own */
        "GCX_STOP_SIGNAL=x",     "GCX_MEMORY_LIMIT=12parsec",
        "GCX_MEMORY_LIMIT=-5",   "GCX_MEMORY_LIMIT=99999999999999999999GiB",
        "GCX_HEAP_MAX=lots",     "GCX_RESERVE=x",
        "GCX_NURSERY=q",         "GCX_DIRTY=magic",
    };
    for (size_t i = 0; i < COUNT_OF(nonsense); i++) {
        char name[64];
        size_t length = strcspn(nonsense[i], "=");
        memcpy(name, nonsense[i], length);
        name[length] = '\0';
        run("tell", NULL, nonsense[i]);
        char *said = strstr(result.err, name);
        if (said == NULL) {
            fail_msg("%s is taken in silence; stderr: \"%s\"", nonsense[i], result.err);
        }
        assert_null(strstr(said + length, name));
        assert_null(strchr(strchr(result.err, '\n') + 1, '\n')); /* one line */
        assert_non_null(strstr(result.out, "percent=100 limit=9223372036854775807 max=-1"));
    }
}

static void test_options_out_of_range(void **state)
{
    (void)state;
    for (int i = 0; i < WRONG_OPTIONS; i++) {
        char arg[16];
        snprintf(arg, sizeof arg, "%d", i);
        child_run(&result, "init_wrong", arg, NULL);
        if (!child_ok(&result)) {
            fail_msg("wrong options number %d", i);
        }
    }
}

static void test_options_take_effect_once(void **state)
{
    (void)state;
    const char *out = run("init_all", NULL, NULL);
    assert_non_null(strstr(out, "workers=3 backend=none "));
    assert_non_null(strstr(out, "percent=77 limit=1048576000 max=2097152000"));
    out = run("init_after_allocation", NULL, NULL);
    assert_non_null(strstr(out, "percent=100 "));
}

static void test_options_go_before_the_environment(void **state)
{
    (void)state;
    static const char *const variables[] = {"GCX_PERCENT=50", "GCX_MARK_WORKERS=7",
                                            "GCX_MEMORY_LIMIT=1GiB", NULL};
    child_run(&result, "init_all", NULL, variables);
    assert_true(child_ok(&result));
    assert_non_null(strstr(result.out, "workers=3 "));
    assert_non_null(strstr(result.out, "percent=77 limit=1048576000 "));
    child_run(&result, "init_null", NULL, variables);
    assert_true(child_ok(&result));
    assert_non_null(strstr(result.out, "workers=7 "));
    assert_non_null(strstr(result.out, "percent=50 limit=1073741824 "));
}

static void test_any_function_may_come_first(void **state)
{
    (void)state;
    for (int i = 0; i < FIRST_CALLS; i++) {
        char arg[16];
        snprintf(arg, sizeof arg, "%d", i);
        child_run(&result, "first_call", arg, NULL);
        if (!child_ok(&result)) {
            fail_msg("first call number %d", i);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {
        {"tell", tell},
        {"init_null", init_null},
        {"init_wrong", init_wrong},
        {"init_all", init_all},
        {"init_after_allocation", init_after_allocation},
        {"first_call", first_call},
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_nursery_sizes_differ),
        cmocka_unit_test(test_nonsense_in_the_environment),
        cmocka_unit_test(test_options_out_of_range),
        cmocka_unit_test(test_options_take_effect_once),
        cmocka_unit_test(test_options_go_before_the_environment),
        cmocka_unit_test(test_any_function_may_come_first),
    };
    if (child_is(argc, argv)) {
        return child_main(argv, children, COUNT_OF(children));
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
