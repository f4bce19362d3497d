/* stack.c -- stacks of the program's own: see gc/stacks.c.
 *
 * SPDX-License-Identifier: MIT */
#include "gcx/stack.h"

#include <errno.h>

#include "gc/gc.h"
#include "gc/scope.h"
#include "os/stack.h"

/* Reports the mistake, outside of every lock. -1 with the errno given. */
static int stack_error(int error, const char *function, const char *what, const void *stack)
{
    gcxi_gc_error("%s: %s (stack %p)", function, what, stack);
    errno = error;
    return -1;
}

/* ---- Registering ---- */

gcx_stack *gcx_stack_register(void *lo, void *hi, void *sp)
{
    uintptr_t low = gcxi_align_up((uintptr_t)lo, sizeof(uintptr_t));
    uintptr_t high = gcxi_align_down((uintptr_t)hi, sizeof(uintptr_t));
    uintptr_t used = sp != NULL ? (uintptr_t)sp : low;
    if (lo == NULL || low >= high || used < low || used > (uintptr_t)hi) {
        stack_error(EINVAL, "gcx_stack_register", "the range is none, or sp lies outside", lo);
        return NULL;
    }
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return NULL;
    errno = 0;
    gcx_stack *stack = gcxi_stacks_add((uintptr_t)lo, (uintptr_t)hi, used);
    int error = errno;
    gcxi_gc_unlock_and_leave(self);
    if (stack == NULL && error == EEXIST)
        stack_error(EEXIST, "gcx_stack_register", "a stack there is registered already", lo);
    else if (stack == NULL)
        errno = error;
    return stack;
}

gcx_stack *gcx_stack_register_callback(void (*scan)(gcx_scanner *scanner, void *arg), void *arg)
{
    if (scan == NULL) {
        stack_error(EINVAL, "gcx_stack_register_callback", "no function", NULL);
        return NULL;
    }
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return NULL;
    gcx_stack *stack = gcxi_stacks_add_scan(scan, arg);
    gcxi_gc_unlock_and_leave(self);
    return stack;
}

static const char *what_is_wrong(int error)
{
    switch (error) {
    case EBUSY:
        return "something runs on it";
    case EPERM:
        return "the calling thread does not run on the stack that it leaves";
    default:
        return "it is not registered";
    }
}

int gcx_stack_unregister(gcx_stack *stack)
{
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return -1;
    int error = gcxi_stacks_remove(stack);
    gcxi_gc_unlock_and_leave(self);
    return error == 0 ? 0 : stack_error(error, "gcx_stack_unregister", what_is_wrong(error), stack);
}

/* ---- Switching ---- */

struct switch_request {
    struct gcxi_mutator *self;
    gcx_stack *from;
    gcx_stack *to;
    uintptr_t frame;
    int error;
};

static void switch_at(uintptr_t sp, void *arg)
{
    struct switch_request *request = arg;
    request->error =
        gcxi_stacks_switch(&request->self->stacks, request->from, request->to, sp, request->frame);
    gcxi_scope_give_up(request->self); /* what runs there allocates in scopes it does not know */
}

static GCXI_COLD int switch_error(const struct switch_request *request)
{
    const void *stack = request->error == EPERM ? request->from : request->to;
    return stack_error(request->error, "gcx_stack_switch", what_is_wrong(request->error), stack);
}

/* Not inlined: its frame is what gcxi_stacks_switch copies. */
GCXI_NOINLINE int gcx_stack_switch(gcx_stack *from, gcx_stack *to)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return -1;
    struct switch_request request = {
        .self = self,
        .from = from != NULL ? from : &self->stacks.own,
        .to = to != NULL ? to : &self->stacks.own,
        .frame = GCXI_CALLER_FRAME(),
        .error = EINVAL,
    };
    if (self->blocking_depth == 0)
        gcxi_stack_with_registers(switch_at, &request);
    gcxi_gc_leave(self);
    return GCXI_LIKELY(request.error == 0) ? 0 : switch_error(&request);
}

/* ---- Suspended stacks ---- */

static bool sp_is_valid(const gcx_stack *stack, uintptr_t sp)
{
    return sp >= stack->lo && sp <= stack->hi;
}

int gcx_stack_set_sp(gcx_stack *stack, void *sp)
{
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return -1;
    int error = gcxi_stacks_claim(stack);
    bool is_inside = error == 0 && (sp == NULL || sp_is_valid(stack, (uintptr_t)sp));
    if (is_inside)
        stack->sp = sp != NULL ? gcxi_align_down((uintptr_t)sp, sizeof(uintptr_t)) : stack->lo;
    if (error == 0)
        gcxi_stacks_drop(stack);
    gcxi_gc_unlock_and_leave(self);
    if (error != 0)
        return stack_error(error, "gcx_stack_set_sp", what_is_wrong(error), stack);
    return is_inside ? 0 : stack_error(EINVAL, "gcx_stack_set_sp", "sp lies outside", stack);
}

int gcx_stack_set_private(gcx_stack *stack, int is_private)
{
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return -1;
    int error = gcxi_stacks_claim(stack);
    if (error == 0) {
        stack->is_private = is_private != 0;
        gcxi_stacks_drop(stack);
    }
    gcxi_gc_unlock_and_leave(self);
    return error == 0 ? 0
                      : stack_error(error, "gcx_stack_set_private", what_is_wrong(error), stack);
}

/* ---- Scanning ---- */

void gcx_scan_range(gcx_scanner *scanner, const void *lo, const void *hi)
{
    if (scanner == NULL || lo == NULL || (uintptr_t)lo >= (uintptr_t)hi)
        return;
    if (scanner->marker != NULL)
        gcxi_mark_stack_range(scanner->marker, (uintptr_t)lo, (uintptr_t)hi);
    else
        scanner->visit((uintptr_t)lo, (uintptr_t)hi, scanner->arg);
}

/* ---- A thread's own stack ---- */

GCXI_NOINLINE int gcx_thread_set_stack_base(void *base, void *limit)
{
    uintptr_t frame = GCXI_CALLER_FRAME();
    uintptr_t hi = gcxi_align_down((uintptr_t)base, sizeof(uintptr_t));
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return -1;
    uintptr_t lo =
        limit != NULL ? gcxi_align_up((uintptr_t)limit, sizeof(uintptr_t)) : self->suspend.stack_lo;
    bool is_own = self->stacks.current == &self->stacks.own;
    bool is_between = lo < frame && frame <= hi;
    if (is_own && is_between)
        gcxi_mutator_set_own_stack(self, lo, hi);
    gcxi_gc_leave(self);
    if (!is_own)
        return stack_error(EPERM, "gcx_thread_set_stack_base", "on a registered stack", base);
    return is_between ? 0
                      : stack_error(EINVAL, "gcx_thread_set_stack_base",
                                    "the caller's frame does not lie on it", base);
}
