/* test_heap.c -- size classes, the reciprocal, mark bytes, spans, lanes.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "heap/idle.h"
#include "heap/lane.h"
#include "heap/marks.h"
#include "heap/recycle.h"
#include "heap/space.h"
#include "os/vm.h"

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 16) % n);
}

static void every_size_has_the_smallest_class_that_holds_it(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes <= GCXI_MEDIUM_MAX; bytes++) {
        unsigned c = gcxi_class_of(bytes);
        assert_true(c < GCXI_CLASSES);
        assert_true(gcxi_class_bytes(c) >= bytes);
        assert_true(c == 0 || gcxi_class_bytes(c - 1) < bytes);
        if (bytes > 128)
            assert_true(gcxi_class_bytes(c) * 8 <= bytes * 9 + 15 * 8);
    }
}

static void rounding_stays_below_an_eighth(void **state)
{
    (void)state;
    for (size_t bytes = 129; bytes <= GCXI_MEDIUM_MAX; bytes++)
        assert_true((gcxi_class_bytes(gcxi_class_of(bytes)) - bytes) * 8 <= bytes);
}

static void the_reciprocal_divides_exactly(void **state)
{
    (void)state;
    for (unsigned c = 0; c < GCXI_CLASSES; c++) {
        struct gcxi_block block = {.recip = gcxi_recip_of(gcxi_class_bytes(c))};
        size_t span = (size_t)gcxi_class_units(c) << GCXI_LG_UNIT;
        for (size_t offset = 0; offset <= span; offset += GCXI_GRANULE)
            assert_int_equal(gcxi_block_slot(&block, offset), offset / gcxi_class_bytes(c));
    }
}

static void marks_are_found_and_counted(void **state)
{
    uint8_t marks[5000];
    (void)state;
    for (int round = 0; round < 300; round++) {
        uint32_t n = random_below(sizeof marks);
        uint32_t lo = n != 0 ? random_below(n) : 0;
        uint32_t expected = 0, first = n, other = n;
        for (uint32_t i = 0; i < n; i++) {
            marks[i] = (uint8_t)(random_below(round % 3 == 0 ? 2 : 200) == 0 ? 7 : 9);
            expected += marks[i] == 7;
        }
        for (uint32_t i = n; i-- > lo;) {
            first = marks[i] == 7 ? i : first;
            other = marks[i] != 7 ? i : other;
        }
        assert_int_equal(gcxi_marks_count(marks, n, 7), expected);
        assert_int_equal(gcxi_marks_find(marks, lo, n, 7), first);
        assert_int_equal(gcxi_marks_find_other(marks, lo, n, 7), other);
    }
}

/* Runs of free slots, as lanes find and clear them: with one epoch and with two. */
static void runs_end_where_a_mark_is_an_epoch(void **state)
{
    uint8_t marks[300], before[sizeof marks];
    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint32_t n = random_below(sizeof marks);
        uint32_t at = n != 0 ? random_below(n) : 0;
        uint8_t other = round % 2 == 0 ? 7 : 6;
        for (uint32_t i = 0; i < sizeof marks; i++) {
            static const uint8_t values[] = {0, 7, 6, 5, 0x87, 255};
            marks[i] = values[random_below(round % 3 == 0 ? 2 : 6)];
        }
        memcpy(before, marks, sizeof marks);
        uint32_t lo = at, hi;
        while (lo < n && (before[lo] == 7 || before[lo] == other))
            lo++;
        for (hi = lo; hi < n && before[hi] != 7 && before[hi] != other; hi++)
            before[hi] = 0;
        uint8_t taken[sizeof marks];
        uint32_t taken_lo;
        memcpy(taken, marks, sizeof marks);
        assert_int_equal(gcxi_marks_take_run(taken, at, n, 7, other, &taken_lo), hi);
        assert_int_equal(taken_lo, lo);
        assert_memory_equal(taken, before, sizeof marks);
        assert_int_equal(gcxi_marks_find_neither(marks, at, n, 7, other), lo);
        assert_int_equal(gcxi_marks_clear_until_either(marks, lo, n, 7, other), hi);
        assert_memory_equal(marks, before, sizeof marks);
    }
}

struct held {
    uint32_t unit;
    uint32_t units;
};

/* Random spans never overlap, keep their alignment, and all come back. */
static void spans_never_overlap(void **state)
{
    static uint8_t owner[1 << 16];
    struct held held[256] = {{0, 0}};
    (void)state;
    for (int step = 0; step < 200000; step++) {
        struct held *h = &held[random_below(256)];
        if (h->units != 0) {
            memset(owner + h->unit, 0, h->units);
            gcxi_span_free(GCXI_ZONE_SCAN, h->unit, h->units);
            h->units = 0;
            continue;
        }
        bool is_zero;
        size_t align = random_below(8) == 0 ? GCXI_UNIT << random_below(5) : 1;
        h->units = 1 + random_below(random_below(10) == 0 ? 100 : 4);
        h->unit = gcxi_span_alloc(GCXI_ZONE_SCAN, h->units, align, true, &is_zero);
        assert_true(h->unit != 0 && h->unit + h->units < sizeof owner);
        assert_int_equal(gcxi_unit_addr(h->unit) % align, 0);
        uint64_t *word = (uint64_t *)gcxi_unit_addr(h->unit);
        assert_true(!is_zero || *word == 0);
        *word = 1;
        for (uint32_t i = 0; i < h->units; i++)
            assert_int_equal(owner[h->unit + i]++, 0);
    }
    for (int i = 0; i < 256; i++)
        if (held[i].units != 0)
            gcxi_span_free(GCXI_ZONE_SCAN, held[i].unit, held[i].units);
    assert_int_equal(gcxi_space_free_bytes(), gcxi_space_committed_bytes());
}

static void purged_memory_is_zero_and_not_counted(void **state)
{
    bool is_zero;
    (void)state;
    uint32_t unit = gcxi_span_alloc(GCXI_ZONE_NOSCAN, 8, 1, true, &is_zero);
    memset((void *)gcxi_unit_addr(unit), 0xff, 8 * GCXI_UNIT);
    size_t before = gcxi_space_committed_bytes();
    gcxi_span_free(GCXI_ZONE_NOSCAN, unit, 8);
    assert_int_equal(gcxi_space_purge(GCXI_ZONE_NOSCAN), 8 * GCXI_UNIT);
    assert_int_equal(gcxi_space_committed_bytes(), before - 8 * GCXI_UNIT);
    unit = gcxi_span_alloc(GCXI_ZONE_NOSCAN, 8, 1, true, &is_zero);
    assert_true(is_zero);
    for (size_t i = 0; i < 8 * GCXI_UNIT / 8; i++)
        assert_int_equal(((uint64_t *)gcxi_unit_addr(unit))[i], 0);
    gcxi_span_free(GCXI_ZONE_NOSCAN, unit, 8);
}

static void the_maximum_refuses_and_admits_again(void **state)
{
    bool is_zero;
    (void)state;
    size_t used = gcxi_space_committed_bytes() - gcxi_space_free_bytes();
    gcxi_space_set_max(used + 4 * GCXI_UNIT);
    uint32_t unit = gcxi_span_alloc(GCXI_ZONE_SCAN, 4, 1, true, &is_zero);
    assert_true(unit != 0);
    assert_int_equal(gcxi_span_alloc(GCXI_ZONE_NOSCAN, 1, 1, true, &is_zero), 0);
    gcxi_span_free(GCXI_ZONE_SCAN, unit, 4);
    unit = gcxi_span_alloc(GCXI_ZONE_NOSCAN, 4, 1, true, &is_zero);
    assert_true(unit != 0);
    gcxi_span_free(GCXI_ZONE_NOSCAN, unit, 4);
    gcxi_space_set_max(SIZE_MAX);
}

/* Takes every slot of the lane's block and returns how many came; each must
 * be free, zero and not handed out before. */
static uint32_t exhaust(struct gcxi_local *local, struct gcxi_lane *lane)
{
    uint32_t taken = 0;
    while (gcxi_lane_refill(local, lane)) {
        for (; lane->run->cur < lane->run->end; lane->run->cur += lane->block->slot_bytes) {
            uint64_t *words = (uint64_t *)lane->run->cur;
            for (size_t i = 0; i < lane->block->slot_bytes / 8; i++) {
                assert_int_equal(words[i], 0);
                words[i] = UINT64_MAX;
            }
            taken++;
        }
    }
    return taken;
}

static void a_lane_hands_out_exactly_the_free_slots(void **state)
{
    static struct gcx_detail_runs runs;
    struct gcxi_local local = {.fast = &runs};
    (void)state;
    for (unsigned c = 0; c < GCXI_CLASSES; c++) {
        size_t fresh = 0;
        struct gcxi_lane *lane = gcxi_local_lane(&local, GCXI_SCAN, c);
        assert_true(gcxi_lane_next_block(lane, &fresh));
        struct gcxi_block *block = lane->block;
        assert_int_equal(fresh, block->slots * block->slot_bytes);
        assert_int_equal(exhaust(&local, lane), block->slots);
        gcxi_local_retire(&local);

        uint32_t live = 0;
        block->young_lo = block->young_hi = 0;
        for (uint32_t i = 0; i < block->slots; i++) {
            bool is_live = random_below(3) == 0;
            block->marks[i] = is_live ? gcxi_map.epoch : GCXI_MARK_NONE;
            live += is_live;
        }
        block->live = live;
        gcxi_avail_push(block);
        lane = gcxi_local_lane(&local, GCXI_SCAN, c);
        assert_true(gcxi_lane_next_block(lane, &fresh));
        assert_ptr_equal(lane->block, block);
        assert_int_equal(exhaust(&local, lane), block->slots - live);
        gcxi_local_retire(&local);
        gcxi_block_destroy(block);
    }
}

static void words_find_their_objects(void **state)
{
    static struct gcx_detail_runs runs;
    struct gcxi_local local = {.fast = &runs};
    (void)state;
    for (unsigned c = 0; c < GCXI_CLASSES; c += 3) {
        size_t fresh = 0;
        struct gcxi_lane *lane = gcxi_local_lane(&local, GCXI_SCAN, c);
        assert_true(gcxi_lane_next_block(lane, &fresh) && gcxi_lane_refill(&local, lane));
        uintptr_t p = lane->run->cur;
        size_t bytes = lane->block->slot_bytes;
        uint32_t slot;
        assert_null(gcxi_find_object(p, &slot));
        lane->run->cur += bytes;
        for (size_t i = 0; i < bytes; i += 1 + bytes / 61) {
            assert_ptr_equal(gcxi_find_object(p + i, &slot), lane->block);
            assert_int_equal(gcxi_slot_addr(lane->block, slot), p);
        }
        assert_null(gcxi_find_object(p + bytes, &slot));
        gcxi_local_retire(&local);
    }
    uint32_t slot;
    assert_null(gcxi_find_object(0, &slot));
    assert_null(gcxi_find_object(UINTPTR_MAX, &slot));
    assert_null(gcxi_find_object((uintptr_t)&slot, &slot));
    assert_null(gcxi_find_object(gcxi_map.base - 1, &slot));
    assert_null(gcxi_find_object(gcxi_unit_addr(gcxi_map.units), &slot));
}

/* The address one past the end of an object is never in the block behind. */
static void no_slot_holds_the_last_byte_of_its_block(void **state)
{
    (void)state;
    for (unsigned c = 0; c < GCXI_CLASSES; c++) {
        struct gcxi_block *block = gcxi_block_create(GCXI_SCAN, c);
        assert_true(block->slots * block->slot_bytes < (size_t)block->units << GCXI_LG_UNIT);
        gcxi_block_destroy(block);
    }
    for (size_t bytes = GCXI_MEDIUM_MAX + 1; bytes < 4 * GCXI_UNIT; bytes += 97) {
        struct gcxi_block *block = gcxi_block_create_large(GCXI_SCAN, bytes, 1, true);
        assert_true(block->slot_bytes >= bytes);
        assert_true(block->slot_bytes < (size_t)block->units << GCXI_LG_UNIT);
        gcxi_block_destroy(block);
    }
}

static size_t resident_pages(const struct gcxi_block *block)
{
    unsigned char pages[GCXI_UNIT / 4096];
    size_t count = 0, bytes = gcxi_vm_page_bytes();
    assert_int_equal(mincore((void *)gcxi_block_addr(block), GCXI_UNIT, pages), 0);
    for (size_t i = 0; i < GCXI_UNIT / bytes; i++)
        count += pages[i] & 1;
    return count;
}

/* Of kinds that no other test has blocks of. */
static void a_class_with_few_objects_has_few_pages(void **state)
{
    (void)state;
    struct gcxi_block *blocks[2 * GCXI_EXACT_CLASSES];
    gcxi_space_purge(GCXI_ZONE_SCAN);
    for (unsigned i = 0; i < 2 * GCXI_EXACT_CLASSES; i++) {
        blocks[i] = gcxi_block_create(i % 2 != 0 ? GCXI_LOOSE : GCXI_ROOT, i / 2);
        *(char *)gcxi_slot_addr(blocks[i], 0) = 1;
        assert_int_equal(resident_pages(blocks[i]), 1);
    }
    for (unsigned i = 0; i < 2 * GCXI_EXACT_CLASSES; i++)
        gcxi_block_destroy(blocks[i]);
}

/* Takes one object from a block of its own, with so many objects live at the last
 * census, and looks at it twice. */
static struct gcxi_block *look_twice(struct gcxi_local *local, struct gcxi_lane *lane,
                                     uint32_t live, bool is_used_between)
{
    static uint64_t cycles;
    size_t fresh = 0;
    assert_true(gcxi_lane_next_block(lane, &fresh) && gcxi_lane_refill(local, lane));
    struct gcxi_block *block = lane->block;
    block->live = live;
    lane->run->cur += block->slot_bytes;
    gcxi_idle_look(local, ++cycles);
    gcxi_idle_look(local, cycles);
    assert_ptr_equal(lane->block, block);
    if (is_used_between)
        lane->run->cur += block->slot_bytes;
    gcxi_idle_look(local, ++cycles);
    return block;
}

static void a_lane_out_of_use_gives_its_empty_block_back(void **state)
{
    static struct gcx_detail_runs runs;
    struct gcxi_local local = {.fast = &runs};
    (void)state;
    for (unsigned c = 0; c < GCXI_CLASSES - 1; c += 7) {
        struct gcxi_lane *lane = gcxi_local_lane(&local, GCXI_SCAN, c);
        struct gcxi_block *used = look_twice(&local, lane, 0, true);
        assert_ptr_equal(lane->block, used);
        struct gcxi_block *live = look_twice(&local, lane, 1, false);
        assert_ptr_equal(lane->block, live);
        struct gcxi_block *idle = look_twice(&local, lane, 0, false);
        assert_null(lane->block);
        assert_null(idle->owner);
        assert_int_equal(idle->state, GCXI_BLOCK_USED);
        assert_int_equal(idle->young_hi, 1);
        assert_null(gcxi_local_bump(&local, GCXI_SCAN, c));
        gcxi_block_destroy(used);
        gcxi_block_destroy(live);
        gcxi_block_destroy(idle);
    }
    gcxi_local_retire(&local);
}

/* ---- Recycling ---- */

/* All slots of a block of that kind, handed out. */
static struct gcxi_block *full_block(struct gcxi_local *local, struct gcxi_lane **lane,
                                     enum gcxi_kind kind, unsigned c)
{
    size_t fresh = 0;
    *lane = gcxi_local_lane(local, kind, c);
    assert_true(gcxi_lane_next_block(*lane, &fresh));
    while (gcxi_lane_refill(local, *lane))
        (*lane)->run->cur = (*lane)->run->end;
    return (*lane)->block;
}

/* Takes all that the lane knows or can be given; each slot once. */
static uint32_t take_all(struct gcxi_local *local, struct gcxi_lane *lane,
                         const struct gcxi_block *block, uint8_t *taken)
{
    uint32_t count = 0;
    bool is_old;
    do {
        for (uintptr_t p; (p = gcxi_recycle_take(local, lane, &is_old)) != 0; count++) {
            uint32_t slot = gcxi_block_slot(block, p - gcxi_block_addr(block));
            assert_int_equal(gcxi_slot_addr(block, slot), p);
            assert_int_equal(taken[slot]++, 0);
            assert_int_equal(is_old, slot < block->young_lo);
            assert_true(gcxi_slot_is_object(block, slot));
            if (block->kind != GCXI_NOSCAN)
                assert_int_equal(*(uint64_t *)p, 0);
            memset((void *)p, 0x5a, block->slot_bytes);
        }
    } while (gcxi_recycle_next_block(lane));
    return count;
}

static void released_slots_are_taken_once(void **state)
{
    static struct gcx_detail_runs runs[2];
    struct gcxi_local own = {.fast = &runs[0]}, other = {.fast = &runs[1]};
    (void)state;
    for (unsigned c = 0; c < GCXI_CLASSES; c += 5) {
        struct gcxi_lane *lane;
        enum gcxi_kind kind = c % 2 == 0 ? GCXI_SCAN : GCXI_NOSCAN;
        struct gcxi_block *block = full_block(&own, &lane, kind, c);
        struct gcxi_lane *theirs = gcxi_local_lane(&other, kind, c);
        uint8_t *taken = calloc(block->slots, 1);
        uint32_t released = 0;
        block->young_lo = block->slots / 3;
        memset(block->marks, gcxi_map.epoch, block->young_lo);
        block->live = block->young_lo;
        for (uint32_t slot = 0; slot < block->slots; slot += 1 + slot % 3, released++) {
            memset((void *)gcxi_slot_addr(block, slot), 0xa5, block->slot_bytes);
            assert_true(gcxi_slot_release(block, slot));
            assert_false(gcxi_slot_release(block, slot));
            assert_false(gcxi_slot_is_object(block, slot));
            if (!gcxi_recycle_put(slot % 2 == 0 ? lane : theirs, block, slot))
                gcxi_recycle_list(block);
        }
        uint32_t count =
            take_all(&own, lane, block, taken) + take_all(&other, theirs, block, taken);
        assert_int_equal(count, released);
        assert_int_equal(block->live, block->young_lo);
        free(taken);
        gcxi_local_retire(&own);
        gcxi_local_retire(&other);
        gcxi_block_destroy(block);
    }
}

/* F1: where the lane's search still comes, it finds the slot, and nobody else. */
static void slots_ahead_of_the_search_are_left_to_it(void **state)
{
    static struct gcx_detail_runs runs;
    struct gcxi_local local = {.fast = &runs};
    size_t fresh = 0;
    bool is_old;
    (void)state;
    struct gcxi_block *block = gcxi_block_create(GCXI_SCAN, 3);
    uint32_t last = block->slots - 1;
    memset(block->marks, gcxi_map.epoch, block->slots);
    block->live = block->slots;
    block->marks[0] = GCXI_MARK_NONE;
    gcxi_avail_push(block);
    struct gcxi_lane *lane = gcxi_local_lane(&local, GCXI_SCAN, 3);
    assert_true(gcxi_lane_next_block(lane, &fresh) && gcxi_lane_refill(&local, lane));
    assert_ptr_equal(lane->block, block);
    assert_true(gcxi_slot_release(block, last));
    assert_true(gcxi_recycle_put(lane, block, last));
    assert_int_equal(gcxi_recycle_take(&local, lane, &is_old), 0);
    assert_false(gcxi_recycle_is_listed(lane));
    lane->run->cur = lane->run->end;
    assert_true(gcxi_lane_refill(&local, lane));
    assert_int_equal(lane->run->cur, gcxi_slot_addr(block, last));
    lane->run->cur = lane->run->end;
    assert_true(gcxi_slot_release(block, last));
    assert_true(gcxi_recycle_put(lane, block, last));
    assert_int_equal(gcxi_recycle_take(&local, lane, &is_old), gcxi_slot_addr(block, last));
    assert_false(is_old);
    gcxi_local_retire(&local);
    gcxi_block_destroy(block);
}

static int set_up(void **state)
{
    (void)state;
    return gcxi_space_init(2 * GCXI_GIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_has_the_smallest_class_that_holds_it),
        cmocka_unit_test(rounding_stays_below_an_eighth),
        cmocka_unit_test(the_reciprocal_divides_exactly),
        cmocka_unit_test(marks_are_found_and_counted),
        cmocka_unit_test(runs_end_where_a_mark_is_an_epoch),
        cmocka_unit_test(spans_never_overlap),
        cmocka_unit_test(purged_memory_is_zero_and_not_counted),
        cmocka_unit_test(the_maximum_refuses_and_admits_again),
        cmocka_unit_test(a_lane_hands_out_exactly_the_free_slots),
        cmocka_unit_test(words_find_their_objects),
        cmocka_unit_test(no_slot_holds_the_last_byte_of_its_block),
        cmocka_unit_test(released_slots_are_taken_once),
        cmocka_unit_test(a_lane_out_of_use_gives_its_empty_block_back),
        cmocka_unit_test(a_class_with_few_objects_has_few_pages),
        cmocka_unit_test(slots_ahead_of_the_search_are_left_to_it),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
