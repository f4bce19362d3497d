/* test_stress_leaks.c -- ten thousand cycles leave nothing behind: no address
 * space, no mappings, no descriptors, no threads, no tables.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/gcx.h>

#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/proc.h"
#include "../support/random.h"
#include "../support/scale.h"

enum { KEPT = 200 };

struct holdings {
    size_t space, maps, files, tasks;
    uint64_t heap, meta, threads;
};

static void *volatile kept[KEPT];

static struct holdings holdings_now(void)
{
    struct gcx_stats stats = stats_now();
    return (struct holdings){
        .space = proc_address_space_bytes(),
        .maps = proc_maps_count(),
        .files = proc_dir_entries("/proc/self/fd"),
        .tasks = proc_dir_entries("/proc/self/task"),
        .heap = stats.heap_bytes,
        .meta = stats.meta_bytes,
        .threads = stats.threads,
    };
}

/* Small, medium and large objects of both kinds come and go. */
static void run_cycles(struct random *r, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (int k = 0; k < 12; k++) {
            size_t size = random_below(r, random_percent(r, 98) ? 3000 : 300000);
            void *volatile *slot = &kept[random_below(r, KEPT)];
            void *p = random_percent(r, 70) ? gcx_alloc(size) : gcx_alloc_noscan(size);
            if (random_percent(r, 20)) {
                gcx_free(*slot);
            }
            *slot = p;
        }
        gcx_collect(i % 5 == 4 ? GCX_FULL : GCX_MINOR);
    }
}

static int grew(const char *what, size_t before, size_t after, size_t most)
{
    if (after <= before + most) {
        return 0;
    }
    fprintf(stderr, "%s grew from %zu to %zu\n", what, before, after);
    return 1;
}

static int many_cycles(const char *arg)
{
    struct random r = {7};
    (void)arg;
    run_cycles(&r, scaled(10000));
    struct holdings before = holdings_now();
    run_cycles(&r, scaled(10000));
    struct holdings after = holdings_now();
    int status = 0;
    if (!SANITIZED) {
        status |= grew("address space", before.space, after.space, (size_t)64 << 20);
        status |= grew("mappings", before.maps, after.maps, 200);
    }
    status |= grew("descriptors", before.files, after.files, 0);
    status |= grew("threads", before.tasks, after.tasks, 0);
    status |= grew("registered threads", before.threads, after.threads, 0);
    status |= grew("heap", before.heap, after.heap, before.heap / 2 + ((size_t)8 << 20));
    status |= grew("tables", before.meta, after.meta, (size_t)4 << 20);
    return status;
}

static void test_ten_thousand_cycles_leave_nothing(void **state)
{
    (void)state;
    static const char *const modes[] = {"GCX_DIRTY=uffd", "GCX_DIRTY=mprotect", "GCX_BARRIER=none"};
    static struct child_result result;
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        const char *variables[] = {modes[i], NULL};
        child_run(&result, "many_cycles", "", variables);
        if (!child_ok(&result)) {
            fail_msg("under %s", modes[i]);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"many_cycles", many_cycles}};
    if (child_is(argc, argv)) {
        return child_main(argv, children, COUNT_OF(children));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_thousand_cycles_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
