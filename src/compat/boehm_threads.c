/* boehm_threads.c -- threads, stacks, blocking and locks of the Boehm
 * interface.
 *
 * SPDX-License-Identifier: MIT */
#include "compat/boehm.h"

#include <dlfcn.h>
#include <gc/javaxfc.h>
#include <signal.h>
#include <stdlib.h>

#define GC_NO_THREAD_REDIRECTS
#include <gc/gc_pthread_redirects.h>

#include "api/thread.h"
#include "os/futex.h"
#include "os/stack.h"
#include "os/thread.h"

/* By GC_pthread_create, GC_init or GC_register_my_thread; a thread that only
 * allocated is known to the collector but has not registered. */
static __thread bool is_registered __attribute__((tls_model("initial-exec")));
static pthread_mutex_t alloc_lock = PTHREAD_MUTEX_INITIALIZER;
static int restart_signal = SIGXCPU;

static void before_fork(void)
{
    pthread_mutex_lock(&alloc_lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&alloc_lock);
}

void gcxi_boehm_threads_init(void)
{
    pthread_atfork(before_fork, after_fork, after_fork);
    is_registered = true;
}

/* ---- Registration ---- */

int GC_register_my_thread(const struct GC_stack_base *base)
{
    (void)base;
    gcxi_boehm_start();
    if (is_registered)
        return GC_DUPLICATE;
    if (gcx_thread_register() != 0)
        return GC_NO_MEMORY;
    is_registered = true;
    return GC_SUCCESS;
}

int GC_unregister_my_thread(void)
{
    is_registered = false;
    if (gcx_thread_unregister() != 0)
        gcxi_boehm_warn("GC_unregister_my_thread: thread %ld is not registered\n", 0);
    return GC_SUCCESS;
}

int GC_thread_is_registered(void)
{
    return is_registered;
}

void GC_allow_register_threads(void)
{
    gcxi_boehm_start();
}

void GC_register_altstack(void *stack, GC_word stack_bytes, void *alt, GC_word alt_bytes)
{
    (void)stack;
    (void)stack_bytes;
    (void)alt;
    (void)alt_bytes;
}

/* ---- Redirected calls ---- */

struct thread_start {
    void *(*start)(void *);
    void *arg;
};

static void *thread_main(void *opaque)
{
    struct thread_start *boxed = opaque;
    struct thread_start s = *boxed;
    is_registered = true;
    gcx_free(boxed);
    return s.start(s.arg);
}

int GC_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                      void *arg)
{
    gcxi_boehm_start();
    struct thread_start *boxed = gcx_alloc_root(sizeof *boxed);
    if (boxed == NULL)
        return 11; /* EAGAIN */
    boxed->start = start;
    boxed->arg = arg;
    int error = gcxi_create_registered(gcxi_thread_create, thread, attr, thread_main, boxed);
    if (error != 0)
        gcx_free(boxed);
    return error;
}

int GC_pthread_join(pthread_t thread, void **result)
{
    return pthread_join(thread, result);
}

int GC_pthread_detach(pthread_t thread)
{
    return pthread_detach(thread);
}

int GC_pthread_cancel(pthread_t thread)
{
    return pthread_cancel(thread);
}

void GC_pthread_exit(void *result)
{
    pthread_exit(result);
}

/* The signal that stops threads stays open. */
int GC_pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t open;
    if (set != NULL && (how == SIG_BLOCK || how == SIG_SETMASK)) {
        open = *set;
        if (gcxi_suspend_signal() != 0)
            sigdelset(&open, gcxi_suspend_signal());
        set = &open;
    }
    return pthread_sigmask(how, set, old);
}

void *GC_dlopen(const char *path, int mode)
{
    return dlopen(path, mode);
}

/* ---- Signals: one real-time signal stops and a futex starts ---- */

void GC_set_suspend_signal(int signal)
{
    (void)signal;
}

int GC_get_suspend_signal(void)
{
    return gcxi_suspend_signal();
}

void GC_set_thr_restart_signal(int signal)
{
    restart_signal = signal;
}

int GC_get_thr_restart_signal(void)
{
    return restart_signal;
}

void GC_start_mark_threads(void)
{
}

/* ---- Stacks ---- */

int GC_get_stack_base(struct GC_stack_base *base)
{
    uintptr_t lo, hi;
    if (gcxi_stack_bounds(&lo, &hi) != 0)
        return GC_UNIMPLEMENTED;
    base->mem_base = (void *)hi;
    return GC_SUCCESS;
}

void *GC_call_with_stack_base(GC_stack_base_func fn, void *arg)
{
    struct GC_stack_base base = {(void *)GCXI_CALLER_FRAME()};
    void *result = fn(&base, arg);
    GC_noop1((GC_word)&base);
    return result;
}

void *GC_get_my_stackbottom(struct GC_stack_base *base)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return NULL;
    base->mem_base = (void *)self->suspend.stack_hi;
    gcxi_gc_leave(self);
    return self;
}

/* From now on the thread's stack reaches from its stack pointer to there: for
 * programs that switch stacks. The caller holds the allocation lock. */
void GC_set_stackbottom(void *thread, const struct GC_stack_base *base)
{
    struct gcxi_mutator *mutator = thread != NULL ? thread : gcxi_gc_enter();
    if (mutator == NULL)
        return;
    gcxi_mutator_set_own_stack(mutator, 0, (uintptr_t)base->mem_base);
    if (thread == NULL)
        gcxi_gc_leave(mutator);
}

/* ---- Blocking ---- */

struct call {
    GC_fn_type fn;
    void *arg;
    void *result;
    struct gcxi_mutator *self;
};

static void call_blocked(uintptr_t sp, void *opaque)
{
    struct call *call = opaque;
    struct gcxi_suspend *s = &call->self->suspend;
    uintptr_t entry_sp = s->entry_sp;
    s->entry_sp = 0;
    gcxi_suspend_block(s, sp);
    call->result = call->fn(call->arg);
    gcxi_suspend_unblock(s);
    s->entry_sp = entry_sp;
}

void *GC_do_blocking(GC_fn_type fn, void *arg)
{
    gcxi_boehm_start();
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (self == NULL || self->blocking_depth != 0)
        return fn(arg);
    struct call call = {fn, arg, NULL, self};
    gcxi_critical_enter(&self->suspend);
    self->blocking_depth = 1;
    gcxi_stack_with_registers(call_blocked, &call);
    self->blocking_depth = 0;
    gcxi_critical_leave(&self->suspend);
    return call.result;
}

static void block_again(uintptr_t sp, void *opaque)
{
    struct gcxi_mutator *self = opaque;
    (void)sp;
    gcxi_suspend_block(&self->suspend, self->suspend.entry_sp);
}

/* The frames of the caller, blocked below, count as well while fn runs; then
 * the stack is again what it was where the blocking began. */
void *GC_call_with_gc_active(GC_fn_type fn, void *arg)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (self == NULL || self->blocking_depth == 0)
        return fn(arg);
    uintptr_t sp = self->suspend.sp;
    gcxi_suspend_unblock(&self->suspend);
    self->blocking_depth = 0;
    gcxi_critical_leave(&self->suspend);
    void *result = fn(arg);
    gcxi_critical_enter(&self->suspend);
    self->blocking_depth = 1;
    self->suspend.entry_sp = sp;
    block_again(sp, self);
    self->suspend.entry_sp = 0;
    return result;
}

/* ---- Locks ---- */

/* In a critical section, so that no cycle comes while the lock is held. */
void GC_alloc_lock(void)
{
    gcxi_boehm_start();
    struct gcxi_mutator *self = gcxi_gc_enter();
    pthread_mutex_lock(&alloc_lock);
    (void)self;
}

void GC_alloc_unlock(void)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    pthread_mutex_unlock(&alloc_lock);
    if (self != NULL)
        gcxi_gc_leave(self);
}

void *GC_call_with_alloc_lock(GC_fn_type fn, void *arg)
{
    GC_alloc_lock();
    void *result = fn(arg);
    GC_alloc_unlock();
    return result;
}

/* ---- Stopping from outside ---- */

static struct gcxi_mutator *stopper;

void GC_stop_world_external(void)
{
    gcxi_boehm_start();
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return;
    gcxi_mutators_stop(self);
    stopper = self;
}

void GC_start_world_external(void)
{
    struct gcxi_mutator *self = stopper;
    if (self == NULL)
        return;
    stopper = NULL;
    gcxi_mutators_start(self);
    gcxi_gc_unlock_and_leave(self);
}
