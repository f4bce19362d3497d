/* test_stats_detail.c -- gcx/stats.h: pauses and classes.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include <gcx/stats.h>

#include "../support/cmocka_all.h"
#include "../support/hide.h"

static void test_pauses(void **state)
{
    static struct gcx_pause pauses[GCX_PAUSES + 50];
    uint64_t longest_stop = 0;
    (void)state;
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_MINOR);
    assert_true(gcx_get_pauses(pauses, 2) == 2);
    assert_int_equal(pauses[1].kind, GCX_FULL);
    assert_true(pauses[0].at_ns > pauses[1].at_ns);
    struct gcx_stats stats = stats_now();
    assert_true(pauses[0].pause_ns == stats.pause_last_ns);
    for (int i = 0; i < GCX_PAUSES + 20; i++)
        gcx_collect(i % 2 != 0 ? GCX_MINOR : GCX_FULL);
    assert_int_equal(gcx_get_pauses(pauses, COUNT_OF(pauses)), GCX_PAUSES);
    for (int i = 1; i < GCX_PAUSES; i++)
        assert_true(pauses[i].at_ns < pauses[i - 1].at_ns);
    for (int i = 0; i < GCX_PAUSES; i++) {
        assert_true(pauses[i].mark_ns > 0);
        assert_true(pauses[i].stop_ns + pauses[i].mark_ns <= pauses[i].pause_ns);
        longest_stop = pauses[i].stop_ns > longest_stop ? pauses[i].stop_ns : longest_stop;
    }
    assert_true(stats_now().stop_max_ns >= longest_stop);
    assert_true(stats_now().stop_total_ns >= stats_now().stop_max_ns && longest_stop > 0);
    assert_true(stats_now().stop_total_ns + stats_now().mark_total_ns < stats_now().pause_total_ns);
    assert_int_equal(gcx_get_pauses(NULL, 1), 0);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gcx_get_pauses(pauses, 0), 0);
}

static void test_quantiles(void **state)
{
    static struct gcx_pause pauses[GCX_PAUSES];
    uint64_t longest = 0, shortest = UINT64_MAX;
    (void)state;
    size_t n = gcx_get_pauses(pauses, COUNT_OF(pauses));
    for (size_t i = 0; i < n; i++) {
        longest = pauses[i].pause_ns > longest ? pauses[i].pause_ns : longest;
        shortest = pauses[i].pause_ns < shortest ? pauses[i].pause_ns : shortest;
    }
    assert_true(gcx_pause_quantile(1) == longest && gcx_pause_quantile(7) == longest);
    assert_true(gcx_pause_quantile(0) == shortest && gcx_pause_quantile(-1) == shortest);
    assert_true(gcx_pause_quantile(0.5) >= shortest && gcx_pause_quantile(0.5) <= longest);
    assert_true(gcx_pause_quantile(0.5) <= gcx_pause_quantile(0.99));
}

static const struct gcx_class_stats *find(const struct gcx_class_stats *classes, size_t n,
                                          size_t slot_bytes, int is_noscan)
{
    for (size_t i = 0; i < n; i++)
        if (classes[i].slot_bytes == slot_bytes && classes[i].is_noscan == is_noscan)
            return &classes[i];
    return NULL;
}

#define KEPT 5000

static void test_classes(void **state)
{
    static void *kept[KEPT];
    static void *large;
    static struct gcx_class_stats classes[256];
    uint64_t live_bytes = 0;
    (void)state;
    for (int i = 0; i < KEPT; i++) {
        kept[i] = gcx_alloc_noscan(224);
        gcx_alloc_noscan(224);
    }
    large = gcx_alloc(1000000);
    collect_full();
    size_t n = gcx_get_classes(classes, COUNT_OF(classes));
    assert_in_range(n, 2, 200);
    assert_int_equal(gcx_get_classes(NULL, 0), n);
    const struct gcx_class_stats *c = find(classes, n, 224, 1);
    assert_non_null(c);
    assert_in_range(c->live_objects, KEPT, KEPT + 100);
    assert_int_equal(c->live_bytes, c->live_objects * 224);
    assert_true(c->other_slots > 1000 && c->heap_bytes >= c->live_bytes);
    c = find(classes, n, 0, 0);
    assert_non_null(c);
    assert_true(c->live_objects >= 1 && c->live_bytes >= 1000000);
    for (size_t i = 0; i < n; i++)
        live_bytes += classes[i].live_bytes;
    assert_true(live_bytes + 65536 > stats_now().live_bytes);
    gcx_keep_alive(large);
    gcx_keep_alive(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
