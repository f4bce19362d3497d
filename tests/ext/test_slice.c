/* test_slice.c -- slices: growth, sharing, bounds, types, collections.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/slice.h>

#include "../support/capture.h"
#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/scale.h"

struct node {
    struct node *next;
    size_t value;
};

GCX_SLICE_DEFINE_NOSCAN(ints, int);
GCX_SLICE_DEFINE(nodes, struct node *);

static void test_make(void **state)
{
    (void)state;
    struct gcx_slice s = gcx_slice_make(sizeof(int), 3, 10);
    assert_int_equal(s.len, 3);
    assert_int_equal(s.cap, 10);
    assert_true(all_bytes(s.data, 3 * sizeof(int), 0));
    s = gcx_slice_make_noscan(sizeof(int), 5, 0);
    assert_int_equal(s.len, 5);
    assert_int_equal(s.cap, 5);
    assert_true(all_bytes(s.data, 5 * sizeof(int), 0));
    s = gcx_slice_make(1, 0, 0);
    assert_non_null(s.data);
    assert_int_equal(s.len, 0);
}

static void test_append(void **state)
{
    (void)state;
    struct gcx_slice s = gcx_slice_make_noscan(sizeof(int), 0, 0);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(gcx_slice_append(&s, &i), 0);
    assert_int_equal(s.len, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(*(int *)gcx_slice_at(&s, (size_t)i), i);
}

/* To what is needed beyond the double; doubling to 256; then by a quarter and
 * 192; up to the size class. */
static void test_growth(void **state)
{
    int elems[1000] = {0};
    (void)state;
    struct gcx_slice s = gcx_slice_make_noscan(sizeof(int), 0, 4);
    gcx_slice_append_n(&s, elems, 100);
    assert_int_equal(s.cap, gcx_size(s.data) / sizeof(int));
    assert_in_range(s.cap, 100, 112);
    size_t last = s.cap;
    for (int i = 0; i < 100000; i++) {
        void *before = s.data;
        gcx_slice_append(&s, &i);
        if (s.data == before)
            continue;
        size_t least = last < 256 ? 2 * last : last + (last + 768) / 4;
        assert_true(s.cap >= least);
        assert_true(s.cap <= least + least / 7 + 1024 * 5); /* the class, or pages */
        last = s.cap;
    }
}

/* No copy while the object that make took has room. */
static void test_no_copy_within_the_class(void **state)
{
    (void)state;
    struct gcx_slice s = gcx_slice_make_noscan(1, 0, 50);
    void *data = s.data;
    for (int i = 0; i < 64; i++)
        gcx_slice_append(&s, "x");
    assert_ptr_equal(s.data, data);
    assert_int_equal(s.cap, 64);
    gcx_slice_append(&s, "x");
    assert_ptr_not_equal(s.data, data);
}

static void test_append_itself(void **state)
{
    (void)state;
    struct gcx_slice s = gcx_slice_make_noscan(1, 0, 0);
    gcx_slice_append_n(&s, "abc", 3);
    for (int i = 0; i < 12; i++)
        assert_int_equal(gcx_slice_append_slice(&s, s), 0);
    assert_int_equal(s.len, 3 << 12);
    for (size_t i = 0; i < s.len; i++)
        assert_int_equal(*(char *)gcx_slice_at(&s, i), "abc"[i % 3]);
}

static void test_sub_slices_share(void **state)
{
    (void)state;
    struct ints s = ints_make(10, 20);
    struct ints part = ints_sub(s, 2, 5);
    assert_int_equal(part.len, 3);
    assert_int_equal(part.cap, 18);
    *ints_at(&part, 0) = 7;
    assert_int_equal(*ints_at(&s, 2), 7);
    ints_append(&part, 9); /* has room: overwrites s[5] */
    assert_int_equal(*ints_at(&s, 5), 9);
    struct gcx_slice narrow = gcx_slice_sub_max(ints_untyped(s), 0, 3, 3);
    int elem = 11;
    gcx_slice_append(&narrow, &elem); /* has none: elements of its own */
    assert_int_equal(*ints_at(&s, 3), 0);
    assert_int_equal(*(int *)gcx_slice_at(&narrow, 3), 11);
    struct gcx_slice up = gcx_slice_sub(ints_untyped(s), 0, 20); /* up to the capacity */
    assert_int_equal(up.len, 20);
    struct gcx_slice none = gcx_slice_sub(ints_untyped(s), 20, 20);
    assert_int_equal(none.len, 0);
    assert_int_equal(none.cap, 0);
    gcx_slice_append(&none, &elem);
    assert_int_equal(*(int *)gcx_slice_at(&none, 0), 11);
    assert_int_equal(*ints_at(&s, 0), 0);
}

static void test_copy(void **state)
{
    (void)state;
    struct ints s = ints_make(0, 0);
    for (int i = 0; i < 10; i++)
        ints_append(&s, i);
    assert_int_equal(ints_copy(ints_sub(s, 2, 10), s), 8); /* overlapping */
    for (int i = 2; i < 10; i++)
        assert_int_equal(*ints_at(&s, (size_t)i), i - 2);
    struct ints small = ints_make(3, 3);
    assert_int_equal(ints_copy(small, s), 3);
    struct gcx_slice bytes = gcx_slice_make_noscan(1, 10, 10);
    errno = 0;
    assert_int_equal(gcx_slice_copy(bytes, ints_untyped(s)), 0);
    assert_int_equal(errno, EINVAL);
}

static void test_bounds(void **state)
{
    (void)state;
    struct ints s = ints_make(3, 5);
    errno = 0;
    assert_null(ints_at(&s, 3));
    assert_int_equal(errno, ERANGE);
    assert_null(ints_at(&s, SIZE_MAX));
    assert_int_equal(ints_set(&s, 3, 1), -1);
    assert_int_equal(ints_set(&s, 2, 1), 0);
    struct gcx_slice any = ints_untyped(s);
    static const size_t bad[][3] = {{2, 1, 5}, {0, 6, 6}, {0, 4, 3}, {0, 1, 6}, {SIZE_MAX, 0, 5}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        errno = 0;
        struct gcx_slice part = gcx_slice_sub_max(any, bad[i][0], bad[i][1], bad[i][2]);
        assert_int_equal(errno, ERANGE);
        assert_null(part.data);
        assert_int_equal(part.len, 0);
    }
    assert_int_equal(s.len, 3);
    assert_int_equal(*ints_at(&s, 2), 1);
}

static void test_bad_capacities(void **state)
{
    (void)state;
    int elem = 1;
    const struct {
        size_t elem_bytes, len, cap;
        int error;
    } bad[] = {
        {0, 1, 1, EINVAL},
        {4, 5, 3, EINVAL},
        {4, 0, (size_t)-1, EINVAL},
        {4, (size_t)-5, (size_t)-1, EINVAL},
        {8, 0, (size_t)1 << 61, ENOMEM},
        {1, 0, PTRDIFF_MAX, ENOMEM},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        errno = 0;
        struct gcx_slice s = gcx_slice_make(bad[i].elem_bytes, bad[i].len, bad[i].cap);
        assert_int_equal(errno, bad[i].error);
        assert_null(s.data);
        assert_int_equal(s.cap, 0);
    }
    struct ints s = ints_make(1, 1);
    errno = 0;
    assert_int_equal(ints_reserve(&s, SIZE_MAX), -1);
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(ints_append_n(&s, &elem, SIZE_MAX - 1), -1);
    assert_int_equal(s.len, 1);
    assert_int_equal(s.cap, 1);
    struct gcx_slice empty = {0};
    errno = 0;
    assert_int_equal(gcx_slice_append(&empty, &elem), -1);
    assert_int_equal(errno, EINVAL);
    struct gcx_slice bytes = gcx_slice_make_noscan(1, 1, 1);
    assert_int_equal(gcx_slice_append_slice(&bytes, ints_untyped(s)), -1);
}

static void check_einval(int status)
{
    assert_int_equal(status, -1);
    assert_int_equal(errno, EINVAL);
    errno = 0;
}

static void test_null_arguments(void **state)
{
    (void)state;
    int elem = 1;
    struct gcx_slice s = gcx_slice_make(sizeof elem, 1, 1);
    struct ints typed = ints_make(1, 1);
    errno = 0;
    check_einval(gcx_slice_append(NULL, &elem));
    check_einval(gcx_slice_append_n(&s, NULL, 5));
    check_einval(ints_append_n(&typed, NULL, 5));
    check_einval(gcx_slice_append_slice(NULL, s));
    check_einval(gcx_slice_reserve(NULL, 1));
    check_einval(gcx_slice_set(NULL, 0, &elem));
    check_einval(gcx_slice_set(&s, 0, NULL));
    assert_int_equal(gcx_slice_append_n(&s, NULL, 0), 0);
    assert_int_equal(s.len, 1);
    assert_int_equal(s.cap, 1);
}

static void test_reserve(void **state)
{
    (void)state;
    struct ints s = ints_make(2, 2);
    assert_int_equal(ints_reserve(&s, 1000), 0);
    const int *data = s.data;
    for (int i = 0; i < 1000; i++)
        ints_append(&s, i);
    assert_ptr_equal(s.data, data);
    assert_int_equal(s.len, 1002);
    assert_int_equal(ints_reserve(&s, 0), 0);
}

static void test_zeroed_is_empty(void **state)
{
    (void)state;
    struct ints s = {0};
    assert_int_equal(ints_append(&s, 5), 0);
    assert_int_equal(*ints_at(&s, 0), 5);
    struct nodes n = {0};
    assert_int_equal(nodes_append(&n, NULL), 0);
    assert_int_equal(n.len, 1);
}

/* Scanned elements are kept by the slice alone, old to young too. */
static void test_elements_live(void **state)
{
    (void)state;
    size_t count = scaled(100000);
    struct nodes *s = gcx_alloc(sizeof *s);
    struct nodes parts[10] = {{0}};
    for (size_t i = 0; i < count; i++) {
        struct node *n = gcx_alloc(sizeof *n);
        n->value = i;
        assert_int_equal(nodes_append(s, n), 0);
        gcx_dirty(s);
        if (i % (count / 10 + 1) == 0) {
            gcx_collect(i % 2 ? GCX_FULL : GCX_MINOR);
            parts[i / (count / 10 + 1)] = nodes_sub(*s, i, i + 1);
        }
    }
    gcx_collect(GCX_FULL);
    churn(sizeof(struct node), 10000);
    for (size_t i = 0; i < count; i++)
        assert_int_equal((*nodes_at(s, i))->value, i);
    for (size_t i = 0; i < 10 && parts[i].len != 0; i++)
        assert_int_equal((*nodes_at(&parts[i], 0))->value, i * (count / 10 + 1));
}

/* In a child with the explicit barrier: appends are remembered. */
static int child_barrier(const char *arg)
{
    (void)arg;
    test_elements_live(NULL);
    return 0;
}

static int child_checked(const char *arg)
{
    struct gcx_slice s = gcx_slice_make(4, 3, 5);
    if (strcmp(arg, "at") == 0)
        return gcx_slice_at(&s, 3) == NULL ? 0 : 1;
    if (strcmp(arg, "sub") == 0)
        return gcx_slice_sub(s, 3, 2).data == NULL ? 0 : 1;
    return gcx_slice_make(4, 5, 3).data == NULL ? 0 : 1;
}

static void test_children(void **state)
{
    static const char *const explicit[] = {"GCX_BARRIER=explicit", NULL};
    static const char *const checked[] = {"GCX_CHECK=1", NULL};
    struct child_result result;
    (void)state;
    child_run(&result, "barrier", NULL, explicit);
    assert_true(child_ok(&result));
    for (int i = 0; i < 2; i++) {
        child_run(&result, "checked", i ? "at" : "sub", checked);
        assert_true(child_ok(&result));
        const char *site = strstr(result.err, "test_slice.c:");
        assert_non_null(site);
        assert_non_null(strstr(site + 1, "test_slice.c:")); /* where made, where used */
    }
    child_run(&result, "checked", "make", checked);
    assert_true(child_ok(&result));
    assert_non_null(strstr(result.err, "test_slice.c:"));
    child_run(&result, "checked", "at", NULL);
    assert_true(child_ok(&result));
    assert_string_equal(result.err, "");
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"barrier", child_barrier},
                                                  {"checked", child_checked}};
    if (child_is(argc, argv))
        return child_main(argv, children, COUNT_OF(children));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make),           cmocka_unit_test(test_append),
        cmocka_unit_test(test_growth),         cmocka_unit_test(test_no_copy_within_the_class),
        cmocka_unit_test(test_append_itself),  cmocka_unit_test(test_sub_slices_share),
        cmocka_unit_test(test_copy),           cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_bad_capacities), cmocka_unit_test(test_null_arguments),
        cmocka_unit_test(test_reserve),        cmocka_unit_test(test_zeroed_is_empty),
        cmocka_unit_test(test_elements_live),  cmocka_unit_test(test_children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
