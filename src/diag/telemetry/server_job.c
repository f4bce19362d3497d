/* server_job.c -- requests that take long: profiles, cycles, waiting.
 *
 *   queued --> begun by a worker --> waiting, until its seconds have passed,
 *     '-----------.                    its client has left, or the server stops
 *                 v                       |
 *              answered by a worker <-- queued
 *
 * A request that waits takes no thread. Workers count as stopped, but where they
 * call the library.
 *
 * Locking: job_lock, for all that is static here; it is held for a few
 * instructions, by threads that count as stopped. A request in a list is the
 * list's, one in hand its worker's.
 *
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <string.h>

#include "diag/telemetry/server.h"
#include "diag/telemetry/server_limits.h"
#include "diag/telemetry/telemetry.h"
#include "os/clock.h"

static pthread_mutex_t job_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t job_changed = PTHREAD_COND_INITIALIZER;
static struct gcxi_request *queue_first, *queue_last;
static struct gcxi_request *waiting;
static unsigned job_count; /* with a connection suspended */
static unsigned waiting_count;
static unsigned worker_count;
static bool is_ending;

/* ---- Lists; lock held ---- */

static void enqueue(struct gcxi_request *request)
{
    request->next = NULL;
    if (queue_first == NULL)
        queue_first = request;
    else
        queue_last->next = request;
    queue_last = request;
    pthread_cond_broadcast(&job_changed);
}

static struct gcxi_request *dequeue(void)
{
    struct gcxi_request *request = queue_first;
    queue_first = request->next;
    return request;
}

bool gcxi_job_must_wait(const struct gcxi_request *request)
{
    return request->query.seconds != 0 && request->route->begin != NULL && !request->has_begun;
}

/* ---- Workers ---- */

static void finish(struct gcxi_request *request)
{
    request->is_done = true;
    struct MHD_Connection *connection = request->connection;
    pthread_mutex_lock(&job_lock);
    MHD_resume_connection(connection); /* under the lock: jobs_end must not be told sooner */
    gcxi_server_wake();
    job_count--;
    pthread_cond_broadcast(&job_changed);
    pthread_mutex_unlock(&job_lock);
}

static void park(struct gcxi_request *request)
{
    request->has_begun = true;
    request->begin_ns = gcxi_clock_ns();
    request->due_ns = request->begin_ns + (uint64_t)request->query.seconds * 1000000000;
    pthread_mutex_lock(&job_lock);
    request->next = waiting;
    waiting = request;
    pthread_mutex_unlock(&job_lock);
}

static void work(struct gcxi_request *request)
{
    if (!gcxi_job_must_wait(request)) {
        request->route->answer(request);
        finish(request);
    } else if (request->route->begin(request)) {
        park(request);
    } else {
        pthread_mutex_lock(&job_lock);
        waiting_count--;
        pthread_mutex_unlock(&job_lock);
        finish(request);
    }
}

static void *worker_main(void *arg)
{
    gcxi_server_detach();
    pthread_mutex_lock(&job_lock);
    while (!is_ending || job_count != 0) {
        if (queue_first == NULL) {
            pthread_cond_wait(&job_changed, &job_lock);
            continue;
        }
        struct gcxi_request *request = dequeue();
        pthread_mutex_unlock(&job_lock);
        work(request);
        pthread_mutex_lock(&job_lock);
    }
    worker_count--;
    pthread_cond_broadcast(&job_changed);
    pthread_mutex_unlock(&job_lock);
    gcxi_server_attach();
    return arg;
}

/* ---- The server's thread ---- */

/* Lock held. */
static bool may_start(const struct gcxi_request *request)
{
    if (is_ending || job_count >= GCXI_JOBS_MAX ||
        (gcxi_job_must_wait(request) && waiting_count >= GCXI_WAITING_MAX))
        return false;
    if (worker_count < GCXI_WORKERS && gcxi_diag_thread(worker_main, NULL) == 0)
        worker_count++;
    return worker_count != 0;
}

bool gcxi_job_start(struct gcxi_request *request)
{
    pthread_mutex_lock(&job_lock);
    bool is_started = may_start(request);
    if (is_started) {
        MHD_suspend_connection(request->connection);
        job_count++;
        waiting_count += gcxi_job_must_wait(request);
        enqueue(request);
    }
    pthread_mutex_unlock(&job_lock);
    return is_started;
}

void gcxi_jobs_tick(void)
{
    uint64_t now = gcxi_clock_ns();
    pthread_mutex_lock(&job_lock);
    for (struct gcxi_request **at = &waiting; *at != NULL;) {
        struct gcxi_request *request = *at;
        if (request->due_ns > now && !is_ending && !gcxi_connection_has_left(request->connection)) {
            at = &request->next;
            continue;
        }
        *at = request->next;
        waiting_count--;
        enqueue(request);
    }
    pthread_mutex_unlock(&job_lock);
}

/* A worker may yet put a request among the waiting. */
void gcxi_jobs_end(void)
{
    pthread_mutex_lock(&job_lock);
    is_ending = true;
    pthread_cond_broadcast(&job_changed);
    while (worker_count != 0) {
        struct timespec until;
        pthread_mutex_unlock(&job_lock);
        gcxi_jobs_tick();
        pthread_mutex_lock(&job_lock);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        if (worker_count != 0)
            pthread_cond_timedwait(&job_changed, &job_lock, &until);
    }
    is_ending = false;
    pthread_mutex_unlock(&job_lock);
}

void gcxi_jobs_reset_after_fork(void)
{
    pthread_mutex_init(&job_lock, NULL);
    pthread_cond_init(&job_changed, NULL);
    queue_first = queue_last = waiting = NULL;
    job_count = waiting_count = worker_count = 0;
    is_ending = false;
}
