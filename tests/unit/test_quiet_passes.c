/* test_quiet_passes.c -- a full cycle under way when the program becomes quiet is brought
 * to its end by passes, not by one stop that marks what has become old since.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gcx/gcx.h>

#include "../support/beside.h"
#include "base/atomic.h"
#include "base/delay.h"
#include "gc/remember.h"

enum { CELL = 1024, KEPT = 96 << 20, WAITS = 6000, WAIT_US = 5000 };

struct cell {
    struct cell *next;
    char rest[CELL - sizeof(struct cell *)];
};

static struct cell *volatile kept;
static uint32_t counts;       /* 1: minor cycles are counted */
static uint32_t minor_cycles; /* up to the first full one */

static void note(enum gcx_cycle kind, void *arg)
{
    (void)arg;
    if (gcxi_load_acquire(&counts) == 0)
        return;
    if (kind == GCX_FULL)
        gcxi_store_release(&counts, 0);
    else
        gcxi_add_relaxed(&minor_cycles, 1);
}

static void keep(size_t bytes)
{
    for (size_t i = 0; i < bytes / CELL; i++) {
        struct cell *cell = gcx_alloc(sizeof *cell);
        assert_non_null(cell);
        memset(cell->rest, 1, sizeof cell->rest);
        cell->next = kept;
        kept = cell;
    }
}

static void a_quiet_program_has_passes(void **state)
{
    const struct gcx_events events = {.cycle_end = note};
    (void)state;
    setenv("GCX_CONCURRENT", "1", 1);
    unsetenv("GCX_KEEPER");
    assert_int_equal(gcx_init(NULL), 0);
    assert_int_equal(gcx_set_event_listener(&events), 0);
    if (GCXI_STRESS || gcxi_remember_is_none())
        skip();
    keep(KEPT);
    gcx_collect(GCX_FULL); /* gives up what may be under way */
    while (!gcxi_concurrent_is_under_way())
        keep(CELL);
    gcx_disable(); /* until it is marked */
    wait_for_marker();
    gcxi_store_release(&counts, 1);
    gcx_enable();
    for (int i = 0; i < WAITS && gcxi_load_acquire(&counts) != 0; i++)
        usleep(WAIT_US);
    assert_int_equal(gcxi_load_acquire(&counts), 0);
    assert_in_range(gcxi_load_relaxed(&minor_cycles), 2, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_program_has_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
