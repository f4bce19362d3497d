/* waits.c -- threads that wait for what cannot come: gcx_wait_begin, gcx_thread_leaks.
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/wait.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct mailbox {
    pthread_mutex_t mutex;
    pthread_cond_t is_filled;
    void *message;
};

static atomic_int receivers;

static struct mailbox *mailbox_create(void)
{
    struct mailbox *box = gcx_alloc(sizeof *box);
    if (box == NULL)
        exit(1);
    pthread_mutex_init(&box->mutex, NULL);
    pthread_cond_init(&box->is_filled, NULL);
    return box;
}

/* The one place where the program waits for a message: only who has the box can
 * end it. */
static void *mailbox_receive(struct mailbox *box)
{
    void *objects[] = {box};
    pthread_mutex_lock(&box->mutex);
    gcx_wait_begin(objects, 1);
    while (box->message == NULL)
        pthread_cond_wait(&box->is_filled, &box->mutex);
    gcx_wait_end();
    void *message = box->message;
    pthread_mutex_unlock(&box->mutex);
    return message;
}

static void mailbox_send(struct mailbox *box, void *message)
{
    pthread_mutex_lock(&box->mutex);
    box->message = message;
    pthread_cond_signal(&box->is_filled);
    pthread_mutex_unlock(&box->mutex);
}

static void *receive(void *box)
{
    atomic_fetch_add(&receivers, 1);
    return mailbox_receive(box);
}

/* A mailbox that is returned, with a thread that receives from it. */
static struct mailbox *start_receiver(pthread_t *thread)
{
    struct mailbox *box = mailbox_create();
    if (gcx_thread_create(thread, NULL, receive, box) != 0)
        exit(1);
    return box;
}

static void report(const struct gcx_thread_leak *leak, void *arg)
{
    printf("thread %d (%s) waits for ever for %p, from %p\n", leak->tid, leak->name,
           leak->objects[0], leak->frames[0]);
    ++*(int *)arg;
}

int main(void)
{
    pthread_t forgotten, known;
    int reported = 0;
    start_receiver(&forgotten); /* who will send to that one? */
    struct mailbox *box = start_receiver(&known);
    while (atomic_load(&receivers) < 2)
        sched_yield();

    long leaks = gcx_thread_leaks(report, &reported);
    if (leaks > 1 || leaks != reported)
        return 1;

    mailbox_send(box, box);
    pthread_join(known, NULL);
    return 0;
}
