/* test_promote_beside.c -- a cycle that traces nothing while a full one marks: what was
 * written before, untracked, to objects that are marked is looked at once more.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/gcx.h>

#include "../support/beside.h"
#include "base/atomic.h"
#include "base/delay.h"
#include "gc/gc.h"
#include "gc/remember.h"
#include "heap/block.h"
#include "heap/space.h"

enum { CELLS = 3000000, FILLERS = 2000, OTHER_BYTES = 200 };

/* A long list, whose end the marker reaches last. */
struct cell {
    struct cell *next;
    void *hidden;
};

static struct cell *volatile kept;
static volatile uintptr_t last; /* its address, but each bit */
static void **volatile other;
static gcx_weak *volatile weak;

static void build(void)
{
    for (size_t i = 0; i < CELLS; i++) {
        struct cell *cell = gcx_alloc(sizeof *cell);
        assert_non_null(cell);
        cell->next = kept;
        kept = cell;
        if (i == 0)
            last = ~(uintptr_t)cell;
    }
}

static struct cell *last_cell(void)
{
    return (struct cell *)~last;
}

static __attribute__((noinline)) void hide(void)
{
    size_t *object = gcx_alloc_noscan(OTHER_BYTES / 2);
    assert_non_null(object);
    *object = 4711;
    last_cell()->hidden = object;
    weak = gcx_weak_create(object);
    assert_non_null(weak);
}

/* To the object that is marked by now. */
static __attribute__((noinline)) void move_hidden(void)
{
    *other = last_cell()->hidden;
    last_cell()->hidden = NULL;
}

static bool is_marked(const void *object)
{
    uint32_t slot;
    const struct gcxi_block *block = gcxi_find_slot((uintptr_t)object, &slot);
    return gcxi_load_acquire(&block->marks[slot]) == gcxi_map.epoch;
}

static const struct gcxi_block *block_of(const void *object)
{
    return gcxi_unit_block(gcxi_addr_unit((uintptr_t)object));
}

/* So that no lane allocates from its block any more. */
static void leave_block_of(const void *object)
{
    for (int i = 0; i < FILLERS && block_of(object)->state == GCXI_BLOCK_OWNED; i++)
        assert_non_null(gcx_alloc(OTHER_BYTES));
    assert_int_not_equal(block_of(object)->state, GCXI_BLOCK_OWNED);
}

static void promote(unsigned cycles)
{
    gcxi_gc.pacer.promotions = gcxi_gc.pacer.promotions_next = cycles;
}

static void end_full_cycle(void)
{
    uint64_t before = gcxi_gc.totals.full_cycles;
    while (gcxi_gc.totals.full_cycles == before)
        assert_non_null(gcx_alloc(BESIDE_OBJECT_BYTES));
}

static void what_was_written_before_is_owed(void **state)
{
    (void)state;
    setenv("GCX_CONCURRENT", "1", 1);
    setenv("GCX_NURSERY", "4MiB", 1);
    setenv("GCX_KEEPER", "0", 1);
    setenv("GCX_FAULT_NS", "500", 1); /* of checked builds */
    assert_int_equal(gcx_init(NULL), 0);
    if (GCXI_STRESS || !gcxi_remember_may_put_off())
        skip();
    build();
    hide();
    other = gcx_alloc(OTHER_BYTES);
    gcx_collect(GCX_FULL);
    assert_int_equal(block_of(other)->state, GCXI_BLOCK_OWNED);
    begin_a_full_cycle();
    uint32_t unit = gcxi_addr_unit((uintptr_t)other);
    assert_int_equal(gcxi_map.armed[unit], 0);
    while (!is_marked(other) && !gcxi_concurrent_is_marked())
        ;
    move_hidden();
    leave_block_of(other);
    promote(1000);
    size_t live = gcxi_gc.totals.live_bytes;
    bool is_early = !gcxi_concurrent_is_marked();
    run_a_cycle();
    is_early = is_early && !gcxi_concurrent_is_marked();
    assert_true(gcxi_gc.totals.live_bytes > live + GCXI_UNIT / 2); /* garbage became old */
    promote(0);
    end_full_cycle();
    assert_non_null(gcx_weak_get(weak));
    assert_int_equal(*(size_t *)gcx_weak_get(weak), 4711);
    if (!is_early)
        skip(); /* the marker was too fast: nothing was shown */
    assert_ptr_equal(*other, gcx_weak_get(weak));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_before_is_owed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
