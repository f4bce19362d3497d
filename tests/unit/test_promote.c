/* test_promote.c -- a minor cycle that traces nothing: what is young becomes old,
 * garbage as well, and what is written afterwards is seen as ever.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gcx/gcx.h>

#include "gc/gc.h"
#include "gc/remember.h"
#include "heap/block.h"
#include "heap/space.h"
#include "trace/promote.h"

enum { CELLS = 2000, ROUNDS = 40, BALLAST = 100000, LISTS_MOST = 100000, LOST = 32 };

struct cell {
    struct cell *next;
    size_t number;
    char rest[112];
};

static struct cell *volatile kept;
static gcx_weak *volatile lost[LOST]; /* to the first cells of lists that nobody has */

static struct cell *list(size_t cells, size_t first)
{
    struct cell *head = NULL;
    for (size_t i = 0; i < cells; i++) {
        struct cell *cell = gcx_alloc(sizeof *cell);
        assert_non_null(cell);
        cell->next = head;
        cell->number = first + i;
        head = cell;
    }
    return head;
}

static void check(const struct cell *head, size_t cells, size_t first)
{
    for (size_t i = cells; i-- > 0; head = head->next) {
        assert_non_null(head);
        assert_int_equal(head->number, first + i);
    }
}

static __attribute__((noinline)) void lose(void)
{
    for (int i = 0; i < LOST; i++) {
        lost[i] = gcx_weak_create(list(CELLS / LOST, 0));
        assert_non_null(lost[i]);
    }
}

static int count_lost(void)
{
    int count = 0;
    for (int i = 0; i < LOST; i++)
        count += gcx_weak_get(lost[i]) != NULL;
    return count;
}

static void promote(unsigned cycles)
{
    gcxi_gc.pacer.promotions = gcxi_gc.pacer.promotions_next = cycles;
}

/* Garbage until as many more minor cycles have run. */
static __attribute__((noinline)) void run_cycles(uint64_t cycles)
{
    uint64_t end = gcxi_gc.totals.minor_cycles + cycles;
    for (int i = 0; i < LISTS_MOST && gcxi_gc.totals.minor_cycles < end; i++)
        list(16, 0);
    assert_true(gcxi_gc.totals.minor_cycles >= end);
}

/* So that full cycles are not as cheap as minor ones, which are never given up where
 * full ones mark beside the program. */
static void begin(void)
{
    static struct cell *volatile ballast;
    setenv("GCX_CONCURRENT", "1", 1);
    setenv("GCX_PERCENT", "1000", 1); /* none but those that are asked for */
    setenv("GCX_KEEPER", "0", 1);
    unsetenv("GCX_STRESS");
    setenv("GCX_NURSERY", "256KiB", 1);
    setenv("GCX_FAULT_NS", "500", 1); /* of checked builds */
    assert_int_equal(gcx_init(NULL), 0);
    if (!gcxi_remember_may_put_off())
        skip();
    if (ballast == NULL)
        ballast = list(BALLAST, 0);
    gcx_collect(GCX_FULL);
}

static void garbage_stays_until_a_full_cycle(void **state)
{
    (void)state;
    begin();
    promote(1000);
    lose();
    kept = list(CELLS, 7);
    size_t live = gcxi_gc.totals.live_bytes;
    run_cycles(3);
    assert_int_equal(count_lost(), LOST);
    assert_true(gcxi_gc.totals.live_bytes >= live + 3 * 256 * GCXI_KIB / 2);
    check(kept, CELLS, 7);
    promote(0);
    gcx_collect(GCX_FULL);
    assert_in_range(count_lost(), 0, LOST / 4); /* words of a stack may hold some */
    check(kept, CELLS, 7);
}

/* Old cells get young ones, in each kind of cycle by turns. */
static void what_old_objects_lead_to_lives(void **state)
{
    (void)state;
    begin();
    promote(1000);
    kept = list(CELLS, 0);
    run_cycles(1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        promote(round % 3 == 0 ? 0 : 1000);
        for (struct cell *cell = kept; cell != NULL; cell = cell->next) {
            struct cell *young = gcx_alloc(sizeof *young);
            assert_non_null(young);
            young->number = cell->number + round;
            memcpy(cell->rest, &young, sizeof young);
        }
        run_cycles(1 + round % 6);
        assert_int_not_equal(gcxi_gc.pacer.promotions, 1000); /* it has promoted, or traced */
        promote(0);
        run_cycles(1);
        for (const struct cell *cell = kept; cell != NULL; cell = cell->next) {
            const struct cell *young;
            memcpy(&young, cell->rest, sizeof young);
            assert_int_equal(young->number, cell->number + round);
        }
    }
}

static size_t count_freed(struct cell *const *cells)
{
    size_t freed = 0;
    for (size_t i = 0; i < CELLS; i++) {
        uintptr_t addr = (uintptr_t)cells[i];
        const struct gcxi_block *block = gcxi_unit_block(gcxi_addr_unit(addr));
        freed +=
            block->marks[gcxi_block_slot(block, addr - gcxi_block_addr(block))] == GCXI_MARK_FREED;
    }
    return freed;
}

static void what_was_released_is_no_object_again(void **state)
{
    static struct cell *cells[CELLS];
    (void)state;
    begin();
    for (size_t i = 0; i < CELLS; i++)
        cells[i] = gcx_alloc(sizeof *cells[i]);
    for (size_t i = 0; i < CELLS; i += 2)
        gcx_free(cells[i]);
    size_t freed = count_freed(cells);
    assert_in_range(freed, CELLS / 4, CELLS / 2);
    gcxi_promote_all_stw(); /* there is one thread, and it is here */
    assert_int_equal(count_freed(cells), freed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_stays_until_a_full_cycle),
        cmocka_unit_test(what_old_objects_lead_to_lives),
        cmocka_unit_test(what_was_released_is_no_object_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
