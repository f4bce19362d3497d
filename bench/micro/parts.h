/* parts.h -- runs the cases of a program that measures parts, and prints for
 * each its name and a result line: the best of several rounds.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_BENCH_PARTS_H
#define GCX_BENCH_PARTS_H

#include "../gc/alloc_layer.h"

enum { PARTS_ROUNDS = 5 };

struct part {
    const char *name;
    void (*prepare)(uint64_t n); /* not measured; or NULL */
    void (*run)(uint64_t n);
};

/* --case=N takes only the Nth, from 0. */
static inline void parts_run(int argc, char **argv, const struct part *parts, size_t count,
                             uint64_t n, uint64_t quick)
{
    struct bench_flag flags[] = {{"n", n, quick}, {"case", 99, 99}};
    bench_flags_parse(argc, argv, flags, 2);
    n = flags[0].value;
    for (size_t i = 0; i < count; i++) {
        uint64_t best_ns = UINT64_MAX;
        if (flags[1].value != 99 && flags[1].value != i)
            continue;
        for (unsigned round = 0; round < PARTS_ROUNDS; round++) {
            if (parts[i].prepare != NULL)
                parts[i].prepare(n);
            uint64_t begin_ns = bench_now_ns();
            parts[i].run(n);
            uint64_t took_ns = bench_now_ns() - begin_ns;
            best_ns = took_ns < best_ns ? took_ns : best_ns;
        }
        struct peer_stats stats;
        peer_get_stats(&stats);
        printf("case %s\n", parts[i].name);
        bench_result_begin(best_ns, n, 0, &stats);
        bench_metric("ns_x100", best_ns * 100 / n);
        bench_result_end();
    }
}

#endif
