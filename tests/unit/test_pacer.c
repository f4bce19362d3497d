/* test_pacer.c -- the pacer by simulation: it is arithmetic, so programs are
 * invented as numbers and run for thousands of cycles.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../support/pacer_usual.h"
#include "gc/pacer.h"

/* A program: how much lives for good, what share of the young survives one
 * cycle and is garbage at the next full one, what remembering costs. */
struct program {
    size_t live_bytes;
    unsigned survive_percent;
    unsigned remember_percent;
    uint64_t minor_ns, full_ns; /* 0: by what is marked */
    unsigned spikes;            /* each so manieth minor cycle takes ten times as long; 0: none */
};

struct outcome {
    size_t peak_bytes;
    size_t allocated_bytes;
    size_t marked_bytes;
    unsigned minor_cycles;
    unsigned full_cycles;
    size_t last_nursery;
};

static void simulate(const struct gcxi_pacer_settings *settings, const struct program *program,
                     unsigned cycles, struct outcome *outcome)
{
    struct gcxi_pacer pacer;
    size_t old_garbage = 0, old_live = 0;
    uint64_t now = 0;
    *outcome = (struct outcome){0};
    gcxi_pacer_init(&pacer, settings);
    for (unsigned i = 0; i < cycles; i++) {
        size_t allocated = pacer.trigger_bytes;
        now += allocated + allocated / 10;
        size_t building = gcxi_min(program->live_bytes - old_live, allocated);
        size_t garbage = (allocated - building) / 100 * program->survive_percent;
        size_t peak = old_live + old_garbage + allocated;
        struct gcxi_pacer_cycle cycle = {
            .is_full = pacer.next_is_full,
            .promoted_bytes = building + garbage,
            .allocated_bytes = allocated,
            .interval_ns = allocated,
            .now_ns = now,
        };
        cycle.pause_ns =
            100000 +
            (cycle.is_full ? old_live + old_garbage + allocated : cycle.promoted_bytes) / 4;
        if (program->full_ns != 0)
            cycle.pause_ns = cycle.is_full ? program->full_ns : program->minor_ns;
        if (program->spikes != 0 && !cycle.is_full && i % program->spikes == 0)
            cycle.pause_ns *= 10;
        cycle.young_ns = cycle.pause_ns;
        old_live += building;
        old_garbage = cycle.is_full ? garbage : old_garbage + garbage;
        cycle.live_bytes = old_live + old_garbage;
        cycle.remember_ns = (cycle.interval_ns + cycle.pause_ns) / 100 * program->remember_percent;
        outcome->marked_bytes += cycle.is_full ? cycle.live_bytes : cycle.promoted_bytes;
        outcome->allocated_bytes += allocated;
        outcome->peak_bytes = gcxi_max(outcome->peak_bytes, peak);
        outcome->full_cycles += cycle.is_full;
        outcome->minor_cycles += !cycle.is_full;
        gcxi_pacer_update(&pacer, settings, &cycle);
    }
    outcome->last_nursery = pacer.nursery_bytes;
}

static void the_heap_stays_within_its_percentage(void **state)
{
    const size_t lives[] = {0, GCXI_MIB, 50 * GCXI_MIB, 500 * GCXI_MIB, 4 * GCXI_GIB};
    (void)state;
    for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
        struct program program = {lives[i], 10, 0, 0, 0, 0};
        struct outcome o;
        simulate(&usual, &program, 5000, &o);
        assert_true(o.peak_bytes <= 2 * lives[i] + lives[i] / 4 + 32 * GCXI_MIB);
        assert_true(o.minor_cycles > 0);
    }
}

static void building_a_heap_marks_each_byte_few_times(void **state)
{
    struct program program = {2 * GCXI_GIB, 0, 0, 0, 0, 0};
    struct outcome o;
    (void)state;
    simulate(&usual, &program, 150, &o);
    assert_true(o.marked_bytes < 4 * program.live_bytes);
}

static void young_garbage_needs_no_full_cycle(void **state)
{
    struct program program = {64 * GCXI_MIB, 0, 0, 0, 0, 0};
    struct outcome o;
    (void)state;
    simulate(&usual, &program, 3000, &o);
    assert_true(o.full_cycles < 10);
}

static void a_nursery_with_costly_remembering_grows_and_shrinks_back(void **state)
{
    struct program dear = {512 * GCXI_MIB, 0, 10, 0, 0, 0};
    struct program cheap = {512 * GCXI_MIB, 0, 0, 0, 0, 0};
    struct outcome with_dear, with_cheap;
    (void)state;
    simulate(&usual, &dear, 2000, &with_dear);
    simulate(&usual, &cheap, 2000, &with_cheap);
    assert_true(with_dear.last_nursery > with_cheap.last_nursery);
    assert_true(with_cheap.last_nursery <= usual.cache_bytes / 2);
}

/* 30 ms for a nursery of a few MiB, where a full cycle takes 100 ms. */
static void minor_cycles_that_do_not_pay_are_given_up_and_tried_again(void **state)
{
    struct gcxi_pacer_settings settings = usual;
    struct program program = {512 * GCXI_MIB, 60, 0, 30000000, 100000000, 0};
    struct outcome o;
    (void)state;
    settings.nursery_bytes = 8 * GCXI_MIB;
    simulate(&settings, &program, 4000, &o);
    assert_true(o.full_cycles > 8 * o.minor_cycles);
    assert_true(o.minor_cycles > 3 * 4000 / 64); /* each trial is of several */
}

static void minor_cycles_that_pay_stay_though_some_are_long(void **state)
{
    struct program program = {512 * GCXI_MIB, 2, 0, 3000000, 130000000, 16};
    struct outcome o;
    (void)state;
    simulate(&usual, &program, 4000, &o);
    assert_true(o.minor_cycles > 10 * o.full_cycles);
}

/* A machine that is busy with something else makes every cycle long. */
static void on_a_busy_machine_the_nursery_stays(void **state)
{
    struct gcxi_pacer_settings settings = usual;
    struct program program = {512 * GCXI_MIB, 2, 0, 20000000, 130000000, 0};
    struct outcome o;
    (void)state;
    settings.concurrent_bytes = 0; /* so that minor cycles are not given up */
    simulate(&settings, &program, 4000, &o);
    assert_true(o.last_nursery >= usual.cache_bytes / 2);
}

/* Who wants full cycles beside the program all the time needs them. */
static void asked_for_marking_beside_the_program_they_stay(void **state)
{
    struct gcxi_pacer_settings settings = usual;
    struct program program = {512 * GCXI_MIB, 60, 0, 30000000, 100000000, 0};
    struct outcome o;
    (void)state;
    settings.concurrent_bytes = 0;
    simulate(&settings, &program, 4000, &o);
    assert_true(o.minor_cycles > o.full_cycles);
}

static void small_heaps_have_small_nurseries(void **state)
{
    struct program program = {GCXI_MIB, 1, 0, 0, 0, 0};
    struct outcome o;
    (void)state;
    simulate(&usual, &program, 1000, &o);
    assert_true(o.last_nursery <= 4 * GCXI_MIB);
}

static void without_minor_cycles_all_are_full(void **state)
{
    struct gcxi_pacer_settings settings = usual;
    struct program program = {100 * GCXI_MIB, 0, 0, 0, 0, 0};
    struct outcome o;
    (void)state;
    settings.has_minor = false;
    simulate(&settings, &program, 200, &o);
    assert_int_equal(o.minor_cycles, 0);
    assert_true(o.peak_bytes <= 210 * GCXI_MIB);
}

static void percent_off_leaves_it_to_the_limit(void **state)
{
    struct gcxi_pacer_settings settings = usual;
    struct program program = {20 * GCXI_MIB, 30, 0, 0, 0, 0};
    struct outcome o;
    (void)state;
    settings.percent = -1;
    simulate(&settings, &program, 500, &o);
    assert_int_equal(o.full_cycles, 0);
    settings.memory_limit = 200 * (int64_t)GCXI_MIB;
    simulate(&settings, &program, 500, &o);
    assert_true(o.full_cycles > 0);
    assert_true(o.peak_bytes <= 216 * GCXI_MIB);
}

/* A limit below the live heap: slower, but a fixed share is allocated between
 * full cycles, so marking stays in proportion. */
static void a_limit_too_low_is_no_death_spiral(void **state)
{
    struct gcxi_pacer_settings settings = usual;
    struct program program = {400 * GCXI_MIB, 0, 0, 0, 0, 0};
    struct outcome o;
    (void)state;
    settings.memory_limit = 100 * (int64_t)GCXI_MIB;
    simulate(&settings, &program, 2000, &o);
    assert_true(o.marked_bytes < 12 * o.allocated_bytes);
}

/* One cycle after another of the same kind of program: live bytes, what is held,
 * and how long cycles take beside a millisecond of program in between. */
static void run_cycles(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                       struct gcxi_pacer_cycle like, uint64_t minor_ns, uint64_t full_ns,
                       unsigned cycles)
{
    for (unsigned i = 0; i < cycles; i++) {
        struct gcxi_pacer_cycle cycle = like;
        cycle.is_full = pacer->next_is_full;
        cycle.allocated_bytes = pacer->trigger_bytes;
        cycle.interval_ns = 1000000;
        cycle.pause_ns = cycle.is_full ? full_ns : minor_ns;
        cycle.now_ns = pacer->full_end_ns + cycle.interval_ns + cycle.pause_ns;
        gcxi_pacer_update(pacer, settings, &cycle);
    }
}

static void minor_cycles_that_do_not_pay_are_left_out(void **state)
{
    struct gcxi_pacer pacer;
    struct gcxi_pacer_cycle like = {.live_bytes = 3 * GCXI_MIB};
    (void)state;
    gcxi_pacer_init(&pacer, &usual);
    run_cycles(&pacer, &usual, like, 40000, 60000, 50);
    for (int i = 0; i < 20; i++) {
        assert_true(pacer.next_is_full);
        assert_true(pacer.live_bytes + pacer.trigger_bytes <= pacer.goal_bytes);
        run_cycles(&pacer, &usual, like, 40000, 60000, 1);
    }
    /* The same heap with much to scan. */
    run_cycles(&pacer, &usual, like, 40000, 5000000, 20);
    unsigned minors = 0;
    for (int i = 0; i < 20; i++) {
        minors += !pacer.next_is_full;
        run_cycles(&pacer, &usual, like, 40000, 5000000, 1);
    }
    assert_true(minors > 0);
}

static void a_busy_heap_uses_what_it_holds(void **state)
{
    struct gcxi_pacer_settings adaptive = usual;
    struct gcxi_pacer_cycle like = {.live_bytes = 20 * GCXI_MIB};
    struct gcxi_pacer pacer;
    (void)state;
    adaptive.is_adaptive = true;
    gcxi_pacer_init(&pacer, &adaptive);
    run_cycles(&pacer, &adaptive, like, 500000, 5000000, 100);
    size_t alone = pacer.goal_bytes;
    assert_true(alone > 30 * GCXI_MIB && alone <= 35 * GCXI_MIB);
    like.committed_bytes = 60 * GCXI_MIB;
    run_cycles(&pacer, &adaptive, like, 500000, 5000000, 100);
    assert_true(pacer.goal_bytes > alone);
    assert_true(pacer.goal_bytes <= 40 * GCXI_MIB);
    /* Nobody waits for cycles: memory is worth more than time. */
    for (int i = 0; i < 20; i++) {
        pacer.next_is_full = true;
        run_cycles(&pacer, &adaptive, like, 500, 5000, 1);
    }
    assert_true(pacer.goal_bytes <= 25 * GCXI_MIB);
}

static void a_little_heap_has_little_headroom(void **state)
{
    struct gcxi_pacer_settings adaptive = usual;
    struct gcxi_pacer_cycle like = {.live_bytes = 6 * GCXI_MIB};
    struct gcxi_pacer pacer;
    (void)state;
    adaptive.is_adaptive = true;
    gcxi_pacer_init(&pacer, &adaptive);
    run_cycles(&pacer, &adaptive, like, 500000, 150000, 100);
    assert_true(pacer.goal_bytes > 7 * GCXI_MIB);
    assert_true(pacer.goal_bytes < 9 * GCXI_MIB);
}

/* libgc.so.1 (src/compat) sets its own shares. */
static void shares_may_be_others(void **state)
{
    struct gcxi_pacer_settings adaptive = usual;
    struct gcxi_pacer_cycle like = {.live_bytes = 6 * GCXI_MIB};
    struct gcxi_pacer pacer;
    (void)state;
    adaptive.is_adaptive = true;
    adaptive.little_percent = 200;
    adaptive.most_percent = 40;
    gcxi_pacer_init(&pacer, &adaptive);
    run_cycles(&pacer, &adaptive, like, 500000, 150000, 100);
    assert_true(pacer.goal_bytes > 17 * GCXI_MIB && pacer.goal_bytes <= 18 * GCXI_MIB);
    like.live_bytes = 20 * GCXI_MIB;
    like.committed_bytes = 60 * GCXI_MIB;
    run_cycles(&pacer, &adaptive, like, 500000, 5000000, 100);
    assert_true(pacer.goal_bytes > 27 * GCXI_MIB && pacer.goal_bytes <= 28 * GCXI_MIB);
}

/* Room that grows with a little heap up to 7 MiB stays as much until half of the heap
 * is more. Somebody may have asked for a larger heap. */
static void room_has_bounds(void **state)
{
    const size_t lives[] = {1, 2, 3, 5, 9, 12, 40};
    const size_t goals[] = {4, 5, 8, 12, 16, 19, 59};
    struct gcxi_pacer_settings adaptive = usual;
    (void)state;
    adaptive.is_adaptive = true;
    adaptive.little_percent = 200;
    adaptive.most_percent = 50;
    adaptive.little_room_bytes = 7 * GCXI_MIB;
    for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
        struct gcxi_pacer_cycle full = {.is_full = true, .live_bytes = lives[i] * GCXI_MIB};
        struct gcxi_pacer pacer;
        adaptive.goal_least_bytes = 0;
        gcxi_pacer_init(&pacer, &adaptive);
        gcxi_pacer_update(&pacer, &adaptive, &full);
        pacer.headroom = 50;
        gcxi_pacer_replan(&pacer, &adaptive, 0);
        assert_int_equal(pacer.goal_bytes >> 20, goals[i]);
        adaptive.goal_least_bytes = 30 * GCXI_MIB;
        gcxi_pacer_replan(&pacer, &adaptive, 0);
        assert_int_equal(pacer.goal_bytes >> 20, gcxi_max(goals[i], 30));
    }
}

/* After a minor and a full cycle of a heap that collects much, and of how much room its
 * blocks take. */
static struct gcxi_pacer pacer_of_little_heap(const struct gcxi_pacer_settings *settings,
                                              const struct gcxi_pacer_cycle *minor,
                                              struct gcxi_pacer_cycle *full, size_t used_mib)
{
    struct gcxi_pacer pacer;
    full->used_bytes = used_mib * GCXI_MIB;
    full->pause_ns = 1000000;
    full->now_ns = 100000000;
    gcxi_pacer_init(&pacer, settings);
    gcxi_pacer_update(&pacer, settings, minor);
    gcxi_pacer_update(&pacer, settings, full);
    return pacer;
}

static struct gcxi_pacer_settings settings_of_little_heaps(size_t heap_bytes)
{
    struct gcxi_pacer_settings adaptive = usual;
    adaptive.is_adaptive = true;
    adaptive.little_percent = 250;
    adaptive.little_room_bytes = 5 * GCXI_MIB;
    adaptive.little_heap_bytes = heap_bytes;
    return adaptive;
}

/* Where much is collected and objects lie close together the heap may fill more; where
 * they lie scattered, and where little is collected, it stays as it is. */
static void a_busy_dense_little_heap_has_more_room(void **state)
{
    const size_t used[] = {6, 8, 14};
    const size_t goals[] = {16, 12, 11};
    const struct gcxi_pacer_settings adaptive = settings_of_little_heaps(16 * GCXI_MIB);
    (void)state;
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++) {
        struct gcxi_pacer_cycle minor = {.live_bytes = 6 * GCXI_MIB, .pause_ns = 5000000};
        struct gcxi_pacer_cycle full = {.is_full = true, .live_bytes = 6 * GCXI_MIB};
        struct gcxi_pacer pacer = pacer_of_little_heap(&adaptive, &minor, &full, used[i]);
        assert_int_equal(pacer.goal_bytes >> 20, goals[i]);
        full.now_ns += 100000000; /* one per cent */
        gcxi_pacer_update(&pacer, &adaptive, &full);
        assert_int_equal(pacer.goal_bytes >> 20, 11);
    }
}

/* Where a little heap has more than twice the usual room, minor cycles come after most of
 * it: each finds as much alive that soon dies. */
static void a_dense_little_heap_has_a_large_nursery(void **state)
{
    const size_t used[] = {5, 15};
    const size_t nurseries[] = {8, 2};
    const struct gcxi_pacer_settings adaptive = settings_of_little_heaps(24 * GCXI_MIB);
    (void)state;
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++) {
        struct gcxi_pacer_cycle minor = {.live_bytes = 5 * GCXI_MIB,
                                         .allocated_bytes = 4 * GCXI_MIB,
                                         .pause_ns = 5000000,
                                         .young_ns = 500000};
        struct gcxi_pacer_cycle full = {.is_full = true, .live_bytes = 5 * GCXI_MIB};
        struct gcxi_pacer pacer = pacer_of_little_heap(&adaptive, &minor, &full, used[i]);
        assert_int_equal(pacer.nursery_bytes >> 20, nurseries[i]);
        assert_false(pacer.next_is_full);
    }
}

/* Nobody waits for a full cycle as short as a minor one may be, so what both cost for
 * the same allocation decides. Longer ones are worth three times as much. */
static void short_full_cycles_are_as_good_as_minor_ones(void **state)
{
    struct program dear = {10 * GCXI_MIB, 10, 0, 2500000, 3000000, 0};
    struct program cheap = {10 * GCXI_MIB, 10, 0, 500000, 3000000, 0};
    struct program longer = {10 * GCXI_MIB, 10, 0, 25000000, 30000000, 0};
    struct gcxi_pacer_settings settings = usual;
    struct outcome o;
    (void)state;
    settings.nursery_bytes = 4 * GCXI_MIB;
    simulate(&settings, &dear, 1000, &o);
    assert_true(o.full_cycles > 8 * o.minor_cycles);
    simulate(&settings, &cheap, 1000, &o);
    assert_true(o.minor_cycles > 8 * o.full_cycles);
    simulate(&settings, &longer, 1000, &o);
    assert_true(o.minor_cycles > 8 * o.full_cycles);
}

/* More of its time goes into full cycles than into the program: memory helps. */
static void a_little_heap_that_only_collects_gets_more(void **state)
{
    struct gcxi_pacer_settings adaptive = usual;
    struct gcxi_pacer_cycle like = {.live_bytes = 6 * GCXI_MIB};
    struct gcxi_pacer pacer;
    (void)state;
    adaptive.is_adaptive = true;
    gcxi_pacer_init(&pacer, &adaptive);
    run_cycles(&pacer, &adaptive, like, 500000, 5000000, 6);
    assert_true(pacer.goal_bytes < 9 * GCXI_MIB);
    run_cycles(&pacer, &adaptive, like, 500000, 5000000, 200);
    assert_true(pacer.goal_bytes > 12 * GCXI_MIB);
    assert_true(pacer.goal_bytes <= 18 * GCXI_MIB);
}

static void survivors_that_take_long_make_the_nursery_small(void **state)
{
    struct gcxi_pacer pacer;
    struct gcxi_pacer_cycle like = {.live_bytes = 500 * GCXI_MIB};
    (void)state;
    gcxi_pacer_init(&pacer, &usual);
    for (int i = 0; i < 10; i++) {
        like.allocated_bytes = like.promoted_bytes = pacer.nursery_bytes;
        like.interval_ns = 100000000;
        like.young_ns = like.pause_ns = like.allocated_bytes / 2; /* 2 MiB in a millisecond */
        gcxi_pacer_update(&pacer, &usual, &like);
    }
    assert_true(pacer.nursery_bytes >= 6 * GCXI_MIB && pacer.nursery_bytes <= 8 * GCXI_MIB);
    /* Garbage is marked in no time. */
    for (int i = 0; i < 10; i++) {
        like.allocated_bytes = pacer.nursery_bytes;
        like.promoted_bytes = 0;
        like.young_ns = 1000;
        gcxi_pacer_update(&pacer, &usual, &like);
    }
    assert_true(pacer.nursery_bytes >= 16 * GCXI_MIB);
}

static size_t nursery_beside(uint64_t old_ns, uint64_t pages_ns)
{
    struct gcxi_pacer pacer;
    struct gcxi_pacer_cycle like = {
        .live_bytes = 500 * GCXI_MIB, .old_ns = old_ns, .pages_ns = pages_ns};
    gcxi_pacer_init(&pacer, &usual);
    for (int i = 0; i < 10; i++) {
        like.allocated_bytes = like.promoted_bytes = pacer.nursery_bytes;
        like.interval_ns = 100000000;
        like.young_ns = like.allocated_bytes / 4;
        like.pause_ns = like.young_ns + old_ns;
        gcxi_pacer_update(&pacer, &usual, &like);
    }
    return pacer.nursery_bytes;
}

/* But what is written takes as long in a small one: up to half is taken off. */
static void what_was_written_makes_the_nursery_smaller(void **state)
{
    (void)state;
    size_t alone = nursery_beside(0, 0);
    assert_in_range(nursery_beside(500000, 0), alone / 100 * 85, alone / 100 * 90);
    assert_in_range(nursery_beside(1000000, 0), alone / 100 * 73, alone / 100 * 77);
    assert_in_range(nursery_beside(2000000, 0), alone / 100 * 48, alone / 100 * 52);
    assert_int_equal(nursery_beside(4000000, 0), nursery_beside(2000000, 0));
}

static size_t nursery_where_full_cycles_are_beside(uint64_t live_bytes, uint64_t old_ns)
{
    struct gcxi_pacer pacer;
    struct gcxi_pacer_settings settings = usual;
    struct gcxi_pacer_cycle like = {.live_bytes = live_bytes, .old_ns = old_ns};
    settings.concurrent_bytes = 500 * GCXI_MIB;
    gcxi_pacer_init(&pacer, &settings);
    for (int i = 0; i < 10; i++) {
        like.allocated_bytes = like.promoted_bytes = pacer.nursery_bytes;
        like.interval_ns = 100000000;
        like.young_ns = like.allocated_bytes / 16; /* 16 MiB in a millisecond */
        like.pause_ns = like.young_ns + old_ns;
        gcxi_pacer_update(&pacer, &settings, &like);
    }
    return pacer.nursery_bytes / GCXI_MIB;
}

/* There are no long stops that minor ones would vanish among. But what is fixed is not
 * to be most of all. */
static void minor_cycles_are_shorter_where_full_ones_are_beside(void **state)
{
    (void)state;
    assert_in_range(nursery_where_full_cycles_are_beside(499 * GCXI_MIB, 0), 55, 64);
    assert_in_range(nursery_where_full_cycles_are_beside(500 * GCXI_MIB, 0), 28, 32);
    assert_in_range(nursery_where_full_cycles_are_beside(500 * GCXI_MIB, 500000), 21, 24);
    assert_in_range(nursery_where_full_cycles_are_beside(500 * GCXI_MIB, 1500000), 21, 24);
    assert_in_range(nursery_where_full_cycles_are_beside(500 * GCXI_MIB, 4000000), 28, 32);
}

/* Of little that survives, and pages by as much as the nursery. */
static size_t nursery_of_pages(uint64_t page_ns_per_mib, size_t concurrent_bytes)
{
    struct gcxi_pacer pacer;
    struct gcxi_pacer_settings settings = usual;
    struct gcxi_pacer_cycle like = {.live_bytes = 4 * GCXI_GIB, .young_ns = 100000};
    settings.concurrent_bytes = concurrent_bytes;
    gcxi_pacer_init(&pacer, &settings);
    for (int i = 0; i < 20; i++) {
        like.allocated_bytes = pacer.nursery_bytes;
        like.interval_ns = 100 * like.allocated_bytes / GCXI_KIB;
        like.old_ns = like.pages_ns = page_ns_per_mib * (pacer.nursery_bytes / GCXI_MIB);
        like.pause_ns = like.young_ns + like.old_ns;
        like.remember_ns = like.interval_ns;
        gcxi_pacer_update(&pacer, &settings, &like);
    }
    return pacer.nursery_bytes / GCXI_MIB;
}

/* They are fewer in a smaller one; if not, it stays what suits the cache. */
static void single_pages_make_the_nursery_smaller(void **state)
{
    (void)state;
    assert_int_equal(nursery_of_pages(1000, SIZE_MAX), 128);
    assert_in_range(nursery_of_pages(100000, SIZE_MAX), 37, 40);
    assert_int_equal(nursery_of_pages(1000000, SIZE_MAX), 16);
    /* Where full cycles are beside the program they take .4 ms. */
    assert_int_equal(nursery_of_pages(1000, GCXI_GIB), 128);
    assert_in_range(nursery_of_pages(10000, GCXI_GIB), 38, 40);
    assert_int_equal(nursery_of_pages(100000, GCXI_GIB), 16);
}

/* That all of it survives, and quickly, says nothing of other objects. */
static void a_large_object_makes_no_larger_nursery(void **state)
{
    struct gcxi_pacer pacer;
    struct gcxi_pacer_cycle like = {.live_bytes = 128 * GCXI_MIB,
                                    .allocated_bytes = 128 * GCXI_MIB,
                                    .promoted_bytes = 128 * GCXI_MIB,
                                    .young_ns = 1000,
                                    .pause_ns = 1000,
                                    .interval_ns = 1000000};
    (void)state;
    gcxi_pacer_init(&pacer, &usual);
    gcxi_pacer_update(&pacer, &usual, &like);
    assert_int_equal(pacer.nursery_bytes, 4 * GCXI_MIB); /* nothing else is known yet */
    like.allocated_bytes = like.promoted_bytes = 4 * GCXI_MIB;
    gcxi_pacer_update(&pacer, &usual, &like);
    assert_int_equal(pacer.nursery_bytes, 32 * GCXI_MIB);
    like.allocated_bytes = like.promoted_bytes = 128 * GCXI_MIB;
    gcxi_pacer_update(&pacer, &usual, &like);
    assert_int_equal(pacer.nursery_bytes, 32 * GCXI_MIB);
    like.young_ns = 1000000000; /* to read a large one took long, so smaller is right */
    gcxi_pacer_update(&pacer, &usual, &like);
    assert_int_equal(pacer.nursery_bytes, 4 * GCXI_MIB);
}

/* The last nursery before a full cycle ends at the goal, but is half of one at
 * least. */
static void a_full_cycle_comes_at_the_goal(void **state)
{
    struct gcxi_pacer_settings settings = usual;
    struct gcxi_pacer pacer;
    struct gcxi_pacer_cycle full = {
        .is_full = true, .live_bytes = 100 * GCXI_MIB, .pause_ns = 100000000, .interval_ns = 1};
    struct gcxi_pacer_cycle minor = {.allocated_bytes = 16 * GCXI_MIB, .pause_ns = 1000000};
    const size_t lives[] = {180, 185, 190, 198, 200};
    const size_t triggers[] = {16, 15, 10, 8, 8};
    (void)state;
    settings.nursery_bytes = 16 * GCXI_MIB;
    gcxi_pacer_init(&pacer, &settings);
    gcxi_pacer_update(&pacer, &settings, &full);
    assert_int_equal(pacer.goal_bytes >> 20, 200);
    for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
        minor.live_bytes = pacer.goal_bytes - (200 - lives[i]) * GCXI_MIB;
        gcxi_pacer_update(&pacer, &settings, &minor);
        assert_int_equal(pacer.trigger_bytes, triggers[i] * GCXI_MIB);
        assert_int_equal(pacer.next_is_full, triggers[i] < 16);
        assert_int_equal(pacer.nursery_bytes, 16 * GCXI_MIB);
    }
}

/* Where full cycles mark beside the program they begin before the goal, by what
 * becomes old meanwhile, and at most half way. */
static void a_cycle_beside_the_program_begins_ahead(void **state)
{
    struct gcxi_pacer_settings settings = usual;
    struct gcxi_pacer pacer;
    struct gcxi_pacer_cycle full = {.is_full = true,
                                    .live_bytes = 200 * GCXI_MIB,
                                    .pause_ns = 100000000,
                                    .interval_ns = 1,
                                    .beside_ns = 100000000};
    struct gcxi_pacer_cycle minor = {.live_bytes = 390 * GCXI_MIB,
                                     .promoted_bytes = GCXI_MIB,
                                     .allocated_bytes = 16 * GCXI_MIB,
                                     .interval_ns = 9000000,
                                     .pause_ns = 1000};
    (void)state;
    settings.nursery_bytes = 4 * GCXI_MIB;
    gcxi_pacer_init(&pacer, &settings);
    gcxi_pacer_update(&pacer, &settings, &full);
    assert_int_equal(pacer.goal_bytes >> 20, 400);
    minor.live_bytes = 389 * GCXI_MIB; /* 10 MiB will become old in 100 ms */
    settings.concurrent_bytes = SIZE_MAX;
    gcxi_pacer_update(&pacer, &settings, &minor);
    assert_false(pacer.next_is_full);
    settings.concurrent_bytes = 128 * GCXI_MIB;
    gcxi_pacer_update(&pacer, &settings, &minor);
    assert_true(pacer.next_is_full);
    settings.concurrent_bytes = 512 * GCXI_MIB;
    gcxi_pacer_update(&pacer, &settings, &minor);
    assert_false(pacer.next_is_full);

    settings.concurrent_bytes = 0;
    minor.promoted_bytes = 1000 * GCXI_MIB;
    minor.live_bytes = 290 * GCXI_MIB;
    gcxi_pacer_update(&pacer, &settings, &minor);
    assert_false(pacer.next_is_full);
    minor.live_bytes = 301 * GCXI_MIB;
    gcxi_pacer_update(&pacer, &settings, &minor);
    assert_true(pacer.next_is_full);
}

/* So that what was allocated meanwhile is a third of the heap, not more than it. */
static void while_a_cycle_marks_the_program_waits(void **state)
{
    const size_t begin = 396 * GCXI_MIB; /* sixteenths of 25 MiB */
    (void)state;
    assert_int_equal(gcxi_pacer_wait(begin, begin - 1, false), 0);
    assert_int_equal(gcxi_pacer_wait(begin, begin + 124 * GCXI_MIB, false), 0);
    assert_int_equal(gcxi_pacer_wait(begin, begin + 125 * GCXI_MIB, false), 1);
    assert_int_equal(gcxi_pacer_wait(begin, begin + 174 * GCXI_MIB, false), 1);
    assert_int_equal(gcxi_pacer_wait(begin, begin + 175 * GCXI_MIB, false), 3);
    assert_int_equal(gcxi_pacer_wait(begin, begin + 199 * GCXI_MIB, true), 0);
    assert_int_equal(gcxi_pacer_wait(begin, begin + 200 * GCXI_MIB, true), 1);
    assert_int_equal(gcxi_pacer_wait(begin, begin + 299 * GCXI_MIB, true), 1);
    assert_int_equal(gcxi_pacer_wait(begin, begin + 300 * GCXI_MIB, true), 3);
    for (int is_late = 0; is_late < 2; is_late++) {
        assert_int_equal(gcxi_pacer_wait(begin, begin + 349 * GCXI_MIB, is_late), 3);
        assert_int_equal(gcxi_pacer_wait(begin, begin + 350 * GCXI_MIB, is_late), 10);
    }
    assert_int_equal(gcxi_pacer_beside_most(begin), begin + 400 * GCXI_MIB);
}

static void full_cycle(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                       size_t allocated_bytes, size_t live_bytes)
{
    struct gcxi_pacer_cycle full = {.is_full = true,
                                    .has_idle_processor = true,
                                    .live_bytes = live_bytes,
                                    .allocated_bytes = allocated_bytes,
                                    .pause_ns = 4000000,
                                    .interval_ns = 40000000};
    gcxi_pacer_update(pacer, settings, &full);
}

/* The goal of a heap whose full cycles take half of the time, of so many threads. */
static size_t goal_of_busy_threads(struct gcxi_pacer *pacer, unsigned threads, uint64_t *now_ns)
{
    struct gcxi_pacer_settings settings = usual;
    struct gcxi_pacer_cycle full = {.is_full = true,
                                    .threads = threads,
                                    .live_bytes = 32 * GCXI_MIB,
                                    .allocated_bytes = 32 * GCXI_MIB,
                                    .pause_ns = 10000000,
                                    .interval_ns = 10000000};
    settings.is_adaptive = true;
    for (int i = 0; i < 20; i++) {
        full.now_ns = *now_ns += 20000000;
        gcxi_pacer_update(pacer, &settings, &full);
    }
    return pacer->goal_bytes >> 20;
}

static void where_stops_hold_up_several_threads_there_are_fewer(void **state)
{
    struct gcxi_pacer pacer;
    uint64_t now_ns = 0;
    (void)state;
    gcxi_pacer_init(&pacer, &usual);
    assert_int_equal(goal_of_busy_threads(&pacer, 1, &now_ns), 55);
    assert_int_equal(goal_of_busy_threads(&pacer, 2, &now_ns), 79);
    assert_int_equal(goal_of_busy_threads(&pacer, 1, &now_ns), 55);
}

static void a_heap_that_only_grows_is_marked_beside_the_program_earlier(void **state)
{
    struct gcxi_pacer_settings settings = usual;
    struct gcxi_pacer pacer;
    (void)state;
    settings.concurrent_bytes = 128 * GCXI_MIB;
    settings.growing_bytes = 32 * GCXI_MIB;
    gcxi_pacer_init(&pacer, &settings);
    assert_int_equal(gcxi_pacer_beside_bytes(&pacer, &settings), 128 * GCXI_MIB);
    full_cycle(&pacer, &settings, 40 * GCXI_MIB, 39 * GCXI_MIB);
    assert_int_equal(gcxi_pacer_beside_bytes(&pacer, &settings), 32 * GCXI_MIB);
    full_cycle(&pacer, &settings, 40 * GCXI_MIB, 60 * GCXI_MIB); /* a quarter has died */
    assert_int_equal(gcxi_pacer_beside_bytes(&pacer, &settings), 128 * GCXI_MIB);
    struct gcxi_pacer_cycle on_all_processors = {.is_full = true,
                                                 .live_bytes = 100 * GCXI_MIB,
                                                 .allocated_bytes = 40 * GCXI_MIB,
                                                 .pause_ns = 1000000,
                                                 .interval_ns = 40000000};
    gcxi_pacer_update(&pacer, &settings, &on_all_processors);
    assert_int_equal(gcxi_pacer_beside_bytes(&pacer, &settings), 128 * GCXI_MIB);
    settings.concurrent_bytes = settings.growing_bytes = SIZE_MAX;
    full_cycle(&pacer, &settings, 40 * GCXI_MIB, 100 * GCXI_MIB);
    assert_int_equal(gcxi_pacer_beside_bytes(&pacer, &settings), SIZE_MAX);
}

/* Half of the young survive each, and a minor cycle costs as much as a full one. */
static bool gives_minor_cycles_up(struct gcxi_pacer_settings *settings, size_t live_bytes)
{
    struct gcxi_pacer pacer;
    struct gcxi_pacer_cycle minor = {.allocated_bytes = 4 * GCXI_MIB,
                                     .promoted_bytes = 2 * GCXI_MIB,
                                     .live_bytes = live_bytes + GCXI_MIB,
                                     .pause_ns = 100000000,
                                     .interval_ns = 4000000};
    gcxi_pacer_init(&pacer, settings);
    full_cycle(&pacer, settings, live_bytes, live_bytes);
    for (int i = 0; i < 40; i++)
        gcxi_pacer_update(&pacer, settings, &minor);
    return pacer.full_only != 0;
}

static void a_heap_that_is_marked_beside_the_program_keeps_minor_cycles(void **state)
{
    struct gcxi_pacer_settings settings = usual;
    (void)state;
    settings.concurrent_bytes = 128 * GCXI_MIB;
    settings.growing_bytes = 32 * GCXI_MIB;
    assert_true(gives_minor_cycles_up(&settings, 20 * GCXI_MIB));
    assert_false(gives_minor_cycles_up(&settings, 40 * GCXI_MIB));
    settings.growing_bytes = SIZE_MAX;
    assert_true(gives_minor_cycles_up(&settings, 40 * GCXI_MIB));
}

static size_t goal_after(struct gcxi_pacer_settings *settings, size_t begin_bytes,
                         size_t live_bytes)
{
    struct gcxi_pacer pacer;
    struct gcxi_pacer_cycle full = {.is_full = true,
                                    .live_bytes = live_bytes,
                                    .allocated_bytes = live_bytes,
                                    .begin_bytes = begin_bytes,
                                    .beside_ns = 1000000,
                                    .pause_ns = 1000000,
                                    .interval_ns = 40000000};
    gcxi_pacer_init(&pacer, settings);
    gcxi_pacer_update(&pacer, settings, &full);
    return pacer.goal_bytes;
}

/* Memory is bounded by what was live then, but the next cycle is not at once. */
static void what_came_to_live_during_a_cycle_does_not_raise_the_goal(void **state)
{
    struct gcxi_pacer_settings settings = usual;
    (void)state;
    settings.concurrent_bytes = 128 * GCXI_MIB;
    settings.growing_bytes = 32 * GCXI_MIB;
    assert_int_equal(goal_after(&settings, 60 * GCXI_MIB, 90 * GCXI_MIB) / GCXI_MIB, 119);
    assert_in_range(goal_after(&settings, 40 * GCXI_MIB, 90 * GCXI_MIB) / GCXI_MIB, 112, 113);
    assert_int_equal(goal_after(&settings, 0, 90 * GCXI_MIB) / GCXI_MIB, 179);
    assert_int_equal(goal_after(&settings, 200 * GCXI_MIB, 300 * GCXI_MIB) / GCXI_MIB, 600);
}

/* A limit of 1.2 times what is live: between two full cycles as much is allocated
 * as takes the program as long as such a cycle. */
static void a_low_limit_takes_half_of_the_time(void **state)
{
    struct gcxi_pacer_settings settings = usual;
    struct gcxi_pacer pacer;
    struct gcxi_pacer_cycle full = {.is_full = true,
                                    .live_bytes = 500 * GCXI_MIB,
                                    .allocated_bytes = 200 * GCXI_MIB,
                                    .interval_ns = 100000000,
                                    .pause_ns = 150000000};
    (void)state;
    settings.memory_limit = 600 * (int64_t)GCXI_MIB;
    gcxi_pacer_init(&pacer, &settings);
    gcxi_pacer_update(&pacer, &settings, &full);
    assert_true(pacer.goal_bytes - full.live_bytes >= 290 * GCXI_MIB); /* 2 MiB in a ms */
    assert_true(pacer.goal_bytes - full.live_bytes <= 310 * GCXI_MIB);
    assert_true(pacer.is_over_limit);
    full.pause_ns = 10000000;
    for (int i = 0; i < 20; i++)
        gcxi_pacer_update(&pacer, &settings, &full);
    assert_int_equal(pacer.goal_bytes >> 20, 600);
    assert_false(pacer.is_over_limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_heap_stays_within_its_percentage),
        cmocka_unit_test(building_a_heap_marks_each_byte_few_times),
        cmocka_unit_test(young_garbage_needs_no_full_cycle),
        cmocka_unit_test(a_nursery_with_costly_remembering_grows_and_shrinks_back),
        cmocka_unit_test(minor_cycles_that_do_not_pay_are_given_up_and_tried_again),
        cmocka_unit_test(minor_cycles_that_pay_stay_though_some_are_long),
        cmocka_unit_test(on_a_busy_machine_the_nursery_stays),
        cmocka_unit_test(asked_for_marking_beside_the_program_they_stay),
        cmocka_unit_test(small_heaps_have_small_nurseries),
        cmocka_unit_test(without_minor_cycles_all_are_full),
        cmocka_unit_test(percent_off_leaves_it_to_the_limit),
        cmocka_unit_test(a_limit_too_low_is_no_death_spiral),
        cmocka_unit_test(minor_cycles_that_do_not_pay_are_left_out),
        cmocka_unit_test(a_busy_heap_uses_what_it_holds),
        cmocka_unit_test(a_little_heap_has_little_headroom),
        cmocka_unit_test(room_has_bounds),
        cmocka_unit_test(short_full_cycles_are_as_good_as_minor_ones),
        cmocka_unit_test(a_busy_dense_little_heap_has_more_room),
        cmocka_unit_test(a_dense_little_heap_has_a_large_nursery),
        cmocka_unit_test(a_little_heap_that_only_collects_gets_more),
        cmocka_unit_test(a_full_cycle_comes_at_the_goal),
        cmocka_unit_test(a_cycle_beside_the_program_begins_ahead),
        cmocka_unit_test(while_a_cycle_marks_the_program_waits),
        cmocka_unit_test(where_stops_hold_up_several_threads_there_are_fewer),
        cmocka_unit_test(a_heap_that_only_grows_is_marked_beside_the_program_earlier),
        cmocka_unit_test(a_heap_that_is_marked_beside_the_program_keeps_minor_cycles),
        cmocka_unit_test(what_came_to_live_during_a_cycle_does_not_raise_the_goal),
        cmocka_unit_test(shares_may_be_others),
        cmocka_unit_test(a_low_limit_takes_half_of_the_time),
        cmocka_unit_test(survivors_that_take_long_make_the_nursery_small),
        cmocka_unit_test(what_was_written_makes_the_nursery_smaller),
        cmocka_unit_test(minor_cycles_are_shorter_where_full_ones_are_beside),
        cmocka_unit_test(single_pages_make_the_nursery_smaller),
        cmocka_unit_test(a_large_object_makes_no_larger_nursery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
