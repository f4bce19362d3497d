/* test_map_weak.c -- maps with weak keys and with weak values, beside a shadow.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <gcx/map.h>

#include "../support/capture.h"
#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

enum { LEAF = 48, KEYS = 3000, FEW = 40 };

struct item {
    uint64_t number;
    char rest[LEAF - sizeof(uint64_t)];
};
struct about {
    struct item *item; /* leads back to the key */
    uint64_t *number;  /* led to by the value alone */
};
GCX_MAP_DEFINE_WEAK_KEYS(abouts, struct item, struct about);
GCX_MAP_DEFINE_WEAK_VALUES(by_number, uint64_t, struct item);
GCX_MAP_DEFINE_STRINGS_WEAK_VALUES(by_name, struct item);

static struct roots {
    struct item *held[KEYS];
    struct abouts abouts;
    struct by_number by_number;
    struct by_name by_name;
    gcx_map *map;
} roots; /* static data: roots */
static hidden_ptr hidden[KEYS];
static uint64_t value_of[KEYS]; /* 0: none */

static void reset(void)
{
    memset(&roots, 0, sizeof roots);
    memset(value_of, 0, sizeof value_of);
}

static struct item *make_item(size_t n)
{
    struct item *item = gcx_alloc(sizeof *item);
    item->number = n;
    hidden[n] = hide(item);
    return item;
}

/* ---- Weak keys ----------------------------------------------------------- */

static NOINLINE void put(size_t n, uint64_t number)
{
    struct about about = {roots.held[n], gcx_alloc(sizeof(uint64_t))};
    if (about.item == NULL)
        about.item = roots.held[n] = make_item(n);
    *about.number = number;
    if (number % 2 == 0) {
        assert_int_equal(abouts_insert(roots.abouts, about.item, about), 0);
    } else {
        struct about *place = abouts_ensure(roots.abouts, about.item);
        place->item = about.item;
        place->number = about.number;
        gcx_dirty(place);
    }
    value_of[n] = number;
}

static NOINLINE size_t check_held(void)
{
    size_t count = 0;
    for (size_t n = 0; n < KEYS; n++) {
        const struct item *item = roots.held[n];
        if (item == NULL)
            continue;
        const struct about *about = abouts_find(roots.abouts, roots.held[n]);
        assert_int_equal(about != NULL, value_of[n] != 0);
        if (about == NULL)
            continue;
        assert_ptr_equal(about->item, item);
        assert_int_equal(*about->number, value_of[n]);
        count++;
    }
    return count;
}

static void step(struct random *r, uint64_t number)
{
    size_t n = random_below(r, KEYS);
    if (random_percent(r, 60)) {
        put(n, number);
    } else if (random_percent(r, 50) && roots.held[n] != NULL) {
        assert_int_equal(abouts_delete(roots.abouts, roots.held[n]), value_of[n] != 0 ? 0 : -1);
        value_of[n] = 0;
    } else {
        roots.held[n] = NULL;
        value_of[n] = 0;
    }
}

/* What is held is there, what is not held goes, and when nothing is held the
 * map holds nothing: neither keys nor values. */
static void weak_keys_beside_shadow(void)
{
    struct random r = {5};
    reset();
    roots.abouts = abouts_create(0);
    for (size_t round = 0; round < scaled(100); round++) {
        for (uint64_t i = 1; i < 300; i++)
            step(&r, round * 1000 + i);
        collect_and_churn(round % 8 == 7 ? GCX_FULL : GCX_MINOR, LEAF);
        check_held();
    }
    collect_and_churn(GCX_FULL, LEAF);
    size_t held = check_held(), len = abouts_len(roots.abouts);
    assert_true(held > 0 && len >= held && len <= held + FEW);
    memset(roots.held, 0, sizeof roots.held);
    collect_full();
    assert_true(abouts_len(roots.abouts) <= FEW);
    assert_true(count_gone(hidden, KEYS) >= KEYS - FEW);
}

static void test_weak_keys(void **state)
{
    (void)state;
    weak_keys_beside_shadow();
}

static int child_barrier(const char *arg)
{
    (void)arg;
    weak_keys_beside_shadow();
    return 0;
}

static void test_explicit_barrier(void **state)
{
    (void)state;
    assert_true(child_passes_with_barrier("barrier"));
}

/* Entries that come and go do not make it grow. */
static void test_room_is_used_again(void **state)
{
    (void)state;
    reset();
    roots.abouts = abouts_create(0);
    for (size_t i = 0; i < scaled(200000); i++) {
        put(i % 100, i + 1);
        roots.held[i % 100] = NULL;
        if (i % 2000 == 0)
            collect_and_churn(GCX_FULL, LEAF);
    }
    collect_and_churn(GCX_FULL, LEAF);
    struct gcx_stats before = stats_now();
    roots.abouts.map = NULL;
    collect_and_churn(GCX_FULL, LEAF);
    struct gcx_stats after = stats_now();
    assert_true(before.live_bytes < after.live_bytes + (1 << 20));
}

/* A value's place is good for as long as the key lives. */
static void test_places_stay(void **state)
{
    (void)state;
    reset();
    roots.abouts = abouts_create(0);
    put(0, 1);
    struct about *place = abouts_find(roots.abouts, roots.held[0]);
    for (size_t n = 1; n < KEYS; n++)
        put(n, n + 1);
    assert_ptr_equal(abouts_find(roots.abouts, roots.held[0]), place);
    *place->number = 77;
    value_of[0] = 77;
    assert_int_equal(check_held(), KEYS);
}

static gcx_map *weak_set(size_t max_items, size_t value_bytes)
{
    struct gcx_map_options o = GCX_MAP_OPTIONS_DEFAULT;
    o.keys = GCX_MAP_IDENTITY;
    o.weak = GCX_MAP_WEAK_KEYS;
    o.value_bytes = value_bytes;
    o.is_noscan = 1;
    o.max_items = max_items;
    return gcx_map_create(&o);
}

/* No values; numbers as values, which are 0 at first and keep nothing. */
static void test_sets_and_numbers(void **state)
{
    (void)state;
    reset();
    gcx_map *set = roots.map = weak_set(0, 0);
    gcx_map *numbers = weak_set(0, sizeof(hidden_ptr));
    for (size_t n = 0; n < KEYS; n++) {
        struct item *item = roots.held[n] = make_item(n);
        void *other = gcx_alloc(LEAF);
        assert_int_equal(gcx_map_insert(set, item, NULL), 0);
        assert_non_null(gcx_map_ensure(set, item));
        assert_int_equal(*(uintptr_t *)gcx_map_ensure(numbers, item), 0);
        hidden[n] = hide(other);
        assert_int_equal(gcx_map_insert(numbers, item, &other), 0);
    }
    collect_full();
    assert_true(count_gone(hidden, KEYS) >= KEYS / 2);
    assert_int_equal(gcx_map_len(set), KEYS);
    assert_int_equal(gcx_map_len(numbers), KEYS);
    for (size_t n = 0; n < KEYS; n++) {
        assert_non_null(gcx_map_find(set, roots.held[n]));
        assert_int_equal(*(uintptr_t *)gcx_map_find(numbers, roots.held[n]),
                         (uintptr_t)reveal(hidden[n]));
    }
    assert_int_equal(gcx_map_delete(set, roots.held[1]), 0);
    assert_int_equal(gcx_map_delete(set, roots.held[1]), -1);
    assert_int_equal(errno, ENOENT);
    assert_null(gcx_map_find(set, roots.held[1]));
    assert_int_equal(gcx_map_clear(numbers), 0);
    assert_int_equal(gcx_map_len(numbers), 0);
}

/* ---- Iterating, bounds --------------------------------------------------- */

/* Each that is held all the time is seen once, through growth and collections. */
static void test_iterate(void **state)
{
    static uint8_t seen[KEYS];
    (void)state;
    reset();
    roots.abouts = abouts_create(0);
    memset(seen, 0, sizeof seen);
    for (size_t n = 0; n < KEYS / 2; n++)
        put(n, n + 1);
    struct gcx_map_iter it = gcx_map_iterate(roots.abouts.map);
    for (size_t more = KEYS / 2; gcx_map_next(&it);) {
        const struct item *item = it.key;
        const struct about *about = it.value;
        assert_ptr_equal(about->item, item);
        assert_int_equal(seen[item->number]++, 0);
        if (item->number % 2 == 1)
            roots.held[item->number] = NULL;
        if (more < KEYS)
            put(more, more + 1), more++;
        if (more % 300 == 0)
            collect_and_churn(GCX_FULL, LEAF);
    }
    for (size_t n = 0; n < KEYS / 2; n++)
        assert_int_equal(seen[n], 1);
}

static uint64_t evicted;

static void on_evict(const void *key, void *value, void *arg)
{
    const struct item *item = key;
    (void)arg;
    assert_int_equal(item->number * 3, *(uint64_t *)value);
    evicted++;
}

static void test_bound(void **state)
{
    struct gcx_map_options o = GCX_MAP_OPTIONS_DEFAULT;
    (void)state;
    reset();
    o.keys = GCX_MAP_IDENTITY;
    o.weak = GCX_MAP_WEAK_KEYS;
    o.value_bytes = sizeof(uint64_t);
    o.is_noscan = 1;
    o.max_items = 100;
    o.evict = on_evict;
    evicted = 0;
    gcx_map *map = roots.map = gcx_map_create(&o);
    for (size_t n = 0; n < KEYS; n++) {
        uint64_t value = n * 3;
        roots.held[n] = make_item(n);
        assert_int_equal(gcx_map_insert(map, roots.held[n], &value), 0);
        assert_true(n % 100 != 0 || gcx_map_len(map) <= 100);
    }
    assert_int_equal(evicted, KEYS - 100);
    assert_int_equal(gcx_map_evictions(map), evicted);
    assert_int_equal(gcx_map_len(map), 100);
    memset(roots.held, 0, sizeof roots.held);
    collect_and_churn(GCX_FULL, LEAF);
    assert_true(gcx_map_len(map) <= FEW);
    for (size_t n = 0; n < 50; n++) { /* what has vanished makes room without the hook */
        uint64_t value = n * 3;
        roots.held[n] = make_item(n);
        assert_int_equal(gcx_map_insert(map, roots.held[n], &value), 0);
    }
    assert_true(gcx_map_evictions(map) <= evicted && evicted <= KEYS - 100 + FEW);
}

/* ---- Weak values --------------------------------------------------------- */

static NOINLINE struct item *intern(size_t n)
{
    char name[32];
    snprintf(name, sizeof name, "item-%zu", n);
    struct item *item = by_name_find(roots.by_name, name);
    assert_ptr_equal(item, by_number_find(roots.by_number, n));
    if (item == NULL) {
        item = make_item(n);
        assert_int_equal(by_name_insert(roots.by_name, name, item), 0);
        assert_int_equal(by_number_insert(roots.by_number, n, item), 0);
    }
    assert_int_equal(item->number, n);
    return item;
}

static void test_weak_values(void **state)
{
    struct random r = {9};
    (void)state;
    reset();
    roots.by_name = by_name_create(0);
    roots.by_number = by_number_create(0);
    for (size_t round = 0; round < scaled(60); round++) {
        for (int i = 0; i < 300; i++) {
            size_t n = random_below(&r, KEYS);
            struct item *item = intern(n);
            assert_true(roots.held[n] == NULL || roots.held[n] == item);
            roots.held[n] = random_percent(&r, 50) ? item : NULL;
        }
        collect_and_churn(round % 8 == 7 ? GCX_FULL : GCX_MINOR, LEAF);
        for (size_t n = 0; n < KEYS; n++)
            assert_true(roots.held[n] == NULL || intern(n) == roots.held[n]);
    }
    struct gcx_map_iter it = gcx_map_iterate(roots.by_number.map);
    for (size_t n = 0; gcx_map_next(&it); n++) {
        const struct item *item = it.value;
        assert_int_equal(*(const uint64_t *)it.key, item->number);
    }
    memset(roots.held, 0, sizeof roots.held);
    collect_and_churn(GCX_FULL, LEAF);
    assert_true(by_name_len(roots.by_name) <= FEW);
    assert_true(by_number_len(roots.by_number) <= FEW);
    roots.held[0] = intern(0);
    assert_int_equal(by_number_delete(roots.by_number, 0), 0);
    assert_int_equal(by_number_delete(roots.by_number, 0), -1);
    assert_null(by_number_find(roots.by_number, 0));
}

/* ---- Misuse -------------------------------------------------------------- */

static void test_options(void **state)
{
    struct gcx_map_options o = GCX_MAP_OPTIONS_DEFAULT;
    (void)state;
    o.weak = GCX_MAP_WEAK_KEYS; /* of strings */
    errno = 0;
    assert_null(gcx_map_create(&o));
    assert_int_equal(errno, EINVAL);
    o.weak = GCX_MAP_WEAK_VALUES;
    o.value_bytes = 4;
    assert_null(gcx_map_create(&o));
    o.weak = (enum gcx_map_weak)3;
    o.value_bytes = sizeof(void *);
    assert_null(gcx_map_create(&o));
}

static void test_mistakes(void **state)
{
    static struct capture capture;
    static struct item foreign;
    (void)state;
    reset();
    struct abouts m = abouts_create(0);
    struct by_number values = by_number_create(0);
    struct about about = {NULL, NULL};
    uint64_t one = 1;
    capture_begin(&capture);
    assert_int_equal(abouts_insert(m, &foreign, about), -1);
    assert_int_equal(errno, EINVAL);
    assert_null(abouts_ensure(m, &foreign));
    assert_int_equal(by_number_insert(values, 1, &foreign), -1);
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_int_equal(by_number_insert(values, 1, NULL), -1);
    assert_int_equal(errno, EINVAL);
    const char *said = capture_end(&capture);
    assert_non_null(strstr(said, "no object of this heap"));
    assert_non_null(strstr(said, "gcx_map_insert((nil))"));
    assert_non_null(strstr(said, "gcx_map_ensure("));
    assert_null(strstr(said, "_create"));
    errno = 0;
    assert_int_equal(abouts_insert(m, NULL, about), -1);
    assert_int_equal(errno, EINVAL);
    assert_null(abouts_find(m, NULL));
    errno = 0;
    assert_null(gcx_map_ensure(values.map, &one));
    assert_int_equal(errno, EINVAL);
    assert_int_equal(abouts_len(m) + by_number_len(values), 0);
    assert_int_equal(abouts_delete(m, &foreign), -1);
}

static void test_a_key_is_the_start_of_an_object(void **state)
{
    static struct capture capture;
    (void)state;
    reset();
    struct abouts m = abouts_create(0);
    struct item *items = gcx_alloc(2 * sizeof *items);
    struct about about = {NULL, NULL};
    capture_begin(&capture);
    errno = 0;
    assert_int_equal(abouts_insert(m, items + 1, about), -1);
    assert_int_equal(errno, EINVAL);
    const char *said = capture_end(&capture);
    assert_non_null(strstr(said, "gcx_map_insert("));
    assert_non_null(strstr(said, "not its start"));
    assert_int_equal(abouts_len(m), 0);
    assert_int_equal(abouts_insert(m, items, about), 0);
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"barrier", child_barrier}};
    if (child_is(argc, argv))
        return child_main(argv, children, COUNT_OF(children));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weak_keys),
        cmocka_unit_test(test_explicit_barrier),
        cmocka_unit_test(test_room_is_used_again),
        cmocka_unit_test(test_places_stay),
        cmocka_unit_test(test_sets_and_numbers),
        cmocka_unit_test(test_iterate),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_weak_values),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_a_key_is_the_start_of_an_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
