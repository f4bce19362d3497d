/* test_os_resident.c -- what os/resident.h promises, and that collections leave alone
 * what the program has not touched.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "base/delay.h"
#include "os/resident.h"
#include "os/vm.h"

enum { PAGES = 2000, TABLE_MIB = 64 };

struct seen {
    uintptr_t lo[16], hi[16];
    size_t runs, bytes;
};

static void note(uintptr_t lo, uintptr_t hi, void *arg)
{
    struct seen *seen = arg;
    if (seen->runs < 16) {
        seen->lo[seen->runs] = lo;
        seen->hi[seen->runs] = hi;
    }
    seen->runs++;
    seen->bytes += hi - lo;
}

static bool is_told(uintptr_t at)
{
    struct seen seen = {.runs = 0};
    return gcxi_resident_visit(at, at + 1, note, &seen) == 0;
}

/* Of small pages: a huge one would be there as a whole. */
static char *map_pages(size_t pages)
{
    char *base = gcxi_vm_map(pages * gcxi_vm_page_bytes());
    assert_non_null(base);
    if (!is_told((uintptr_t)base))
        skip();
    return base;
}

static void pages_that_were_touched_are_visited(void **state)
{
    size_t page = gcxi_vm_page_bytes();
    char *base = map_pages(PAGES);
    uintptr_t at = (uintptr_t)base;
    struct seen seen = {.runs = 0};
    (void)state;
    const size_t touched[] = {0, 7, 8, 255, 256, 1000, PAGES - 1};
    for (size_t i = 0; i < sizeof touched / sizeof touched[0]; i++)
        base[touched[i] * page] = 1;
    errno = 7;
    assert_int_equal(gcxi_resident_visit(at, at + PAGES * page, note, &seen), 0);
    assert_int_equal(errno, 7);
    const size_t runs[][2] = {{0, 1}, {7, 9}, {255, 257}, {1000, 1001}, {PAGES - 1, PAGES}};
    assert_int_equal(seen.runs, 5);
    for (size_t i = 0; i < seen.runs; i++) {
        assert_int_equal(seen.lo[i], at + runs[i][0] * page);
        assert_int_equal(seen.hi[i], at + runs[i][1] * page);
    }
    gcxi_vm_unmap(base, PAGES * page);
}

static void a_visit_stays_in_its_range(void **state)
{
    size_t page = gcxi_vm_page_bytes();
    char *base = map_pages(4);
    uintptr_t at = (uintptr_t)base;
    struct seen seen = {.runs = 0};
    (void)state;
    memset(base, 1, 4 * page);
    assert_int_equal(gcxi_resident_visit(at + 16, at + 3 * page - 16, note, &seen), 0);
    assert_int_equal(seen.runs, 1);
    assert_int_equal(seen.lo[0], at + 16);
    assert_int_equal(seen.hi[0], at + 3 * page - 16);
    gcxi_vm_unmap(base, 4 * page);
}

static char *table; /* a root */

NOINLINE static void store(size_t at, uint64_t value)
{
    uint64_t *object = gcx_alloc(sizeof *object);
    assert_non_null(object);
    *object = value;
    *(uint64_t **)(void *)(table + at) = object;
}

static size_t resident_bytes(void)
{
    static unsigned char pages[(size_t)TABLE_MIB << 8];
    size_t count = 0, page = gcxi_vm_page_bytes();
    assert_int_equal(mincore(table, (size_t)TABLE_MIB << 20, pages), 0);
    for (size_t i = 0; i < ((size_t)TABLE_MIB << 20) / page; i++)
        count += pages[i] & 1;
    return count * page;
}

/* A table of which next to nothing was filled is not made by reading it, and what it
 * leads to is kept. */
static void a_collection_leaves_alone_what_is_not_there(void **state)
{
    const size_t places[] = {0, 5 << 20, (17 << 20) + 8, (TABLE_MIB << 20) - 8};
    (void)state;
    assert_int_equal(gcx_init(NULL), 0);
    table = gcx_alloc((size_t)TABLE_MIB << 20);
    assert_non_null(table);
    if (GCXI_STRESS || !is_told((uintptr_t)table))
        skip(); /* cycles have been */
    for (uint64_t i = 0; i < 4; i++)
        store(places[i], i + 100);
    gcx_collect(GCX_MINOR);
    if (!GCXI_CHECKED) /* the verifier reads all of it */
        assert_in_range(resident_bytes(), 4 * gcxi_vm_page_bytes(), (size_t)TABLE_MIB << 19);
    gcx_collect(GCX_FULL);
    for (size_t i = 0; i < 100000; i++)
        assert_non_null(gcx_alloc(16));
    gcx_collect(GCX_FULL);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(**(uint64_t **)(void *)(table + places[i]), i + 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_that_were_touched_are_visited),
        cmocka_unit_test(a_visit_stays_in_its_range),
        cmocka_unit_test(a_collection_leaves_alone_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
