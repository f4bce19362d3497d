/* test_os_dirty.c -- what os/dirty.h promises, for every backend that opens on
 * this system.
 *
 * The last test holds each backend against a shadow: a set of pages that it
 * knows it wrote. Reports may be larger, never smaller.
 *
 * SPDX-License-Identifier: MIT */
#include "os/clock.h"
#include "os/dirty.h"
#include "os/vm.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST_RESERVE_BYTES (4 * GCXI_GIB)
#define TEST_BYTES (16 * GCXI_MIB)
#define TEST_UNIT_BYTES (64 * GCXI_KIB)
#define TEST_ROUNDS 4000
#define TEST_PAGES_MAX 4096

static const char *test_backend_name;

struct heap {
    const struct gcxi_dirty_backend *backend;
    uintptr_t base;
    size_t page;
};

/* Opened with the first TEST_BYTES committed; NULL backend if it cannot. */
static struct heap heap_open(bool huge)
{
    struct heap heap = {.page = gcxi_vm_page_bytes()};
    void *base = gcxi_vm_reserve(TEST_RESERVE_BYTES, 2 * GCXI_MIB);

    assert_non_null(base);
    heap.base = (uintptr_t)base;
    if (huge)
        gcxi_vm_advise_huge(base, TEST_BYTES);
    heap.backend = gcxi_dirty_open(test_backend_name, heap.base, TEST_RESERVE_BYTES);
    if (heap.backend == NULL) {
        gcxi_vm_unreserve(base, TEST_RESERVE_BYTES);
        print_message("skipped: %s does not open on this system\n", test_backend_name);
        skip();
    }
    assert_int_equal(gcxi_vm_commit(base, TEST_BYTES), 0);
    return heap;
}

static void heap_close(const struct heap *heap)
{
    heap->backend->close();
    gcxi_vm_unreserve((void *)heap->base, TEST_RESERVE_BYTES);
}

static bool backend_is(const struct heap *heap, const char *name)
{
    return strcmp(heap->backend->name, name) == 0;
}

static GCXI_NO_SANITIZE void touch(uintptr_t addr)
{
    ++*(volatile unsigned char *)addr;
}

struct report {
    uintptr_t base;
    size_t page;
    uintptr_t last;
    size_t pages;
    bool bad_order;
    bool dirty[TEST_PAGES_MAX];
};

static struct report report;

static void report_note(uintptr_t lo, uintptr_t hi, void *arg)
{
    struct report *into = arg;

    into->bad_order |= lo >= hi || lo < into->last || lo % into->page != 0 || hi % into->page != 0;
    into->last = hi;
    for (uintptr_t at = lo; at < hi; at += into->page) {
        into->dirty[(at - into->base) / into->page] = true;
        into->pages++;
    }
}

static size_t harvest(const struct heap *heap, uintptr_t lo, uintptr_t hi)
{
    memset(&report, 0, sizeof report);
    report.base = heap->base;
    report.page = heap->page;
    assert_int_equal(heap->backend->harvest(lo, hi, report_note, &report), 0);
    heap->backend->harvest_end();
    assert_false(report.bad_order);
    return report.pages;
}

static bool was_reported(const struct heap *heap, uintptr_t addr)
{
    return report.dirty[(addr - heap->base) / heap->page];
}

static void arm_clean(const struct heap *heap, uintptr_t lo, uintptr_t hi)
{
    assert_int_equal(heap->backend->arm(lo, hi), 0);
    heap->backend->harvest_end();
    assert_int_equal(harvest(heap, lo, hi), 0);
}

/* ---- D1 to D3 ---- */

static void writes_are_reported_once(void **state)
{
    const struct heap heap = heap_open(false);
    const uintptr_t lo = heap.base + GCXI_MIB;
    const uintptr_t hi = lo + 4 * GCXI_MIB;

    (void)state;
    for (uintptr_t at = lo; at < lo + GCXI_MIB; at += heap.page)
        touch(at); /* the rest stays untouched until armed */
    arm_clean(&heap, lo, hi);
    touch(lo);
    touch(lo + 5 * heap.page + 17);
    touch(lo + 2 * GCXI_MIB);
    touch(hi - 1);
    assert_true(harvest(&heap, lo, hi) >= 4);
    assert_true(was_reported(&heap, lo));
    assert_true(was_reported(&heap, lo + 5 * heap.page));
    assert_true(was_reported(&heap, lo + 2 * GCXI_MIB));
    assert_true(was_reported(&heap, hi - 1));
    assert_false(was_reported(&heap, lo + 3 * GCXI_MIB));
    assert_int_equal(harvest(&heap, lo, hi), 0);
    touch(lo);
    assert_true(harvest(&heap, lo, hi) >= 1);
    assert_true(was_reported(&heap, lo));
    heap_close(&heap);
}

static void reads_are_not_writes(void **state)
{
    const struct heap heap = heap_open(false);

    (void)state;
    arm_clean(&heap, heap.base, heap.base + TEST_BYTES);
    for (size_t i = 0; i < TEST_BYTES; i += heap.page)
        assert_int_equal(*(volatile unsigned char *)(heap.base + i), 0);
    assert_int_equal(harvest(&heap, heap.base, heap.base + TEST_BYTES), 0);
    heap_close(&heap);
}

struct harvest_write {
    uintptr_t addr;
    size_t visits;
};

static void write_while_visited(uintptr_t lo, uintptr_t hi, void *arg)
{
    struct harvest_write *write = arg;

    if (lo <= write->addr && write->addr < hi) {
        touch(write->addr);
        write->visits++;
    }
}

static void a_write_during_the_report_shows_again(void **state)
{
    const struct heap heap = heap_open(false);
    struct harvest_write write = {.addr = heap.base + 7 * heap.page};

    (void)state;
    if (backend_is(&heap, "softdirty")) {
        heap_close(&heap);
        print_message("skipped: softdirty harvests with the world stopped\n");
        skip();
    }
    arm_clean(&heap, heap.base, heap.base + GCXI_MIB);
    touch(write.addr);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(
            heap.backend->harvest(heap.base, heap.base + GCXI_MIB, write_while_visited, &write), 0);
        assert_int_equal(write.visits, i + 1);
    }
    heap_close(&heap);
}

static void disarmed_pages_are_free(void **state)
{
    const struct heap heap = heap_open(false);
    const uintptr_t lo = heap.base + 2 * TEST_UNIT_BYTES;

    (void)state;
    arm_clean(&heap, heap.base, heap.base + TEST_BYTES);
    heap.backend->disarm(lo, lo + TEST_UNIT_BYTES);
    for (size_t i = 0; i < TEST_UNIT_BYTES; i += heap.page)
        touch(lo + i);
    touch(heap.base);
    touch(lo + TEST_UNIT_BYTES);
    assert_true(harvest(&heap, heap.base, lo) >= 1);
    assert_true(was_reported(&heap, heap.base));
    assert_true(harvest(&heap, lo + TEST_UNIT_BYTES, heap.base + TEST_BYTES) >= 1);
    assert_true(was_reported(&heap, lo + TEST_UNIT_BYTES));
    arm_clean(&heap, lo, lo + TEST_UNIT_BYTES);
    touch(lo);
    assert_true(harvest(&heap, lo, lo + TEST_UNIT_BYTES) >= 1);
    heap_close(&heap);
}

/* Ranges that no unit of any backend fits. */
static void odd_ranges_lose_nothing(void **state)
{
    const struct heap heap = heap_open(false);
    const uintptr_t lo = heap.base + 3 * heap.page;

    (void)state;
    assert_int_equal(heap.backend->arm(lo, lo + 2 * heap.page), 0);
    assert_int_equal(heap.backend->arm(heap.base + GCXI_MIB, heap.base + GCXI_MIB + heap.page), 0);
    assert_int_equal(heap.backend->arm(lo + 5 * heap.page, lo + TEST_UNIT_BYTES * 3), 0);
    for (uintptr_t at = lo; at < lo + TEST_UNIT_BYTES * 3; at += heap.page)
        touch(at);
    touch(heap.base + GCXI_MIB);
    harvest(&heap, lo, lo + 2 * heap.page);
    assert_true(was_reported(&heap, lo) && was_reported(&heap, lo + heap.page));
    touch(lo + heap.page);
    harvest(&heap, lo, lo + 2 * heap.page);
    assert_true(was_reported(&heap, lo + heap.page));
    arm_clean(&heap, heap.base, heap.base + GCXI_MIB);
    heap.backend->disarm(heap.base + heap.page, heap.base + 2 * heap.page);
    touch(heap.base + heap.page);
    touch(heap.base + 3 * heap.page);
    harvest(&heap, heap.base, heap.base + GCXI_MIB);
    assert_true(was_reported(&heap, heap.base + 3 * heap.page));
    heap_close(&heap);
}

/* ---- system calls, huge pages, purge ---- */

static void system_calls_into_pages(void **state)
{
    const struct heap heap = heap_open(false);
    const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    const size_t bytes = 3 * heap.page;
    char *at = (char *)heap.base + 2 * TEST_UNIT_BYTES - heap.page - 8;

    (void)state;
    assert_true(zero >= 0);
    arm_clean(&heap, heap.base, heap.base + GCXI_MIB);
    errno = 0;
    if (backend_is(&heap, "mprotect")) {
        assert_int_equal(read(zero, at, bytes), -1);
        assert_int_equal(errno, EFAULT);
        heap.backend->disarm(heap.base, heap.base + GCXI_MIB);
        assert_int_equal(read(zero, at, bytes), (ssize_t)bytes);
    } else {
        assert_int_equal(read(zero, at, bytes), (ssize_t)bytes);
        assert_true(harvest(&heap, heap.base, heap.base + GCXI_MIB) >= 4);
        for (size_t i = 0; i < bytes; i += heap.page)
            assert_true(was_reported(&heap, (uintptr_t)at + i));
        assert_true(was_reported(&heap, (uintptr_t)at + bytes - 1));
    }
    close(zero);
    heap_close(&heap);
}

static void huge_pages_are_tracked(void **state)
{
    const struct heap heap = heap_open(true);

    (void)state;
    memset((void *)heap.base, 1, TEST_BYTES);
    arm_clean(&heap, heap.base, heap.base + TEST_BYTES);
    touch(heap.base + 3 * GCXI_MIB);
    touch(heap.base + 3 * GCXI_MIB + 9 * TEST_UNIT_BYTES);
    assert_true(harvest(&heap, heap.base, heap.base + TEST_BYTES) >= 2);
    assert_true(was_reported(&heap, heap.base + 3 * GCXI_MIB));
    assert_true(was_reported(&heap, heap.base + 3 * GCXI_MIB + 9 * TEST_UNIT_BYTES));
    assert_false(was_reported(&heap, heap.base + 5 * GCXI_MIB));
    /* Part of a huge page. */
    heap.backend->disarm(heap.base + 6 * GCXI_MIB, heap.base + 6 * GCXI_MIB + TEST_UNIT_BYTES);
    touch(heap.base + 6 * GCXI_MIB + TEST_UNIT_BYTES);
    harvest(&heap, heap.base + 6 * GCXI_MIB + TEST_UNIT_BYTES, heap.base + 8 * GCXI_MIB);
    assert_true(was_reported(&heap, heap.base + 6 * GCXI_MIB + TEST_UNIT_BYTES));
    heap_close(&heap);
}

static void purged_pages_are_tracked_after_arming(void **state)
{
    const struct heap heap = heap_open(false);

    (void)state;
    memset((void *)heap.base, 1, TEST_BYTES);
    arm_clean(&heap, heap.base, heap.base + TEST_BYTES);
    assert_int_equal(gcxi_vm_purge((void *)heap.base, GCXI_MIB), 0);
    touch(heap.base + heap.page);
    harvest(&heap, heap.base, heap.base + TEST_BYTES);
    assert_true(was_reported(&heap, heap.base + heap.page));
    arm_clean(&heap, heap.base, heap.base + TEST_BYTES);
    touch(heap.base + 3 * heap.page);
    harvest(&heap, heap.base, heap.base + TEST_BYTES);
    assert_true(was_reported(&heap, heap.base + 3 * heap.page));
    heap_close(&heap);
}

static void more_regions_than_one_scan_returns(void **state)
{
    const struct heap heap = heap_open(false);
    size_t expected = 0;

    (void)state;
    arm_clean(&heap, heap.base, heap.base + TEST_BYTES);
    for (size_t i = 0; i < TEST_BYTES; i += 2 * heap.page, expected++)
        touch(heap.base + i);
    assert_true(harvest(&heap, heap.base, heap.base + TEST_BYTES) >= expected);
    for (size_t i = 0; i < TEST_BYTES; i += 2 * heap.page)
        assert_true(was_reported(&heap, heap.base + i));
    assert_int_equal(harvest(&heap, heap.base, heap.base + TEST_BYTES), 0);
    heap_close(&heap);
}

/* ---- opening, fork ---- */

static void opens_again_and_only_once_at_a_time(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        const struct heap heap = heap_open(false);

        assert_null(gcxi_dirty_open(test_backend_name, heap.base, TEST_RESERVE_BYTES));
        arm_clean(&heap, heap.base, heap.base + GCXI_MIB);
        heap.backend->close();
        touch(heap.base);
        gcxi_vm_unreserve((void *)heap.base, TEST_RESERVE_BYTES);
    }
}

static bool child_tracks(const struct heap *heap)
{
    if (heap->backend->reopen_after_fork() < 0)
        return false;
    touch(heap->base);
    if (heap->backend->arm(heap->base, heap->base + GCXI_MIB) < 0)
        return false;
    heap->backend->harvest_end();
    if (harvest(heap, heap->base, heap->base + GCXI_MIB) != 0)
        return false;
    touch(heap->base + 5 * heap->page);
    touch(heap->base + GCXI_MIB);
    harvest(heap, heap->base, heap->base + GCXI_MIB);
    return was_reported(heap, heap->base + 5 * heap->page);
}

static void both_sides_of_a_fork_track(void **state)
{
    const struct heap heap = heap_open(false);
    int status = -1;
    pid_t child;

    (void)state;
    memset((void *)heap.base, 1, 2 * GCXI_MIB);
    arm_clean(&heap, heap.base, heap.base + 2 * GCXI_MIB);
    touch(heap.base + 9 * heap.page);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(child_tracks(&heap) ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    touch(heap.base + TEST_UNIT_BYTES * 3);
    harvest(&heap, heap.base, heap.base + 2 * GCXI_MIB);
    assert_true(was_reported(&heap, heap.base + 9 * heap.page));
    assert_true(was_reported(&heap, heap.base + TEST_UNIT_BYTES * 3));
    heap_close(&heap);
}

/* ---- threads ---- */

#define WRITERS 3
#define WRITER_PAGES 512

struct writer {
    const struct heap *heap;
    atomic_bool *stop;
    atomic_uint written[WRITER_PAGES]; /* counted after the write */
    unsigned seed;
    size_t first;
};

static void *writer_main(void *arg)
{
    struct writer *writer = arg;
    uintptr_t lo = writer->heap->base + writer->first * writer->heap->page;

    while (!atomic_load(writer->stop)) {
        const size_t page = (size_t)rand_r(&writer->seed) % WRITER_PAGES;

        touch(lo + page * writer->heap->page);
        atomic_fetch_add(&writer->written[page], 1);
    }
    return NULL;
}

/* Writes counted between two harvests must show in the second, but for one that
 * was made before the first ended and counted after. */
static void harvests_race_with_writers(void **state)
{
    static struct writer writers[WRITERS];
    static unsigned before[WRITERS][WRITER_PAGES];
    static unsigned after_shown[WRITERS][WRITER_PAGES];
    const struct heap heap = heap_open(false);
    const uintptr_t hi = heap.base + WRITERS * WRITER_PAGES * heap.page;
    pthread_t threads[WRITERS];
    atomic_bool stop = false;

    (void)state;
    if (backend_is(&heap, "softdirty")) {
        heap_close(&heap);
        print_message("skipped: softdirty harvests with the world stopped\n");
        skip();
    }
    memset(writers, 0, sizeof writers);
    memset(after_shown, 0, sizeof after_shown);
    assert_int_equal(heap.backend->arm(heap.base, hi), 0);
    for (unsigned w = 0; w < WRITERS; w++) {
        writers[w].heap = &heap;
        writers[w].stop = &stop;
        writers[w].seed = w + 1;
        writers[w].first = w * WRITER_PAGES;
        assert_int_equal(pthread_create(&threads[w], NULL, writer_main, &writers[w]), 0);
    }
    for (int round = 0; round < 250; round++) {
        for (size_t w = 0; w < WRITERS; w++)
            for (size_t p = 0; p < WRITER_PAGES; p++)
                before[w][p] = atomic_load(&writers[w].written[p]);
        harvest(&heap, heap.base, hi);
        for (size_t w = 0; w < WRITERS; w++) {
            for (size_t p = 0; p < WRITER_PAGES; p++) {
                const bool shown = report.dirty[w * WRITER_PAGES + p];

                assert_true(shown || before[w][p] <= after_shown[w][p] + 1);
                if (shown)
                    after_shown[w][p] = atomic_load(&writers[w].written[p]);
            }
        }
    }
    atomic_store(&stop, true);
    for (size_t w = 0; w < WRITERS; w++)
        pthread_join(threads[w], NULL);
    heap_close(&heap);
}

static void *disarm_writer_main(void *arg)
{
    struct writer *writer = arg;

    while (!atomic_load(writer->stop))
        touch(writer->heap->base + (size_t)rand_r(&writer->seed) % (8 * TEST_UNIT_BYTES));
    return NULL;
}

/* A fault that was on its way when its page was disarmed is not an error. */
static void arming_and_disarming_race_with_writers(void **state)
{
    static struct writer writers[WRITERS];
    const struct heap heap = heap_open(false);
    pthread_t threads[WRITERS];
    atomic_bool stop = false;

    (void)state;
    for (unsigned w = 0; w < WRITERS; w++) {
        writers[w].heap = &heap;
        writers[w].stop = &stop;
        writers[w].seed = w + 1;
        assert_int_equal(pthread_create(&threads[w], NULL, disarm_writer_main, &writers[w]), 0);
    }
    for (int round = 0; round < 2500; round++) {
        const uintptr_t at = heap.base + (size_t)(round % 7) * TEST_UNIT_BYTES;

        assert_int_equal(heap.backend->arm(at, at + TEST_UNIT_BYTES * 2), 0);
        heap.backend->disarm(at, at + TEST_UNIT_BYTES);
    }
    atomic_store(&stop, true);
    for (size_t w = 0; w < WRITERS; w++)
        pthread_join(threads[w], NULL);
    heap_close(&heap);
}

/* ---- against a shadow ---- */

struct shadow {
    bool armed[TEST_PAGES_MAX];
    bool written[TEST_PAGES_MAX]; /* since armed or harvested */
    unsigned seed;
};

static size_t shadow_random(struct shadow *shadow, size_t below)
{
    return (size_t)rand_r(&shadow->seed) % below;
}

static void shadow_write(struct shadow *shadow, const struct heap *heap, size_t pages)
{
    const size_t page = shadow_random(shadow, pages);

    touch(heap->base + page * heap->page + shadow_random(shadow, heap->page));
    shadow->written[page] = true;
}

/* A random part, on unit boundaries most of the time. */
static void shadow_part(struct shadow *shadow, const struct heap *heap, size_t pages, size_t *first,
                        size_t *last)
{
    const size_t unit = shadow_random(shadow, 4) == 0 ? 1 : TEST_UNIT_BYTES / heap->page;

    *first = shadow_random(shadow, pages / unit) * unit;
    *last = *first + (1 + shadow_random(shadow, 64)) * unit;
    *last = gcxi_min(*last, pages);
}

static void shadow_set(bool *set, size_t first, size_t last, bool value)
{
    memset(set + first, value, last - first);
}

static void shadow_rearm(struct shadow *shadow, const struct heap *heap, size_t pages)
{
    size_t first;
    size_t last;

    shadow_part(shadow, heap, pages, &first, &last);
    heap->backend->disarm(heap->base + first * heap->page, heap->base + last * heap->page);
    shadow_set(shadow->armed, first, last, false);
    for (int i = 0; i < 4; i++)
        shadow_write(shadow, heap, pages);
    assert_int_equal(
        heap->backend->arm(heap->base + first * heap->page, heap->base + last * heap->page), 0);
    shadow_set(shadow->armed, first, last, true);
    shadow_set(shadow->written, first, last, false);
}

static void shadow_harvest(struct shadow *shadow, const struct heap *heap, size_t first,
                           size_t last)
{
    harvest(heap, heap->base + first * heap->page, heap->base + last * heap->page);
    for (size_t i = first; i < last; i++) {
        assert_true(report.dirty[i] || !shadow->armed[i] || !shadow->written[i]);
        shadow->written[i] = false;
    }
}

static void random_writes_match_a_shadow(void **state)
{
    static struct shadow shadow;
    const struct heap heap = heap_open(true);
    const size_t pages = gcxi_min(TEST_BYTES / heap.page, TEST_PAGES_MAX);
    const bool parts = !backend_is(&heap, "softdirty"); /* it clears all at once */

    (void)state;
    memset(&shadow, 0, sizeof shadow);
    shadow.seed = 1;
    arm_clean(&heap, heap.base, heap.base + pages * heap.page);
    shadow_set(shadow.armed, 0, pages, true);
    for (int round = 0; round < TEST_ROUNDS; round++) {
        size_t first = 0;
        size_t last = pages;

        for (size_t i = shadow_random(&shadow, 6); i > 0; i--)
            shadow_write(&shadow, &heap, pages);
        if (parts && round % 16 == 0)
            shadow_rearm(&shadow, &heap, pages);
        if (parts && round % 8 != 0)
            shadow_part(&shadow, &heap, pages, &first, &last);
        shadow_harvest(&shadow, &heap, first, last);
    }
    heap_close(&heap);
}

/* ---- mprotect alone ---- */

static struct heap mprotect_open_or_skip(void)
{
    if (strcmp(test_backend_name, "mprotect") != 0) {
        print_message("skipped: for mprotect only\n");
        skip();
    }
    return heap_open(false);
}

static sigjmp_buf foreign_jump;
static volatile sig_atomic_t foreign_calls;
static void *volatile foreign_addr;
static const struct heap *foreign_heap;

static void foreign_sigaction(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    foreign_calls++;
    foreign_addr = signal_number == SIGSEGV ? info->si_addr : NULL;
    touch(foreign_heap->base); /* an armed page, from within the program's handler */
    siglongjmp(foreign_jump, 1);
}

static void foreign_handler(int signal_number)
{
    (void)signal_number;
    foreign_calls++;
    siglongjmp(foreign_jump, 1);
}

static void foreign_fault_at(uintptr_t addr)
{
    foreign_calls = 0;
    if (sigsetjmp(foreign_jump, 1) == 0)
        touch(addr);
    assert_int_equal(foreign_calls, 1);
}

static void foreign_faults_are_passed_on(void **state)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    struct sigaction before;
    struct heap heap;
    char *elsewhere = gcxi_vm_reserve(GCXI_MIB, TEST_UNIT_BYTES);

    (void)state;
    action.sa_sigaction = foreign_sigaction;
    sigfillset(&action.sa_mask);
    assert_int_equal(sigaction(SIGSEGV, &action, &before), 0);
    heap = mprotect_open_or_skip();
    foreign_heap = &heap;
    for (int i = 0; i < 3; i++) {
        arm_clean(&heap, heap.base, heap.base + GCXI_MIB);
        foreign_fault_at((uintptr_t)elsewhere);
        assert_ptr_equal(foreign_addr, elsewhere);
        foreign_fault_at(heap.base + TEST_BYTES); /* reserved, not committed */
        assert_true(harvest(&heap, heap.base, heap.base + GCXI_MIB) > 0);
        assert_true(was_reported(&heap, heap.base));
    }
    heap_close(&heap);
    assert_int_equal(sigaction(SIGSEGV, NULL, &action), 0);
    assert_true(action.sa_sigaction == foreign_sigaction);

    action.sa_flags = 0;
    action.sa_handler = foreign_handler;
    assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
    heap = mprotect_open_or_skip();
    foreign_fault_at((uintptr_t)elsewhere);
    foreign_fault_at(heap.base + TEST_BYTES);
    foreign_calls = 0;
    if (sigsetjmp(foreign_jump, 1) == 0)
        raise(SIGSEGV);
    assert_int_equal(foreign_calls, 1);
    heap_close(&heap);
    sigaction(SIGSEGV, &before, NULL);
    gcxi_vm_unreserve(elsewhere, GCXI_MIB);
}

/* The signal that ends a child with that disposition which faults or raises. */
static int child_ends_by(void (*disposition)(int), bool fault)
{
    const pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, disposition);
        alarm(20);
        const struct heap heap = heap_open(false);
        if (heap.backend->arm(heap.base, heap.base + GCXI_MIB) < 0)
            _exit(1);
        touch(heap.base);
        if (fault)
            touch(heap.base + TEST_BYTES);
        else
            raise(SIGSEGV);
        touch(heap.base + TEST_UNIT_BYTES);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void default_and_ignore_act_as_ever(void **state)
{
    const struct heap heap = mprotect_open_or_skip();

    (void)state;
    heap_close(&heap);
    assert_int_equal(child_ends_by(SIG_DFL, true), SIGSEGV);
    assert_int_equal(child_ends_by(SIG_DFL, false), SIGSEGV);
    assert_int_equal(child_ends_by(SIG_IGN, true), SIGSEGV);
    assert_int_equal(child_ends_by(SIG_IGN, false), 0);
}

/* Uses up the kernel mappings that the process may have. */
static void exhaust_mappings(void)
{
    int protection = PROT_READ;

    while (mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        protection ^= PROT_READ;
}

static int survive_without_mappings(const struct heap *heap)
{
    const uintptr_t hi = heap->base + TEST_BYTES;

    if (heap->backend->arm(heap->base, hi) < 0)
        return 1;
    exhaust_mappings();
    for (uintptr_t at = heap->base + TEST_UNIT_BYTES; at < hi; at += 2 * TEST_UNIT_BYTES)
        touch(at);
    harvest(heap, heap->base, hi);
    for (uintptr_t at = heap->base + TEST_UNIT_BYTES; at < hi; at += 2 * TEST_UNIT_BYTES) {
        if (!was_reported(heap, at))
            return 2;
    }
    for (uintptr_t at = heap->base; at + TEST_UNIT_BYTES < hi; at += 2 * TEST_UNIT_BYTES)
        (void)heap->backend->arm(at, at + TEST_UNIT_BYTES);
    for (uintptr_t at = heap->base; at < hi; at += TEST_UNIT_BYTES)
        touch(at);
    harvest(heap, heap->base, hi);
    for (uintptr_t at = heap->base; at + TEST_UNIT_BYTES < hi; at += 2 * TEST_UNIT_BYTES) {
        if (!was_reported(heap, at))
            return 3;
    }
    return 0;
}

static void running_out_of_mappings_is_survived(void **state)
{
    const struct heap heap = mprotect_open_or_skip();
    const pid_t child = fork();
    int status = -1;

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(60);
        _exit(survive_without_mappings(&heap));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    heap_close(&heap);
}

/* ---- the table ---- */

static void auto_never_breaks_system_calls(void **state)
{
    void *base = gcxi_vm_reserve(GCXI_MIB, TEST_UNIT_BYTES);
    const struct gcxi_dirty_backend *chosen = gcxi_dirty_open(NULL, (uintptr_t)base, GCXI_MIB);

    (void)state;
    if (chosen != NULL) {
        assert_string_not_equal(chosen->name, "mprotect");
        chosen->close();
        assert_ptr_equal(gcxi_dirty_open("auto", (uintptr_t)base, GCXI_MIB), chosen);
        chosen->close();
    }
    print_message("auto chooses %s\n", chosen != NULL ? chosen->name : "nothing");
    assert_null(gcxi_dirty_open("none", (uintptr_t)base, GCXI_MIB));
    assert_null(gcxi_dirty_open("no such", (uintptr_t)base, GCXI_MIB));
    gcxi_vm_unreserve(base, GCXI_MIB);
}

static void failed_open_changes_nothing(void **state)
{
    struct sigaction before;
    struct sigaction after;
    void *base = gcxi_vm_reserve(GCXI_MIB, TEST_UNIT_BYTES);

    (void)state;
    assert_int_equal(sigaction(SIGSEGV, NULL, &before), 0);
    for (long calls = 0; calls < 4; calls++) {
        const struct gcxi_dirty_backend *opened;

        gcxi_vm_inject_failure(calls);
        opened = gcxi_dirty_open(test_backend_name, (uintptr_t)base, GCXI_MIB);
        gcxi_vm_inject_failure(-1);
        if (opened != NULL)
            opened->close();
        assert_int_equal(sigaction(SIGSEGV, NULL, &after), 0);
        assert_true(before.sa_handler == after.sa_handler);
    }
    gcxi_vm_unreserve(base, GCXI_MIB);
}

static int run_backend(const char *name)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_open_changes_nothing),
        cmocka_unit_test(writes_are_reported_once),
        cmocka_unit_test(reads_are_not_writes),
        cmocka_unit_test(a_write_during_the_report_shows_again),
        cmocka_unit_test(disarmed_pages_are_free),
        cmocka_unit_test(odd_ranges_lose_nothing),
        cmocka_unit_test(system_calls_into_pages),
        cmocka_unit_test(huge_pages_are_tracked),
        cmocka_unit_test(purged_pages_are_tracked_after_arming),
        cmocka_unit_test(more_regions_than_one_scan_returns),
        cmocka_unit_test(opens_again_and_only_once_at_a_time),
        cmocka_unit_test(both_sides_of_a_fork_track),
        cmocka_unit_test(harvests_race_with_writers),
        cmocka_unit_test(arming_and_disarming_race_with_writers),
        cmocka_unit_test(random_writes_match_a_shadow),
        cmocka_unit_test(foreign_faults_are_passed_on),
        cmocka_unit_test(default_and_ignore_act_as_ever),
        cmocka_unit_test(running_out_of_mappings_is_survived),
    };

    test_backend_name = name;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

static uint64_t half_a_microsecond(void)
{
    return 500;
}

static void a_fault_costs_what_checked_builds_are_told(void **state)
{
    const struct gcxi_dirty_backend backend = {.fault_ns = half_a_microsecond};
    const uint64_t told = GCXI_CHECKED ? 20000 : 500;

    (void)state;
    unsetenv("GCX_FAULT_NS");
    assert_int_equal(gcxi_dirty_fault_ns(&backend), 500);
    setenv("GCX_FAULT_NS", "20000", 1);
    assert_int_equal(gcxi_dirty_fault_ns(&backend), told);
    setenv("GCX_FAULT_NS", "-1", 1);
    assert_int_equal(gcxi_dirty_fault_ns(&backend), 500);
    setenv("GCX_FAULT_NS", "dear", 1);
    assert_int_equal(gcxi_dirty_fault_ns(&backend), 500);
    unsetenv("GCX_FAULT_NS");
}

int main(void)
{
    const struct CMUnitTest choice[] = {
        cmocka_unit_test(auto_never_breaks_system_calls),
        cmocka_unit_test(a_fault_costs_what_checked_builds_are_told),
    };
    int failures = cmocka_run_group_tests_name("os_dirty", choice, NULL, NULL);

    for (size_t i = 0; gcxi_dirty_backends[i] != NULL; i++)
        failures += run_backend(gcxi_dirty_backends[i]->name);
    return failures;
}
