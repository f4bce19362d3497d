/* wait.c -- declaring waits, and asking which of them last for ever.
 *
 * SPDX-License-Identifier: MIT */
#include "gcx/wait.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "gc/check.h"
#include "gc/gc.h"
#include "gc/hooks.h"
#include "gc/waits.h"

#define SEARCHES_MAX 20 /* each again because a thread had gone on */
#define LOOKS_MAX 1000  /* times a millisecond, not by the clock: the process may be held */

/* ---- Declaring ---- */

static bool is_blocking(void)
{
    const struct gcxi_mutator *self = gcxi_mutator_self();
    return self != NULL && self->blocking_depth != 0;
}

/* Not inlined: what its frame says of the caller is kept. */
GCXI_NOINLINE int gcx_wait_begin(void *const *objects, size_t n)
{
    const uintptr_t *own_record = __builtin_frame_address(0);
    struct gcxi_wait wait = {
        .objects = objects,
        .count = n,
        .pc = (uintptr_t)__builtin_return_address(0),
        .record = *own_record,
        .frames_lo = GCXI_CALLER_FRAME(),
    };
    if ((objects == NULL && n != 0) || is_blocking()) {
        errno = EINVAL;
        return -1;
    }
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return -1;
    gcxi_wait_begin(self, &wait);
    gcxi_gc_leave(self);
    return 0;
}

int gcx_wait_end(void)
{
    struct gcxi_mutator *self = is_blocking() ? NULL : gcxi_mutator_self();
    if (self == NULL || !gcxi_wait_end(self)) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

/* ---- Searching ---- */

static void run_cycle(struct gcxi_mutator *self, uintptr_t sp)
{
    gcxi_leaks_drop(self);
    gcxi_gc_collect_from(self, sp, GCX_FULL, GCXI_LEAK_SEARCH);
    gcxi_gc_leave(self);
    gcxi_hooks_after(GCX_FULL);
    gcxi_check_tell();
}

static enum gcxi_leaks_state look_once(void)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    enum gcxi_leaks_state state = gcxi_leaks_look(self);
    gcxi_gc_leave(self);
    return state;
}

static enum gcxi_leaks_state look_until_settled(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    enum gcxi_leaks_state state = look_once();
    for (int looks = 1; state == GCXI_LEAKS_AWAKE && looks < LOOKS_MAX; looks++) {
        nanosleep(&moment, NULL);
        state = look_once();
    }
    return state;
}

static void doubt_the_awake(void)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    gcxi_leaks_doubt(self);
    gcxi_gc_leave(self);
}

/* 0, or an error number; then or when nothing has to be repeated it is over. */
static int search_once(uintptr_t sp, bool *is_over)
{
    *is_over = true;
    run_cycle(gcxi_gc_enter(), sp);
    if (!gcxi_leaks_found.has_cycle)
        return EBUSY;
    if (!gcxi_leaks_found.is_complete)
        return ENOMEM;
    enum gcxi_leaks_state state = look_until_settled();
    if (state == GCXI_LEAKS_UNKNOWABLE)
        return ENOENT;
    if (state == GCXI_LEAKS_AWAKE)
        doubt_the_awake();
    *is_over = state == GCXI_LEAKS_SETTLED;
    return 0;
}

static int search(uintptr_t sp)
{
    bool is_over = false;
    int error = 0;
    for (int searches = 0; !is_over && searches < SEARCHES_MAX; searches++)
        error = search_once(sp, &is_over);
    return is_over ? error : EAGAIN;
}

static void tell(void (*report)(const struct gcx_thread_leak *leak, void *arg), void *arg)
{
    for (size_t i = 0; report != NULL && i < gcxi_leaks_found.count; i++) {
        const struct gcxi_leaked *leaked = &gcxi_leaks_found.list[i];
        char name[GCXI_THREAD_NAME_BYTES] = "";
        struct gcx_thread_leak leak = {
            .tid = leaked->tid,
            .name = name,
            .stack = leaked->is_own ? NULL : leaked->stack,
            .objects = leaked->objects,
            .object_count = leaked->object_count,
            .frames = leaked->frames,
            .depth = leaked->depth,
        };
        if (leaked->tid != 0)
            gcxi_suspend_name(leaked->tid, name);
        report(&leak, arg);
    }
}

static bool claim(void)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return false;
    bool is_claimed = gcxi_leaks_claim(self);
    gcxi_gc_leave(self);
    if (!is_claimed)
        errno = EBUSY;
    return is_claimed;
}

static void release(void)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    gcxi_leaks_release(self);
    gcxi_gc_leave(self);
}

struct question {
    void (*report)(const struct gcx_thread_leak *leak, void *arg);
    void *arg;
    long count; /* in the end; -1 with errno */
};

static void ask_from(uintptr_t sp, void *opaque)
{
    struct question *q = opaque;
    int cancel_state;
    if (!claim())
        return;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    int error = search(sp);
    if (error == 0) {
        q->count = (long)gcxi_leaks_found.count;
        tell(q->report, q->arg);
    }
    release();
    pthread_setcancelstate(cancel_state, NULL);
    errno = error != 0 ? error : errno;
}

long gcx_thread_leaks(void (*report)(const struct gcx_thread_leak *leak, void *arg), void *arg)
{
    struct question q = {report, arg, -1};
    if (is_blocking()) {
        errno = EINVAL;
        return -1;
    }
    gcxi_stack_with_registers(ask_from, &q);
    return q.count;
}
