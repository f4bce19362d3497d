/* test_huge.c -- huge pages are asked for where they are cheap.
 *
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "heap/huge.h"

enum { CHEAP = 200 * 1000, DEAR = 4 * 1000 * 1000 };

/* How many of the next pieces are made of small pages. */
static uint32_t small_pieces(struct gcxi_huge *huge)
{
    uint32_t count = 0;
    while (!gcxi_huge_is_wanted(huge))
        count++;
    return count;
}

static void cheap_ones_are_always_wanted(void **state)
{
    struct gcxi_huge huge = {0};
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_true(gcxi_huge_is_wanted(&huge));
        gcxi_huge_note(&huge, CHEAP);
    }
}

static void dear_ones_are_tried_ever_more_rarely(void **state)
{
    struct gcxi_huge huge = {0};
    (void)state;
    for (uint32_t rest = GCXI_HUGE_REST_MIN; rest <= GCXI_HUGE_REST_MAX; rest *= 2) {
        gcxi_huge_note(&huge, DEAR);
        assert_int_equal(small_pieces(&huge), rest);
    }
    gcxi_huge_note(&huge, DEAR);
    assert_int_equal(small_pieces(&huge), GCXI_HUGE_REST_MAX);
}

static void one_that_is_cheap_again_ends_it(void **state)
{
    struct gcxi_huge huge = {0};
    (void)state;
    gcxi_huge_note(&huge, DEAR);
    assert_int_equal(small_pieces(&huge), GCXI_HUGE_REST_MIN);
    gcxi_huge_note(&huge, CHEAP);
    assert_int_equal(small_pieces(&huge), 0);
    gcxi_huge_note(&huge, DEAR);
    assert_int_equal(small_pieces(&huge), GCXI_HUGE_REST_MIN);
}

/* 1 if huge pages were asked for where p leads, 0 if not, -1 if nobody tells. */
static int is_asked_for(const void *p)
{
    char line[512];
    int is_here = 0, found = -1;
    FILE *smaps = fopen("/proc/self/smaps", "r");
    while (smaps != NULL && fgets(line, sizeof line, smaps) != NULL) {
        uintptr_t lo, hi;
        if (sscanf(line, "%lx-%lx ", &lo, &hi) == 2)
            is_here = (uintptr_t)p >= lo && (uintptr_t)p < hi;
        else if (is_here && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, " hg") != NULL;
    }
    if (smaps != NULL)
        fclose(smaps);
    return found;
}

/* Past the first 8 MiB, whatever a huge page costs here: the first is tried. */
static void a_large_heap_asks_for_them(void **state)
{
    (void)state;
    FILE *kernel = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    if (kernel == NULL)
        skip();
    fclose(kernel);
    char *small = gcx_alloc_noscan(9 * GCXI_MIB);
    char *large = gcx_alloc_noscan(32 * GCXI_MIB);
    assert_non_null(small);
    assert_non_null(large);
    int answer = is_asked_for(large + 16 * GCXI_MIB);
    if (answer < 0)
        skip();
    assert_int_equal(answer, 1);
    assert_int_equal(is_asked_for(small + GCXI_MIB), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cheap_ones_are_always_wanted),
        cmocka_unit_test(dear_ones_are_tried_ever_more_rarely),
        cmocka_unit_test(one_that_is_cheap_again_ends_it),
        cmocka_unit_test(a_large_heap_asks_for_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
