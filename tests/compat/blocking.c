/* Calls of the collector within GC_do_blocking hold up nobody: whatever a collection they have
 * waited for, the thread counts as blocking again when they are done.
 *
 * SPDX-License-Identifier: MIT */
#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include "check.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

enum { HEAP_SIZE, THREAD, ACTIVE, NUMBER, USAGE, MODES };
#define COLLECTIONS 3

static int mode, sections, failures;
static volatile int holds;
static sem_t is_blocking, is_collecting, is_inside, may_end;

static void *nothing(void *arg)
{
    return arg;
}

static void *allocate(void *arg)
{
    (void)arg;
    return GC_MALLOC(10);
}

static void call(void)
{
    GC_word heap;
    pthread_t thread;
    switch (mode) {
    case HEAP_SIZE:
        failures += GC_get_heap_size() == 0;
        break;
    case THREAD:
        failures += GC_pthread_create(&thread, NULL, nothing, NULL) != 0;
        failures += GC_pthread_join(thread, NULL) != 0;
        break;
    case ACTIVE:
        failures += GC_call_with_gc_active(allocate, NULL) == NULL;
        break;
    case NUMBER:
        GC_get_gc_no();
        break;
    default:
        GC_get_heap_usage_safe(&heap, NULL, NULL, NULL, NULL);
        failures += heap == 0;
    }
}

/* By then the other waits for the collection; if not, less is tested. */
static void hold(GC_EventType event)
{
    if (event != GC_EVENT_MARK_START || !holds)
        return;
    holds = 0;
    sem_post(&is_collecting);
    usleep(50000);
}

static void *section(void *arg)
{
    sem_post(&is_blocking);
    sem_wait(&is_collecting);
    call();
    sem_post(&is_inside);
    sem_wait(&may_end);
    sections++;
    return arg;
}

static void *block(void *arg)
{
    return GC_do_blocking(section, arg);
}

static void run(void)
{
    pthread_t thread;
    if (GC_pthread_create(&thread, NULL, block, NULL) != 0)
        printf("no thread\n");
    sem_wait(&is_blocking);
    holds = 1;
    GC_gcollect();
    sem_wait(&is_inside);
    GC_word before = GC_get_gc_no();
    for (int i = 0; i < COLLECTIONS; i++)
        GC_gcollect();
    printf("mode %d: collected %d, failures %d\n", mode, GC_get_gc_no() >= before + COLLECTIONS,
           failures);
    sem_post(&may_end);
    GC_pthread_join(thread, NULL);
}

int main(void)
{
    GC_INIT();
    sem_init(&is_blocking, 0, 0);
    sem_init(&is_collecting, 0, 0);
    sem_init(&is_inside, 0, 0);
    sem_init(&may_end, 0, 0);
    GC_set_on_collection_event(hold);
    for (mode = 0; mode < MODES; mode++)
        run();
    printf("sections %d\n", sections);
    return 0;
}
