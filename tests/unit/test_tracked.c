/* test_tracked.c -- how much of large roots a cycle reads, and which of them are tracked.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <gcx/gcx.h>

#include "gc/gc.h"
#include "gc/remember.h"
#include "gc/statics.h"
#include "gc/tracked.h"
#include "os/dirty_outside.h"
#include "os/vm.h"

enum { BYTES = 8 << 20, WRITTEN = 40, OTHERS = 100 /* pages that others may write to */ };

static size_t page;
static unsigned char filled[BYTES] = {1};

static void **list;

/* So that a full cycle takes long enough for minor ones to be worth something. */
static void grow_list(void)
{
    for (int i = 0; i < 300000; i++) {
        void **cell = gcx_alloc(48);
        assert_non_null(cell);
        *cell = list;
        list = cell;
    }
}

static int set_up(void **state)
{
    (void)state;
    unsetenv("GCX_DIRTY");
    unsetenv("GCX_BARRIER");
    unsetenv("GCX_STRESS");
    page = gcxi_vm_page_bytes();
    if (gcx_init(NULL) != 0)
        return -1;
    grow_list();
    return 0;
}

static void require_tracking(void)
{
    gcx_collect(GCX_MINOR);
    if (strcmp(gcxi_remember_name(), "uffd") != 0)
        skip();
}

static unsigned char *map(size_t bytes)
{
    void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(base, MAP_FAILED);
    return base;
}

static const struct gcxi_tracked *tracked_at(const unsigned char *p)
{
    const struct gcxi_tracked *r = gcxi_tracked_from((uintptr_t)p);
    return r != gcxi_tracked_end() && r->lo <= (uintptr_t)p ? r : NULL;
}

static size_t read_by(enum gcx_cycle kind)
{
    gcx_collect(kind);
    return gcxi_statics_bytes();
}

/* Minor cycles until what was written before is known. */
static size_t read_at_rest(void)
{
    size_t bytes = BYTES;
    for (int i = 0; i < 300 && bytes >= OTHERS * page; i++)
        bytes = read_by(GCX_MINOR);
    assert_true(bytes < OTHERS * page);
    return bytes;
}

static void touch_some(unsigned char *base)
{
    for (size_t i = 0; i < WRITTEN; i++)
        base[i * (BYTES / WRITTEN) + page]++;
}

/* What is written is read once. */
static void check_what_is_read(unsigned char *base)
{
    assert_non_null(tracked_at(base + BYTES / 2));
    touch_some(base);
    size_t at_rest = read_at_rest();
    for (int i = 0; i < 3; i++) {
        touch_some(base);
        assert_in_range(read_by(GCX_MINOR), WRITTEN * page, at_rest + (WRITTEN + OTHERS) * page);
        assert_in_range(read_by(GCX_MINOR), 0, at_rest + OTHERS * page);
    }
}

static void pages_of_initialised_data(void **state)
{
    (void)state;
    require_tracking();
    check_what_is_read(filled);
}

static void ignore(uintptr_t lo, uintptr_t hi, void *arg)
{
    (void)lo;
    (void)hi;
    (void)arg;
}

static void pages_of_an_added_range(void **state)
{
    (void)state;
    require_tracking();
    unsigned char *base = map(BYTES);
    size_t before = read_by(GCX_FULL);
    assert_int_equal(gcx_root_add(base, base + BYTES), 0);
    check_what_is_read(base);
    bool is_all_read = gcxi_gc.pacer.is_full_only;
    assert_true(is_all_read || read_by(GCX_FULL) < before + BYTES / 2); /* what is there */
    assert_int_equal(gcx_root_remove(base, base + BYTES), 0);
    assert_null(tracked_at(base + BYTES / 2));
    assert_int_not_equal(
        gcxi_dirty_outside_arm((uintptr_t)base, (uintptr_t)base + BYTES, ignore, NULL),
        0); /* the kernel knows nothing of it */
    munmap(base, BYTES);
}

/* A range that was filled once is read once, and not for some cycles (V6). */
static void filled_once(void **state)
{
    (void)state;
    require_tracking();
    if (gcxi_tracked.is_dear)
        skip();
    unsigned char *base = map(BYTES);
    assert_int_equal(gcx_root_add(base, base + BYTES), 0);
    read_at_rest();
    memset(base, 1, BYTES);
    assert_in_range(read_by(GCX_MINOR), BYTES, SIZE_MAX);
    assert_in_range(read_by(GCX_MINOR), 0, OTHERS * page);
    memset(base, 2, BYTES);
    assert_in_range(read_by(GCX_MINOR), BYTES, SIZE_MAX);
    assert_in_range(read_by(GCX_MINOR), BYTES, SIZE_MAX); /* it rests now */
    assert_int_equal(gcx_root_remove(base, base + BYTES), 0);
    munmap(base, BYTES);
}

/* Only whole pages of large ranges, of memory that nobody else changes. */
static void what_is_tracked(void **state)
{
    (void)state;
    require_tracking();
    unsigned char *base = map(BYTES);
    size_t count = gcxi_tracked.count;
    assert_int_equal(gcx_root_add(base + 5, base + BYTES - 5), 0);
    const struct gcxi_tracked *r = tracked_at(base + page);
    assert_non_null(r);
    assert_true(r->lo == (uintptr_t)base + page && r->hi == (uintptr_t)base + BYTES - page);
    assert_int_equal(gcx_root_add(base + 2 * page, base + BYTES), 0); /* overlaps */
    assert_int_equal(gcx_root_add(base, base + page), 0);             /* small */
    assert_int_equal(gcx_root_add(base + BYTES / 2, base + BYTES / 2), 0);
    assert_int_equal(gcxi_tracked.count, count + 1);
    assert_int_equal(gcx_root_remove(base + BYTES / 2, base + BYTES / 2), 0);
    assert_int_equal(gcx_root_remove(base, base + page), 0);
    assert_int_equal(gcx_root_remove(base + 5, base + BYTES - 5), 0);
    r = tracked_at(base + 2 * page);
    assert_non_null(r); /* the other in its place */
    assert_int_equal(gcx_root_remove(base + 2 * page, base + BYTES), 0);
    assert_int_equal(gcxi_tracked.count, count);
    munmap(base, BYTES);
    base = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(base, MAP_FAILED);
    assert_int_equal(gcx_root_add(base, base + BYTES), 0);
    assert_int_equal(gcxi_tracked.count, count);
    assert_int_equal(gcx_root_remove(base, base + BYTES), 0);
    munmap(base, BYTES);
}

/* More than there is room for are read whole, and all can go. */
static void many_ranges(void **state)
{
    enum { RANGES = 1500, RANGE = 1 << 20 };
    (void)state;
    require_tracking();
    size_t count = gcxi_tracked.count;
    unsigned char *base = map((size_t)RANGES * RANGE);
    for (size_t i = 0; i < RANGES; i++) {
        size_t at = i * 7 % RANGES * RANGE;
        assert_int_equal(gcx_root_add(base + at, base + at + RANGE), 0);
    }
    assert_in_range(gcxi_tracked.count, count + 1, 1024);
    for (size_t i = 1; i < gcxi_tracked.count; i++)
        assert_true(gcxi_tracked.ranges[i - 1].hi <= gcxi_tracked.ranges[i].lo);
    read_by(GCX_MINOR);
    for (size_t i = 0; i < RANGES; i++)
        assert_int_equal(gcx_root_remove(base + i * RANGE, base + (i + 1) * RANGE), 0);
    assert_int_equal(gcxi_tracked.count, count);
    munmap(base, (size_t)RANGES * RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_of_initialised_data),
        cmocka_unit_test(pages_of_an_added_range),
        cmocka_unit_test(filled_once),
        cmocka_unit_test(what_is_tracked),
        cmocka_unit_test(many_ranges),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
