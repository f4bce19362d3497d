/* test_listener.c -- what a listener must not do, and what it is told of mistakes.
 *
 * SPDX-License-Identifier: MIT */
#include "../support/cmocka_all.h"

#include <errno.h>

#include <gcx/gcx.h>

#include "../support/child.h"
#include "../support/hide.h"

static struct child_result result;

/* ---- Calls from within ---- */

static unsigned refused;

static void call(void)
{
    struct gcx_stats stats = {.struct_bytes = sizeof stats};
    errno = 0;
    refused += gcx_alloc(100000) == NULL && errno == EDEADLK;
    gcx_get_stats(&stats); /* allowed */
}

static void on_cycle(enum gcx_cycle kind, void *arg)
{
    (void)kind;
    (void)arg;
    call();
}

static void on_growth(uint64_t heap_bytes, void *arg)
{
    (void)heap_bytes;
    (void)arg;
    call();
}

static void on_pause(void *arg)
{
    (void)arg;
    call();
}

static void on_pause_end(uint64_t pause_ns, void *arg)
{
    (void)pause_ns;
    (void)arg;
    call();
}

static int child_calls(const char *which)
{
    struct gcx_events events = {0};
    alarm(60);
    switch (which[0]) {
    case 'b':
        events.cycle_begin = on_cycle;
        break;
    case 'e':
        events.cycle_end = on_cycle;
        break;
    case 'g':
        events.heap_grow = on_growth;
        break;
    case 'p':
        events.pause_begin = on_pause;
        break;
    default:
        events.pause_end = on_pause_end;
    }
    gcx_set_event_listener(&events);
    gcx_collect(GCX_FULL);
    void *volatile large = gcx_alloc((size_t)64 << 20);
    unsigned count = refused;
    gcx_set_event_listener(NULL);
    return count != 0 && large != NULL && gcx_alloc(16) != NULL ? 0 : 1;
}

static void test_calls_are_refused(void **state)
{
    static const char *const events[] = {"begin", "end", "growth", "pause", "until the pause ends"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        child_run(&result, "calls", events[i], NULL);
        if (!child_ok(&result))
            fail_msg("%s: exit code %d, signal %d", events[i], result.exit_code, result.signal);
        assert_non_null(strstr(result.err, "within a collection"));
    }
}

/* ---- Mistakes that a cycle finds ---- */

static void on_error(const char *message, void *arg)
{
    (void)arg;
    printf("%s\n", message);
}

static void end(void *object, void *arg)
{
    (void)object;
    (void)arg;
}

static void clean(void *arg)
{
    (void)arg;
}

static NOINLINE void make_ring(void)
{
    void **a = gcx_alloc(16), **b = gcx_alloc(16);
    *a = b;
    *b = a;
    gcx_finalizer_set(a, end, NULL);
    gcx_finalizer_set(b, end, NULL);
}

static NOINLINE void make_argument_that_leads_back(void)
{
    void **object = gcx_alloc(16), **arg = gcx_alloc(16);
    *arg = object;
    gcx_cleanup_add(object, clean, arg);
}

static void trace_and_call(void *object, size_t bytes, struct gcx_tracer *tracer)
{
    (void)object;
    (void)bytes;
    (void)tracer;
    gcx_collect(GCX_FULL);
}

static int child_mistakes(const char *arg)
{
    const struct gcx_events events = {.error = on_error};
    struct gcx_kind_layout layout = GCX_KIND_LAYOUT_DEFAULT;
    (void)arg;
    layout.trace = trace_and_call;
    gcx_set_event_listener(&events);
    void *traced = gcx_alloc_kind(gcx_kind_create(&layout), 64);
    make_ring();
    make_argument_that_leads_back();
    clear_stack();
    for (int i = 0; i < 3; i++)
        gcx_collect(GCX_FULL);
    gcx_keep_alive(traced);
    return 0;
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        n++;
    return n;
}

static void test_mistakes_are_told_of(void **state)
{
    (void)state;
    child_run(&result, "mistakes", "", NULL);
    assert_true(child_ok(&result));
    assert_int_equal(count(result.out, "it will never be collected"), 2);
    assert_int_equal(count(result.err, "it will never be collected"), 2);
    assert_int_equal(count(result.out, "a trace callback must not"), 3);
    assert_int_equal(count(result.err, "a trace callback must not"), 3);
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"calls", child_calls},
                                                  {"mistakes", child_mistakes}};
    if (child_is(argc, argv))
        return child_main(argv, children, COUNT_OF(children));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_are_refused),
        cmocka_unit_test(test_mistakes_are_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
