/* exec.c -- see exec.h.
 *
 * A signal that is pending when a thread executes another program stays so,
 * and its handler is gone: the signal that stops threads would end the new
 * program at once. So the thread takes the heap lock, under which alone stops are
 * asked for, and then makes a system call, on whose return a signal that was
 * sent before arrives.
 *
 * A child of vfork runs in the memory of its parent, whose lock it must not
 * take along. No stop is asked of it, for its thread id is another.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/exec.h"

#include "gc/mutator.h"
#include "heap/space.h"

bool gcxi_exec_begin(void)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    if (self == NULL || !gcxi_suspend_is_caller(&self->suspend))
        return false;
    gcxi_critical_enter(&self->suspend);
    gcxi_mutator_lock_heap(self);
    (void)gcxi_suspend_is_caller(&self->suspend); /* the system call */
    return true;
}

void gcxi_exec_end(void)
{
    struct gcxi_mutator *self = gcxi_mutator_self();
    gcxi_mutator_unlock_heap();
    gcxi_critical_leave(&self->suspend);
}
