/* test_beside.c -- full cycles that mark beside the program: what makes their stops
 * long if it is forgotten.
 *
 * SPDX-License-Identifier: MIT */
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <gcx/gcx.h>

#include "../support/beside.h"
#include "../support/hide.h"
#include "base/delay.h"
#include "gc/own_thread.h"
#include "heap/block.h"
#include "os/cpu.h"

enum { LISTS = 16, CELLS = 200, TABLE_PAGES = 512, PAGE_WORDS = 512 };

struct cell {
    struct cell *next;
    uint64_t place;
};

static struct cell *volatile small[LISTS];
static struct cell *volatile table[TABLE_PAGES * PAGE_WORDS]; /* large enough to be tracked */

static struct cell *volatile *in_table(size_t i)
{
    return &table[(i * TABLE_PAGES / LISTS) * PAGE_WORDS];
}

NOINLINE static void build(struct cell *volatile *head)
{
    struct cell *list = NULL;
    for (uint64_t place = 0; place < CELLS; place++) {
        struct cell *cell = gcx_alloc(sizeof *cell);
        assert_non_null(cell);
        cell->next = list;
        cell->place = place;
        list = cell;
    }
    *head = list;
}

static bool is_marked(const struct cell *cell)
{
    uintptr_t addr = (uintptr_t)cell;
    const struct gcxi_block *block = gcxi_unit_block(gcxi_addr_unit(addr));
    return block->marks[gcxi_block_slot(block, addr - gcxi_block_addr(block))] == gcxi_map.epoch;
}

static size_t count_marked(const struct cell *list)
{
    size_t count = 0;
    for (; list != NULL; list = list->next)
        count += is_marked(list);
    return count;
}

/* What became old beside the marker and is reached from roots only. */
static void what_roots_lead_to_is_marked_in_a_pass(void **state)
{
    (void)state;
    if (GCXI_STRESS || !GCXI_CHECKED)
        skip(); /* cycles of all kinds come at any time; a little heap has no passes */
    unsetenv("GCX_DIRTY");
    setenv("GCX_DELAYS", "5", 1); /* pieces of 32 batches */
    setenv("GCX_CONCURRENT", "1", 1);
    setenv("GCX_NURSERY", "1MiB", 1);
    setenv("GCX_KEEPER", "0", 1);
    assert_int_equal(gcx_init(NULL), 0);
    begin_a_full_cycle();
    gcx_disable(); /* or the first allocation that asks for memory begins a pass */
    wait_for_marker();
    for (size_t i = 0; i < LISTS; i++) {
        build(&small[i]);
        build(in_table(i));
    }
    gcx_enable();
    run_a_cycle(); /* they become old, and a pass begins */
    assert_true(gcxi_concurrent_is_under_way());
    wait_for_marker();
    for (size_t i = 0; i < LISTS; i++) {
        assert_int_equal(count_marked(small[i]), CELLS);
        assert_int_equal(count_marked(*in_table(i)), CELLS);
    }
}

static sem_t has_begun;

static void *own_thread(void *arg)
{
    static const uint32_t word;
    struct gcxi_mutator *self = gcxi_own_thread_begin(true);
    sem_post(&has_begun);
    while (self != NULL)
        gcxi_own_thread_wait(self, &word, 0, 0);
    return arg;
}

/* Else the library's threads, which sleep, would keep a growing heap from being marked
 * beside the program. */
static void the_processors_of_own_threads_are_idle(void **state)
{
    static struct cell *volatile kept;
    (void)state;
    if (gcxi_cpu_count() < 2)
        skip();
    for (size_t i = 0; i < LISTS; i++)
        build(&small[i]); /* beside which little that dies does not matter */
    sem_init(&has_begun, 0, 0);
    for (size_t i = 0; i < gcxi_cpu_count(); i++) {
        assert_int_equal(gcxi_own_thread_create(own_thread, NULL), 0);
        sem_wait(&has_begun);
    }
    gcx_collect(GCX_FULL);
    build(&kept);
    gcx_collect(GCX_FULL);
    assert_true(gcxi_gc.pacer.is_growing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_roots_lead_to_is_marked_in_a_pass),
        cmocka_unit_test(the_processors_of_own_threads_are_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
