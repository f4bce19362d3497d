/* test_edges.c -- what another thread does at an edge of a step, each time.
 *
 * Delays make rare orders likelier; here the test is the delay: it stands in for
 * base/delay.c, and at one edge lets another thread act to the end.
 *
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <semaphore.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "base/delay.h"

enum { OBJECTS = 400, BYTES = 64 };

uint32_t gcxi_delay_seed = 1;

static __thread int is_watched;
static enum gcxi_edge watched;
static sem_t may_act, has_acted;
static unsigned passings;

void gcxi_delay_slow(enum gcxi_edge edge)
{
    if (!is_watched || edge != watched)
        return;
    passings++;
    sem_post(&may_act);
    sem_wait(&has_acted);
}

static void *objects[OBJECTS]; /* the first thread's */
static void *theirs[OBJECTS];
static size_t freed;

/* Frees more of the first thread's objects than a lane remembers, so that their block
 * is listed; at the edge takes slots from it until none is left. */
static void *look_through(void *arg)
{
    for (size_t i = 0; i < OBJECTS; i += 2, freed++)
        gcx_free(objects[i]);
    sem_post(&has_acted);
    sem_wait(&may_act);
    for (size_t i = 0; i < freed + freed / 2; i++)
        theirs[i] = gcx_alloc_noscan(BYTES);
    sem_post(&has_acted);
    return arg;
}

/* F1: it was released first, and others claimed it before its lane took it back. */
static void the_newest_object_is_handed_out_once(void **state)
{
    pthread_t thread;
    (void)state;
    if (!GCXI_CHECKED)
        skip();
    gcx_disable();
    sem_init(&may_act, 0, 0);
    sem_init(&has_acted, 0, 0);
    for (size_t i = 0; i < OBJECTS; i++)
        objects[i] = gcx_alloc_noscan(BYTES);
    assert_int_equal(pthread_create(&thread, NULL, look_through, NULL), 0);
    sem_wait(&has_acted);
    void *newest = gcx_alloc_noscan(BYTES);
    watched = GCXI_EDGE_UNBUMP;
    is_watched = 1;
    gcx_free(newest);
    is_watched = 0;
    assert_int_equal(passings, 1);
    void *mine = gcx_alloc_noscan(BYTES);
    pthread_join(thread, NULL);
    assert_ptr_equal(mine, newest);
    for (size_t i = 0; i < OBJECTS; i++)
        assert_ptr_not_equal(theirs[i], mine);
    gcx_enable();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_object_is_handed_out_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
