/* waiting.h -- tasks on threads of their own that wait on channels, and their rescue.
 *
 * What a test starts runs apart, on a thread that ends, so that no stale word of it
 * is left. Channels are closed in the end through addresses that the collector
 * cannot see, and all threads end: so nothing of theirs was freed.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_WAITING_H
#define GCX_TESTS_WAITING_H

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <gcx/wait.h>

#include "channel.h"
#include "hide.h"

#define MAX_THREADS 32
#define MAX_CHANNELS 16

static pthread_t threads[MAX_THREADS];
static size_t thread_count;
static hidden_ptr channels[MAX_CHANNELS]; /* to be closed at the end */
static size_t channel_count;
static struct channel *volatile global; /* volatile: or what is only written is dropped */

struct task {
    void *(*run)(void *);
    void *arg;
    int number;
};

static atomic_int running; /* tasks that were started and have not ended */

static void *run_task(void *opaque)
{
    struct task task = *(struct task *)opaque;
    void *value = task.run(task.arg);
    atomic_fetch_sub(&running, 1);
    return value != NULL ? &running : NULL;
}

static __attribute__((unused)) void start(void *(*run)(void *), void *arg)
{
    struct task *task = alloc_apart(sizeof *task);
    *task = (struct task){run, arg, (int)thread_count};
    atomic_fetch_add(&running, 1);
    if (gcx_thread_create(&threads[thread_count++], NULL, run_task, task) != 0) {
        abort();
    }
}

/* One that some thread goes on to hold. */
static __attribute__((unused)) struct channel *make(size_t capacity)
{
    struct channel *c = channel_create(capacity);
    channels[channel_count++] = hide(c);
    return c;
}

static __attribute__((unused)) void *receive(void *c)
{
    return channel_receive(c);
}

static __attribute__((unused)) void *send_one(void *c)
{
    channel_send(c, c);
    return NULL;
}

static __attribute__((unused)) void run_apart(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    if (gcx_thread_create(&thread, NULL, run, arg) != 0 || pthread_join(thread, NULL) != 0) {
        abort();
    }
}

static NOINLINE __attribute__((unused)) long count_leaks(void)
{
    clear_stack();
    return gcx_thread_leaks(NULL, NULL);
}

static NOINLINE __attribute__((unused)) void rescue(void)
{
    for (size_t i = 0; i < channel_count; i++) {
        channel_close(reveal(channels[i]));
    }
    for (size_t i = 0; i < thread_count; i++) {
        pthread_join(threads[i], NULL);
    }
    global = NULL;
    thread_count = channel_count = 0;
    clear_stack();
}

/* The sender forgot to send. */
static __attribute__((unused)) void *forgotten_sender(void *arg)
{
    start(receive, make(0));
    return arg;
}

/* A thread that is asleep and declares nothing. */
static sem_t never;
static atomic_int has_begun;

static __attribute__((unused)) void sleep_for_ever(void)
{
    atomic_fetch_add(&has_begun, 1);
    while (sem_wait(&never) != 0) {
    }
}

static __attribute__((unused)) void await_begin(void)
{
    while (atomic_load(&has_begun) == 0) {
        sched_yield();
    }
}

#endif
