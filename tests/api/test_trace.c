/* test_trace.c -- GCX_TRACE=json and GCX_TRACE_FILE, as programs read them.
 *
 * SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"

static struct child_result result;

static int child_cycles(const char *arg)
{
    if (strcmp(arg, "full") == 0) { /* as a disk that has room for so much */
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){2000, 2000});
    }
    for (int i = 0; i < 6; i++) {
        churn(64, 1000);
        gcx_collect(i % 2 != 0 ? GCX_FULL : GCX_MINOR);
    }
    if (strcmp(arg, "fork") == 0) {
        pid_t pid = fork();
        if (pid == 0) {
            gcx_collect(GCX_FULL);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    gcx_collect(GCX_FULL);
    struct gcx_stats stats = stats_now();
    printf("%ju\n", (uintmax_t)(stats.minor_cycles + stats.full_cycles));
    return 0;
}

/* Keeps more than the limit allows. */
static int child_over_limit(const char *arg)
{
    static void **kept;
    (void)arg;
    for (int i = 0; i < 1000; i++) {
        void **object = gcx_alloc(20000);
        object[0] = kept;
        kept = object;
    }
    churn(2000, 1000);
    gcx_set_memory_limit(INT64_MAX);
    fprintf(stderr, "no limit\n");
    gcx_collect(GCX_FULL);
    return 0;
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        count++;
    return count;
}

/* Quotes and brackets match, which is as much as can be told without a parser. */
static int is_balanced(const char *text)
{
    int depth = 0, is_quoted = 0;
    for (; *text != '\0' && depth >= 0; text++) {
        is_quoted ^= *text == '"';
        if (!is_quoted)
            depth += (*text == '{' || *text == '[') - (*text == '}' || *text == ']');
    }
    return depth == 0 && !is_quoted;
}

static void test_json_lines(void **state)
{
    (void)state;
    child_run(&result, "cycles", "", (const char *[]){"GCX_TRACE=json", NULL});
    assert_true(child_ok(&result));
    size_t cycles = strtoul(result.out, NULL, 10);
    assert_true(cycles >= 7);
    assert_int_equal(count_of(result.err, "{\"gc\":"), cycles);
    assert_int_equal(count_of(result.err, "false}\n"), cycles);
    assert_true(count_of(result.err, "\"kind\":\"full\"") >= 4);
    char *next = NULL;
    for (char *line = strtok_r(result.err, "\n", &next); line != NULL;
         line = strtok_r(NULL, "\n", &next))
        assert_true(is_balanced(line));
}

/* It says so while the limit cannot be kept. */
static void test_a_limit_that_is_too_low(void **state)
{
    static const char *const said[][2] = {{"GCX_TRACE=1", "over the limit)\n"},
                                          {"GCX_TRACE=json", "\"is_over_limit\":true}\n"}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(said); i++) {
        const char *variables[] = {said[i][0], "GCX_MEMORY_LIMIT=8MiB", NULL};
        child_run(&result, "over_limit", "", variables);
        assert_true(child_ok(&result));
        char *after = strstr(result.err, "no limit\n");
        assert_non_null(after);
        assert_null(strstr(after, said[i][1]));
        *after = '\0';
        assert_non_null(strstr(result.err, said[i][1]));
    }
}

static void read_file(const char *path, char *text, size_t bytes)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, bytes - 1, file)] = '\0';
    fclose(file);
    unlink(path);
}

static void test_trace_events(void **state)
{
    static char text[256 * 1024];
    char variable[128], path[64];
    (void)state;
    snprintf(path, sizeof path, "gcx-trace-%d.json", (int)getpid());
    snprintf(variable, sizeof variable, "GCX_TRACE_FILE=%s", path);
    child_run(&result, "cycles", "fork", (const char *[]){variable, NULL});
    assert_true(child_ok(&result));
    assert_string_equal(result.err, "");
    read_file(path, text, sizeof text);
    size_t cycles = strtoul(result.out, NULL, 10);
    assert_memory_equal(text, "[\n{", 3);
    assert_string_equal(text + strlen(text) - 4, "}\n]\n");
    assert_true(is_balanced(text));
    assert_int_equal(count_of(text, "\"ph\":\"X\""), 4 * cycles);
    assert_int_equal(count_of(text, "\"ph\":\"C\""), 2 * cycles);
    assert_int_equal(count_of(text, "},\n{"), 6 * cycles - 1);
}

/* The write that meets the end is a short one. The file stays whole. */
static void test_a_disk_that_is_full(void **state)
{
    char text[4096], variable[128], path[64];
    (void)state;
    snprintf(path, sizeof path, "gcx-trace-%d.json", (int)getpid());
    snprintf(variable, sizeof variable, "GCX_TRACE_FILE=%s", path);
    child_run(&result, "cycles", "full", (const char *[]){variable, NULL});
    assert_true(child_ok(&result));
    assert_int_equal(count_of(result.err, "GCX_TRACE_FILE: no more is written: File too large"), 1);
    read_file(path, text, sizeof text);
    assert_true(is_balanced(text));
    assert_string_equal(text + strlen(text) - 4, "}\n]\n");
}

static void test_what_cannot_be_written(void **state)
{
    (void)state;
    child_run(&result, "cycles", "", (const char *[]){"GCX_TRACE_FILE=/nonexistent/x", NULL});
    assert_true(child_ok(&result));
    assert_non_null(strstr(result.err, "GCX_TRACE_FILE: cannot write /nonexistent/x: No such"));
    child_run(&result, "cycles", "", (const char *[]){"GCX_TRACE_FILE=/dev/full", NULL});
    assert_true(child_ok(&result));
    assert_int_equal(count_of(result.err, "GCX_TRACE_FILE: no more is written: No space"), 1);
    child_run(&result, "cycles", "", (const char *[]){"GCX_TRACE=xml", NULL});
    assert_true(child_ok(&result));
    assert_non_null(strstr(result.err, "GCX_TRACE=xml is ignored: expected 0, 1 or json"));
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"cycles", child_cycles},
                                                  {"over_limit", child_over_limit}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_lines),
        cmocka_unit_test(test_a_limit_that_is_too_low),
        cmocka_unit_test(test_trace_events),
        cmocka_unit_test(test_a_disk_that_is_full),
        cmocka_unit_test(test_what_cannot_be_written),
    };
    if (child_is(argc, argv))
        return child_main(argv, children, COUNT_OF(children));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
