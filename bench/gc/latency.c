/* latency.c -- the longest time that one operation of a message queue takes.
 *
 * A ring of 1-KiB buffers: each operation makes a buffer, fills it, and puts it
 * in place of the oldest. What differs is where the ring's slots stand:
 *
 *   --where=0  in an object of the heap
 *   --where=1  in static data
 *   --where=2  in the frames of a deep recursion, 32 slots in each
 *
 * --live is further live heap in MiB, of 64-byte linked objects, that a
 * collector must mark and that never changes.
 *
 * SPDX-License-Identifier: MIT */
#include "alloc_layer.h"

enum { LAT_BUFFER = 1024, LAT_GLOBAL_MAX = 1 << 20, LAT_FRAME = 32, LAT_FRAMES_MAX = 1 << 14 };

struct lat_node {
    struct lat_node *next;
    struct lat_node *other;
    uint64_t words[6];
};

struct lat_job {
    uint64_t ring;
    uint64_t ops;
    uint64_t sum;
    struct bench_latency *latency;
};

static struct lat_node *lat_live;
static unsigned char *lat_global[LAT_GLOBAL_MAX];
static unsigned char ***lat_frames; /* by frame: its slots; memory of no peer */

static void lat_live_build(uint64_t mib)
{
    for (uint64_t i = 0; i < mib * (1024 * 1024 / sizeof(struct lat_node)); i++) {
        struct lat_node *n = ALLOC(sizeof *n);
        n->next = lat_live;
        n->other = lat_live == NULL ? NULL : lat_live->next;
        n->words[0] = i;
        lat_live = n;
    }
}

static void lat_live_check(uint64_t mib)
{
    uint64_t i = mib * (1024 * 1024 / sizeof(struct lat_node));
    for (const struct lat_node *n = lat_live; n != NULL; n = n->next)
        bench_expect("live node", n->words[0], --i);
    bench_expect("live nodes left", i, 0);
}

static unsigned char *lat_buffer_make(uint64_t op)
{
    unsigned char *buffer = ALLOC_NOSCAN(LAT_BUFFER);
    memset(buffer, (int)(op & 255), LAT_BUFFER);
    return buffer;
}

/* Takes the time since the last operation ended, so that nothing is missed. */
static void lat_account(struct lat_job *job, uint64_t *last_ns)
{
    uint64_t now_ns = bench_now_ns();
    bench_latency_add(job->latency, now_ns - *last_ns);
    *last_ns = now_ns;
}

/* The buffer that leaves must be intact; then the new one takes its place. */
static void lat_retire(struct lat_job *job, const unsigned char *oldest, uint64_t op)
{
    if (oldest == NULL)
        return;
    bench_expect("buffer", oldest[0], (op - job->ring) & 255);
    bench_expect("buffer's end", oldest[LAT_BUFFER - 1], (op - job->ring) & 255);
    job->sum += oldest[op % LAT_BUFFER];
}

static void lat_run_array(struct lat_job *job, unsigned char **slots)
{
    uint64_t last_ns = bench_now_ns();
    for (uint64_t op = 0; op < job->ops; op++) {
        unsigned char **slot = &slots[op % job->ring];
        lat_retire(job, *slot, op);
        FREE(*slot);
        STORE(slots, slot, lat_buffer_make(op));
        lat_account(job, &last_ns);
    }
}

static void lat_run_frames(struct lat_job *job)
{
    uint64_t last_ns = bench_now_ns();
    for (uint64_t op = 0; op < job->ops; op++) {
        uint64_t at = op % job->ring;
        unsigned char **slot = &lat_frames[at / LAT_FRAME][at % LAT_FRAME];
        lat_retire(job, *slot, op);
        FREE(*slot);
        *slot = lat_buffer_make(op);
        lat_account(job, &last_ns);
    }
}

static void lat_descend(struct lat_job *job, uint64_t frame)
{
    unsigned char *slots[LAT_FRAME] = {NULL};
    lat_frames[frame] = slots;
    if ((frame + 1) * LAT_FRAME >= job->ring)
        lat_run_frames(job);
    else
        lat_descend(job, frame + 1);
    bench_keep(slots);
}

static void lat_run(struct lat_job *job, uint64_t where)
{
    if (where == 0)
        lat_run_array(job, ALLOC(job->ring * sizeof(unsigned char *)));
    else if (where == 1)
        lat_run_array(job, lat_global);
    else
        lat_descend(job, 0);
}

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {
        {"ring", 200000, 20000}, {"ops", 3000000, 300000}, {"where", 0, 0}, {"live", 64, 16}};
    bench_flags_parse(argc, argv, flags, 4);
    struct lat_job job = {.ring = flags[0].value, .ops = flags[1].value};
    uint64_t ring_max = flags[2].value == 2 ? LAT_FRAME * LAT_FRAMES_MAX : LAT_GLOBAL_MAX;
    if (job.ring == 0 || job.ring > ring_max)
        bench_die("the ring is too large");
    job.latency = bench_plain_memory(1, sizeof *job.latency);
    lat_frames = bench_plain_memory(LAT_FRAMES_MAX, sizeof *lat_frames);
    peer_init();
    lat_live_build(flags[3].value);

    uint64_t begin_ns = bench_now_ns();
    lat_run(&job, flags[2].value);
    uint64_t elapsed_ns = bench_now_ns() - begin_ns;

    struct peer_stats stats;
    peer_get_stats(&stats);
    lat_live_check(flags[3].value);
    bench_result_begin(elapsed_ns, job.ops, job.sum, &stats);
    bench_metric_latency(job.latency, 1);
    bench_result_end();
    return 0;
}
