/* test_os_module.c -- what os/module.h promises.
 *
 * SPDX-License-Identifier: MIT */
#include "os/clock.h"
#include "os/module.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/vm.h"

#define SECOND_LEVEL_KEYS 40

static long data_word = 4711;
static long bss_word;
static long excluded_words[8];
static unsigned char zeroes[256 * 1024];
static unsigned char filled[64 * 1024] = {1};
static long excluded_zeroes[32 * 1024];
static void *const relocated_word = &data_word; /* read-only after relocation */

static __thread long tls_data_word = 42;
static __thread long tls_bss_words[16];

static void count_call(void *arg)
{
    ++*(int *)arg;
}

static void freeze(void)
{
    int calls = 0;

    assert_int_equal(gcxi_module_freeze(count_call, &calls), 0);
    assert_int_equal(calls, 1);
}

static bool in_ranges(const volatile void *ptr)
{
    const struct gcxi_range *ranges;
    const size_t count = gcxi_module_ranges(&ranges);

    for (size_t i = 0; i < count; i++) {
        if (ranges[i].lo <= (uintptr_t)ptr && (uintptr_t)ptr < ranges[i].hi)
            return true;
    }
    return false;
}

/* Reads every word of every range: none may fault. */
static GCXI_NO_SANITIZE uintptr_t read_ranges(void)
{
    const struct gcxi_range *ranges;
    const size_t count = gcxi_module_ranges(&ranges);
    uintptr_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        assert_true(ranges[i].lo < ranges[i].hi);
        assert_int_equal(ranges[i].lo % sizeof(void *), 0);
        assert_int_equal(ranges[i].hi % sizeof(void *), 0);
        for (uintptr_t at = ranges[i].lo; at < ranges[i].hi; at += sizeof at)
            sum += *(const volatile uintptr_t *)at;
    }
    return sum;
}

static void static_data_is_found(void **state)
{
    (void)state;
    gcxi_module_exclude((uintptr_t)&excluded_words[2], (uintptr_t)&excluded_words[6]);
    freeze();
    assert_true(in_ranges(&data_word));
    assert_true(in_ranges(&bss_word));
    assert_true(in_ranges(&stdout)); /* copied here, or in the C library */
    assert_true(in_ranges(&excluded_words[1]));
    assert_false(in_ranges(&excluded_words[2]));
    assert_false(in_ranges(&excluded_words[5]));
    assert_true(in_ranges(&excluded_words[6]));
    assert_false(in_ranges(&relocated_word));
    assert_false(in_ranges("constant"));
    read_ranges();
}

struct frozen_in {
    atomic_int opened;
    bool waited;
};

static void *open_a_library(void *arg)
{
    struct frozen_in *frozen = arg;
    void *library = dlopen("libz.so.1", RTLD_NOW);

    atomic_store(&frozen->opened, 1);
    if (library != NULL)
        dlclose(library);
    return NULL;
}

static const struct gcxi_data *data_at(const volatile void *ptr)
{
    const struct gcxi_data *all;
    const size_t count = gcxi_module_data(&all);

    for (size_t i = 0; i < count; i++) {
        if (all[i].lo <= (uintptr_t)ptr && (uintptr_t)ptr < all[i].hi)
            return &all[i];
    }
    return NULL;
}

/* Whole pages, and nothing that an exclusion has a part in. */
static void pages_are_told(void **state)
{
    const size_t page_bytes = gcxi_vm_page_bytes();
    const struct gcxi_data *found;
    const uint64_t version = gcxi_module_version();

    (void)state;
    gcxi_module_exclude((uintptr_t)&excluded_zeroes[16 * 1024],
                        (uintptr_t)&excluded_zeroes[16 * 1024 + 1]);
    freeze();
    assert_true(gcxi_module_version() > version);
    found = data_at(zeroes + sizeof zeroes / 2);
    assert_non_null(found);
    assert_true(found->is_program);
    assert_true(found->lo % page_bytes == 0 && found->hi % page_bytes == 0);
    assert_true(found->zeroes_lo % page_bytes == 0 && found->lo <= found->zeroes_lo);
    assert_in_range(found->zeroes_lo, found->lo, (uintptr_t)zeroes + sizeof zeroes / 2);
    assert_non_null(data_at(&excluded_zeroes[8 * 1024]));
    assert_null(data_at(&excluded_zeroes[16 * 1024]));
    found = data_at(filled + sizeof filled / 2);
    assert_non_null(found);
    assert_true(found->is_program);
    assert_in_range(found->zeroes_lo, (uintptr_t)filled + sizeof filled / 2 + 1, found->hi);
    for (uintptr_t at = found->lo; at < found->hi; at += page_bytes)
        assert_true(in_ranges((void *)at) && in_ranges((char *)at + page_bytes - 8));
    freeze();
    assert_true(gcxi_module_version() == version + 1);
}

static void hold_lock_for_a_while(void *arg)
{
    struct frozen_in *frozen = arg;

    usleep(100000);
    frozen->waited = atomic_load(&frozen->opened) == 0;
}

static void freeze_holds_and_frees_the_loaders_lock(void **state)
{
    struct frozen_in frozen = {0, false};
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, open_a_library, &frozen), 0);
    assert_int_equal(gcxi_module_freeze(hold_lock_for_a_while, &frozen), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&frozen.opened), 1);
}

static void libraries_come_and_go(void **state)
{
    const struct gcxi_range *ranges;
    size_t before;

    (void)state;
    freeze();
    before = gcxi_module_ranges(&ranges);
    for (int i = 0; i < 20; i++) {
        void *library = dlopen("libz.so.1", RTLD_NOW);

        if (library == NULL) {
            print_message("skipped: no libz.so.1\n");
            skip();
        }
        freeze();
        assert_true(gcxi_module_ranges(&ranges) > before);
        read_ranges();
        dlclose(library);
        freeze();
        assert_int_equal(gcxi_module_ranges(&ranges), before);
        read_ranges();
    }
}

static void failure_to_grow_is_told(void **state)
{
    int calls = 0;

    (void)state;
    freeze();
    gcxi_module_exclude(8, 16); /* makes it stale */
    gcxi_vm_inject_failure(0);
    (void)gcxi_module_freeze(count_call, &calls); /* may have had room */
    gcxi_vm_inject_failure(-1);
    assert_int_equal(calls, 1);
    freeze();
    assert_true(in_ranges(&data_word));
}

/* ---- thread-local storage ---- */

struct sought {
    uintptr_t addr[4];
    uintptr_t value; /* 0: none sought */
    bool found_addr[4];
    bool found_value;
};

static GCXI_NO_SANITIZE void seek(uintptr_t lo, uintptr_t hi, void *arg)
{
    struct sought *sought = arg;

    assert_true(lo < hi);
    assert_int_equal(lo % sizeof(void *), 0);
    assert_int_equal(hi % sizeof(void *), 0);
    for (size_t i = 0; i < 4; i++) {
        if (lo <= sought->addr[i] && sought->addr[i] < hi)
            sought->found_addr[i] = true;
    }
    for (uintptr_t at = lo; at < hi; at += sizeof at) {
        if (sought->value != 0 && *(const volatile uintptr_t *)at == sought->value)
            sought->found_value = true;
    }
}

struct other_thread {
    pthread_barrier_t ready;
    pthread_barrier_t done;
    pthread_key_t keys[SECOND_LEVEL_KEYS];
    uintptr_t thread_pointer;
    uintptr_t tls_data;
    uintptr_t tls_bss;
};

static uintptr_t key_value(size_t i)
{
    return UINT64_C(0x7e57000000000000) + i * 16;
}

static void fill_other_thread(struct other_thread *other)
{
    other->thread_pointer = gcxi_module_thread_pointer();
    other->tls_data = (uintptr_t)&tls_data_word;
    other->tls_bss = (uintptr_t)&tls_bss_words[15];
    for (size_t i = 0; i < SECOND_LEVEL_KEYS; i++)
        assert_int_equal(pthread_setspecific(other->keys[i], (void *)key_value(i)), 0);
}

static void *other_thread_main(void *arg)
{
    struct other_thread *other = arg;

    fill_other_thread(other);
    pthread_barrier_wait(&other->ready);
    pthread_barrier_wait(&other->done);
    return NULL;
}

static void check_storage(const struct other_thread *other)
{
    struct sought sought = {.addr = {other->tls_data, other->tls_bss}};

    for (size_t i = 0; i < SECOND_LEVEL_KEYS; i++) {
        sought.value = key_value(i);
        sought.found_value = false;
        gcxi_module_thread_storage(other->thread_pointer, seek, &sought);
        assert_true(sought.found_value);
    }
    assert_true(sought.found_addr[0]);
    assert_true(sought.found_addr[1]);
}

static void thread_storage_is_found(void **state)
{
    static struct other_thread other;
    static struct other_thread own;
    pthread_t thread;

    (void)state;
    for (size_t i = 0; i < SECOND_LEVEL_KEYS; i++) {
        assert_int_equal(pthread_key_create(&other.keys[i], NULL), 0);
        own.keys[i] = other.keys[i];
    }
    freeze();
    fill_other_thread(&own);
    check_storage(&own);

    pthread_barrier_init(&other.ready, NULL, 2);
    pthread_barrier_init(&other.done, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, other_thread_main, &other), 0);
    pthread_barrier_wait(&other.ready);
    assert_true(other.tls_data != own.tls_data);
    check_storage(&other);
    pthread_barrier_wait(&other.done);
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (size_t i = 0; i < SECOND_LEVEL_KEYS; i++)
        pthread_key_delete(other.keys[i]);
}

static void ignore_range(uintptr_t lo, uintptr_t hi, void *arg)
{
    *(size_t *)arg += hi - lo;
}

/* The costs, for the reader; libstdc++ has dynamic thread-local storage. */
static void loaded_thread_storage_is_readable(void **state)
{
    void *library = dlopen("libstdc++.so.6", RTLD_NOW);
    struct sought sought = {.value = 1};
    size_t bytes = 0;
    uint64_t begin;

    (void)state;
    freeze();
    gcxi_module_thread_storage(gcxi_module_thread_pointer(), seek, &sought);
    if (library != NULL) {
        void *(*globals)(void) = NULL;

        *(void **)&globals = dlsym(library, "__cxa_get_globals");
        assert_non_null(globals);
        sought.addr[0] = (uintptr_t)globals();
        gcxi_module_thread_storage(gcxi_module_thread_pointer(), seek, &sought);
        assert_true(sought.found_addr[0]);
        dlclose(library);
    }
    begin = gcxi_clock_ns();
    for (int i = 0; i < 1000; i++)
        freeze();
    print_message("freeze %lu ns", (unsigned long)((gcxi_clock_ns() - begin) / 1000));
    gcxi_module_thread_storage(gcxi_module_thread_pointer(), ignore_range, &bytes);
    print_message(", storage of a thread %zu bytes\n", bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(static_data_is_found),
        cmocka_unit_test(pages_are_told),
        cmocka_unit_test(freeze_holds_and_frees_the_loaders_lock),
        cmocka_unit_test(libraries_come_and_go),
        cmocka_unit_test(failure_to_grow_is_told),
        cmocka_unit_test(thread_storage_is_found),
        cmocka_unit_test(loaded_thread_storage_is_readable),
    };

    return cmocka_run_group_tests_name("os_module", tests, NULL, NULL);
}
