/* boehm_suspend.c -- suspending single threads, for debuggers of runtimes.
 *
 * A signal of its own makes the thread count as blocked until it is resumed. A
 * thread inside the collector's code is asked again until it has left it.
 *
 * SPDX-License-Identifier: MIT */
#include "compat/boehm.h"

#include <errno.h>
#include <gc/javaxfc.h>
#include <signal.h>
#include <time.h>

#include "os/futex.h"

#define SIGNAL_AFTER_STOP 1
#define ASK_AGAIN_NS 200000

struct suspension {
    uintptr_t key; /* the thread */
    uint32_t wanted;
    uint32_t is_reached;
};

static struct gcxi_boehm_table suspensions = {.item_bytes = sizeof(struct suspension *) * 2};
static int suspend_signal;

static struct suspension *find(pthread_t thread)
{
    size_t i = gcxi_boehm_table_find(&suspensions, (uintptr_t)thread);
    return i != GCXI_BOEHM_NONE ? *((struct suspension **)gcxi_boehm_item(&suspensions, i) + 1)
                                : NULL;
}

static void wait_blocked(uintptr_t sp, void *opaque)
{
    struct suspension *s = opaque;
    struct gcxi_suspend *self = gcxi_suspend_self;
    if (self != NULL)
        gcxi_suspend_block(self, sp);
    gcxi_store_release(&s->is_reached, 1);
    while (gcxi_load_acquire(&s->wanted) != 0)
        gcxi_futex_wait(&s->wanted, 1);
    gcxi_store_release(&s->is_reached, 0);
    if (self != NULL)
        gcxi_suspend_unblock(self);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    struct gcxi_suspend *self = gcxi_suspend_self;
    struct suspension *s = info->si_value.sival_ptr;
    int saved_errno = errno;
    (void)number;
    (void)context;
    if (s != NULL && (self == NULL || self->critical == 0) && gcxi_load_acquire(&s->wanted) != 0) {
        if (self != NULL)
            gcxi_critical_enter(self);
        gcxi_stack_with_registers(wait_blocked, s);
        if (self != NULL)
            gcxi_critical_leave(self);
    }
    errno = saved_errno;
}

static void install_locked(void)
{
    struct sigaction action = {.sa_flags = SA_RESTART | SA_SIGINFO};
    if (suspend_signal != 0)
        return;
    suspend_signal = gcxi_suspend_signal() + SIGNAL_AFTER_STOP;
    if (suspend_signal > SIGRTMAX)
        suspend_signal = SIGRTMIN;
    action.sa_sigaction = on_signal;
    sigfillset(&action.sa_mask);
    sigaction(suspend_signal, &action, NULL);
}

static struct suspension *find_or_make(pthread_t thread)
{
    struct suspension *fresh = gcx_alloc_root(sizeof *fresh);
    struct gcxi_mutator *self = gcxi_boehm_lock();
    install_locked();
    struct suspension *s = find(thread);
    if (s == NULL && fresh != NULL) {
        struct suspension **item = gcxi_boehm_table_add(&suspensions, (uintptr_t)thread);
        if (item != NULL) {
            item[1] = s = fresh;
            fresh = NULL;
        }
    }
    gcxi_boehm_unlock(self);
    gcx_free(fresh);
    return s;
}

void GC_suspend_thread(pthread_t thread)
{
    static const struct timespec pause = {0, ASK_AGAIN_NS};
    gcxi_boehm_start();
    struct suspension *s = find_or_make(thread);
    if (s == NULL)
        return;
    union sigval value = {.sival_ptr = s};
    gcxi_store_release(&s->wanted, 1);
    if (pthread_equal(thread, pthread_self())) {
        pthread_sigqueue(thread, suspend_signal, value);
        return;
    }
    while (gcxi_load_acquire(&s->is_reached) == 0 && gcxi_load_acquire(&s->wanted) != 0) {
        if (pthread_sigqueue(thread, suspend_signal, value) != 0)
            return;
        nanosleep(&pause, NULL);
    }
}

static struct suspension *find_locking(pthread_t thread)
{
    struct gcxi_mutator *self = gcxi_boehm_lock();
    struct suspension *s = find(thread);
    gcxi_boehm_unlock(self);
    return s;
}

void GC_resume_thread(pthread_t thread)
{
    struct suspension *s = find_locking(thread);
    if (s == NULL)
        return;
    gcxi_store_release(&s->wanted, 0);
    gcxi_futex_wake(&s->wanted, 1);
}

int GC_is_thread_suspended(pthread_t thread)
{
    const struct suspension *s = find_locking(thread);
    return s != NULL && gcxi_load_acquire(&s->is_reached) != 0;
}
