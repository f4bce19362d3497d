/* tsan_blocking.c -- calls that block, so that ThreadSanitizer lets a stop
 * through. Part of every test in builds with -fsanitize=thread.
 *
 * The sanitizer puts a signal off until its thread enters a call that it knows
 * to block, or leaves any that it intercepts. It does not count waiting for a
 * mutex or a barrier, or reading from a pipe, among those: a thread that waits
 * for a mutex whose owner is stopped would never stop, and the collection would
 * wait for ever. Here they wait in calls that it does count.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define WAIT_US 50

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    int error;
    while ((error = pthread_mutex_trylock(mutex)) == EBUSY) {
        usleep(WAIT_US);
    }
    return error;
}

ssize_t read(int file, void *buffer, size_t bytes)
{
    struct pollfd one = {.fd = file, .events = POLLIN};
    struct iovec part = {buffer, bytes};
    int waits = (fcntl(file, F_GETFL) & O_NONBLOCK) == 0;
    while (waits && poll(&one, 1, -1) < 0 && errno == EINTR) {
    }
    return readv(file, &part, 1);
}

struct barrier {
    pthread_mutex_t mutex;
    pthread_cond_t passed;
    unsigned count;
    unsigned waiting;
    unsigned round;
};

/* What lies in the caller's object is a pointer to ours. */
static struct barrier *barrier_of(const pthread_barrier_t *opaque)
{
    struct barrier *barrier;
    memcpy(&barrier, opaque, sizeof barrier);
    return barrier;
}

int pthread_barrier_init(pthread_barrier_t *restrict opaque,
                         const pthread_barrierattr_t *restrict attr, unsigned count)
{
    struct barrier *barrier = calloc(1, sizeof *barrier);
    (void)attr;
    if (barrier == NULL) {
        return ENOMEM;
    }
    pthread_mutex_init(&barrier->mutex, NULL);
    pthread_cond_init(&barrier->passed, NULL);
    barrier->count = count;
    memcpy(opaque, &barrier, sizeof barrier);
    return 0;
}

int pthread_barrier_destroy(pthread_barrier_t *opaque)
{
    struct barrier *barrier = barrier_of(opaque);
    pthread_mutex_lock(&barrier->mutex); /* the last to leave has left */
    pthread_mutex_unlock(&barrier->mutex);
    pthread_cond_destroy(&barrier->passed);
    pthread_mutex_destroy(&barrier->mutex);
    free(barrier);
    return 0;
}

int pthread_barrier_wait(pthread_barrier_t *opaque)
{
    struct barrier *barrier = barrier_of(opaque);
    int is_last;
    pthread_mutex_lock(&barrier->mutex);
    is_last = ++barrier->waiting == barrier->count;
    if (is_last) {
        barrier->waiting = 0;
        barrier->round++;
        pthread_cond_broadcast(&barrier->passed);
    }
    for (unsigned round = barrier->round; !is_last && round == barrier->round;) {
        pthread_cond_wait(&barrier->passed, &barrier->mutex);
    }
    pthread_mutex_unlock(&barrier->mutex);
    return is_last ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}
