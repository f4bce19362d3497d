/* test_keeper.c -- memory goes back to the system though the program asks for
 * nothing.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gcx/gcx.h>

#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/proc.h"

enum { MIB = 1 << 20, CELLS = 1 << 20 };

struct cell {
    struct cell *next;
    char rest[184];
};

/* 200 MiB in small objects, all alive at once. */
static NOINLINE void grow_and_drop(void)
{
    struct cell *first = NULL;
    for (size_t i = 0; i < CELLS; i++) {
        struct cell *cell = gcx_alloc(sizeof *cell);
        if (cell == NULL)
            exit(3);
        memset(cell->rest, 1, sizeof cell->rest);
        gcx_store(cell, (void **)&cell->next, first);
        first = cell;
    }
    gcx_keep_alive(first);
}

static void wait_a_little(void)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    nanosleep(&pause, NULL);
}

/* Ends well when little is resident, or with the parent's patience. */
static int child_shrinks(const char *arg)
{
    (void)arg;
    hidden_ptr kept = make_hidden(1000, 7);
    void *volatile holder = reveal(kept);
    grow_and_drop();
    clear_stack();
    if (proc_rss_bytes() < (size_t)150 * MIB)
        return 4;
    while (proc_rss_bytes() > (size_t)60 * MIB)
        wait_a_little();
    gcx_keep_alive(holder);
    return hidden_intact(kept, 1000, 7) ? 0 : 5;
}

/* With a full cycle in two stops, which nobody but the keeper ends. */
static void test_quiet_heap_shrinks(void **state)
{
    static struct child_result result;
    const char *const barrier[] = {"GCX_BARRIER=explicit", "GCX_CONCURRENT=1", "GCX_TRACE=1", NULL};
    const char *const pages[] = {"GCX_CONCURRENT=0", NULL};
    (void)state;
    if (SANITIZED)
        skip(); /* what is resident is theirs */
    child_run(&result, "shrinks", "", barrier);
    assert_true(child_ok(&result));
    child_run(&result, "shrinks", "", pages);
    assert_true(child_ok(&result));
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"shrinks", child_shrinks}};
    if (child_is(argc, argv))
        return child_main(argv, children, COUNT_OF(children));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet_heap_shrinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
