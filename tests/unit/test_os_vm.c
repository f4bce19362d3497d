/* test_os_vm.c -- what os/vm.h, os/cpu.h, os/clock.h, os/futex.h and
 * gcxi_report promise.
 *
 * SPDX-License-Identifier: MIT */
#include "base/base.h"
#include "os/clock.h"
#include "os/cpu.h"
#include "os/futex.h"
#include "os/vm.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST_RESERVE_BYTES (64 * GCXI_GIB)

static bool bytes_are_zero(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

/* The signal that ends a child which writes there, or 0. */
static int signal_of_write(volatile char *at)
{
    const pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        *at = 1;
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void reserve_gives_aligned_space_that_faults(void **state)
{
    (void)state;
    for (size_t align = gcxi_vm_page_bytes(); align <= GCXI_GIB; align *= 2) {
        char *base = gcxi_vm_reserve(3 * GCXI_MIB, align);

        assert_non_null(base);
        assert_int_equal((uintptr_t)base % align, 0);
        gcxi_vm_unreserve(base, 3 * GCXI_MIB);
    }
    char *base = gcxi_vm_reserve(TEST_RESERVE_BYTES, 64 * GCXI_KIB);
    assert_non_null(base);
    assert_int_equal(signal_of_write(base), SIGSEGV);
    assert_int_equal(signal_of_write(base + TEST_RESERVE_BYTES - 1), SIGSEGV);
    gcxi_vm_unreserve(base, TEST_RESERVE_BYTES);
}

static void reserve_that_cannot_be_fails(void **state)
{
    (void)state;
    errno = 0;
    assert_null(gcxi_vm_reserve((size_t)1 << 62, 64 * GCXI_KIB));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(gcxi_vm_reserve(~(size_t)0 & ~(gcxi_vm_page_bytes() - 1), 64 * GCXI_KIB));
    assert_int_equal(errno, ENOMEM);
}

static void commit_and_purge_give_zero_pages(void **state)
{
    const size_t bytes = 4 * GCXI_MIB;
    char *base = gcxi_vm_reserve(16 * GCXI_MIB, 64 * GCXI_KIB);

    (void)state;
    assert_non_null(base);
    assert_int_equal(gcxi_vm_commit(base + bytes, bytes), 0);
    assert_true(bytes_are_zero((unsigned char *)base + bytes, bytes));
    memset(base + bytes, 0x5a, bytes);
    assert_int_equal(gcxi_vm_commit(base + bytes, bytes), 0);
    assert_int_equal(base[bytes], 0x5a);
    assert_int_equal(signal_of_write(base + bytes - 1), SIGSEGV);
    assert_int_equal(signal_of_write(base + 2 * bytes), SIGSEGV);
    assert_int_equal(gcxi_vm_purge(base + bytes, bytes / 2), 0);
    assert_true(bytes_are_zero((unsigned char *)base + bytes, bytes / 2));
    assert_int_equal(base[bytes + bytes / 2], 0x5a);
    base[bytes] = 1;
    gcxi_vm_unreserve(base, 16 * GCXI_MIB);
}

static void map_is_zero_and_hints_do_no_harm(void **state)
{
    unsigned char *base = gcxi_vm_map(4 * GCXI_MIB);

    (void)state;
    assert_non_null(base);
    errno = 77;
    gcxi_vm_advise_huge(base, 4 * GCXI_MIB);
    gcxi_vm_advise_nodump(base, 4 * GCXI_MIB);
    gcxi_vm_advise_huge(base + 1, 3);
    assert_int_equal(errno, 77);
    assert_true(bytes_are_zero(base, 4 * GCXI_MIB));
    gcxi_vm_unmap(base, 4 * GCXI_MIB);
}

static void injection_fails_from_the_chosen_call_on(void **state)
{
    const size_t page = gcxi_vm_page_bytes();
    char *base = gcxi_vm_reserve(page, page);

    (void)state;
    assert_non_null(base);
    for (long calls = 0; calls < 4; calls++) {
        gcxi_vm_inject_failure(calls);
        for (long i = 0; i < calls; i++)
            assert_int_equal(gcxi_vm_commit(base, page), 0);
        for (int again = 0; again < 3; again++) {
            errno = 0;
            assert_int_equal(gcxi_vm_commit(base, page), -1);
            assert_int_equal(errno, ENOMEM);
        }
        assert_int_equal(gcxi_vm_purge(base, page), -1);
        assert_null(gcxi_vm_map(page));
        assert_null(gcxi_vm_reserve(page, page));
    }
    gcxi_vm_inject_failure(-1);
    assert_int_equal(gcxi_vm_commit(base, page), 0);
    gcxi_vm_unreserve(base, page);
}

static void machine_is_plausible(void **state)
{
    (void)state;
    assert_true(gcxi_cpu_count() >= 1);
    assert_true(gcxi_cpu_cache_bytes() >= 256 * GCXI_KIB);
    assert_true(gcxi_cpu_cache_bytes() <= 4 * GCXI_GIB);
    assert_true(gcxi_cpu_memory_bytes() >= 64 * GCXI_MIB);
    print_message("cpus %u, cache %zu KiB, memory %lu MiB\n", gcxi_cpu_count(),
                  gcxi_cpu_cache_bytes() / GCXI_KIB,
                  (unsigned long)(gcxi_cpu_memory_bytes() / GCXI_MIB));
}

static void clock_never_goes_back(void **state)
{
    uint64_t last = gcxi_clock_ns();
    const uint64_t cpu = gcxi_clock_process_cpu_ns();

    (void)state;
    for (int i = 0; i < 100000; i++) {
        const uint64_t now = gcxi_clock_ns();

        assert_true(now >= last);
        last = now;
    }
    assert_true(gcxi_clock_process_cpu_ns() > cpu);
}

static atomic_uint futex_word;

static void *futex_waiter(void *arg)
{
    (void)arg;
    while (atomic_load(&futex_word) == 0)
        gcxi_futex_wait(&futex_word, 0);
    return NULL;
}

static void futex_waits_wakes_and_times_out(void **state)
{
    pthread_t threads[4];
    uint64_t begin;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, futex_waiter, NULL), 0);
    begin = gcxi_clock_ns();
    errno = 77;
    assert_false(gcxi_futex_wait_for(&futex_word, 0, 20000000));
    assert_int_equal(errno, 77);
    assert_true(gcxi_clock_ns() - begin >= 20000000);
    assert_true(gcxi_futex_wait_for(&futex_word, 1, 1000000000));
    atomic_store(&futex_word, 1);
    gcxi_futex_wake(&futex_word, UINT32_MAX);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* What a child prints on stderr. */
static ssize_t capture(void (*print)(void), char *text, size_t bytes)
{
    ssize_t used = 0;
    ssize_t n;
    int fds[2];
    pid_t child;

    assert_int_equal(pipe(fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(fds[1], STDERR_FILENO);
        print();
        _exit(0);
    }
    close(fds[1]);
    while ((n = read(fds[0], text + used, bytes - 1 - (size_t)used)) > 0)
        used += n;
    text[used] = '\0';
    close(fds[0]);
    waitpid(child, NULL, 0);
    return used;
}

static void print_all_formats(void)
{
    errno = 77;
    gcxi_report("%s %d %d %u %zu %lu %x %p %% %d\n", "text", -12, (-2147483647 - 1), 4294967295u,
                (size_t)123456789012, 18446744073709551615ul, 0xbeefu, (void *)0x1234, 0);
    if (errno != 77)
        gcxi_report("errno changed");
}

static void print_long(void)
{
    char text[2000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    gcxi_report("%s", text);
}

static void print_panic(void)
{
    gcxi_panic("file.c", 12, "it broke");
}

static void report_formats_and_cuts(void **state)
{
    static const char panic[] = "gcx: file.c:12: it broke\n";
    char text[4096];

    (void)state;
    capture(print_all_formats, text, sizeof text);
    assert_string_equal(text, "gcx: text -12 -2147483648 4294967295 123456789012 "
                              "18446744073709551615 beef 0x1234 % 0\n");
    assert_int_equal(capture(print_long, text, sizeof text), 512);
    assert_int_equal(text[511], '\n');
    capture(print_panic, text, sizeof text); /* an emulator may add its own line */
    assert_memory_equal(text, panic, strlen(panic));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserve_gives_aligned_space_that_faults),
        cmocka_unit_test(reserve_that_cannot_be_fails),
        cmocka_unit_test(commit_and_purge_give_zero_pages),
        cmocka_unit_test(map_is_zero_and_hints_do_no_harm),
        cmocka_unit_test(injection_fails_from_the_chosen_call_on),
        cmocka_unit_test(machine_is_plausible),
        cmocka_unit_test(clock_never_goes_back),
        cmocka_unit_test(futex_waits_wakes_and_times_out),
        cmocka_unit_test(report_formats_and_cuts),
    };

    return cmocka_run_group_tests_name("os_vm", tests, NULL, NULL);
}
