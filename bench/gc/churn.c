/* churn.c -- a large live hash table under a stream of short-lived objects.
 *
 * Builds the table, then each operation allocates four temporaries of the
 * entries' size, links, sums and drops them; one operation in a hundred also
 * replaces the value of a random entry. Both are timed. A latency sample is 16
 * operations, for reading the clock costs as much as one of them.
 *
 * With --threads=k, entries and operations are divided between k threads, each
 * with a table of its own. With --full=1 a full collection at the end is timed
 * apart: the cost of marking as the live heap grows.
 *
 * SPDX-License-Identifier: MIT */
#include "churn_table.h"

enum { CHURN_TEMPORARIES = 4, CHURN_REPLACE_EVERY = 100, CHURN_BATCH = 16 };

struct churn_job {
    struct churn_table table;
    uint64_t entries;
    uint64_t ops;
    uint64_t state; /* of the random numbers */
    uint64_t sum;   /* out */
    uint64_t bytes; /* out: live, as the program counts them */
    struct bench_latency *latency;
};

static void churn_build(struct churn_job *job)
{
    churn_table_init(&job->table, job->entries);
    for (uint64_t key = 0; key < job->entries; key++)
        churn_table_insert(&job->table, key, churn_value_length(bench_random(&job->state)));
}

/* A chain of temporaries, dropped when it was summed. */
static uint64_t churn_temporaries(uint64_t key)
{
    struct churn_entry *head = NULL;
    for (uint64_t i = 0; i < CHURN_TEMPORARIES; i++) {
        struct churn_entry *t = ALLOC_INIT(sizeof *t);
        *t = (struct churn_entry){head, key + i, NULL, i};
        head = t;
    }
    bench_keep(head);
    uint64_t sum = 0;
    while (head != NULL) {
        struct churn_entry *next = head->next;
        sum += head->key;
        FREE(head);
        head = next;
    }
    return sum;
}

static void churn_replace(struct churn_job *job)
{
    uint64_t key = bench_random_below(&job->state, job->entries);
    uint64_t len = churn_value_length(bench_random(&job->state));
    struct churn_entry *entry = churn_table_find(&job->table, key);
    if (entry == NULL)
        bench_die("an entry is lost");
    FREE(entry->val);
    STORE(entry, &entry->val, churn_value_make(key, len));
    entry->len = len;
}

static void churn_run(void *arg)
{
    struct churn_job *job = arg;
    churn_build(job);
    uint64_t last_ns = bench_now_ns();
    for (uint64_t op = 1; op <= job->ops; op++) {
        job->sum += churn_temporaries(op);
        if (op % CHURN_REPLACE_EVERY == 0)
            churn_replace(job);
        if (op % CHURN_BATCH == 0) {
            uint64_t now_ns = bench_now_ns();
            bench_latency_add(job->latency, now_ns - last_ns);
            last_ns = now_ns;
        }
    }
}

/* Every entry is there, with the first and last byte of its value. */
static void churn_check(struct churn_job *job)
{
    uint64_t n = CHURN_TEMPORARIES;
    bench_expect("temporaries", job->sum,
                 n * job->ops * (job->ops + 1) / 2 + n * (n - 1) / 2 * job->ops);
    job->bytes = (job->table.mask + 1) * sizeof *job->table.bucket;
    for (uint64_t key = 0; key < job->entries; key++) {
        const struct churn_entry *entry = churn_table_find(&job->table, key);
        if (entry == NULL)
            bench_die("an entry is lost");
        bench_expect("first byte", entry->val[0], key & 255);
        bench_expect("last byte", entry->val[entry->len - 1], key & 255);
        job->bytes += sizeof *entry + entry->len;
        job->sum = job->sum * 31 + entry->len;
    }
}

static uint64_t churn_full_ns(void)
{
    uint64_t begin_ns = bench_now_ns();
    peer_collect();
    return bench_now_ns() - begin_ns;
}

static struct churn_job churn_jobs[PEER_THREADS_MAX]; /* a root: it holds the tables */
static struct peer_task churn_tasks[PEER_THREADS_MAX];

static void churn_jobs_init(uint64_t entries, uint64_t ops, unsigned threads)
{
    for (unsigned i = 0; i < threads; i++) {
        churn_jobs[i].entries = entries / threads;
        churn_jobs[i].ops = ops / threads;
        churn_jobs[i].state = bench_mix(i + 1);
        churn_jobs[i].latency = bench_plain_memory(1, sizeof *churn_jobs[i].latency);
        churn_tasks[i] = (struct peer_task){churn_run, &churn_jobs[i]};
    }
}

/* Checks all jobs and adds up what they found in the first. */
static void churn_jobs_merge(unsigned threads)
{
    churn_check(&churn_jobs[0]);
    for (unsigned i = 1; i < threads; i++) {
        churn_check(&churn_jobs[i]);
        churn_jobs[0].sum += churn_jobs[i].sum;
        churn_jobs[0].bytes += churn_jobs[i].bytes;
        bench_latency_merge(churn_jobs[0].latency, churn_jobs[i].latency);
    }
}

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {{"entries", 4000000, 200000},
                                 {"ops", 20000000, 1000000},
                                 {"threads", 1, 1},
                                 {"full", 0, 0}};
    bench_flags_parse(argc, argv, flags, 4);
    unsigned threads = (unsigned)flags[2].value;
    if (threads < 1 || threads > PEER_THREADS_MAX || flags[0].value < threads)
        bench_die("threads is 1 to 64, entries as many at least");
    churn_jobs_init(flags[0].value, flags[1].value, threads);
    peer_init();

    uint64_t begin_ns = bench_now_ns();
    peer_run_tasks(churn_tasks, threads);
    uint64_t elapsed_ns = bench_now_ns() - begin_ns;

    struct peer_stats stats;
    peer_get_stats(&stats);
    uint64_t full_ns = flags[3].value != 0 ? churn_full_ns() : 0;
    churn_jobs_merge(threads);
    bench_result_begin(elapsed_ns, flags[1].value, churn_jobs[0].sum, &stats);
    bench_metric_latency(churn_jobs[0].latency, CHURN_BATCH);
    bench_metric("live_kb", churn_jobs[0].bytes / 1024);
    if (full_ns != 0)
        bench_metric("full_us", full_ns / 1000);
    bench_result_end();
    return 0;
}
