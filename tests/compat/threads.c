/* Threads, blocking, locks, registration, control.
 * SPDX-License-Identifier: MIT */
#define GC_THREADS
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#undef pthread_create
#undef pthread_join

static int gc_events;

static void on_event(GC_EventType event)
{
    gc_events += event == GC_EVENT_END;
}

struct list {
    struct list *next;
    long n;
};

static NOINLINE long build(long n)
{
    struct list *head = NULL;
    long sum = 0;
    for (long i = 0; i < n; i++) {
        struct list *one = GC_NEW(struct list);
        one->n = i;
        one->next = i % 100 == 0 ? NULL : head;
        head = one;
    }
    for (; head != NULL; head = head->next)
        sum += head->n;
    return sum;
}

static void *work(void *arg)
{
    (void)arg;
    return (void *)build(200000);
}

static void *foreign(void *arg)
{
    struct GC_stack_base base;
    (void)arg;
    printf("base %d", GC_get_stack_base(&base));
    printf(" register %d", GC_register_my_thread(&base));
    printf(" again %d", GC_register_my_thread(&base));
    printf(" is %d", GC_thread_is_registered());
    long sum = build(1000);
    printf(" sum %ld", sum);
    printf(" unregister %d", GC_unregister_my_thread());
    printf(" is %d\n", GC_thread_is_registered());
    return NULL;
}

static void *active(void *arg)
{
    return (void *)(build(1000) + *(long *)arg);
}

static void *blocked(void *arg)
{
    return GC_call_with_gc_active(active, arg);
}

static void *reveal(void *arg)
{
    return GC_REVEAL_POINTER(*(GC_hidden_pointer *)arg);
}

static void *with_base(struct GC_stack_base *base, void *arg)
{
    return base->mem_base != NULL ? arg : NULL;
}

int main(void)
{
    pthread_t threads[4], other;
    void *result;
    GC_INIT();
    GC_allow_register_threads();
    GC_set_on_collection_event(on_event);
    for (int i = 0; i < 4; i++)
        GC_pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 4; i++) {
        GC_pthread_join(threads[i], &result);
        printf("%ld\n", (long)result);
    }
    pthread_create(&other, NULL, foreign, NULL);
    pthread_join(other, NULL);
    struct GC_stack_base base;
    printf("main %d\n", GC_get_stack_base(&base) == 0 ? GC_register_my_thread(&base) : -1);
    long extra = 5;
    printf("blocked %ld\n", (long)GC_do_blocking(blocked, &extra));
    void *p = GC_MALLOC(8);
    GC_hidden_pointer hidden = GC_HIDE_POINTER(p);
    printf("locked %d\n", GC_call_with_alloc_lock(reveal, &hidden) == p);
    printf("with base %d\n", GC_call_with_stack_base(with_base, p) == p);
    GC_word before = GC_get_gc_no();
    GC_gcollect();
    printf("gc_no %d, events %d\n", GC_get_gc_no() > before, gc_events > 0);
    GC_disable();
    GC_disable();
    before = GC_get_gc_no();
    build(1000000);
    GC_gcollect();
    printf("disabled %d %lu\n", GC_is_disabled(), GC_get_gc_no() - before);
    GC_enable();
    printf("disabled %d\n", GC_is_disabled());
    GC_enable();
    printf("disabled %d\n", GC_is_disabled());
    printf("figures %d %d %d\n", GC_get_heap_size() > 0, GC_get_total_bytes() > 1000000,
           GC_get_free_space_divisor() == 3);
    GC_set_handle_fork(1);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        long sum = build(500000);
        GC_gcollect();
        _exit(sum == 4955050 % 251 ? 1 : 0);
    }
    int status;
    waitpid(child, &status, 0);
    printf("child %d\n", status);
    return 0;
}
