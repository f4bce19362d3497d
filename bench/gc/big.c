/* big.c -- large buffers: 64 KiB to 4 MiB, as many small as large on a
 * logarithmic scale, pointer-free. The last 16 live; one byte per page is
 * written in each.
 *
 * SPDX-License-Identifier: MIT */
#include "alloc_layer.h"

enum { BIG_RING = 16, BIG_PAGE = 4096, BIG_LG_MIN = 16, BIG_LG_SPAN = 6, BIG_STEPS = 1 << 12 };

struct big_slot {
    unsigned char *bytes;
    size_t size;
};

static struct big_slot big_ring[BIG_RING];

/* 2^(1/BIG_STEPS) per step, by multiplication: no libm, the same everywhere. */
static void big_fill_sizes(size_t *sizes)
{
    const double step = 1.000169238705;
    for (unsigned octave = 0; octave < BIG_LG_SPAN; octave++) {
        double size = (double)((size_t)1 << (BIG_LG_MIN + octave));
        for (size_t i = 0; i < BIG_STEPS; i++, size *= step)
            sizes[octave * BIG_STEPS + i] = (size_t)size;
    }
}

static void big_check(const struct big_slot *slot)
{
    for (size_t at = 0; at < slot->size; at += BIG_PAGE)
        bench_expect("byte of a page", slot->bytes[at], (at / BIG_PAGE) & 255);
}

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {{"n", 4000, 1000}};
    bench_flags_parse(argc, argv, flags, 1);
    static size_t sizes[BIG_LG_SPAN * BIG_STEPS];
    big_fill_sizes(sizes);
    uint64_t state = 88172645463325252u;
    uint64_t bytes = 0;
    peer_init();

    uint64_t begin_ns = bench_now_ns();
    for (uint64_t i = 0; i < flags[0].value; i++) {
        struct big_slot *slot = &big_ring[i % BIG_RING];
        FREE(slot->bytes);
        slot->bytes = NULL;
        slot->size = sizes[bench_random_below(&state, BIG_LG_SPAN * BIG_STEPS)];
        slot->bytes = ALLOC_NOSCAN(slot->size);
        for (size_t at = 0; at < slot->size; at += BIG_PAGE)
            slot->bytes[at] = (unsigned char)(at / BIG_PAGE);
        bytes += slot->size;
    }
    uint64_t elapsed_ns = bench_now_ns() - begin_ns;

    struct peer_stats stats;
    peer_get_stats(&stats);
    for (unsigned i = 0; i < BIG_RING; i++)
        big_check(&big_ring[i]);
    bench_result_begin(elapsed_ns, flags[0].value, bytes, &stats);
    bench_result_end();
    return 0;
}
