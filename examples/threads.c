/* threads.c -- threads share collected objects.
 *
 * gcx_thread_create registers the thread before it starts and keeps its
 * argument alive. pthread_create does as well in a program linked to the
 * shared library, or to the static one with -Wl,--wrap=pthread_create. */
#include <gcx/gcx.h>

#include <pthread.h>
#include <stdio.h>

enum { THREADS = 4, ITEMS = 20000 };

struct item {
    struct item *next;
    long value;
};

struct job {
    long first;
    struct item *result; /* kept by the job, the job by main's stack */
};

static void *job_run(void *arg)
{
    struct job *job = arg;
    for (long i = 0; i < ITEMS; i++) {
        struct item *item = gcx_alloc(sizeof *item);
        if (item == NULL)
            return NULL;
        item->value = job->first + i;
        item->next = job->result;
        job->result = item;
    }
    return job;
}

int main(void)
{
    struct job *jobs[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = gcx_alloc(sizeof *jobs[i]);
        if (jobs[i] == NULL)
            return 1;
        jobs[i]->first = (long)i * ITEMS;
        if (gcx_thread_create(&threads[i], NULL, job_run, jobs[i]) != 0)
            return 1;
    }

    /* A collection need not wait for a thread that waits for something else. */
    gcx_blocking_begin();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    gcx_blocking_end();

    gcx_collect(GCX_FULL);
    long sum = 0;
    long count = 0;
    for (int i = 0; i < THREADS; i++) {
        for (const struct item *item = jobs[i]->result; item != NULL; item = item->next) {
            sum += item->value;
            count++;
        }
    }
    printf("%d threads made %ld items\n", THREADS, count);
    long total = (long)THREADS * ITEMS;
    return count == total && sum == total * (total - 1) / 2 ? 0 : 1;
}
