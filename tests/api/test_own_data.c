/* test_own_data.c -- the library's static data lies among the program's, which is a
 * root: nothing in there may look like the address of an object.
 *
 * SPDX-License-Identifier: MIT */
#include "../support/cmocka_all.h"

#include <gcx/gcx.h>

#include "../support/child.h"
#include "../support/hide.h"

#define MIB ((size_t)1 << 20)

/* The first object of its zone begins where the zone does. */
static NOINLINE hidden_ptr make_first(void)
{
    return hide(gcx_alloc_noscan(50 * MIB));
}

static NOINLINE void make_chain(void)
{
    void **head = NULL;
    for (int i = 0; i < 500000; i++) {
        void **link = gcx_alloc(64);
        *link = head;
        head = link;
    }
}

static uint64_t live_bytes(void)
{
    struct gcx_stats stats = {.struct_bytes = sizeof stats};
    gcx_get_stats(&stats);
    return stats.live_bytes;
}

static NOINLINE int is_kept(hidden_ptr h)
{
    return gcx_base(reveal(h)) != NULL;
}

static int child_lets_go(const char *arg)
{
    (void)arg;
    hidden_ptr first = make_first();
    clear_stack();
    make_chain();
    for (int i = 0; i < 4; i++) {
        clear_stack();
        gcx_collect(i % 2 == 0 ? GCX_MINOR : GCX_FULL);
    }
    if (is_kept(first))
        printf("the first noscan object is kept\n");
    if (live_bytes() > MIB)
        printf("%llu bytes are kept\n", (unsigned long long)live_bytes());
    return 0;
}

static void test_nothing_is_kept(void **state)
{
    static const char *const variables[] = {"GCX_DIRTY=auto",       "GCX_DIRTY=uffd",
                                            "GCX_DIRTY=mprotect",   "GCX_DIRTY=none",
                                            "GCX_BARRIER=explicit", "GCX_CONCURRENT=1"};
    static struct child_result result;
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        child_run(&result, "lets_go", "", (const char *[]){variables[i], NULL});
        assert_true(child_ok(&result));
        if (result.out[0] != '\0')
            fail_msg("%s: %s", variables[i], result.out);
    }
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"lets_go", child_lets_go}};
    if (child_is(argc, argv))
        return child_main(argv, children, 1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_is_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
