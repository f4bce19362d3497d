/* test_stats.c -- statistics, the event listener and GCX_TRACE.
 *
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <regex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gcx/gcx.h>

#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/scale.h"

#define MIB ((size_t)1024 * 1024)

struct node {
    struct node *next;
    uint64_t number;
};

static struct node *kept;

static NOINLINE void keep_list(size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        struct node *node = gcx_alloc(size);
        assert_non_null(node);
        node->next = kept;
        kept = node;
    }
}

static int is_within_percent(uint64_t value, uint64_t expected, uint64_t percent)
{
    uint64_t slack = expected / 100 * percent;
    return value >= expected - slack && value <= expected + slack;
}

/* ---- Counters ------------------------------------------------------------- */

static void test_allocation_is_counted(void **state)
{
    (void)state;
    static const size_t sizes[] = {16, 64, 256, 1024, 16384, MIB};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        size_t count = 32 * MIB / sizes[i];
        count = sizes[i] < 4096 ? scaled(count) : count;
        struct gcx_stats before = stats_now();
        uint64_t slot = 0;
        for (size_t k = 0; k < count; k++) {
            void *p = k % 2 == 0 ? gcx_alloc(sizes[i]) : gcx_alloc_noscan(sizes[i]);
            slot = slot == 0 ? gcx_size(p) : slot;
        }
        gcx_collect(GCX_FULL);
        struct gcx_stats after = stats_now();
        uint64_t bytes = after.total_alloc_bytes - before.total_alloc_bytes;
        uint64_t allocs = after.total_allocs - before.total_allocs;
        if (!is_within_percent(bytes, count * slot, 1) || !is_within_percent(allocs, count, 1)) {
            fail_msg("%zu objects of %zu bytes counted as %ju of %ju bytes together", count,
                     sizes[i], (uintmax_t)allocs, (uintmax_t)bytes);
        }
    }
}

static void test_cycles_are_counted_by_kind(void **state)
{
    (void)state;
    gcx_disable();
    struct gcx_stats before = stats_now();
    for (int i = 0; i < 5; i++) {
        gcx_collect(GCX_FULL);
    }
    for (int i = 0; i < 7; i++) {
        gcx_collect(GCX_MINOR);
    }
    struct gcx_stats after = stats_now();
    gcx_enable();
    int has_minor = strcmp(after.dirty_backend, "none") != 0;
    assert_int_equal(after.full_cycles - before.full_cycles, has_minor ? 5 : 12);
    assert_int_equal(after.minor_cycles - before.minor_cycles, has_minor ? 7 : 0);
    assert_true(after.pause_last_ns > 0);
    assert_true(after.pause_max_ns >= after.pause_last_ns);
    assert_true(after.pause_total_ns >= before.pause_total_ns + after.pause_last_ns);
    assert_true(after.minor_pause_max_ns > 0 || !has_minor);
    assert_true(after.full_pause_max_ns > 0);
    assert_true(after.minor_pause_max_ns <= after.pause_max_ns);
    assert_true(after.full_pause_max_ns <= after.pause_max_ns);
    assert_true(after.minor_pause_max_ns == after.pause_max_ns ||
                after.full_pause_max_ns == after.pause_max_ns);
    assert_true(after.mark_total_ns <= after.pause_total_ns);
}

static void test_live_bytes(void **state)
{
    (void)state;
    static const size_t sizes[] = {16, 64, 400, 5000, 100000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        kept = NULL;
        collect_full();
        uint64_t before = stats_now().live_bytes;
        size_t count = 64 * MIB / sizes[i];
        count = sizes[i] < 4096 ? scaled(count) : count;
        keep_list(count, sizes[i]);
        uint64_t expected = count * gcx_size(kept);
        churn(sizes[i], count / 10);
        collect_full();
        uint64_t live = stats_now().live_bytes - before;
        if (!is_within_percent(live, expected, 2)) {
            fail_msg("%ju bytes are live, %ju reported", (uintmax_t)expected, (uintmax_t)live);
        }
        kept = NULL;
        collect_full();
        assert_true(stats_now().live_bytes < before + MIB);
    }
}

static void test_heap_bytes(void **state)
{
    (void)state;
    kept = NULL;
    gcx_release_memory();
    uint64_t before = stats_now().heap_bytes;
    size_t size = is_stressed() ? 16384 : 512;
    keep_list(64 * MIB / size, size);
    struct gcx_stats full = stats_now();
    assert_true(full.heap_bytes >= before + 60 * MIB);
    assert_true(full.heap_bytes - full.free_bytes >= 64 * MIB);
    assert_true(full.peak_heap_bytes >= full.heap_bytes);
    assert_true(full.meta_bytes > 0);
    assert_true(full.nursery_bytes > 0);
    kept = NULL;
    clear_stack();
    gcx_release_memory();
    struct gcx_stats empty = stats_now();
    assert_true(empty.heap_bytes < before + 8 * MIB);
    assert_true(empty.peak_heap_bytes >= full.heap_bytes);
}

static void test_goal_lies_above_the_live(void **state)
{
    (void)state;
    keep_list(scaled(32 * MIB / 64), 64);
    gcx_collect(GCX_FULL);
    struct gcx_stats stats = stats_now();
    assert_true(stats.goal_bytes >= stats.live_bytes);
    assert_true(stats.mark_workers >= 1 && stats.mark_workers <= 64);
    assert_true(stats.threads >= 1);
    kept = NULL;
}

static void test_dirty_pages_are_counted(void **state)
{
    (void)state;
    const char *backend = stats_now().dirty_backend;
    if (strcmp(backend, "none") == 0) {
        skip();
    }
    char **array = gcx_alloc(4 * MIB);
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_MINOR);
    uint64_t before = stats_now().dirty_pages_total;
    for (size_t i = 0; i < 100; i++) {
        array[i * 4096] = gcx_alloc(16);
    }
    gcx_collect(GCX_MINOR);
    assert_true(stats_now().dirty_pages_total >= before + 100);
    gcx_keep_alive(array);
}

static void test_structure_may_be_shorter(void **state)
{
    (void)state;
    union {
        struct gcx_stats stats;
        unsigned char bytes[sizeof(struct gcx_stats)];
    } u;
    size_t known = offsetof(struct gcx_stats, meta_bytes);
    memset(&u, 0x5a, sizeof u);
    u.stats.struct_bytes = known;
    gcx_get_stats(&u.stats);
    assert_true(u.stats.heap_bytes != 0x5a5a5a5a5a5a5a5au);
    assert_true(all_bytes(u.bytes + known, sizeof u - known, 0x5a));
    u.stats.struct_bytes = 0; /* the whole of it */
    gcx_get_stats(&u.stats);
    assert_true(u.stats.meta_bytes != 0x5a5a5a5a5a5a5a5au);
    assert_true(u.stats.threads >= 1 && u.stats.threads < 1000);
    gcx_get_stats(NULL);
}

static atomic_int stop;
static atomic_int wrong;

/* A snapshot is consistent at any time. */
static void *watch(void *arg)
{
    struct gcx_stats last = stats_now();
    uint64_t *snapshots = arg;
    do { /* once at least, though the machine be busy */
        struct gcx_stats now = stats_now();
        int good =
            now.free_bytes <= now.heap_bytes && now.heap_bytes <= now.peak_heap_bytes &&
            now.total_alloc_bytes >= last.total_alloc_bytes &&
            now.total_allocs >= last.total_allocs && now.minor_cycles >= last.minor_cycles &&
            now.full_cycles >= last.full_cycles && now.pause_total_ns >= last.pause_total_ns &&
            now.pause_max_ns >= last.pause_max_ns && now.stop_total_ns >= last.stop_total_ns &&
            now.stop_max_ns <= now.pause_max_ns && now.pause_last_ns <= now.pause_max_ns &&
            now.pause_max_ns <= now.pause_total_ns &&
            now.total_alloc_bytes >= now.total_allocs * 16 &&
            now.total_alloc_bytes >= now.live_bytes && now.peak_heap_bytes >= last.peak_heap_bytes;
        if (!good) {
            atomic_fetch_add(&wrong, 1);
        }
        last = now;
        (*snapshots)++;
    } while (atomic_load(&stop) == 0);
    return NULL;
}

static void test_snapshots_from_another_thread(void **state)
{
    (void)state;
    pthread_t thread;
    uint64_t snapshots = 0;
    assert_int_equal(pthread_create(&thread, NULL, watch, &snapshots), 0);
    for (int i = 0; i < 200; i++) {
        keep_list(500, 100 + (size_t)i);
        churn(500, 500);
        if (i % 20 == 0) {
            kept = NULL;
            gcx_collect(i % 40 == 0 ? GCX_FULL : GCX_MINOR);
        }
    }
    atomic_store(&stop, 1);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&wrong), 0);
    assert_true(snapshots > 0);
    kept = NULL;
}

/* ---- Events ----------------------------------------------------------------- */

struct record {
    char text[64 * 1024];
    size_t length;
    uint64_t pause_ns;
    uint64_t heap_bytes;
    size_t refused;
};

static struct record record;

static void note(struct record *r, char c)
{
    if (r->length < sizeof r->text - 1) {
        r->text[r->length++] = c;
    }
}

static void on_cycle_begin(enum gcx_cycle kind, void *arg)
{
    note(arg, kind == GCX_FULL ? 'F' : 'M');
}

static void on_cycle_end(enum gcx_cycle kind, void *arg)
{
    note(arg, kind == GCX_FULL ? 'f' : 'm');
}

static void on_pause_begin(void *arg)
{
    (void)stats_now(); /* allowed */
    note(arg, '(');
}

static void on_pause_end(uint64_t pause_ns, void *arg)
{
    struct record *r = arg;
    r->pause_ns += pause_ns;
    note(r, ')');
}

static void on_heap_grow(uint64_t heap_bytes, void *arg)
{
    struct record *r = arg;
    r->heap_bytes = heap_bytes;
}

static void on_out_of_memory(size_t size, void *arg)
{
    struct record *r = arg;
    r->refused = size;
}

static struct gcx_events all_events(void)
{
    struct gcx_events events = {on_cycle_begin, on_cycle_end,     on_pause_begin, on_pause_end,
                                on_heap_grow,   on_out_of_memory, NULL,           &record};
    memset(&record, 0, sizeof record);
    return events;
}

static void test_order_of_events(void **state)
{
    (void)state;
    struct gcx_events events = all_events();
    gcx_disable();
    assert_int_equal(gcx_set_event_listener(&events), 0);
    memset(&events, 0, sizeof events); /* the library has its copy */
    uint64_t before = stats_now().pause_total_ns;
    gcx_collect(GCX_FULL);
    assert_string_equal(record.text, "F()f");
    gcx_collect(GCX_MINOR);
    assert_true(
        strcmp(record.text, "F()fM()m") == 0 ||
        (strcmp(stats_now().dirty_backend, "none") == 0 && strcmp(record.text, "F()fF()f") == 0));
    assert_int_equal(record.pause_ns, stats_now().pause_total_ns - before);
    assert_int_equal(gcx_set_event_listener(NULL), 0);
    gcx_collect(GCX_FULL);
    assert_int_equal(record.length, 8);
    gcx_enable();
}

static void test_events_of_automatic_cycles(void **state)
{
    (void)state;
    struct gcx_events events = all_events();
    struct gcx_stats before = stats_now();
    gcx_set_event_listener(&events);
    keep_list(scaled(64 * MIB / 64), 64);
    churn(64, scaled(2 * MIB));
    gcx_set_event_listener(NULL);
    struct gcx_stats after = stats_now();
    size_t minors = 0;
    size_t fulls = 0;
    for (size_t i = 0; i < record.length; i++) {
        minors += record.text[i] == 'm' ? 1u : 0u;
        fulls += record.text[i] == 'f' ? 1u : 0u;
        /* No cycle within another, no pause outside of one. */
        char next = record.text[i + 1];
        switch (record.text[i]) {
        case 'M':
        case 'F':
            assert_int_equal(next, '(');
            break;
        case '(':
            assert_int_equal(next, ')');
            break;
        case ')':
            assert_true(next == 'm' || next == 'f' || next == '(');
            break;
        default:
            assert_true(next == 'M' || next == 'F' || next == '\0');
            break;
        }
    }
    assert_true(record.length < sizeof record.text - 1);
    assert_int_equal(minors, after.minor_cycles - before.minor_cycles);
    assert_int_equal(fulls, after.full_cycles - before.full_cycles);
    assert_true(minors + fulls > 0);
    kept = NULL;
}

static void test_event_of_heap_growth(void **state)
{
    (void)state;
    gcx_release_memory();
    struct gcx_events events = all_events();
    gcx_set_event_listener(&events);
    keep_list(64, MIB);
    gcx_set_event_listener(NULL);
    assert_true(record.heap_bytes >= 32 * MIB);
    assert_true(record.heap_bytes <= stats_now().peak_heap_bytes);
    kept = NULL;
}

static void test_event_of_refusal(void **state)
{
    (void)state;
    struct gcx_events events = all_events();
    gcx_set_event_listener(&events);
    gcx_set_heap_max((int64_t)(64 * MIB));
    assert_null(gcx_alloc(100 * MIB));
    gcx_set_heap_max(-1);
    gcx_set_event_listener(NULL);
    assert_int_equal(record.refused, 100 * MIB);
}

static void test_null_events(void **state)
{
    (void)state;
    struct gcx_events none = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    assert_int_equal(gcx_set_event_listener(&none), 0);
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_MINOR);
    gcx_set_heap_max((int64_t)(64 * MIB));
    assert_null(gcx_alloc(100 * MIB));
    gcx_set_heap_max(-1);
    gcx_set_event_listener(NULL);
}

/* ---- In children ------------------------------------------------------------ */

static int run_cycles(const char *arg)
{
    void **list = NULL;
    (void)arg;
    for (int i = 0; i < 200000; i++) {
        void **cell = gcx_alloc(32);
        cell[0] = i % 1000 == 0 ? NULL : list;
        list = cell;
    }
    for (int i = 0; i < 4; i++) {
        gcx_collect(GCX_FULL);
        gcx_collect(GCX_MINOR);
    }
    struct gcx_stats stats = stats_now();
    printf("%ju %s\n", (uintmax_t)(stats.minor_cycles + stats.full_cycles), stats.dirty_backend);
    return 0;
}

static char large_data[9 << 20];

/* 5 MiB of stack, 9 of static data. */
static NOINLINE int run_with_large_roots(const char *arg)
{
    volatile char frame[5 << 20];
    frame[0] = arg[0];
    memset(large_data, 1, sizeof large_data); /* what was never touched is not read */
    __asm__ volatile("" : : "r"(large_data), "r"(frame) : "memory");
    gcx_collect(GCX_FULL);
    return frame[0];
}

static unsigned long number_before(const char *text, const char *word)
{
    const char *end = strstr(text, word);
    assert_non_null(end);
    while (end[-1] != ' ')
        end--;
    return strtoul(end, NULL, 10);
}

static void test_trace_tells_of_roots(void **state)
{
    static const char *const variables[] = {"GCX_TRACE=1", NULL};
    static struct child_result result;
    (void)state;
    child_run(&result, "large_roots", "", variables);
    assert_true(child_ok(&result));
    assert_true(number_before(result.err, " MB stacks") >= 5);
    assert_true(number_before(result.err, " MB globals") >= 9); /* a sanitizer has its own */
}

static void test_trace_lines(void **state)
{
    (void)state;
    static const char *const variables[] = {"GCX_TRACE=1", NULL};
    static struct child_result result;
    static const char shape[] =
        "^gc ([0-9]+) @[0-9]+\\.[0-9]+s [0-9]+%: "
        "[0-9.]+\\+[0-9.]+\\+[0-9.]+ ms clock, "
        "[0-9.]+\\+[0-9.]+/[0-9.]+/[0-9.]+\\+[0-9.]+ ms cpu, "
        "[0-9]+->[0-9]+->[0-9]+ MB, [0-9]+ MB goal, [0-9]+ MB stacks, [0-9]+ MB globals, "
        "[0-9]+ P \\((minor|full|forced)\\)$";
    regex_t regex;
    assert_int_equal(regcomp(&regex, shape, REG_EXTENDED), 0);
    child_run(&result, "cycles", NULL, variables);
    assert_true(child_ok(&result));
    unsigned long cycles = strtoul(result.out, NULL, 10);
    unsigned long lines = 0;
    char *next = NULL;
    for (char *line = strtok_r(result.err, "\n", &next); line != NULL;
         line = strtok_r(NULL, "\n", &next)) {
        regmatch_t match[2];
        if (strncmp(line, "gc ", 3) != 0) {
            continue;
        }
        if (regexec(&regex, line, 2, match, 0) != 0) {
            fail_msg("no line of a gctrace: %s", line);
        }
        lines++;
        assert_int_equal(strtoul(line + match[1].rm_so, NULL, 10), lines);
    }
    regfree(&regex);
    assert_true(cycles >= 8);
    assert_int_equal(lines, cycles);
}

static void test_no_trace_without_asking(void **state)
{
    (void)state;
    static struct child_result result;
    child_run(&result, "cycles", NULL, NULL);
    assert_true(child_ok(&result));
    assert_string_equal(result.err, "");
}

/* Returns the name that a child with this variable reports. */
static const char *backend_of(const char *variable, struct child_result *result)
{
    const char *variables[] = {variable, NULL};
    child_run(result, "cycles", NULL, variables);
    assert_true(child_ok(result));
    char *name = strchr(result->out, ' ');
    assert_non_null(name);
    name[strcspn(name, "\n")] = '\0';
    return name + 1;
}

static void test_names_of_backends(void **state)
{
    (void)state;
    static struct child_result result;
    assert_string_equal(backend_of("GCX_DIRTY=mprotect", &result), "mprotect");
    assert_string_equal(backend_of("GCX_DIRTY=none", &result), "none");
    assert_string_equal(backend_of("GCX_BARRIER=explicit", &result), "explicit");
    assert_string_equal(backend_of("GCX_BARRIER=none", &result), "none");
    /* The others need a kernel that has them; else another takes over. */
    static const char *const kernels[] = {"uffd", "softdirty"};
    for (size_t i = 0; i < COUNT_OF(kernels); i++) {
        char variable[32];
        snprintf(variable, sizeof variable, "GCX_DIRTY=%s", kernels[i]);
        const char *name = backend_of(variable, &result);
        assert_true(strcmp(name, kernels[i]) == 0 || strcmp(name, "uffd") == 0 ||
                    strcmp(name, "softdirty") == 0 || strcmp(name, "mprotect") == 0);
    }
    const char *name = backend_of("GCX_BARRIER=auto", &result);
    assert_true(strcmp(name, "uffd") == 0 || strcmp(name, "softdirty") == 0 ||
                strcmp(name, "mprotect") == 0);
}

/* With full cycles only, a minor one is a full one. */
static int collect_minor_only(const char *arg)
{
    (void)arg;
    struct gcx_stats before = stats_now();
    for (int i = 0; i < 10; i++) {
        gcx_collect(GCX_MINOR);
    }
    struct gcx_stats after = stats_now();
    return after.full_cycles - before.full_cycles == 10 && after.minor_cycles == before.minor_cycles
               ? 0
               : 1;
}

static void test_minor_is_full_without_a_barrier(void **state)
{
    (void)state;
    static const char *const variables[] = {"GCX_BARRIER=none", NULL};
    static struct child_result result;
    child_run(&result, "minor", NULL, variables);
    assert_true(child_ok(&result));
}

/* What a test leaves on the stack lies in the frame of the next one. */
static int forget_the_last(void **state)
{
    (void)state;
    clear_stack();
    return 0;
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {
        {"cycles", run_cycles},
        {"minor", collect_minor_only},
        {"large_roots", run_with_large_roots},
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_allocation_is_counted, forget_the_last),
        cmocka_unit_test_setup(test_cycles_are_counted_by_kind, forget_the_last),
        cmocka_unit_test_setup(test_live_bytes, forget_the_last),
        cmocka_unit_test_setup(test_heap_bytes, forget_the_last),
        cmocka_unit_test_setup(test_goal_lies_above_the_live, forget_the_last),
        cmocka_unit_test_setup(test_dirty_pages_are_counted, forget_the_last),
        cmocka_unit_test_setup(test_structure_may_be_shorter, forget_the_last),
        cmocka_unit_test_setup(test_snapshots_from_another_thread, forget_the_last),
        cmocka_unit_test_setup(test_order_of_events, forget_the_last),
        cmocka_unit_test_setup(test_events_of_automatic_cycles, forget_the_last),
        cmocka_unit_test_setup(test_event_of_heap_growth, forget_the_last),
        cmocka_unit_test_setup(test_event_of_refusal, forget_the_last),
        cmocka_unit_test_setup(test_null_events, forget_the_last),
        cmocka_unit_test_setup(test_trace_lines, forget_the_last),
        cmocka_unit_test_setup(test_trace_tells_of_roots, forget_the_last),
        cmocka_unit_test_setup(test_no_trace_without_asking, forget_the_last),
        cmocka_unit_test_setup(test_names_of_backends, forget_the_last),
        cmocka_unit_test_setup(test_minor_is_full_without_a_barrier, forget_the_last),
    };
    if (child_is(argc, argv)) {
        return child_main(argv, children, COUNT_OF(children));
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
