/* test_os_outside.c -- what os/dirty_outside.h promises of static data, and how
 * os/mapping.h tells what may be tracked so.
 *
 * SPDX-License-Identifier: MIT */
#include "os/dirty_outside.h"
#include "os/mapping.h"
#include "os/vm.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/random.h"

enum { BYTES = 4 << 20, PAGES_MAX = BYTES / 4096, ROUNDS = 200 };

static unsigned char area[BYTES + (64 << 10)]; /* .bss */
static uintptr_t lo, hi;
static size_t page;
static bool reported[PAGES_MAX];
static size_t reported_count;

static void note(uintptr_t from, uintptr_t to, void *arg)
{
    (void)arg;
    assert_true(from >= lo && from < to && to <= hi);
    for (; from < to; from += page, reported_count++)
        reported[(from - lo) / page] = true;
}

static int harvest(void)
{
    memset(reported, 0, sizeof reported);
    reported_count = 0;
    return gcxi_dirty_outside_harvest(lo, hi, note, NULL);
}

static int arm(void)
{
    memset(reported, 0, sizeof reported);
    reported_count = 0;
    return gcxi_dirty_outside_arm(lo, hi, note, NULL);
}

static void touch(uintptr_t addr)
{
    ++*(volatile unsigned char *)addr;
}

static int set_up(void **state)
{
    (void)state;
    page = gcxi_vm_page_bytes();
    lo = gcxi_align_up((uintptr_t)area, page);
    hi = lo + BYTES;
    return 0;
}

/* Armed and clean. */
static void begin(void)
{
    if (gcxi_dirty_outside_open() != 0)
        skip();
    assert_int_equal(gcxi_dirty_outside_add(lo, hi), 0);
    assert_int_equal(gcxi_dirty_outside_add(lo, hi), 0);
    assert_int_equal(arm(), 0);
    assert_int_equal(harvest(), 0);
    assert_int_equal(reported_count, 0);
    assert_false(gcxi_dirty_outside_is_written(lo, hi));
}

static void end(void)
{
    gcxi_dirty_outside_disarm(lo, hi);
    gcxi_dirty_outside_remove(lo, hi);
    assert_int_equal(harvest(), -1);
}

static void writes_are_reported(void **state)
{
    (void)state;
    begin(); /* nothing was ever touched */
    touch(lo);
    touch(lo + 7 * page + 5);
    touch(hi - 1);
    assert_true(gcxi_dirty_outside_is_written(lo, lo + page));
    assert_false(gcxi_dirty_outside_is_written(lo + page, lo + 2 * page));
    assert_int_equal(harvest(), 0);
    assert_true(reported[0] && reported[7] && reported[BYTES / page - 1]);
    assert_int_equal(reported_count, 3);
    assert_int_equal(harvest(), 0);
    assert_int_equal(reported_count, 0);
    end();
}

/* Reports may be larger than what was written, never smaller. */
static void random_writes_are_reported(void **state)
{
    struct random rng = {.state = 5};
    size_t too_many = 0;
    (void)state;
    begin();
    for (int round = 0; round < ROUNDS; round++) {
        static bool written[PAGES_MAX];
        memset(written, 0, sizeof written);
        for (uint32_t n = random_below(&rng, 40); n > 0; n--) {
            size_t at = random_below(&rng, BYTES);
            touch(lo + at);
            written[at / page] = true;
        }
        assert_int_equal(harvest(), 0);
        for (size_t i = 0; i < BYTES / page; i++) {
            assert_true(reported[i] || !written[i]);
            too_many += reported[i] && !written[i];
        }
    }
    assert_true(too_many < ROUNDS);
    end();
}

/* Arming tells what is there: not what was never touched, or only read. */
static void what_is_there(void **state)
{
    (void)state;
    begin();
    end();
    assert_int_equal(madvise((void *)lo, BYTES, MADV_DONTNEED), 0);
    touch(lo + 2 * page);
    touch(hi - 1);
    assert_int_equal(*(volatile unsigned char *)(lo + 100 * page), 0);
    assert_int_equal(gcxi_dirty_outside_add(lo, hi), 0);
    assert_int_equal(arm(), 0);
    assert_true(reported[2] && reported[BYTES / page - 1]);
    assert_false(reported[0] || reported[100]);
    assert_int_equal(*(volatile unsigned char *)(lo + 102 * page), 0);
    assert_int_equal(harvest(), 0);
    assert_int_equal(reported_count, 0);
    touch(lo + 100 * page);
    touch(lo + 101 * page);
    touch(lo + 102 * page);
    assert_int_equal(harvest(), 0);
    assert_true(reported[100] && reported[101] && reported[102] && !reported[2]);
    gcxi_dirty_outside_disarm(lo, hi);
    assert_int_equal(arm(), 0);
    assert_true(reported[2] && reported[100] && reported[101]);
    end();
}

static void reads_of_the_system_are_reported(void **state)
{
    int ends[2];
    (void)state;
    begin();
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "abcdefgh", 8), 8);
    assert_int_equal(read(ends[0], (void *)(lo + 9 * page - 4), 8), 8);
    assert_int_equal(harvest(), 0);
    assert_true(reported[8] && reported[9]);
    close(ends[0]);
    close(ends[1]);
    end();
}

/* Of memory that a file fills: nothing need be there, and what is not counts as clean. */
static void initialised_data(void **state)
{
    static unsigned char filled[BYTES + (64 << 10)] = {1};
    uintptr_t zeroed = lo;
    int ends[2];
    (void)state;
    lo = gcxi_align_up((uintptr_t)filled, page);
    hi = lo + BYTES;
    touch(lo + 50 * page);
    if (gcxi_dirty_outside_open() != 0)
        skip();
    assert_int_equal(gcxi_dirty_outside_add(lo, hi), 0);
    assert_int_equal(arm(), 0);
    assert_true(reported[50]);
    assert_true(reported_count < PAGES_MAX / 4); /* what is read comes with its neighbours */
    touch(lo + 50 * page);
    touch(lo + 60 * page);
    assert_int_equal(*(volatile unsigned char *)(lo + 300 * page), 0);
    assert_int_equal(harvest(), 0);
    assert_true(reported[50] && reported[60] && reported_count <= 3);
    touch(lo + 300 * page);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "abcdefgh", 8), 8);
    assert_int_equal(read(ends[0], (void *)(lo + 700 * page - 4), 8), 8);
    assert_int_equal(harvest(), 0);
    assert_true(reported[300] && reported[699] && reported[700] && reported_count == 3);
    assert_int_equal(harvest(), 0);
    assert_int_equal(reported_count, 0);
    close(ends[0]);
    close(ends[1]);
    end();
    lo = zeroed;
    hi = lo + BYTES;
}

/* The program gives the memory back, or protects it for a while. */
static void emptied_and_protected_pages(void **state)
{
    (void)state;
    touch(lo + 3 * page);
    touch(lo + 4 * page);
    begin();
    assert_int_equal(madvise((void *)(lo + 3 * page), page, MADV_DONTNEED), 0);
    assert_int_equal(mprotect((void *)(lo + 4 * page), page, PROT_READ), 0);
    assert_int_equal(harvest(), 0);
    assert_int_equal(mprotect((void *)(lo + 4 * page), page, PROT_READ | PROT_WRITE), 0);
    assert_int_equal(harvest(), 0);
    touch(lo + 3 * page);
    touch(lo + 4 * page);
    assert_int_equal(harvest(), 0);
    assert_true(reported[3] && reported[4]);
    end();
}

/* What lies there now is not tracked, and that shows. */
static void mapped_over(void **state)
{
    (void)state;
    begin();
    touch(lo);
    assert_ptr_not_equal(mmap((void *)(lo + 2 * page), page, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                         MAP_FAILED);
    assert_int_equal(harvest(), -1);
    assert_true(gcxi_dirty_outside_is_written(lo + 2 * page, lo + 3 * page));
    assert_int_equal(arm(), -1);
    end();
}

static void child_has_its_own(void **state)
{
    (void)state;
    begin();
    touch(lo + page);
    pid_t pid = fork();
    if (pid == 0) {
        gcxi_dirty_outside_reset_after_fork();
        if (gcxi_dirty_outside_open() != 0 || gcxi_dirty_outside_add(lo, hi) != 0 || arm() != 0)
            _exit(1);
        touch(lo + 5 * page);
        _exit(harvest() == 0 && reported[5] && reported_count == 1 ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(harvest(), 0);
    assert_true(reported[1]);
    assert_false(reported[5]);
    end();
}

/* ---- What may be tracked ---- */

static uintptr_t map(size_t pages, int flags, int file)
{
    void *base = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, flags, file, 0);
    assert_ptr_not_equal(base, MAP_FAILED);
    return (uintptr_t)base;
}

static void kinds_of_memory(void **state)
{
    static int initialised = 1;
    (void)state;
    int file = memfd_create("test", 0);
    assert_int_equal(ftruncate(file, (off_t)(4 * page)), 0);
    uintptr_t anonymous = map(8, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    uintptr_t shared = map(2, MAP_SHARED | MAP_ANONYMOUS, -1);
    uintptr_t of_file = map(2, MAP_PRIVATE, file);
    uintptr_t data = gcxi_align_down((uintptr_t)&initialised, page);
    assert_true(gcxi_mapping_is_private(lo, hi, false));
    assert_true(gcxi_mapping_is_private(anonymous + page, anonymous + 7 * page, false));
    assert_false(gcxi_mapping_is_private(shared, shared + page, false));
    assert_false(gcxi_mapping_is_private(of_file, of_file + page, false));
    assert_false(gcxi_mapping_is_private(data, data + page, false));
    assert_true(gcxi_mapping_is_private(data, data + page, true));
    assert_true(gcxi_mapping_is_private(of_file, of_file + page, true));
    assert_false(gcxi_mapping_is_private(shared, shared + page, true));
    assert_true(gcxi_mapping_is_private(shared, shared, false));
    assert_false(gcxi_mapping_is_private(0, page, false));
    assert_int_equal(mprotect((void *)(anonymous + page), page, PROT_READ), 0);
    assert_true(gcxi_mapping_is_private(anonymous, anonymous + 8 * page, false));
    assert_ptr_not_equal(
        mmap((void *)(anonymous + 3 * page), page, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0),
        MAP_FAILED);
    assert_false(gcxi_mapping_is_private(anonymous, anonymous + 8 * page, false));
    assert_true(gcxi_mapping_is_private(anonymous, anonymous + 3 * page, false));
    assert_int_equal(munmap((void *)(anonymous + 3 * page), page), 0);
    assert_false(gcxi_mapping_is_private(anonymous, anonymous + 8 * page, false));
    munmap((void *)shared, 2 * page);
    munmap((void *)of_file, 2 * page);
    munmap((void *)anonymous, 8 * page);
    close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_are_reported),
        cmocka_unit_test(random_writes_are_reported),
        cmocka_unit_test(what_is_there),
        cmocka_unit_test(reads_of_the_system_are_reported),
        cmocka_unit_test(emptied_and_protected_pages),
        cmocka_unit_test(initialised_data),
        cmocka_unit_test(kinds_of_memory),
        cmocka_unit_test(child_has_its_own),
        cmocka_unit_test(mapped_over),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
