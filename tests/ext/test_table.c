/* test_table.c -- weak tables beside a shadow.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>

#include <gcx/table.h>

#include "../support/cmocka_all.h"
#include "../support/capture.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

enum { LEAF = 48, KEYS = 3000, FEW = 40 };

static gcx_table **table; /* a root object */
static void **keys;       /* another: what is held, by number */
static hidden_ptr hidden[KEYS];
static uint64_t value_of[KEYS]; /* 0: none */

static void reset(enum gcx_table_kind kind, const struct gcx_table_keys *functions)
{
    if (table == NULL) {
        table = gcx_alloc_root(sizeof *table);
        keys = gcx_alloc_root(KEYS * sizeof *keys);
    }
    memset(keys, 0, KEYS * sizeof *keys);
    memset(value_of, 0, sizeof value_of);
    *table = gcx_table_create(kind, functions);
    assert_non_null(*table);
}

/* A value that leads back to its key. */
static NOINLINE void put(size_t n, uint64_t seed)
{
    void **value = gcx_alloc(2 * sizeof *value);
    if (keys[n] == NULL) {
        keys[n] = gcx_alloc(LEAF);
        pattern_fill(keys[n], LEAF, n);
        hidden[n] = hide(keys[n]);
    }
    value[0] = keys[n];
    value[1] = (void *)(uintptr_t)(seed << 1 | 1);
    assert_int_equal(gcx_table_put(*table, keys[n], value), 0);
    value_of[n] = seed;
}

static NOINLINE void check_held(void)
{
    for (size_t n = 0; n < KEYS; n++) {
        if (keys[n] == NULL) {
            continue;
        }
        void **value = gcx_table_get(*table, keys[n]);
        if (value_of[n] == 0) {
            assert_null(value);
            continue;
        }
        assert_non_null(value);
        assert_ptr_equal(value[0], keys[n]);
        assert_int_equal((uintptr_t)value[1], value_of[n] << 1 | 1);
    }
}

static void step(struct random *r, uint64_t seed)
{
    size_t n = random_below(r, KEYS);
    if (random_percent(r, 60)) {
        put(n, seed);
    } else if (random_percent(r, 50) && keys[n] != NULL) {
        assert_int_equal(gcx_table_remove(*table, keys[n]), value_of[n] != 0);
        value_of[n] = 0;
    } else {
        keys[n] = NULL;
        value_of[n] = 0;
    }
}

static void test_weak_keys(void **state)
{
    (void)state;
    struct random r = {5};
    reset(GCX_TABLE_WEAK_KEYS, NULL);
    for (size_t round = 0; round < scaled(200); round++) {
        for (uint64_t i = 1; i < 300; i++) {
            step(&r, round * 1000 + i);
        }
        collect_and_churn(round % 8 == 7 ? GCX_FULL : GCX_MINOR, LEAF);
        check_held();
    }
    size_t held = 0;
    for (size_t n = 0; n < KEYS; n++) {
        held += value_of[n] != 0;
    }
    collect_and_churn(GCX_FULL, LEAF);
    size_t count = gcx_table_count(*table);
    assert_true(count >= held && count <= held + FEW);
    memset(keys, 0, KEYS * sizeof *keys);
    collect_and_churn(GCX_FULL, LEAF);
    assert_true(gcx_table_count(*table) <= FEW);
}

/* A table whose entries come and go does not grow. */
static void test_room_is_used_again(void **state)
{
    (void)state;
    reset(GCX_TABLE_WEAK_KEYS, NULL);
    for (size_t i = 0; i < scaled(200000); i++) {
        put(i % 100, i + 1);
        keys[i % 100] = NULL;
        if (i % 2000 == 0) {
            collect_and_churn(GCX_FULL, LEAF);
        }
    }
    memset(value_of, 0, sizeof value_of);
    collect_and_churn(GCX_FULL, LEAF);
    struct gcx_stats before = stats_now();
    *table = NULL;
    collect_and_churn(GCX_FULL, LEAF);
    struct gcx_stats after = stats_now();
    assert_true(before.live_bytes < after.live_bytes + (1 << 20));
}

/* ---- Weak values: symbols -------------------------------------------------- */

static uint64_t string_hash(const void *key)
{
    uint64_t hash = 14695981039346656037u;
    for (const unsigned char *s = key; *s != 0; s++) {
        hash = (hash ^ *s) * 1099511628211u;
    }
    return hash;
}

static int string_equal(const void *a, const void *b)
{
    return strcmp(a, b) == 0;
}

struct symbol {
    char *name;
    size_t number;
};

static NOINLINE void *intern(size_t n)
{
    char name[32];
    snprintf(name, sizeof name, "symbol-%zu", n);
    struct symbol *s = gcx_table_get(*table, name);
    if (s == NULL) {
        s = gcx_alloc(sizeof *s);
        s->name = gcx_strdup(name);
        s->number = n;
        assert_int_equal(gcx_table_put(*table, s->name, s), 0);
    }
    assert_int_equal(s->number, n);
    return s;
}

static void test_weak_values(void **state)
{
    (void)state;
    static const struct gcx_table_keys strings = {string_hash, string_equal};
    struct random r = {9};
    reset(GCX_TABLE_WEAK_VALUES, &strings);
    for (size_t round = 0; round < scaled(100); round++) {
        for (int i = 0; i < 300; i++) {
            size_t n = random_below(&r, KEYS);
            void *s = intern(n);
            assert_true(keys[n] == NULL || keys[n] == s);
            keys[n] = random_percent(&r, 50) ? s : NULL;
        }
        collect_and_churn(round % 8 == 7 ? GCX_FULL : GCX_MINOR, LEAF);
        for (size_t n = 0; n < KEYS; n++) {
            assert_true(keys[n] == NULL || intern(n) == keys[n]);
        }
    }
    memset(keys, 0, KEYS * sizeof *keys);
    collect_and_churn(GCX_FULL, LEAF);
    assert_true(gcx_table_count(*table) <= FEW);
}

static int stop_at_ten(void *key, void *value, void *arg)
{
    (void)key;
    (void)value;
    return ++*(int *)arg == 10 ? 77 : 0;
}

static void test_numbers_as_keys_and_visiting(void **state)
{
    (void)state;
    reset(GCX_TABLE_WEAK_VALUES, NULL);
    for (uintptr_t n = 0; n < KEYS; n++) {
        keys[n] = gcx_alloc(LEAF);
        assert_int_equal(gcx_table_put(*table, (void *)(n * 16 + 1), keys[n]), 0);
    }
    collect_and_churn(GCX_FULL, LEAF);
    for (uintptr_t n = 0; n < KEYS; n++) {
        assert_ptr_equal(gcx_table_get(*table, (void *)(n * 16 + 1)), keys[n]);
        assert_null(gcx_table_get(*table, (void *)(n * 16 + 2)));
    }
    assert_int_equal(gcx_table_count(*table), KEYS);
    int calls = 0;
    assert_int_equal(gcx_table_each(*table, stop_at_ten, &calls), 77);
    assert_int_equal(calls, 10);
}

static void test_mistakes(void **state)
{
    (void)state;
    static struct capture capture;
    static int foreign;
    static const struct gcx_table_keys strings = {string_hash, string_equal};
    reset(GCX_TABLE_WEAK_KEYS, NULL);
    capture_begin(&capture);
    assert_int_equal(gcx_table_put(*table, &foreign, table), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gcx_table_put(*table, NULL, table), -1);
    assert_int_equal(errno, EINVAL);
    const char *said = capture_end(&capture);
    assert_non_null(strstr(said, "no object of this heap"));
    assert_non_null(strstr(said, "the key is NULL"));
    assert_non_null(strstr(said, "gcx_table_put("));
    assert_null(strstr(said, "_create"));
    assert_null(gcx_table_create(GCX_TABLE_WEAK_KEYS, &strings));
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gcx_table_count(*table), 0);
    assert_int_equal(gcx_table_remove(*table, &foreign), 0);
}

static int fail_if_visited(void *key, void *value, void *arg)
{
    (void)key;
    (void)value;
    (void)arg;
    return 1;
}

static void test_no_table(void **state)
{
    (void)state;
    static struct capture capture;
    static int key;
    capture_begin(&capture);
    errno = 0;
    assert_int_equal(gcx_table_put(NULL, &key, &key), -1);
    assert_int_equal(errno, EINVAL);
    assert_non_null(strstr(capture_end(&capture), "the table is NULL"));
    assert_null(gcx_table_get(NULL, &key));
    assert_int_equal(gcx_table_remove(NULL, &key), 0);
    assert_int_equal(gcx_table_count(NULL), 0);
    assert_int_equal(gcx_table_each(NULL, fail_if_visited, NULL), 0);
}

static void test_weak_values_that_are_none(void **state)
{
    (void)state;
    static struct capture capture;
    reset(GCX_TABLE_WEAK_VALUES, NULL);
    capture_begin(&capture);
    assert_int_equal(gcx_table_put(*table, table, NULL), -1);
    assert_int_equal(errno, EINVAL);
    const char *said = capture_end(&capture);
    assert_non_null(strstr(said, "gcx_table_put("));
    assert_null(strstr(said, "_create"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weak_keys),
        cmocka_unit_test(test_room_is_used_again),
        cmocka_unit_test(test_weak_values),
        cmocka_unit_test(test_numbers_as_keys_and_visiting),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_no_table),
        cmocka_unit_test(test_weak_values_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
