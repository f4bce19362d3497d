/* test_tracked_beside.c -- added ranges and full cycles that mark beside the program: one
 * goes, and its memory with it, while the marker reads it.
 *
 * SPDX-License-Identifier: MIT */
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "../support/random.h"
#include "base/lock.h"
#include "gc/concurrent.h"
#include "gc/tracked.h"

enum { BYTES = 8 << 20, WORDS = BYTES / sizeof(void *), CELLS = 1000, ROUNDS = 60, TRIES = 2000 };

static void *cells[CELLS];

static void *volatile *add_range(void)
{
    void *volatile *words =
        mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(words, MAP_FAILED);
    assert_int_equal(gcx_root_add((void *)(uintptr_t)words, (void *)(uintptr_t)(words + WORDS)), 0);
    for (size_t i = 0; i < WORDS; i++)
        words[i] = cells[i % CELLS];
    return words;
}

static void remove_range(void *volatile *words)
{
    void *base = (void *)(uintptr_t)words;
    assert_int_equal(gcx_root_remove(base, (void *)(uintptr_t)(words + WORDS)), 0);
    munmap(base, BYTES);
}

/* False if no cycle came to mark beside the program. */
static bool begin_a_full_cycle(void)
{
    for (int i = 0; i < TRIES && !gcxi_concurrent_is_under_way(); i++)
        gcxi_gc_collect(gcxi_mutator_self(), GCX_FULL, GCXI_STRESSED);
    return gcxi_concurrent_is_under_way();
}

/* The marker has read so many chunks of the range, or all that there is. */
static void wait_for_marker(const struct gcxi_tracked *r, uint32_t chunks)
{
    bool is_there = false;
    while (!gcxi_concurrent_is_marked() && !is_there) {
        gcxi_lock(&gcxi_tracked_lock);
        is_there = r->next_pending >= chunks;
        gcxi_unlock(&gcxi_tracked_lock);
        sched_yield();
    }
}

static int set_up(void **state)
{
    (void)state;
    unsetenv("GCX_DIRTY");
    unsetenv("GCX_STRESS");
    setenv("GCX_CONCURRENT", "1", 1);
    setenv("GCX_KEEPER", "0", 1);
    setenv("GCX_DELAYS", "3", 1); /* the marker stays with a range for longer */
    if (gcx_init(NULL) != 0)
        return -1;
    for (size_t i = 0; i < CELLS; i++)
        cells[i] = gcx_alloc(64);
    return 0;
}

/* NULL where the system cannot track it. */
static const struct gcxi_tracked *tracked_at(void *volatile *words)
{
    const struct gcxi_tracked *r = gcxi_tracked_from((uintptr_t)words);
    return r != gcxi_tracked_end() && r->lo <= (uintptr_t)words ? r : NULL;
}

static size_t count_armed(const struct gcxi_tracked *r)
{
    size_t armed = 0;
    for (uint32_t chunk = 0; chunk < r->chunks; chunk++)
        armed += r->armed[chunk] != 0;
    return armed;
}

/* V6 in gc/statics.c: what rests would be read in each stop. */
static void nothing_rests_while_a_full_cycle_marks(void **state)
{
    (void)state;
    void *volatile *words = add_range();
    gcx_collect(GCX_MINOR);
    const struct gcxi_tracked *r = tracked_at(words);
    if (r == NULL || gcxi_tracked.is_dear)
        skip();
    for (int i = 0; i < 3; i++) { /* the first time may be the only one */
        for (size_t word = 0; word < WORDS; word++)
            words[word] = cells[word % CELLS];
        gcx_collect(GCX_MINOR);
    }
    assert_int_equal(count_armed(r), 0);
    if (!begin_a_full_cycle())
        skip();
    assert_int_equal(count_armed(r), r->chunks);
    remove_range(words);
    gcx_collect(GCX_FULL);
}

static void a_range_goes_while_it_is_read(void **state)
{
    struct random random = {.state = 3};
    size_t caught = 0;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        void *volatile *words = add_range();
        gcx_collect(GCX_MINOR);
        const struct gcxi_tracked *r = tracked_at(words);
        if (r == NULL || !begin_a_full_cycle())
            skip();
        wait_for_marker(r, random_below(&random, r->chunks));
        caught += !gcxi_concurrent_is_marked();
        remove_range(words);
        gcx_collect(GCX_FULL);
        assert_false(gcxi_concurrent_is_under_way());
    }
    assert_true(caught != 0 || !GCXI_CHECKED); /* other builds have no delays */
    print_message("%zu of %d ranges were being read\n", caught, ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_rests_while_a_full_cycle_marks),
        cmocka_unit_test(a_range_goes_while_it_is_read),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
