/* bt.c -- binary trees of the benchmarks game: nothing but 16-byte nodes.
 *
 * Bottom-up a node is allocated after its children; with --top=1 before them, so
 * that every `n->left = make(d - 1)` stores a young pointer into an object that a
 * cycle may have made old. With --threads=k each of k threads does all of it.
 *
 * SPDX-License-Identifier: MIT */
#include "bt_trees.h"

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {{"n", 20, 16}, {"threads", 1, 1}, {"top", 0, 0}};
    bench_flags_parse(argc, argv, flags, 3);
    unsigned depth = (unsigned)flags[0].value;
    unsigned threads = (unsigned)flags[1].value;
    if (depth < BT_DEPTH_MIN || depth > 32 || threads < 1 || threads > PEER_THREADS_MAX)
        bench_die("n is 4 to 32, threads 1 to 64");
    static struct bt_job jobs[PEER_THREADS_MAX];
    static struct peer_task tasks[PEER_THREADS_MAX];
    for (unsigned i = 0; i < threads; i++) {
        jobs[i] = (struct bt_job){depth, flags[2].value != 0, 0};
        tasks[i] = (struct peer_task){bt_run, &jobs[i]};
    }
    peer_init();

    uint64_t begin_ns = bench_now_ns();
    peer_run_tasks(tasks, threads);
    uint64_t elapsed_ns = bench_now_ns() - begin_ns;

    struct peer_stats stats;
    peer_get_stats(&stats);
    uint64_t nodes = 0;
    for (unsigned i = 0; i < threads; i++)
        nodes += jobs[i].nodes;
    bench_expect("nodes", nodes, bt_all_nodes(depth) * threads);
    bench_result_begin(elapsed_ns, nodes, nodes, &stats);
    bench_result_end();
    return 0;
}
