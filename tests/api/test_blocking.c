/* test_blocking.c -- what a thread may do inside a blocking section: it counts as
 * stopped throughout, whatever locks it has waited for.
 *
 * SPDX-License-Identifier: MIT */
#include "../support/cmocka_all.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gcx/gcx.h>

#define HANG_SECONDS 60

/* cmocka's assertions belong to the main thread: others count. */
static atomic_int failures;

static void check(bool is_right)
{
    if (!is_right)
        atomic_fetch_add(&failures, 1);
}

static sem_t is_inside, may_end, has_ended, may_return;
static sem_t in_pause;

static void *nothing(void *arg)
{
    return arg;
}

/* ---- What is done inside ---- */

static void fork_inside(void)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(HANG_SECONDS);
        bool is_ended = gcx_blocking_end() == 0 && gcx_blocking_end() == -1;
        gcx_collect(GCX_FULL);
        _exit(is_ended && gcx_alloc(16) != NULL ? 0 : 1);
    }
    int status = -1;
    check(waitpid(child, &status, 0) == child);
    check(status == 0);
}

static void collect_inside(void)
{
    gcx_collect(GCX_FULL);
}

static void hold_the_pause(void *arg)
{
    (void)arg;
    sem_post(&in_pause);
    usleep(50000); /* by then the other waits; if not, less is tested */
}

static void *collect_and_hold(void *arg)
{
    const struct gcx_events events = {.pause_begin = hold_the_pause};
    gcx_set_event_listener(&events);
    gcx_collect(GCX_FULL);
    gcx_set_event_listener(NULL);
    return arg;
}

/* While another thread collects, so that it has to wait for the heap's lock. */
static void create_inside(void)
{
    pthread_t collecting, created;
    check(gcx_thread_create(&collecting, NULL, collect_and_hold, NULL) == 0);
    sem_wait(&in_pause);
    check(gcx_thread_create(&created, NULL, nothing, NULL) == 0);
    pthread_join(created, NULL);
    pthread_join(collecting, NULL);
}

/* ---- Around it ---- */

static void *block(void *arg)
{
    void (*const *act)(void) = arg;
    char *object = gcx_alloc(16);
    check(gcx_blocking_begin() == 0);
    object[0] = 'x'; /* nobody else has it */
    (*act)();
    sem_post(&is_inside);
    sem_wait(&may_end);
    check(gcx_blocking_end() == 0);
    check(object[0] == 'x');
    sem_post(&has_ended);
    while (sem_trywait(&may_return) != 0)
        gcx_alloc(16); /* has to be stopped, not waited for */
    return NULL;
}

static void collections_go_on(void (*act)(void))
{
    pthread_t thread;
    alarm(HANG_SECONDS);
    assert_int_equal(pthread_create(&thread, NULL, block, &act), 0);
    sem_wait(&is_inside);
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_MINOR);
    sem_post(&may_end);
    sem_wait(&has_ended);
    gcx_collect(GCX_FULL);
    sem_post(&may_return);
    pthread_join(thread, NULL);
    gcx_collect(GCX_FULL);
    alarm(0);
    assert_int_equal(atomic_load(&failures), 0);
}

static void test_fork(void **state)
{
    (void)state;
    collections_go_on(fork_inside);
}

static void test_collect(void **state)
{
    (void)state;
    collections_go_on(collect_inside);
}

static void test_create(void **state)
{
    (void)state;
    collections_go_on(create_inside);
}

static int prepare(void **state)
{
    sem_t *all[] = {&is_inside, &may_end, &has_ended, &may_return, &in_pause};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sem_init(all[i], 0, 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_fork, prepare),
        cmocka_unit_test_setup(test_collect, prepare),
        cmocka_unit_test_setup(test_create, prepare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
