/* test_defer.c -- deferred calls: when, and in which order.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <gcx/defer.h>

#include "../support/cmocka_all.h"

static char order[16];

static void note(void *arg)
{
    strcat(order, arg);
}

static char a[] = "a", b[] = "b", c[] = "c";

static int leave_by(int how)
{
    GCX_DEFER(note, a);
    for (int i = 0; i < 2; i++) {
        GCX_DEFER(note, b);
        if (how == 1)
            return 1;
        if (how == 2)
            break;
        if (how == 3)
            continue;
        if (how == 4)
            goto out;
    }
out:
    note(c);
    return 0;
}

static void test_every_way_out(void **state)
{
    static const char *const expected[] = {"bbca", "ba", "bca", "bbca", "bca"};
    (void)state;
    for (int how = 0; how < 5; how++) {
        order[0] = '\0';
        leave_by(how);
        assert_string_equal(order, expected[how]);
    }
}

static void test_reverse_order(void **state)
{
    (void)state;
    order[0] = '\0';
    {
        GCX_DEFER(note, a);
        GCX_DEFER(note, b);
        GCX_DEFER(note, c);
    }
    assert_string_equal(order, "cba");
}

static void test_named(void **state)
{
    (void)state;
    order[0] = '\0';
    {
        GCX_DEFER_NAMED(first, note, a);
        GCX_DEFER_NAMED(second, note, b);
        GCX_DEFER_NAMED(third, note, c);
        first.fn = NULL;       /* called off */
        gcx_defer_run(&third); /* now, and only now */
        second.arg = a;
    }
    assert_string_equal(order, "ca");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_way_out),
        cmocka_unit_test(test_reverse_order),
        cmocka_unit_test(test_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
