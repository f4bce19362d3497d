/* test_map.c -- maps against a plain model; iteration, bounds, misuse.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/map.h>

#include "../support/capture.h"
#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

GCX_MAP_DEFINE_NOSCAN(numbers, uint64_t, uint64_t);
GCX_MAP_DEFINE_NOSCAN(shorts, uint32_t, uint8_t);
GCX_MAP_DEFINE_STRINGS(names, char *);
GCX_MAP_DEFINE(objects, uint64_t, uint64_t *);

struct wide {
    uint64_t words[3];
    uint32_t more[2];
};
GCX_MAP_DEFINE_NOSCAN(wides, struct wide, uint16_t);

/* Random operations against an array: every key's value, or none. */
static void test_model(void **state)
{
    enum { KEYS = 2000 };
    static uint64_t model[KEYS];
    struct random r = {1};
    size_t len = 0;
    (void)state;
    memset(model, 0, sizeof model);
    struct numbers m = numbers_create(0);
    for (size_t i = 0; i < scaled(400000); i++) {
        uint64_t key = random_below(&r, KEYS), value = random_next(&r) | 1;
        uint32_t what = random_below(&r, 10);
        if (what < 4) {
            assert_int_equal(numbers_insert(m, key * 977, value), 0);
            len += model[key] == 0;
            model[key] = value;
        } else if (what < 7) {
            errno = 0;
            int status = numbers_delete(m, key * 977);
            assert_int_equal(status, model[key] != 0 ? 0 : -1);
            assert_int_equal(errno, model[key] != 0 ? 0 : ENOENT);
            len -= model[key] != 0;
            model[key] = 0;
        } else {
            const uint64_t *found = numbers_find(m, key * 977);
            assert_int_equal(found != NULL, model[key] != 0);
            if (found != NULL)
                assert_int_equal(*found, model[key]);
        }
        assert_int_equal(numbers_len(m), len);
    }
}

static void test_kinds_of_keys(void **state)
{
    (void)state;
    struct shorts s = shorts_create(0);
    struct wides w = wides_create(0);
    for (uint32_t i = 0; i < 5000; i++) {
        struct wide key = {{i, 7, i / 3}, {i, 9}};
        assert_int_equal(shorts_insert(s, i * 3, (uint8_t)i), 0);
        assert_int_equal(wides_insert(w, key, (uint16_t)i), 0);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        struct wide key = {{i, 7, i / 3}, {i, 9}};
        struct wide other = {{i, 7, i / 3}, {i, 8}};
        assert_int_equal(*shorts_find(s, i * 3), (uint8_t)i);
        assert_null(shorts_find(s, i * 3 + 1));
        assert_int_equal(*wides_find(w, key), (uint16_t)i);
        assert_null(wides_find(w, other));
    }
}

/* The map has a copy of the key. */
static void test_strings(void **state)
{
    char key[32];
    (void)state;
    struct names m = names_create(0);
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "%*d", i % 30, i);
        char *value = gcx_strdup(key);
        assert_int_equal(names_insert(m, key, value), 0);
    }
    gcx_collect(GCX_FULL);
    churn(32, 1000);
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "%*d", i % 30, i);
        assert_non_null(names_find(m, key));
        assert_string_equal(*names_find(m, key), key);
    }
    assert_null(names_find(m, ""));
    assert_int_equal(names_insert(m, "", NULL), 0);
    assert_non_null(names_find(m, ""));
}

static gcx_map *identity_map(int is_noscan)
{
    struct gcx_map_options o = GCX_MAP_OPTIONS_DEFAULT;
    o.keys = GCX_MAP_IDENTITY;
    o.is_noscan = is_noscan;
    o.value_bytes = 0;
    o.expected_items = 100; /* no old table, which a stale word could keep */
    return gcx_map_create(&o);
}

static NOINLINE void insert_hidden(gcx_map *map, hidden_ptr *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        items[i] = make_hidden(48, i);
        assert_int_equal(gcx_map_insert(map, reveal(items[i]), NULL), 0);
    }
    clear_stack();
}

/* A scanned map keeps what it holds; what is deleted or cleared may go; a
 * noscan one keeps nothing. */
static void test_identity_and_liveness(void **state)
{
    enum { N = 100, FEW = 10 };
    hidden_ptr kept[N], numbers[N];
    (void)state;
    gcx_map *map = identity_map(0);
    gcx_map *noscan = identity_map(1);
    insert_hidden(map, kept, N);
    insert_hidden(noscan, numbers, N);
    collect_full();
    assert_int_equal(count_intact(kept, N, 48, 0), N);
    assert_true(count_gone(numbers, N) >= N - FEW);
    assert_non_null(gcx_map_find(map, reveal(kept[5])));
    for (size_t i = 0; i < N / 2; i++)
        assert_int_equal(gcx_map_delete(map, reveal(kept[i])), 0);
    collect_full();
    assert_true(count_gone(kept, N / 2) >= N / 2 - FEW);
    assert_int_equal(count_intact(kept + N / 2, N / 2, 48, N / 2), N / 2);
    gcx_map_clear(map);
    assert_int_equal(gcx_map_len(map), 0);
    collect_full();
    assert_true(count_gone(kept, N) >= N - FEW);
    assert_int_equal(gcx_map_insert(map, NULL, NULL), 0); /* NULL is an identity too */
    assert_non_null(gcx_map_find(map, NULL));
}

/* Old table, young values. */
static void fill_across_cycles(void)
{
    size_t n = scaled(50000);
    struct objects m = objects_create(0);
    for (size_t i = 0; i < n; i++) {
        uint64_t *value = gcx_alloc(sizeof *value);
        *value = i;
        assert_int_equal(objects_insert(m, i, value), 0);
        if (i % (n / 10 + 1) == 0)
            gcx_collect(GCX_MINOR);
    }
    gcx_collect(GCX_MINOR);
    churn(sizeof(uint64_t), 10000);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(**objects_find(m, i), i);
}

static void test_values_live(void **state)
{
    (void)state;
    fill_across_cycles();
}

static int child_barrier(const char *arg)
{
    (void)arg;
    fill_across_cycles();
    return 0;
}

static void test_explicit_barrier(void **state)
{
    (void)state;
    assert_true(child_passes_with_barrier("barrier"));
}

static void test_ensure(void **state)
{
    struct random r = {3};
    (void)state;
    struct numbers m = numbers_create(0);
    for (int i = 0; i < 10000; i++)
        ++*numbers_ensure(m, random_below(&r, 10));
    uint64_t sum = 0;
    for (uint64_t i = 0; i < 10; i++)
        sum += *numbers_find(m, i);
    assert_int_equal(sum, 10000);
    assert_int_equal(numbers_len(m), 10);
}

/* ---- Iterating ----------------------------------------------------------- */

static void test_iterate(void **state)
{
    enum { N = 10000 };
    static uint8_t seen[N];
    (void)state;
    memset(seen, 0, sizeof seen);
    struct numbers m = numbers_create(0);
    for (uint64_t i = 0; i < N; i++)
        numbers_insert(m, i, i * 2);
    struct gcx_map_iter it = gcx_map_iterate(m.map);
    size_t n = 0;
    while (gcx_map_next(&it)) {
        uint64_t key = *(const uint64_t *)it.key;
        assert_int_equal(*(uint64_t *)it.value, key * 2);
        assert_int_equal(seen[key]++, 0);
        n++;
    }
    assert_int_equal(n, N);
    assert_int_equal(gcx_map_next(&it), 0);
    it = gcx_map_iterate(NULL);
    assert_int_equal(gcx_map_next(&it), 0);
    it = gcx_map_iterate(numbers_create(0).map);
    assert_int_equal(gcx_map_next(&it), 0);
}

/* Entries that stay are seen once, deleted ones not after that, new ones at
 * most once, through growth and collections. */
static void test_change_while_iterating(void **state)
{
    enum { N = 2000, ALL = 60000 };
    static uint8_t seen[ALL], gone[ALL];
    (void)state;
    for (int growing = 0; growing < 2; growing++) {
        struct random r = {7};
        memset(seen, 0, sizeof seen);
        memset(gone, 0, sizeof gone);
        struct numbers m = numbers_create(0);
        uint64_t next = N;
        for (uint64_t i = 0; i < N; i++)
            numbers_insert(m, i, 0);
        struct gcx_map_iter it = gcx_map_iterate(m.map);
        while (gcx_map_next(&it)) {
            uint64_t key = *(const uint64_t *)it.key;
            assert_int_equal(seen[key]++, 0);
            assert_int_equal(gone[key], 0);
            assert_int_equal(*(uint64_t *)it.value, key < N ? 0 : 1);
            for (int k = 0; growing && k < 20 && next < ALL; k++)
                numbers_insert(m, next++, 1);
            uint64_t victim = random_below(&r, N);
            gone[victim] = 1;
            numbers_delete(m, victim);
            if (key % 500 == 0)
                gcx_collect(GCX_FULL);
        }
        for (uint64_t i = 0; i < N; i++)
            assert_true(seen[i] || gone[i]);
    }
}

static void test_delete_all_while_iterating(void **state)
{
    (void)state;
    struct numbers m = numbers_create(0);
    for (uint64_t i = 0; i < 1000; i++)
        numbers_insert(m, i, i);
    struct gcx_map_iter it = gcx_map_iterate(m.map);
    size_t n = 0;
    while (gcx_map_next(&it)) {
        uint64_t key = *(const uint64_t *)it.key;
        assert_int_equal(numbers_delete(m, key), 0);
        n++;
    }
    assert_int_equal(n, 1000);
    assert_int_equal(numbers_len(m), 0);
    for (uint64_t i = 0; i < 10; i++)
        numbers_insert(m, i, i);
    it = gcx_map_iterate(m.map);
    assert_int_equal(gcx_map_next(&it), 1);
    gcx_map_clear(m.map);
    assert_int_equal(gcx_map_next(&it), 0);
}

/* ---- Bounds -------------------------------------------------------------- */

static uint64_t evicted_sum;

static void on_evict(const void *key, void *value, void *arg)
{
    assert_ptr_equal(arg, &evicted_sum);
    assert_int_equal(*(const uint64_t *)key * 3, *(uint64_t *)value);
    evicted_sum += *(const uint64_t *)key;
}

static void test_bound(void **state)
{
    struct gcx_map_options o = GCX_MAP_OPTIONS_DEFAULT;
    (void)state;
    o.keys = GCX_MAP_BYTES;
    o.key_bytes = o.value_bytes = sizeof(uint64_t);
    o.is_noscan = 1;
    o.max_items = 1000;
    o.evict = on_evict;
    o.arg = &evicted_sum;
    evicted_sum = 0;
    gcx_map *map = gcx_map_create(&o);
    uint64_t sum = 0, hot = 0;
    for (uint64_t i = 0; i < 50000; i++) {
        uint64_t value = i * 3;
        assert_int_equal(gcx_map_insert(map, &i, &value), 0);
        assert_true(gcx_map_len(map) <= 1000);
        assert_non_null(gcx_map_find(map, &hot)); /* what is used stays */
        sum += i;
    }
    assert_int_equal(gcx_map_len(map), 1000);
    assert_int_equal(gcx_map_evictions(map), 49000);
    struct gcx_map_iter it = gcx_map_iterate(map);
    while (gcx_map_next(&it))
        sum -= *(const uint64_t *)it.key;
    assert_int_equal(sum, evicted_sum);
}

/* Also when the clock has come round and every entry was touched, wherever it began:
 * each map has its own hash. */
static void test_what_is_used_stays(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct numbers m = numbers_create(8);
        for (uint64_t i = 0; i < 100; i++) {
            assert_int_equal(numbers_insert(m, i, i), 0);
            assert_non_null(numbers_find(m, 0));
        }
    }
}

static void test_bound_of_one(void **state)
{
    (void)state;
    struct numbers m = numbers_create(1);
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(numbers_insert(m, i, i), 0);
        assert_int_equal(numbers_len(m), 1);
        assert_int_equal(*numbers_find(m, i), i);
    }
}

/* ---- Misuse -------------------------------------------------------------- */

static gcx_map *changed_by_hook;
static int hook_status;

static void change_in_hook(const void *key, void *value, void *arg)
{
    uint64_t other = 999;
    (void)key;
    (void)value;
    (void)arg;
    hook_status = gcx_map_insert(changed_by_hook, &other, &other);
    hook_status += gcx_map_delete(changed_by_hook, &other);
    hook_status += gcx_map_clear(changed_by_hook);
}

static void test_change_from_the_hook(void **state)
{
    struct gcx_map_options o = GCX_MAP_OPTIONS_DEFAULT;
    struct capture c;
    (void)state;
    o.keys = GCX_MAP_BYTES;
    o.key_bytes = o.value_bytes = sizeof(uint64_t);
    o.max_items = 2;
    o.evict = change_in_hook;
    gcx_map *map = changed_by_hook = gcx_map_create(&o);
    capture_begin(&c);
    for (uint64_t i = 0; i < 3; i++)
        gcx_map_insert(map, &i, &i);
    const char *said = capture_end(&c);
    assert_int_equal(hook_status, -3);
    const char *site = strstr(said, "test_map.c:");
    assert_non_null(site);
    assert_non_null(strstr(site + 1, "test_map.c:"));
    assert_int_equal(gcx_map_len(map), 2);
}

static void test_bad_arguments(void **state)
{
    struct gcx_map_options o = GCX_MAP_OPTIONS_DEFAULT;
    (void)state;
    errno = 0;
    assert_null(gcx_map_create(NULL));
    assert_int_equal(errno, EINVAL);
    o.value_bytes = (size_t)-1;
    assert_null(gcx_map_create(&o));
    o.value_bytes = 8;
    o.keys = GCX_MAP_BYTES;
    assert_null(gcx_map_create(&o)); /* keys of 0 bytes */
    o.key_bytes = 8;
    o.max_items = (size_t)-3;
    assert_null(gcx_map_create(&o));
    o.max_items = 0;
    o.expected_items = (size_t)-3;
    assert_null(gcx_map_create(&o));
    o.expected_items = (size_t)1 << 60;
    errno = 0;
    assert_null(gcx_map_create(&o));
    assert_int_equal(errno, ENOMEM);
    o.expected_items = 1000;
    gcx_map *map = gcx_map_create(&o);
    assert_non_null(map);
    errno = 0;
    assert_int_equal(gcx_map_insert(map, NULL, NULL), -1);
    assert_int_equal(errno, EINVAL);
    assert_null(gcx_map_find(map, NULL));
    assert_int_equal(gcx_map_insert(NULL, &o, NULL), -1);
    assert_int_equal(gcx_map_delete(NULL, &o), -1);
    assert_null(gcx_map_find(NULL, &o));
    assert_null(gcx_map_ensure(NULL, &o));
    assert_int_equal(gcx_map_clear(NULL), -1);
    assert_int_equal(gcx_map_len(NULL), 0);
    assert_int_equal(gcx_map_evictions(NULL), 0);
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"barrier", child_barrier}};
    if (child_is(argc, argv))
        return child_main(argv, children, COUNT_OF(children));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_kinds_of_keys),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_identity_and_liveness),
        cmocka_unit_test(test_values_live),
        cmocka_unit_test(test_explicit_barrier),
        cmocka_unit_test(test_ensure),
        cmocka_unit_test(test_iterate),
        cmocka_unit_test(test_change_while_iterating),
        cmocka_unit_test(test_delete_all_while_iterating),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_what_is_used_stays),
        cmocka_unit_test(test_bound_of_one),
        cmocka_unit_test(test_change_from_the_hook),
        cmocka_unit_test(test_bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
