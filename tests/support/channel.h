/* channel.h -- channels as in Go, whose waits are declared; wait groups, too.
 *
 * One mutex and one condition for all of them, in static memory, so that a thread
 * may wait for several. Who changes a channel has a pointer to it until the mutex is
 * free: so the declaration is true. Closing ends every wait of it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_CHANNEL_H
#define GCX_TESTS_CHANNEL_H

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <gcx/gcx.h>
#include <gcx/wait.h>

struct channel {
    size_t capacity;
    size_t count;    /* sent and not received; more than capacity: their senders wait */
    size_t received; /* ever */
    size_t sent;     /* ever */
    void *values[8]; /* ring */
    int is_closed;
};

static pthread_mutex_t channel_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t channel_changed = PTHREAD_COND_INITIALIZER;
static int channel_waiters;    /* threads that wait and have not been woken; channel_mutex */
static unsigned channel_round; /* times all were woken; channel_mutex */

/* Behind a slot that is never used: the address of an object on a stack keeps what
 * lies before it as well, where gcx_alloc is not inlined, as with a sanitizer, and so
 * nothing is known of the size. */
static __attribute__((unused)) void *alloc_apart(size_t size)
{
    void *before = gcx_alloc(size);
    void *object = gcx_alloc(size);
    if (before == NULL || object == NULL) {
        abort();
    }
    return object;
}

static __attribute__((unused)) struct channel *channel_create(size_t capacity)
{
    struct channel *c = alloc_apart(sizeof *c);
    c->capacity = capacity;
    return c;
}

/* The mutex is held, and one of the channels is to be waited for. */
static __attribute__((unused)) void channel_wait(struct channel **channels, size_t n)
{
    if (gcx_wait_begin((void *const *)channels, n) != 0) {
        abort();
    }
    unsigned round = channel_round;
    channel_waiters++;
    pthread_cond_wait(&channel_changed, &channel_mutex);
    channel_waiters -= round == channel_round; /* woken by nobody */
    gcx_wait_end();
}

static __attribute__((unused)) void channel_wake_all(void)
{
    channel_round++;
    channel_waiters = 0;
    pthread_cond_broadcast(&channel_changed);
}

/* Returns when the value has been received, or lies in the buffer. NULL is a channel
 * that nobody receives from. */
static __attribute__((noinline, unused)) void channel_send(struct channel *c, void *value)
{
    pthread_mutex_lock(&channel_mutex);
    while (c == NULL || (c->count == 8 && !c->is_closed)) {
        channel_wait(&c, 1);
    }
    c->values[c->sent++ % 8] = value;
    size_t needed = c->sent > c->capacity ? c->sent - c->capacity : 0;
    c->count++;
    channel_wake_all();
    while (c->received < needed && !c->is_closed) {
        channel_wait(&c, 1);
    }
    pthread_mutex_unlock(&channel_mutex);
    gcx_keep_alive(c);
}

/* One that has something or is closed, or NULL. */
static __attribute__((unused)) struct channel *channel_ready(struct channel **channels, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (channels[i] != NULL && (channels[i]->count != 0 || channels[i]->is_closed)) {
            return channels[i];
        }
    }
    return NULL;
}

/* From whichever has something first; NULL if one is closed. Without any, or with
 * nothing but NULL, for ever. */
static __attribute__((noinline, unused)) void *channel_select(struct channel **channels, size_t n)
{
    struct channel *ready;
    void *value = NULL;
    pthread_mutex_lock(&channel_mutex);
    while ((ready = channel_ready(channels, n)) == NULL) {
        channel_wait(channels, n);
    }
    if (ready->count != 0) {
        ready->count--;
        value = ready->values[ready->received++ % 8];
        channel_wake_all();
    }
    pthread_mutex_unlock(&channel_mutex);
    gcx_keep_alive(ready);
    return value;
}

static __attribute__((unused)) void *channel_receive(struct channel *c)
{
    return channel_select(&c, 1);
}

static __attribute__((unused)) void channel_close(struct channel *c)
{
    pthread_mutex_lock(&channel_mutex);
    c->is_closed = 1;
    channel_wake_all();
    pthread_mutex_unlock(&channel_mutex);
    gcx_keep_alive(c);
}

/* As sync.WaitGroup: a channel in which the count is what is still to be done. */
static __attribute__((unused)) void group_done(struct channel *group)
{
    pthread_mutex_lock(&channel_mutex);
    group->count--;
    channel_wake_all();
    pthread_mutex_unlock(&channel_mutex);
    gcx_keep_alive(group);
}

static __attribute__((noinline, unused)) void group_wait(struct channel *group)
{
    pthread_mutex_lock(&channel_mutex);
    while (group->count != 0 && !group->is_closed) {
        channel_wait(&group, 1);
    }
    pthread_mutex_unlock(&channel_mutex);
}

/* Until so many threads wait at once, or more. */
static __attribute__((unused)) void channel_await_waiters(int n)
{
    const struct timespec moment = {.tv_nsec = 200000};
    pthread_mutex_lock(&channel_mutex);
    while (channel_waiters < n) {
        pthread_mutex_unlock(&channel_mutex);
        nanosleep(&moment, NULL);
        pthread_mutex_lock(&channel_mutex);
    }
    pthread_mutex_unlock(&channel_mutex);
}

#endif
