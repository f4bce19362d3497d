/* test_free.c -- gcx_free: what it releases, and misuse that it only reports.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/gcx.h>

#include "../support/capture.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/scale.h"

#define MIB ((size_t)1024 * 1024)

static int errors;

static void on_error(const char *message, void *arg)
{
    if (message != NULL && message[0] != '\0' && arg == &errors) {
        errors++;
    }
}

static int listen_to_errors(void **state)
{
    struct gcx_events events = {.error = on_error, .arg = &errors};
    (void)state;
    errors = 0;
    return gcx_set_event_listener(&events);
}

static int listen_no_more(void **state)
{
    (void)state;
    return gcx_set_event_listener(NULL);
}

/* Frees p and returns whether that was reported both ways. */
static int is_reported(void *p)
{
    struct capture c;
    int before = errors;
    capture_begin(&c);
    gcx_free(p);
    const char *said = capture_end(&c);
    int on_stderr = strlen(said) > 0;
    int by_event = errors == before + 1;
    assert_int_equal(on_stderr, by_event);
    return on_stderr;
}

/* Fresh objects of one size must be distinct, zero and none of `live`. */
static void check_undamaged(size_t size, void *const *live, size_t live_count)
{
    enum { N = 500 };
    static char *fresh[N];
    size_t n = size > 1000 ? scaled(N) : N;
    for (size_t i = 0; i < n; i++) {
        fresh[i] = gcx_alloc(size);
        assert_non_null(fresh[i]);
        assert_true(all_bytes(fresh[i], size, 0));
        pattern_fill(fresh[i], size, i);
        for (size_t k = 0; k < live_count; k++) {
            assert_ptr_not_equal(fresh[i], live[k]);
        }
    }
    gcx_collect(GCX_FULL);
    for (size_t i = 0; i < n; i++) {
        assert_true(pattern_intact(fresh[i], size, i));
    }
    memset(fresh, 0, sizeof fresh);
}

static void test_null_is_nothing(void **state)
{
    (void)state;
    assert_false(is_reported(NULL));
}

static void test_right_use_is_silent(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 16, 100, 256, 1000, 5000, 40000, 100000, MIB, 9 * MIB};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        char *objects[] = {gcx_alloc(sizes[i]), gcx_alloc_noscan(sizes[i]),
                           gcx_alloc_root(sizes[i]), gcx_alloc_aligned(4096, sizes[i])};
        for (size_t k = 0; k < COUNT_OF(objects); k++) {
            assert_ptr_equal(gcx_base(objects[k]), objects[k]);
            assert_false(is_reported(objects[k]));
            assert_null(gcx_base(objects[k]));
        }
    }
}

static void test_old_objects_can_be_freed(void **state)
{
    (void)state;
    static void *old[1000];
    for (size_t i = 0; i < COUNT_OF(old); i++) {
        old[i] = gcx_alloc(i);
    }
    gcx_collect(GCX_MINOR);
    gcx_collect(GCX_FULL);
    for (size_t i = 0; i < COUNT_OF(old); i += 2) {
        assert_false(is_reported(old[i]));
        assert_null(gcx_base(old[i]));
        old[i] = NULL;
    }
    gcx_collect(GCX_FULL);
    for (size_t i = 1; i < COUNT_OF(old); i += 2) {
        assert_ptr_equal(gcx_base(old[i]), old[i]);
        assert_true(all_bytes(old[i], i, 0));
        old[i] = NULL;
    }
}

static void check_double_free(size_t size, int kind)
{
    char *before = gcx_alloc(size);
    char *p = kind == 0   ? gcx_alloc(size)
              : kind == 1 ? gcx_alloc_noscan(size)
                          : gcx_alloc_root(size);
    char *after = gcx_alloc(size);
    void *live[] = {before, after};
    pattern_fill(before, size, 1);
    pattern_fill(after, size, 2);
    assert_false(is_reported(p));
    assert_true(is_reported(p));
    assert_true(is_reported(p));
    check_undamaged(size, live, 2);
    assert_true(pattern_intact(before, size, 1));
    assert_true(pattern_intact(after, size, 2));
    gcx_keep_alive(before);
    gcx_keep_alive(after);
}

static void test_double_free(void **state)
{
    (void)state;
    static const size_t sizes[] = {16, 48, 256, 1000, 4000, 20000, 100000, 2 * MIB};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        for (int kind = 0; kind < 3; kind++) {
            check_double_free(sizes[i], kind);
        }
    }
}

/* After a cycle the slot is as free as before. */
static void test_double_free_across_a_cycle(void **state)
{
    (void)state;
    hidden_ptr freed[64];
    for (size_t i = 0; i < 64; i++) {
        freed[i] = make_hidden(64 + i % 3 * 5000, i);
        gcx_free(reveal(freed[i]));
    }
    collect_full();
    for (size_t i = 0; i < 64; i++) {
        /* Nothing was allocated since, so nothing else lives there. */
        assert_true(is_reported(reveal(freed[i])));
    }
    check_undamaged(64, NULL, 0);
}

static void test_interior(void **state)
{
    (void)state;
    static const size_t sizes[] = {17, 64, 256, 1000, 4000, 20000, 100000, 2 * MIB};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        char *p = gcx_alloc(sizes[i]);
        void *live[] = {p};
        pattern_fill(p, sizes[i], i);
        assert_true(is_reported(p + 1));
        assert_true(is_reported(p + 8));
        assert_true(is_reported(p + 16));
        assert_true(is_reported(p + sizes[i] / 2));
        assert_true(is_reported(p + sizes[i] - 1));
        assert_ptr_equal(gcx_base(p), p);
        check_undamaged(sizes[i] > MIB ? MIB / 8 : sizes[i], live, 1);
        assert_true(pattern_intact(p, sizes[i], i));
        gcx_free(p);
    }
}

static int a_static_variable = 77;

static void test_foreign(void **state)
{
    (void)state;
    int local = 5;
    char *malloced = malloc(128);
    assert_non_null(malloced);
    memset(malloced, 3, 128);
    assert_true(is_reported(&local));
    assert_true(is_reported(&a_static_variable));
    assert_true(is_reported(malloced));
    assert_true(is_reported((void *)(uintptr_t)16));
    assert_true(is_reported((void *)UINTPTR_MAX));
    assert_true(is_reported((void *)(uintptr_t)&test_foreign));
    assert_int_equal(local, 5);
    assert_int_equal(a_static_variable, 77);
    assert_true(all_bytes(malloced, 128, 3));
    free(malloced);
    check_undamaged(128, NULL, 0);
}

/* The message names the address, so that a user can find the culprit. */
static void test_the_report_names_the_address(void **state)
{
    (void)state;
    struct capture c;
    char digits[32];
    char *p = gcx_alloc(100);
    snprintf(digits, sizeof digits, "%jx", (uintmax_t)(uintptr_t)(p + 4));
    capture_begin(&c);
    gcx_free(p + 4);
    assert_non_null(strstr(capture_end(&c), digits));
    gcx_keep_alive(p);
}

static void test_memory_is_used_again_at_once(void **state)
{
    (void)state;
    static const size_t sizes[] = {64, 2000, 20000, MIB};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        collect_full();
        uint64_t before = stats_now().heap_bytes;
        gcx_disable();
        for (size_t bytes = 0; bytes < 256 * MIB; bytes += sizes[i]) {
            void *p = gcx_alloc_noscan(sizes[i]);
            assert_non_null(p);
            gcx_free(p);
        }
        uint64_t after = stats_now().heap_bytes;
        gcx_enable();
        if (after > before + 64 * MIB) {
            fail_msg("allocating and freeing %zu bytes over and over grew the heap by %ju MiB",
                     sizes[i], (uintmax_t)((after - before) / MIB));
        }
    }
}

static void test_what_a_freed_object_held_goes(void **state)
{
    (void)state;
    hidden_ptr inner[64];
    hidden_ptr outer[64];
    for (size_t i = 0; i < 64; i++) {
        void **p = gcx_alloc_root(64);
        inner[i] = make_hidden(80, i);
        p[3] = reveal(inner[i]);
        outer[i] = hide(p);
    }
    collect_full();
    assert_int_equal(count_intact(inner, 64, 80, 0), 64);
    for (size_t i = 0; i < 64; i++) {
        gcx_free(reveal(outer[i]));
    }
    collect_full();
    assert_true(count_gone(inner, 64) >= 56);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_is_nothing),
        cmocka_unit_test(test_right_use_is_silent),
        cmocka_unit_test(test_old_objects_can_be_freed),
        cmocka_unit_test(test_double_free),
        cmocka_unit_test(test_double_free_across_a_cycle),
        cmocka_unit_test(test_interior),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_the_report_names_the_address),
        cmocka_unit_test(test_memory_is_used_again_at_once),
        cmocka_unit_test(test_what_a_freed_object_held_goes),
    };
    return cmocka_run_group_tests(tests, listen_to_errors, listen_no_more);
}
