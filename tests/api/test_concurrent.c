/* test_concurrent.c -- full cycles that mark beside the program happen when
 * asked for, and lose nothing.
 *
 * Each child keeps lists whose cells it replaces all the time, until several
 * such cycles have ended; its trace is the parent's proof that they were of
 * that kind. A child of fork goes on alone.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gcx/gcx.h>
#include <gcx/weak.h>

#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

enum { LISTS = 2048, CELLS = 24, QUIET = 500, FULL_CYCLES = 3 };
enum { DROPPED_BYTES = 4096, STEP_BYTES = 65536, STEPS = 200, FILLED_MOST = 16384 };
enum { OK = 0, LOST = 3, NO_CYCLES = 4, NO_MEMORY = 5 };

struct cell {
    struct cell *next;
    uint64_t list;
    uint64_t place;
};

/* Objects of each sort that nobody writes to once they are made, and what only
 * they lead to. */
struct quiet {
    gcx_weak *weak; /* to owned */
    struct cell *owned;
    gcx_ephemeron *ephemeron; /* owned leads to a cell */
    gcx_weak *toggle;         /* a strong one, to a cell */
    struct cell **traced;     /* its trace function says so, to a cell */
};

static struct cell **lists;
static struct quiet **quiet;
static gcx_kind cell_kind; /* of every other cell */
static gcx_kind traced_kind;

static struct cell *make_cell(struct cell *next, uint64_t list, uint64_t place)
{
    struct cell *cell =
        place % 2 == 0 ? gcx_alloc(sizeof *cell) : gcx_alloc_kind(cell_kind, sizeof *cell);
    if (cell == NULL)
        exit(NO_MEMORY);
    cell->next = next;
    cell->list = list;
    cell->place = place;
    return cell;
}

static void trace_pointer(void *object, size_t size_bytes, struct gcx_tracer *tracer)
{
    (void)size_bytes;
    gcx_trace_word(tracer, *(void **)object);
}

static void make_kinds(void)
{
    const uint64_t pointers = GCX_KIND_BIT(struct cell, next);
    struct gcx_kind_layout layout = GCX_KIND_LAYOUT_DEFAULT;
    layout.element_bytes = sizeof(struct cell);
    layout.pointers = &pointers;
    layout.pointer_bits = 1;
    cell_kind = gcx_kind_create(&layout);
    layout = (struct gcx_kind_layout)GCX_KIND_LAYOUT_DEFAULT;
    layout.trace = trace_pointer;
    traced_kind = gcx_kind_create(&layout);
}

static struct quiet *make_quiet(uint64_t i)
{
    struct quiet *q = gcx_alloc(sizeof *q);
    q->owned = make_cell(NULL, i, 0);
    q->weak = gcx_weak_create(q->owned);
    q->ephemeron = gcx_ephemeron_create(q->owned, make_cell(NULL, i, 1));
    q->toggle = gcx_toggle_create(make_cell(NULL, i, 2));
    gcx_toggle_set_strong(q->toggle, 1);
    q->traced = gcx_alloc_kind(traced_kind, sizeof *q->traced);
    gcx_store(q->traced, (void **)q->traced, make_cell(NULL, i, 3));
    gcx_dirty(q);
    return q;
}

static void build(void)
{
    make_kinds();
    quiet = gcx_alloc(QUIET * sizeof *quiet);
    for (size_t i = 0; i < QUIET; i++)
        gcx_store(quiet, (void **)&quiet[i], make_quiet(i));
    lists = gcx_alloc(LISTS * sizeof *lists);
    if (lists == NULL)
        exit(NO_MEMORY);
    for (size_t i = 0; i < LISTS; i++)
        for (uint64_t place = CELLS; place-- > 0;)
            gcx_store(lists, (void **)&lists[i], make_cell(lists[i], i, place));
}

/* Copies the cell at a random place of a random list: the old one is garbage,
 * and what hangs on it moves to the new one. */
static void replace(struct random *rng)
{
    size_t i = random_below(rng, LISTS);
    void *holder = lists;
    struct cell **at = &lists[i];
    for (uint64_t steps = random_below(rng, CELLS); steps > 0; steps--) {
        holder = *at;
        at = &(*at)->next;
    }
    gcx_store(holder, (void **)at, make_cell((*at)->next, i, (*at)->place));
}

static int is_cell(const struct cell *cell, uint64_t list, uint64_t place)
{
    return gcx_base(cell) == cell && cell->list == list && cell->place == place;
}

static int is_quiet_intact(const struct quiet *q, uint64_t i)
{
    return is_cell(q->owned, i, 0) && gcx_weak_get(q->weak) == q->owned &&
           gcx_ephemeron_key(q->ephemeron) == q->owned &&
           is_cell(gcx_ephemeron_value(q->ephemeron), i, 1) &&
           is_cell(gcx_weak_get(q->toggle), i, 2) && is_cell(*q->traced, i, 3);
}

static int is_intact(void)
{
    for (size_t i = 0; i < QUIET; i++)
        if (!is_quiet_intact(quiet[i], i))
            return 0;
    for (size_t i = 0; i < LISTS; i++) {
        uint64_t place = 0;
        for (const struct cell *cell = lists[i]; cell != NULL; cell = cell->next, place++)
            if (!is_cell(cell, i, place))
                return 0;
        if (place != CELLS)
            return 0;
    }
    return 1;
}

static int run_until(uint64_t full_cycles)
{
    struct random rng = {.state = 7};
    for (size_t round = 0; stats_now().full_cycles < full_cycles; round++) {
        if (round == 4000)
            return NO_CYCLES;
        for (size_t i = 0; i < LISTS; i++)
            replace(&rng);
        if (round % 16 == 0 && !is_intact())
            return LOST;
    }
    return is_intact() ? OK : LOST;
}

static int child_lists(const char *arg)
{
    (void)arg;
    build();
    return run_until(FULL_CYCLES);
}

/* Forks at many moments, so that some are between the stops. */
static int child_fork(const char *arg)
{
    (void)arg;
    struct random rng = {.state = 11};
    build();
    for (int i = 0; i < 8; i++) {
        for (size_t j = 0; j < 20000; j++)
            replace(&rng);
        pid_t pid = fork();
        if (pid == 0)
            _exit(run_until(stats_now().full_cycles + 2));
        int status;
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != OK)
            return WIFEXITED(status) ? WEXITSTATUS(status) : LOST;
    }
    return is_intact() ? OK : LOST;
}

/* Allocates so much that is dropped at once. */
static void drop(size_t bytes)
{
    for (size_t i = 0; i < bytes / DROPPED_BYTES; i++)
        if (gcx_alloc(DROPPED_BYTES) == NULL)
            exit(NO_MEMORY);
}

/* Once the first stop has been, a little allocation now and then brings the second,
 * when all is marked: not the next full nursery. */
static int child_early(const char *arg)
{
    (void)arg;
    for (size_t i = 0; stats_now().minor_cycles == 0; i++) {
        if (i == FILLED_MOST)
            return NO_CYCLES;
        drop(STEP_BYTES);
    }
    uint64_t before = stats_now().full_cycles;
    for (size_t i = 0; i < STEPS && stats_now().full_cycles == before; i++) {
        usleep(20000);
        drop(STEP_BYTES);
    }
    return stats_now().full_cycles != before ? OK : NO_CYCLES;
}

static void expect(const char *child, const char *tracking)
{
    static struct child_result result;
    const char *variables[] = {"GCX_CONCURRENT=1", "GCX_TRACE=1", tracking, NULL};
    child_run(&result, child, "", variables);
    assert_true(child_ok(&result));
    assert_non_null(strstr(result.err, "P (minor, full begins)"));
    assert_non_null(strstr(result.err, "P (full, concurrent)"));
}

static void test_explicit_barrier(void **state)
{
    (void)state;
    expect("lists", "GCX_BARRIER=explicit");
}

static void test_second_stop_does_not_wait(void **state)
{
    static struct child_result result;
    const char *variables[] = {"GCX_CONCURRENT=1", "GCX_BARRIER=explicit", "GCX_NURSERY=64MiB",
                               "GCX_KEEPER=0",     "GCX_TRACE=1",          NULL};
    (void)state;
    child_run(&result, "early", "", variables);
    assert_true(child_ok(&result));
    assert_non_null(strstr(result.err, "P (full, concurrent)"));
}

static void test_userfaultfd(void **state)
{
    (void)state;
    expect("lists", "GCX_DIRTY=uffd"); /* or what there is instead */
}

static void test_mprotect(void **state)
{
    (void)state;
    expect("lists", "GCX_DIRTY=mprotect");
}

static void test_fork(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    expect("fork", "GCX_BARRIER=explicit");
    expect("fork", "GCX_DIRTY=mprotect");
}

/* Without it no cycle is of that kind. */
static void test_off(void **state)
{
    static struct child_result result;
    const char *variables[] = {"GCX_CONCURRENT=0", "GCX_TRACE=1", NULL};
    (void)state;
    child_run(&result, "lists", "", variables);
    assert_true(child_ok(&result));
    assert_null(strstr(result.err, "full begins"));
    assert_non_null(strstr(result.err, "P (full)"));
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {
        {"lists", child_lists}, {"fork", child_fork}, {"early", child_early}};
    if (child_is(argc, argv))
        return child_main(argv, children, COUNT_OF(children));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_explicit_barrier),
        cmocka_unit_test(test_second_stop_does_not_wait),
        cmocka_unit_test(test_userfaultfd),
        cmocka_unit_test(test_mprotect),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
