/* test_verify.c -- the verifier notices what it is there for, and nothing else.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gcx/gcx.h>

#include "../support/child.h"
#include "gc/verify.h"
#include "heap/block.h"
#include "heap/space.h"
#include "os/module.h"

static void **old; /* static data: a root */
static struct child_result result;

static struct gcxi_block *block_of(const void *object)
{
    return gcxi_unit_block(gcxi_addr_unit((uintptr_t)object));
}

/* An old object that leads to a young one, as if a cycle had just marked. */
static int mark_forgets(const char *arg)
{
    (void)arg;
    gcx_disable();
    old = gcx_alloc(64);
    gcx_collect(GCX_FULL);
    gcxi_verify_marked_stw(false);
    *old = gcx_alloc(64);
    gcxi_verify_marked_stw(false);
    return 0;
}

/* The program's data does not count, were it left out by mistake. */
static int data_that_is_no_root(const char *arg)
{
    static void *left_out[2];
    (void)arg;
    gcx_disable();
    gcxi_module_exclude((uintptr_t)left_out, (uintptr_t)(left_out + 2));
    old = left_out[1] = gcx_alloc(64);
    gcx_collect(GCX_FULL);
    gcxi_verify_marked_stw(false);
    left_out[1] = gcx_alloc(64);
    gcxi_verify_marked_stw(false);
    return 0;
}

static int slot_behind_the_last(const char *arg)
{
    (void)arg;
    old = gcx_alloc(64);
    gcx_collect(GCX_FULL);
    gcxi_verify_stw("in a test");
    struct gcxi_block *block = block_of(old);
    block->marks[block->slots] = gcxi_map.epoch;
    gcxi_verify_stw("in a test");
    return 0;
}

static int young_in_a_block_of_the_old(const char *arg)
{
    (void)arg;
    old = gcx_alloc(64);
    gcxi_verify_stw("in a test");
    gcxi_map.young[gcxi_block_unit(block_of(old))] = 0;
    gcxi_verify_stw("in a test");
    return 0;
}

static int marked_without_a_cycle(const char *arg)
{
    (void)arg;
    old = gcx_alloc(64);
    gcx_collect(GCX_FULL);
    gcxi_verify_stw("in a test");
    gcxi_map.epoch_before--;
    gcxi_verify_stw("in a test");
    return 0;
}

/* Nothing is wrong here, for long enough that something would be noticed. */
static int nothing_is_broken(const char *arg)
{
    (void)arg;
    for (int i = 0; i < 100000; i++) {
        void **cell = gcx_alloc(16 + (size_t)(i % 50) * 16);
        *cell = i % 1000 != 0 ? old : NULL;
        old = cell;
    }
    return 0;
}

static void expect_broken(const char *child, const char *invariant)
{
    const char *variables[] = {"GCX_BARRIER=none", "GCX_CONCURRENT=0", NULL};
    char text[32];
    snprintf(text, sizeof text, "invariant %s broken", invariant);
    child_run(&result, child, "", variables);
    if (!GCXI_CHECKED) {
        assert_true(child_ok(&result));
        return;
    }
    assert_int_equal(result.signal, SIGABRT);
    assert_non_null(strstr(result.err, text));
}

static void what_is_broken_is_named(void **state)
{
    (void)state;
    expect_broken("mark_forgets", "C2");
    expect_broken("data_that_is_no_root", "X1");
    expect_broken("slot_behind_the_last", "H5");
    expect_broken("young_in_a_block_of_the_old", "H4");
    expect_broken("marked_without_a_cycle", "N1");
}

static void what_is_right_is_left_alone(void **state)
{
    const char *full[] = {"GCX_BARRIER=none", NULL}, *beside[] = {"GCX_CONCURRENT=1", NULL};
    (void)state;
    child_run(&result, "nothing_is_broken", "", full);
    assert_true(child_ok(&result));
    child_run(&result, "nothing_is_broken", "", beside);
    assert_true(child_ok(&result));
}

static bool is_in(uintptr_t addr, const struct gcxi_range *ranges, size_t n)
{
    for (; n > 0; n--, ranges++)
        if (ranges->lo <= addr && addr < ranges->hi)
            return true;
    return false;
}

/* Which are large, and none of the program's words beside them. */
static void only_tables_are_left_out(void **state)
{
    const struct gcxi_range *ranges, *excluded;
    size_t bytes = 0;
    (void)state;
    old = gcx_alloc(64);
    gcx_collect(GCX_FULL);
    size_t count = gcxi_module_ranges(&ranges), n = gcxi_module_excluded(&excluded);
    assert_true(is_in((uintptr_t)&old, ranges, count));
    for (size_t i = 0; i < n; i++) {
        uintptr_t lo = gcxi_align_up(excluded[i].lo, sizeof lo), hi = excluded[i].hi;
        uintptr_t before = lo - sizeof lo, after = gcxi_align_up(hi, sizeof hi);
        bytes += hi - lo;
        assert_false(is_in(lo, ranges, count));
        assert_true(is_in(before, ranges, count) || is_in(before, excluded, n));
        assert_true(is_in(after, ranges, count) || is_in(after, excluded, n));
    }
    assert_true(bytes > 32 * GCXI_KIB);
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {
        {"mark_forgets", mark_forgets},
        {"data_that_is_no_root", data_that_is_no_root},
        {"slot_behind_the_last", slot_behind_the_last},
        {"young_in_a_block_of_the_old", young_in_a_block_of_the_old},
        {"marked_without_a_cycle", marked_without_a_cycle},
        {"nothing_is_broken", nothing_is_broken},
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_broken_is_named),
        cmocka_unit_test(what_is_right_is_left_alone),
        cmocka_unit_test(only_tables_are_left_out),
    };
    if (child_is(argc, argv))
        return child_main(argv, children, sizeof children / sizeof children[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
