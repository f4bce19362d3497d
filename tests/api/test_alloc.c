/* test_alloc.c -- what an allocation gives: zeros, alignment, size, copies.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include <gcx/gcx.h>

#include "../support/capture.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)

static const size_t large_sizes[] = {
    1101,        2 * KIB - 1,  2 * KIB,      2 * KIB + 1, 4 * KIB,       4 * KIB + 1,  8 * KIB,
    8 * KIB + 1, 16 * KIB - 8, 16 * KIB + 1, 32 * KIB,    32 * KIB + 1,  48 * KIB + 5, 64 * KIB - 1,
    64 * KIB,    64 * KIB + 1, 100000,       128 * KIB,   256 * KIB + 3, 1000000,      MIB,
    MIB + 1,     3 * MIB + 17, 4 * MIB,      16 * MIB,    16 * MIB + 1,  64 * MIB,
};

static void *must(void *p)
{
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 16, 0);
    return p;
}

/* Checks that an object is zero and leaves it dirty. */
static void check_zero_then_dirty(void *p, size_t size)
{
    must(p);
    if (!all_bytes(p, size, 0)) {
        fail_msg("an object of %zu bytes is not zero", size);
    }
    memset(p, 0xa5, size);
}

static void test_small_objects_are_zero(void **state)
{
    (void)state;
    for (int round = 0; round < (is_stressed() ? 2 : 6); round++) {
        for (size_t size = 0; size <= 1100; size++) {
            for (int i = 0; i < 12; i++) {
                check_zero_then_dirty(gcx_alloc(size), size);
            }
            check_zero_then_dirty(gcx_calloc(1, size), size);
            check_zero_then_dirty(gcx_alloc_aligned(16, size), size);
            void *root = gcx_alloc_root(size);
            check_zero_then_dirty(root, size);
            gcx_free(root);
            memset(must(gcx_alloc_noscan(size)), 0xa5, size);
        }
        gcx_collect(round % 2 == 0 ? GCX_FULL : GCX_MINOR);
    }
}

static void test_large_objects_are_zero(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT_OF(large_sizes); i++) {
            size_t size = large_sizes[i];
            check_zero_then_dirty(gcx_alloc(size), size);
            check_zero_then_dirty(gcx_calloc(size, 1), size);
            memset(must(gcx_alloc_noscan(size)), 0xa5, size);
        }
        collect_full();
    }
}

static void test_large_objects_are_zero_after_free(void **state)
{
    (void)state;
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < COUNT_OF(large_sizes) - 3; i++) {
            void *p = gcx_alloc_noscan(large_sizes[i]);
            memset(must(p), 0x5a, large_sizes[i]);
            gcx_free(p);
            p = gcx_alloc(large_sizes[i]);
            check_zero_then_dirty(p, large_sizes[i]);
            gcx_free(p);
        }
    }
}

/* Much garbage of mixed sizes: memory is used again many times over. */
static void test_reused_memory_is_zero(void **state)
{
    (void)state;
    struct random r = {1};
    for (int i = 0; i < (int)scaled(300000); i++) {
        size_t size = random_below(&r, random_percent(&r, 10) ? 9000 : 400);
        if (random_percent(&r, 30)) {
            memset(must(gcx_alloc_noscan(size)), 0xa5, size);
        } else {
            check_zero_then_dirty(gcx_alloc(size), size);
        }
        if (i % 20000 == 0) {
            gcx_collect(GCX_MINOR);
        }
    }
}

static void test_survivors_among_garbage_stay(void **state)
{
    (void)state;
    enum { KEPT = 2000 };
    static unsigned char *kept[KEPT];
    struct random r = {2};
    for (size_t i = 0; i < 60000; i++) {
        size_t size = 8 + i % 700;
        unsigned char *p = gcx_alloc(size);
        check_zero_then_dirty(p, size);
        pattern_fill(p, size, i);
        if (i % 30 == 0) {
            kept[i / 30] = p;
        }
        if (random_below(&r, 5000) == 0) {
            gcx_collect(GCX_FULL);
        }
    }
    for (size_t i = 0; i < KEPT; i++) {
        assert_true(pattern_intact(kept[i], 8 + i * 30 % 700, i * 30));
    }
    memset(kept, 0, sizeof kept);
}

static void test_size_zero_is_an_object_of_its_own(void **state)
{
    (void)state;
    enum { N = 1000 };
    static char *objects[3 * N];
    for (int i = 0; i < N; i++) {
        objects[3 * i] = must(gcx_alloc(0));
        objects[3 * i + 1] = must(gcx_alloc_noscan(0));
        objects[3 * i + 2] = must(gcx_calloc(0, 8));
    }
    collect_full();
    for (int i = 0; i < 3 * N; i++) {
        assert_ptr_equal(gcx_base(objects[i]), objects[i]);
        for (int j = 0; j < i; j++) {
            if (objects[i] == objects[j]) {
                fail_msg("two objects of size 0 are one");
            }
        }
    }
    memset(objects, 0, sizeof objects);
}

static void check_size(void *p, size_t size)
{
    size_t usable = gcx_size(must(p));
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t most;
    if (size <= 128) {
        most = size == 0 ? 16 : (size + 15) / 16 * 16;
    } else if (size <= 32 * KIB) {
        most = size + size / 8;
    } else {
        most = (size + page - 1) / page * page;
    }
    if (usable < size || usable == 0 || usable > most) {
        fail_msg("%zu bytes take %zu, at most %zu expected", size, usable, most);
    }
}

static void test_rounding_is_small(void **state)
{
    (void)state;
    assert_int_equal(gcx_size(gcx_alloc(16)), 16);
    assert_int_equal(gcx_size(gcx_alloc_noscan(16)), 16);
    for (size_t size = 0; size <= 40 * KIB; size += size < 2200 ? 1 : 37) {
        check_size(gcx_alloc(size), size);
        check_size(gcx_alloc_noscan(size), size);
    }
    for (size_t size = 40 * KIB; size < 3 * MIB; size += 50021) {
        check_size(gcx_alloc(size), size);
        check_size(gcx_alloc_noscan(size), size);
    }
}

/* A request of 16 bytes takes 16 bytes of memory, not only of gcx_size. */
static void test_no_header_per_object(void **state)
{
    (void)state;
    if (is_stressed()) {
        skip(); /* a cycle every now and then leaves holes */
    }
    size_t n = 1000000;
    void **list = NULL;
    collect_full();
    uint64_t before = stats_now().heap_bytes - stats_now().free_bytes;
    for (size_t i = 0; i < n; i++) {
        void **cell = must(gcx_alloc(16));
        cell[0] = list;
        list = cell;
    }
    collect_full();
    uint64_t after = stats_now().heap_bytes - stats_now().free_bytes;
    gcx_keep_alive(list);
    assert_true(after - before < n * 16 / 100 * 125);
}

static void test_base_and_size_of_every_byte(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,     1,     15,    16,    17,    24,     48,
                                   64,    100,   200,   256,   257,   500,    1000,
                                   2000,  2049,  4000,  8192,  9000,  16384,  20000,
                                   32768, 32769, 40000, 65536, 65537, 200000, 3000000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        char *objects[] = {gcx_alloc(sizes[i]), gcx_alloc_noscan(sizes[i]),
                           gcx_alloc_aligned(64, sizes[i]), gcx_alloc_root(sizes[i])};
        for (size_t k = 0; k < COUNT_OF(objects); k++) {
            char *p = must(objects[k]);
            size_t usable = gcx_size(p);
            for (size_t at = 0; at < usable; at++) {
                if (gcx_base(p + at) != p || gcx_size(p + at) != usable) {
                    fail_msg("byte %zu of an object of %zu bytes is not found", at, sizes[i]);
                }
            }
        }
        gcx_free(objects[3]);
    }
}

static int a_static_variable = 1;

static void test_base_of_foreign_addresses(void **state)
{
    (void)state;
    int local = 0;
    void *malloced = malloc(100);
    void *malloced_large = malloc(10 * MIB);
    const void *foreign[] = {NULL,
                             &local,
                             &a_static_variable,
                             malloced,
                             malloced_large,
                             "literal",
                             (const void *)(uintptr_t)1,
                             (const void *)(uintptr_t)4096,
                             (const void *)UINTPTR_MAX,
                             (const void *)(UINTPTR_MAX / 2),
                             (const void *)(UINTPTR_MAX / 2 + 1),
                             (const void *)(uintptr_t)&test_base_of_foreign_addresses};
    for (size_t i = 0; i < COUNT_OF(foreign); i++) {
        assert_null(gcx_base(foreign[i]));
        assert_int_equal(gcx_size(foreign[i]), 0);
    }
    free(malloced);
    free(malloced_large);
}

/* Addresses in and around the heap that need not belong to any object. */
static void test_base_of_addresses_near_the_heap(void **state)
{
    (void)state;
    char *p = must(gcx_alloc(100));
    struct random r = {3};
    for (int i = 0; i < 200000; i++) {
        uintptr_t span = (uintptr_t)1 << (8 + random_below(&r, 38));
        uintptr_t addr = (uintptr_t)p + random_next(&r) % span - (i % 2 == 0 ? 0 : span);
        char *base = gcx_base((void *)addr);
        size_t size = gcx_size((void *)addr);
        if (base == NULL) {
            assert_int_equal(size, 0);
        } else {
            assert_true((uintptr_t)base <= addr && addr - (uintptr_t)base < size);
        }
    }
    char *large = must(gcx_alloc(64 * MIB));
    assert_ptr_not_equal(gcx_base(large + gcx_size(large)), large);
    assert_ptr_not_equal(gcx_base(large - 1), large);
}

static void test_objects_do_not_overlap(void **state)
{
    (void)state;
    enum { N = 4000 };
    static char *objects[N];
    static size_t sizes[N];
    struct random r = {4};
    for (size_t i = 0; i < N; i++) {
        sizes[i] = random_below(&r, i % 50 == 0 ? 100000 : 600) + 1;
        objects[i] = must(i % 3 == 0 ? gcx_alloc_noscan(sizes[i]) : gcx_alloc(sizes[i]));
        pattern_fill(objects[i], sizes[i], i);
    }
    collect_full();
    for (size_t i = 0; i < N; i++) {
        assert_true(pattern_intact(objects[i], sizes[i], i));
    }
    memset(objects, 0, sizeof objects);
}

static void test_aligned(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,    1,    16,   40,    100,   256, 300,
                                   1000, 4096, 5000, 40000, 70000, MIB};
    static char *kept[COUNT_OF(sizes)];
    for (int round = 0; round < 3; round++) {
        for (size_t align = 1; align <= MIB; align *= 2) {
            for (size_t i = 0; i < COUNT_OF(sizes); i++) {
                char *p = gcx_alloc_aligned(align, sizes[i]);
                must(p);
                assert_int_equal((uintptr_t)p % align, 0);
                assert_true(gcx_size(p) >= sizes[i]);
                assert_ptr_equal(gcx_base(p), p);
                if (sizes[i] > 0) {
                    assert_ptr_equal(gcx_base(p + sizes[i] - 1), p);
                }
                check_zero_then_dirty(p, sizes[i]);
                pattern_fill(p, sizes[i], align + i);
                kept[i] = p;
            }
            gcx_collect(align % 3 == 0 ? GCX_FULL : GCX_MINOR);
            for (size_t i = 0; i < COUNT_OF(sizes); i++) {
                assert_true(pattern_intact(kept[i], sizes[i], align + i));
            }
        }
        memset(kept, 0, sizeof kept);
        collect_full();
    }
}

static void test_aligned_is_scanned(void **state)
{
    (void)state;
    static hidden_ptr *kept[20];
    hidden_ptr inner[20];
    for (size_t i = 0; i < 20; i++) {
        hidden_ptr *p = gcx_alloc_aligned((size_t)1 << (i + 1), 200);
        must(p);
        inner[i] = make_hidden(48, i);
        p[24] = (uintptr_t)reveal(inner[i]);
        kept[i] = p;
    }
    collect_full();
    churn(48, 2000);
    assert_int_equal(count_intact(inner, 20, 48, 0), 20);
    memset(kept, 0, sizeof kept);
}

static void test_aligned_refuses(void **state)
{
    (void)state;
    static const size_t wrong[] = {0,    3,       5,       6,          24,       100,
                                   4097, MIB + 1, 2 * MIB, 1024 * MIB, SIZE_MAX, SIZE_MAX / 2 + 1};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        errno = 0;
        assert_null(gcx_alloc_aligned(wrong[i], 64));
        assert_int_equal(errno, EINVAL);
    }
}

static void check_refused(void *p)
{
    assert_null(p);
    assert_int_equal(errno, ENOMEM);
    errno = 0;
}

static void test_impossible_sizes_are_refused(void **state)
{
    (void)state;
    static const volatile size_t sizes[] = {
        PTRDIFF_MAX,     (size_t)PTRDIFF_MAX + 1, SIZE_MAX,        SIZE_MAX - 1,
        SIZE_MAX - 15,   SIZE_MAX - 16,           SIZE_MAX - 4095, SIZE_MAX - 65536,
        PTRDIFF_MAX - 1, PTRDIFF_MAX - 65536,     (size_t)1 << 60};
    errno = 0;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        check_refused(gcx_alloc(sizes[i]));
        check_refused(gcx_alloc_noscan(sizes[i]));
        check_refused(gcx_alloc_root(sizes[i]));
        check_refused(gcx_alloc_aligned(4096, sizes[i]));
        check_refused(gcx_alloc_aligned(MIB, sizes[i]));
        check_refused(gcx_calloc(1, sizes[i]));
        check_refused(gcx_calloc(sizes[i], 1));
        check_refused(gcx_realloc(NULL, sizes[i]));
    }
    must(gcx_alloc(64));
}

static void test_calloc_overflow(void **state)
{
    (void)state;
    errno = 0;
    check_refused(gcx_calloc(SIZE_MAX / 2 + 1, 2));
    check_refused(gcx_calloc(2, SIZE_MAX / 2 + 1));
    check_refused(gcx_calloc(SIZE_MAX, SIZE_MAX));
    check_refused(gcx_calloc((size_t)1 << 32, (size_t)1 << 32));
    check_refused(gcx_calloc(((size_t)1 << 32) + 1, (size_t)1 << 32));
    check_refused(gcx_calloc((size_t)1 << 62, 4));
    check_zero_then_dirty(gcx_calloc(0, 0), 0);
    check_zero_then_dirty(gcx_calloc(0, SIZE_MAX), 0);
    check_zero_then_dirty(gcx_calloc(SIZE_MAX, 0), 0);
    void *p = gcx_calloc(100, 24);
    assert_true(gcx_size(p) >= 2400);
    check_zero_then_dirty(p, 2400);
}

static void test_realloc_keeps_contents(void **state)
{
    (void)state;
    struct random r = {5};
    for (int kind = 0; kind < 3; kind++) {
        for (int i = 0; i < 300; i++) {
            size_t size = random_below(&r, 300) + 1;
            void *p = kind == 0   ? gcx_alloc(size)
                      : kind == 1 ? gcx_alloc_noscan(size)
                                  : gcx_alloc_root(size);
            pattern_fill(must(p), size, 7);
            for (int step = 0; step < 12; step++) {
                size_t new_size = random_below(&r, step % 4 == 0 ? 100000 : 1500);
                char *q = gcx_realloc(p, new_size);
                must(q);
                assert_ptr_equal(gcx_base(q), q);
                assert_true(gcx_size(q) >= new_size);
                size_t kept = new_size < size ? new_size : size;
                assert_true(pattern_intact(q, kept, 7));
                if (kind != 1 && !all_bytes(q + kept, new_size - kept, 0)) {
                    fail_msg("realloc from %zu to %zu added bytes that are not zero", size,
                             new_size);
                }
                pattern_fill(q, new_size, 7);
                p = q;
                size = new_size;
            }
            if (kind == 2) {
                gcx_free(p);
            }
        }
    }
}

static void test_realloc_edges(void **state)
{
    (void)state;
    check_zero_then_dirty(gcx_realloc(NULL, 100), 100);
    must(gcx_realloc(NULL, 0));

    char *p = must(gcx_alloc(100));
    assert_ptr_equal(gcx_realloc(p, gcx_size(p)), p);
    assert_ptr_equal(gcx_realloc(p, 100), p);

    pattern_fill(p, 100, 1);
    errno = 0;
    check_refused(gcx_realloc(p, PTRDIFF_MAX));
    check_refused(gcx_realloc(p, SIZE_MAX));
    check_refused(gcx_realloc(p, SIZE_MAX - 7));
    assert_ptr_equal(gcx_base(p), p);
    assert_true(pattern_intact(p, 100, 1));

    char *q = must(gcx_realloc(p, 0));
    assert_ptr_equal(gcx_base(q), q);

    p = must(gcx_alloc(10 * MIB));
    pattern_fill(p, 10 * MIB, 2);
    p = must(gcx_realloc(p, 20 * MIB));
    assert_true(pattern_intact(p, 10 * MIB, 2));
    assert_true(all_bytes(p + 10 * MIB, 10 * MIB, 0));
    p = must(gcx_realloc(p, 100));
    assert_true(pattern_intact(p, 100, 2));
    assert_true(gcx_size(p) < MIB);
}

static void check_realloc_refused(void *p)
{
    struct capture c;
    errno = 0;
    capture_begin(&c);
    void *q = gcx_realloc(p, 200);
    int saved = errno;
    const char *said = capture_end(&c);
    assert_null(q);
    assert_int_equal(saved, EINVAL);
    assert_true(strlen(said) > 0);
}

static void test_realloc_of_what_is_no_object(void **state)
{
    (void)state;
    int local[8] = {0};
    char *p = must(gcx_alloc(100));
    char *large = must(gcx_alloc(MIB));
    void *malloced = malloc(64);
    pattern_fill(p, 100, 9);
    check_realloc_refused(p + 1);
    check_realloc_refused(p + 16);
    check_realloc_refused(p + 99);
    check_realloc_refused(large + 4096);
    check_realloc_refused(local);
    check_realloc_refused(&a_static_variable);
    check_realloc_refused(malloced);
    void *freed = must(gcx_alloc(100));
    gcx_free(freed);
    check_realloc_refused(freed);
    free(malloced);
    assert_true(pattern_intact(p, 100, 9));
    assert_int_equal(a_static_variable, 1);
}

/* Objects that hold the only pointers to others, made larger and smaller. */
static void **realloc_holders[64];

static NOINLINE void make_holder(size_t i, int kind, hidden_ptr *inner)
{
    void **holder = kind == 0 ? gcx_alloc(64) : gcx_alloc_root(64);
    *inner = make_hidden(80, 100 + i);
    holder[7] = reveal(*inner);
    holder = gcx_realloc(holder, i % 2 == 0 ? 5000 : 100000);
    collect_minor();
    holder = gcx_realloc(holder, 64);
    realloc_holders[i] = holder;
}

static void test_realloc_keeps_kind_scanned(void **state)
{
    (void)state;
    hidden_ptr inner[64];
    for (size_t i = 0; i < 64; i++) {
        make_holder(i, 0, &inner[i]);
    }
    collect_full();
    churn(80, 2000);
    assert_int_equal(count_intact(inner, 64, 80, 100), 64);
    memset(realloc_holders, 0, sizeof realloc_holders);
    collect_full();
    assert_true(count_gone(inner, 64) >= 56);
}

static void test_realloc_keeps_kind_root(void **state)
{
    (void)state;
    hidden_ptr inner[64];
    hidden_ptr holders[64];
    for (size_t i = 0; i < 64; i++) {
        make_holder(i, 1, &inner[i]);
        holders[i] = hide(realloc_holders[i]);
        realloc_holders[i] = NULL;
    }
    collect_full();
    churn(80, 2000);
    assert_int_equal(count_intact(inner, 64, 80, 100), 64);
    for (size_t i = 0; i < 64; i++) {
        gcx_free(reveal(holders[i]));
    }
    collect_full();
    assert_true(count_gone(inner, 64) >= 56);
}

static NOINLINE void make_noscan_holder(size_t i, hidden_ptr *inner)
{
    void **holder = gcx_alloc_noscan(64);
    memset(holder, 0, 64);
    *inner = make_hidden(80, i);
    holder[7] = reveal(*inner);
    realloc_holders[i] = gcx_realloc(holder, i % 2 == 0 ? 5000 : 100000);
}

static void test_realloc_keeps_kind_noscan(void **state)
{
    (void)state;
    hidden_ptr inner[64];
    for (size_t i = 0; i < 64; i++) {
        make_noscan_holder(i, &inner[i]);
    }
    collect_full();
    assert_true(count_gone(inner, 64) >= 56);
    memset(realloc_holders, 0, sizeof realloc_holders);
}

static void test_strdup(void **state)
{
    (void)state;
    static char *kept[300];
    char text[301];
    for (size_t n = 0; n < 300; n++) {
        memset(text, 'a' + (int)(n % 26), n);
        text[n] = '\0';
        kept[n] = gcx_strdup(text);
        assert_string_equal(must(kept[n]), text);
    }
    collect_full();
    for (size_t n = 0; n < 300; n++) {
        assert_int_equal(strlen(kept[n]), n);
    }
    memset(kept, 0, sizeof kept);

    errno = 0;
    assert_null(gcx_strdup(NULL));
    assert_int_equal(errno, EINVAL);
}

static void test_strndup(void **state)
{
    (void)state;
    static const char raw[4] = {'r', 'a', 'w', '!'};
    assert_string_equal(gcx_strndup("hello", 3), "hel");
    assert_string_equal(gcx_strndup("hello", 5), "hello");
    assert_string_equal(gcx_strndup("hello", 100), "hello");
    assert_string_equal(gcx_strndup("hello", SIZE_MAX), "hello");
    assert_string_equal(gcx_strndup("hello", 0), "");
    assert_string_equal(gcx_strndup(raw, 4), "raw!");
    /* The copy takes what it needs, not the maximum. */
    assert_true(gcx_size(gcx_strndup("hello", 100000)) < 100);
    errno = 0;
    assert_null(gcx_strndup(NULL, 3));
    assert_int_equal(errno, EINVAL);
}

static void test_strings_are_not_scanned(void **state)
{
    (void)state;
    enum { N = 64 };
    static char *strings[N];
    hidden_ptr inner[N];
    size_t usable = 0;
    for (size_t i = 0; i < N; i++) {
        char word[17] = {0};
        inner[i] = make_hidden(96, i);
        uintptr_t addr = (uintptr_t)reveal(inner[i]);
        memcpy(word, &addr, sizeof addr);
        strings[i] = gcx_strdup(word);
        usable += strlen(strings[i]);
        memset(word, 0, sizeof word);
        addr = 0;
    }
    assert_true(usable > 0);
    collect_full();
    assert_true(count_gone(inner, N) >= N - 8);
    memset(strings, 0, sizeof strings);
}

static void test_memdup(void **state)
{
    (void)state;
    static void **copies[64];
    hidden_ptr inner[64];
    for (size_t i = 0; i < 64; i++) {
        void *source[6] = {0};
        inner[i] = make_hidden(96, i);
        source[i % 6] = reveal(inner[i]);
        copies[i] = gcx_memdup(source, sizeof source);
        must(copies[i]);
        assert_memory_equal(copies[i], source, sizeof source);
        memset(source, 0, sizeof source);
    }
    collect_full();
    churn(96, 2000);
    assert_int_equal(count_intact(inner, 64, 96, 0), 64);
    memset(copies, 0, sizeof copies);

    errno = 0;
    assert_null(gcx_memdup(NULL, 1));
    assert_int_equal(errno, EINVAL);
    must(gcx_memdup(NULL, 0));
    must(gcx_memdup("x", 0));
}

static int format_va(char **out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = gcx_vasprintf(out, format, args);
    va_end(args);
    return n;
}

static void test_asprintf(void **state)
{
    (void)state;
    char *s = NULL;
    assert_int_equal(gcx_asprintf(&s, "%d-%s", 42, "x"), 4);
    assert_string_equal(s, "42-x");
    assert_ptr_equal(gcx_base(s), s);
    assert_int_equal(gcx_asprintf(&s, "%s", ""), 0);
    assert_string_equal(s, "");
    for (int width = 1; width < 200000; width = width * 3 / 2 + 1) {
        assert_int_equal(gcx_asprintf(&s, "%*d", width, 7), width);
        assert_int_equal(strlen(s), width);
        assert_int_equal(s[width - 1], '7');
        assert_int_equal(format_va(&s, "%*d%c", width, 8, '!'), width + 1);
        assert_int_equal(s[width], '!');
    }
}

static int asprintf_to(char **out, const char *format)
{
    return gcx_asprintf(out, format, 1);
}

static void test_asprintf_without_arguments(void **state)
{
    (void)state;
    char *s = "before";
    errno = 0;
    assert_int_equal(asprintf_to(NULL, "%d"), -1);
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_int_equal(asprintf_to(&s, NULL), -1);
    assert_int_equal(errno, EINVAL);
    assert_null(s);
}

static void test_asprintf_error(void **state)
{
    (void)state;
    /* No character of any locale: the conversion fails. */
    static const wchar_t impossible[] = {(wchar_t)0x7ffffff0, 0};
    char *s = (char *)(uintptr_t) "old";
    errno = 0;
    assert_int_equal(gcx_asprintf(&s, "%ls", impossible), -1);
    assert_int_equal(errno, EILSEQ);
    assert_null(s);
}

static void test_version(void **state)
{
    (void)state;
    assert_string_equal(gcx_version(), GCX_VERSION_STRING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_objects_are_zero),
        cmocka_unit_test(test_large_objects_are_zero),
        cmocka_unit_test(test_large_objects_are_zero_after_free),
        cmocka_unit_test(test_reused_memory_is_zero),
        cmocka_unit_test(test_survivors_among_garbage_stay),
        cmocka_unit_test(test_size_zero_is_an_object_of_its_own),
        cmocka_unit_test(test_rounding_is_small),
        cmocka_unit_test(test_no_header_per_object),
        cmocka_unit_test(test_base_and_size_of_every_byte),
        cmocka_unit_test(test_base_of_foreign_addresses),
        cmocka_unit_test(test_base_of_addresses_near_the_heap),
        cmocka_unit_test(test_objects_do_not_overlap),
        cmocka_unit_test(test_aligned),
        cmocka_unit_test(test_aligned_is_scanned),
        cmocka_unit_test(test_aligned_refuses),
        cmocka_unit_test(test_impossible_sizes_are_refused),
        cmocka_unit_test(test_calloc_overflow),
        cmocka_unit_test(test_realloc_keeps_contents),
        cmocka_unit_test(test_realloc_edges),
        cmocka_unit_test(test_realloc_of_what_is_no_object),
        cmocka_unit_test(test_realloc_keeps_kind_scanned),
        cmocka_unit_test(test_realloc_keeps_kind_root),
        cmocka_unit_test(test_realloc_keeps_kind_noscan),
        cmocka_unit_test(test_strdup),
        cmocka_unit_test(test_strndup),
        cmocka_unit_test(test_strings_are_not_scanned),
        cmocka_unit_test(test_memdup),
        cmocka_unit_test(test_asprintf),
        cmocka_unit_test(test_asprintf_without_arguments),
        cmocka_unit_test(test_asprintf_error),
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
