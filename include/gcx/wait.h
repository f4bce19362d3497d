/* wait.h -- threads that wait for what cannot come.
 *
 *     gcx_wait_begin((void *[]){channel}, 1);
 *     while (channel->count == 0)
 *         pthread_cond_wait(&channel->is_filled, &channel->mutex);
 *     gcx_wait_end();
 *
 * A thread that waits for a message on a channel which no other thread can get
 * hold of waits for ever: it has leaked, with its stack and all that it holds. The
 * program says of its waits which objects can end them, in the few places where
 * channels, queues or locks are written, and gcx_thread_leaks finds out by
 * reachability which threads have leaked. In between this costs two calls a wait
 * and nothing in collections.
 *
 * What is reported has leaked, provided that the program keeps to two rules:
 *   - only those objects end the wait: whoever does has a pointer to one of them,
 *     or to a structure in the frames that wait, where the collector finds it, and
 *     has it until the thread can go on, so also until the mutex is unlocked which
 *     that takes again: by itself where the mutex lies in the object, or else by
 *     gcx_keep_alive. A pointer in memory from malloc is not found: then pass what
 *     leads there, or do not declare the wait. A wait that also ends by time, by a
 *     signal or by pthread_cancel is none of these.
 *   - between the two calls the thread does nothing but wait.
 * Not all leaks are found: an object counts as reachable if a stray word says so,
 * as on a stack the address of the next object does where the size is a multiple
 * of 16, or where the compiler does not inline gcx_alloc (-Og, -Os); or if it is
 * none of gcx_alloc and its like (static, on a stack, from malloc); so does what a
 * finalizer, cleanup or weak reference may still give out.
 *
 * docs/guide/waits.md has more. Any thread, but no signal handler and no callback
 * that runs in a collection.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_WAIT_H
#define GCX_WAIT_H

#include <gcx/gcx.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The caller waits from here on, for what only one of n objects can bring about:
 * any address in each. The array is not copied, and is to stay as it is until the
 * end. NULL in it stands for nothing; with n 0, or nothing but NULL, the wait never
 * ends, and the thread has leaked.
 * Waits nest: the innermost counts, and within two others none does. A wait is of
 * the stack that it begins on, so with gcx_stack_switch a fiber waits while its
 * thread goes on elsewhere; what makes it ready must hold one of the objects, or
 * its gcx_stack, in scanned memory. Leaving by longjmp or pthread_exit does not end
 * a wait, but the end of the thread does; a child of fork has the caller's.
 * Registers the thread. 0, or -1 with errno, and no wait: EINVAL if objects is NULL
 * and n is not 0, or in a blocking section (which may be opened within a wait);
 * ENOMEM. [collects: no] Example: examples/waits.c */
GCX_API int gcx_wait_begin(void *const *objects, size_t n);

/* Ends the last that is open on this stack. 0, or -1 with EINVAL if none is, or
 * in a blocking section. */
GCX_API int gcx_wait_end(void);

/* A thread, or a registered stack that no thread runs on, which waits for ever. */
struct gcx_thread_leak {
    int tid;              /* the system's number of the thread; 0: none runs there */
    const char *name;     /* of the thread; "" for none */
    gcx_stack *stack;     /* NULL: the stack that the thread was created with */
    void *const *objects; /* as given to gcx_wait_begin */
    size_t object_count;
    void *const *frames; /* return addresses, the caller of gcx_wait_begin first; */
    size_t depth;        /* the others as far as there are frame pointers */
};

/* Runs a full cycle, finds what waits for ever, and calls report(leak, arg) for each,
 * with all threads running; *leak is valid during the call. NULL only counts. What
 * is found goes on to exist, as do the objects it holds, and is found again the next
 * time. report may do everything but end the thread or leave by longjmp.
 * Each thread has to be seen asleep in its wait, which takes a second at most; one
 * that is not, as while a debugger holds it, is left out. What only weak references
 * lead to lives until the full cycle after this one, where something waits.
 * The number found, or -1 with errno: EBUSY if another search is under way or a
 * thread cannot be stopped, EAGAIN if threads left waits whenever one was found,
 * ENOENT without /proc, EINVAL in a blocking section, ENOMEM. [collects] */
GCX_API long gcx_thread_leaks(void (*report)(const struct gcx_thread_leak *leak, void *arg),
                              void *arg);

#ifdef __cplusplus
}
#endif
#endif
