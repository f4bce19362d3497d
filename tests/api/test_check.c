/* test_check.c -- GCX_CHECK=1: what the checked mode finds, and that it is
 * silent about a program without mistakes.
 *
 * The mode is chosen when the library starts, so each case is a child.
 *
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/weak.h>

#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

static int events;

static void on_error(const char *message, void *arg)
{
    (void)message;
    (void)arg;
    events++;
}

static char *make(const char *arg, size_t size)
{
    struct gcx_events listener = {.error = on_error};
    gcx_set_event_listener(&listener);
    switch (arg[0]) {
    case 'n':
        return gcx_alloc_noscan(size);
    case 'r':
        return gcx_alloc_root(size);
    case 'a':
        return gcx_alloc_aligned(256, size);
    default:
        return gcx_alloc(size);
    }
}

/* One mistake each; the exit code is how often the listener heard of it. */

static size_t size_of(const char *arg)
{
    return strtoul(arg + 1, NULL, 10);
}

static int overrun(const char *arg)
{
    char *p = make(arg, size_of(arg));
    ((volatile char *)p)[size_of(arg)] = 1;
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_FULL);
    gcx_keep_alive(p);
    return events;
}

static int overrun_far(const char *arg)
{
    char *p = make(arg, size_of(arg));
    memset(p + size_of(arg), 0, 40);
    gcx_keep_alive(p);
    gcx_collect(GCX_MINOR);
    gcx_collect(GCX_MINOR);
    gcx_keep_alive(p);
    return events;
}

static int overrun_freed(const char *arg)
{
    char *p = make(arg, size_of(arg));
    ((volatile char *)p)[size_of(arg) + 3] = 1;
    gcx_free(p);
    gcx_keep_alive(p);
    return events;
}

static int write_after_free(const char *arg)
{
    char *p = make(arg, size_of(arg));
    gcx_free(p);
    ((volatile char *)p)[size_of(arg) / 2] = 1;
    gcx_collect(GCX_MINOR);
    gcx_collect(GCX_FULL);
    gcx_keep_alive(p);
    return events;
}

/* Found when the object is to be used again, without any cycle. */
static int write_after_free_no_cycle(const char *arg)
{
    char *p = make(arg, size_of(arg));
    gcx_disable();
    gcx_free(p);
    ((volatile char *)p)[size_of(arg) - 1] = 1;
    for (int i = 0; i < 20000; i++) {
        gcx_free(gcx_alloc(size_of(arg)));
    }
    gcx_keep_alive(p);
    return events;
}

static int double_free(const char *arg)
{
    char *p = make(arg, size_of(arg));
    gcx_free(p);
    gcx_free(p);
    gcx_collect(GCX_FULL);
    gcx_free(p);
    gcx_keep_alive(p);
    return events;
}

static NOINLINE hidden_ptr lose_one(const char *arg)
{
    return hide(make(arg, size_of(arg)));
}

/* A pointer that the collector could not see. */
static int write_after_collection(const char *arg)
{
    hidden_ptr lost[50];
    for (size_t i = 0; i < COUNT_OF(lost); i++) {
        lost[i] = lose_one(arg);
    }
    collect_full();
    if (count_gone(lost, COUNT_OF(lost)) < COUNT_OF(lost) - 5) {
        return 99;
    }
    for (size_t i = 0; i < COUNT_OF(lost); i++) {
        if (gcx_base(reveal(lost[i])) == NULL) {
            ((volatile char *)reveal(lost[i]))[5] = 1;
            break;
        }
    }
    collect_full();
    collect_full();
    return events;
}

static int use_after_realloc(const char *arg)
{
    char *p = make(arg, size_of(arg));
    char *q = gcx_realloc(p, size_of(arg) + 1);
    ((volatile char *)p)[0] = 1;
    gcx_collect(GCX_FULL);
    gcx_keep_alive(q);
    gcx_keep_alive(p);
    return events;
}

/* ---- What a cycle looks at itself --------------------------------------------- */

struct row {
    size_t count;
    void *items[6];
};

static void trace_row(void *obj, size_t size_bytes, struct gcx_tracer *tracer)
{
    const struct row *row = obj;
    (void)size_bytes;
    gcx_trace_range(tracer, row->items, row->items + row->count);
}

static gcx_kind make_row_kind(void)
{
    struct gcx_kind_layout layout = GCX_KIND_LAYOUT_DEFAULT;
    layout.trace = trace_row;
    return gcx_kind_create(&layout);
}

static void *make_looked_at(const char *arg)
{
    static gcx_kind kind;
    void *target = make(arg, 64);
    switch (arg[0]) {
    case 'w':
        return gcx_weak_create(target);
    case 'l':
        return gcx_weak_create_long(target);
    case 't':
        return gcx_toggle_create(target);
    case 'e':
        return gcx_ephemeron_create(target, target);
    default:
        kind = kind != 0 ? kind : make_row_kind();
        return gcx_alloc_kind(kind, sizeof(struct row));
    }
}

/* Freed young and old; cycles of both sorts; no pointer to them in sight, and one. */
static int free_looked_at(const char *arg)
{
    void *volatile kept = make_looked_at(arg);
    void *volatile old = make_looked_at(arg);
    gcx_collect(GCX_FULL);
    gcx_free(make_looked_at(arg));
    gcx_free(old);
    for (int i = 0; i < 4; i++) {
        gcx_collect(i % 2 == 0 ? GCX_MINOR : GCX_FULL);
        gcx_free(make_looked_at(arg));
    }
    gcx_free(old);
    gcx_keep_alive(kept);
    return events;
}

/* ---- No mistakes ------------------------------------------------------------- */

enum { KEPT = 300, STEPS = 20000 };

static void *clean_thread(void *arg)
{
    struct random r = {(uint64_t)(uintptr_t)arg};
    void **kept = gcx_calloc(KEPT, sizeof *kept);
    for (size_t i = 0; i < scaled(STEPS); i++) {
        size_t size = random_below(&r, random_percent(&r, 99) ? 900 : 150000);
        void **slot = &kept[random_below(&r, KEPT)];
        if (random_percent(&r, 50)) {
            gcx_free(*slot);
        }
        *slot = random_percent(&r, 50) ? gcx_alloc(size) : gcx_alloc_noscan(size);
        if (*slot == NULL || gcx_size(*slot) < size) {
            abort();
        }
        memset(*slot, 0xa5, size);
        if (random_percent(&r, 10)) {
            *slot = gcx_realloc(*slot, size / 2);
        }
        if (random_percent(&r, 1)) {
            gcx_collect(random_percent(&r, 20) ? GCX_FULL : GCX_MINOR);
        }
    }
    return NULL;
}

static int clean(const char *arg)
{
    pthread_t threads[3];
    char *volatile none = make(arg, 0);
    if (none == NULL) {
        return 98;
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_create(&threads[i], NULL, clean_thread, (void *)(i + 1));
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    gcx_collect(GCX_FULL);
    return events;
}

/* ---- Forked children ----------------------------------------------------------- */

static int must_stop;

static void *make_many(void *arg)
{
    void *kept[64] = {NULL};
    (void)arg;
    for (size_t i = 0; __atomic_load_n(&must_stop, __ATOMIC_RELAXED) == 0; i++) {
        size_t size = i % 1000 == 0 ? 300000 : i % 7 * 150;
        void **slot = &kept[i % COUNT_OF(kept)];
        gcx_free(i % 3 == 0 ? *slot : NULL);
        *slot = i % 2 == 0 ? gcx_alloc(size) : gcx_alloc_noscan(size);
    }
    gcx_keep_alive(kept);
    return NULL;
}

static int events_of_child(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        events = 0;
        gcx_collect(GCX_MINOR);
        gcx_collect(GCX_FULL);
        char *p = gcx_alloc(24);
        ((volatile char *)p)[24] = 1;
        gcx_collect(GCX_FULL);
        gcx_keep_alive(p);
        _exit(events);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        return 90;
    }
    return WEXITSTATUS(status);
}

/* Each tells of its own mistake, and of nothing that a thread of the parent was
 * just doing. */
static int forks(const char *arg)
{
    pthread_t threads[3];
    int bad = 0;
    char *damaged = make(arg, 40);
    ((volatile char *)damaged)[40] = 1;
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_create(&threads[i], NULL, make_many, NULL);
    }
    for (size_t i = 0; i < scaled(50) && bad == 0; i++) {
        bad = events_of_child() != 1;
    }
    __atomic_store_n(&must_stop, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    gcx_keep_alive(damaged);
    return bad != 0 ? 97 : 0;
}

/* ---- The tests ----------------------------------------------------------------- */

static struct child_result result;

static void run_case(const char *name, const char *arg)
{
    static const char *const variables[] = {"GCX_CHECK=1", NULL};
    child_run(&result, name, arg, variables);
}

/* Reported `times` times, on stderr and to the listener, with all of `words`. */
static void expect(const char *name, const char *arg, int times, const char *const *words)
{
    run_case(name, arg);
    if (result.exit_code != times) {
        fail_msg("%s %s: %d reports (signal %d), not %d\n%s", name, arg, result.exit_code,
                 result.signal, times, result.err);
    }
    for (; *words != NULL; words++) {
        if (strstr(result.err, *words) == NULL) {
            fail_msg("%s %s: nothing about '%s':\n%s", name, arg, *words, result.err);
        }
    }
}

static const char *const shapes[] = {"s24",   "s1",      "s200", "s5000",  "s200000", "n48",
                                     "n3000", "n100000", "r64",  "r90000", "a1000"};

static void expect_all_shapes(const char *name, int times, const char *what, const char *detail)
{
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        char size[40];
        snprintf(size, sizeof size, "of %s bytes", shapes[i] + 1);
        const char *words[] = {what, size, detail, NULL};
        expect(name, shapes[i], times, words);
    }
}

static void test_overruns_are_found(void **state)
{
    (void)state;
    expect_all_shapes("overrun", 1, "overrun at 0x", "allocated by ");
}

static void test_long_overruns_are_found(void **state)
{
    static const char *const words[] = {"overrun past the guard", NULL};
    (void)state;
    expect("overrun_far", "s24", 1, words);
    expect("overrun_far", "n80", 1, words);
}

static void test_overruns_are_found_when_freed(void **state)
{
    (void)state;
    expect_all_shapes("overrun_freed", 1, "overrun at 0x", "allocated by ");
}

static void test_writes_after_free_are_found(void **state)
{
    (void)state;
    expect_all_shapes("write_after_free", 1, "write after free at 0x", "freed by ");
}

static void test_writes_after_free_are_found_without_a_cycle(void **state)
{
    static const char *const words[] = {"write after free at 0x", "of 64 bytes", NULL};
    (void)state;
    expect("write_after_free_no_cycle", "s64", 1, words);
    expect("write_after_free_no_cycle", "n64", 1, words);
}

static void test_double_frees_name_both(void **state)
{
    (void)state;
    expect_all_shapes("double_free", 2, "free again of 0x", "freed by ");
}

static void test_writes_to_collected_objects_are_found(void **state)
{
    static const char *const words[] = {"write to free memory at 0x", NULL};
    (void)state;
    expect("write_after_collection", "s64", 1, words);
    expect("write_after_collection", "n1000", 1, words);
}

static void test_the_place_before_realloc_is_freed(void **state)
{
    static const char *const words[] = {"write after free at 0x", NULL};
    (void)state;
    expect("use_after_realloc", "s64", 1, words);
    expect("use_after_realloc", "n20000", 1, words);
}

/* The second release of the old one is told, and nothing else. */
static void test_what_a_cycle_looks_at_may_be_freed(void **state)
{
    static const char *const words[] = {"free again of 0x", NULL};
    static const char *const sorts[] = {"w", "l", "t", "e", "kind"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sorts); i++) {
        expect("free_looked_at", sorts[i], 1, words);
    }
}

static void test_a_right_program_is_not_bothered(void **state)
{
    (void)state;
    run_case("clean", "s1");
    assert_true(child_ok(&result));
    assert_string_equal(result.err, "");
}

static void test_children_tell_of_their_own(void **state)
{
    (void)state;
    run_case("forks", "s40");
    if (!child_ok(&result)) {
        fail_msg("exit code %d, signal %d\n%s", result.exit_code, result.signal, result.err);
    }
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {
        {"overrun", overrun},
        {"overrun_far", overrun_far},
        {"overrun_freed", overrun_freed},
        {"write_after_free", write_after_free},
        {"write_after_free_no_cycle", write_after_free_no_cycle},
        {"double_free", double_free},
        {"write_after_collection", write_after_collection},
        {"use_after_realloc", use_after_realloc},
        {"free_looked_at", free_looked_at},
        {"clean", clean},
        {"forks", forks},
    };
    if (child_is(argc, argv)) {
        return child_main(argv, children, COUNT_OF(children));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overruns_are_found),
        cmocka_unit_test(test_long_overruns_are_found),
        cmocka_unit_test(test_overruns_are_found_when_freed),
        cmocka_unit_test(test_writes_after_free_are_found),
        cmocka_unit_test(test_writes_after_free_are_found_without_a_cycle),
        cmocka_unit_test(test_double_frees_name_both),
        cmocka_unit_test(test_writes_to_collected_objects_are_found),
        cmocka_unit_test(test_the_place_before_realloc_is_freed),
        cmocka_unit_test(test_what_a_cycle_looks_at_may_be_freed),
        cmocka_unit_test(test_a_right_program_is_not_bothered),
        cmocka_unit_test(test_children_tell_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
