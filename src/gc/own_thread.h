/* own_thread.h -- threads of the library's that use its heap, and so stop with
 * the program's.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_OWN_THREAD_H
#define GCXI_GC_OWN_THREAD_H

#include "gc/mutator.h"

/* Starts a detached thread that no signal of the program's reaches. 0, or an
 * error number. Uses malloc: not with the world stopped. */
int gcxi_own_thread_create(void *(*start)(void *), void *arg);

/* First in such a thread: registers it. NULL if there is no memory. One that holds
 * nothing never has objects, but addresses that a cycle has left on its stack. */
struct gcxi_mutator *gcxi_own_thread_begin(bool holds_nothing);

/* In such a thread: sleeps while *word == expected, at most timeout_ns unless that
 * is 0; may return early. It counts as stopped meanwhile. */
void gcxi_own_thread_wait(struct gcxi_mutator *self, const uint32_t *word, uint32_t expected,
                          uint64_t timeout_ns);

#endif
