/* test_epochs.c -- what is dead stays dead, however many cycles pass.
 *
 * Marks are numbers that begin again after some hundred full cycles: a number
 * left over in a dead slot must not make it alive when its turn comes.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "../support/hide.h"

enum { CYCLES = 260, DROPPED = 4, OBJECTS = CYCLES * DROPPED };

static void *volatile held[OBJECTS];
static void *volatile kept[OBJECTS]; /* every other slot, so that blocks stay */
static hidden_ptr hidden[OBJECTS];

static NOINLINE void make_neighbours(size_t size)
{
    for (size_t i = 0; i < OBJECTS; i++) {
        kept[i] = gcx_alloc(size);
        hidden[i] = make_hidden(size, i);
        held[i] = reveal(hidden[i]);
    }
}

/* Some die at every number; nothing is allocated that would take their slots. */
static void test_the_dead_stay_dead(void **state)
{
    (void)state;
    size_t dead = 0;
    make_neighbours(80);
    for (int cycle = 0; cycle < 2 * CYCLES; cycle++) {
        for (int i = 0; i < DROPPED && dead < OBJECTS; i++) {
            held[dead++] = NULL;
        }
        collect_full();
        size_t gone = count_gone(hidden, dead);
        if (gone + 16 < dead) {
            fail_msg("cycle %d: of %zu dead objects %zu are there", cycle, dead, dead - gone);
        }
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        kept[i] = NULL;
    }
}

static void test_the_living_live_on(void **state)
{
    (void)state;
    for (size_t i = 0; i < OBJECTS; i++) {
        kept[i] = gcx_alloc(80);
        pattern_fill(kept[i], 80, i);
    }
    for (int cycle = 0; cycle < 3 * CYCLES; cycle++) {
        gcx_collect(cycle % 4 == 3 ? GCX_MINOR : GCX_FULL);
        churn(80, 8);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        assert_true(pattern_intact(kept[i], 80, i));
        kept[i] = NULL;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_dead_stay_dead),
        cmocka_unit_test(test_the_living_live_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
