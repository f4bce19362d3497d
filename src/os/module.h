/* module.h -- static data and thread-local storage of the program and of every
 * loaded library.
 *
 * The list can only be read under the dynamic loader's lock. A thread stopped
 * inside dlopen() would hold that lock, so the world must be stopped while the
 * collector holds it: gcxi_module_freeze runs `then` (which stops the world)
 * under the lock, and the lock is free again when it returns. What is stored
 * in the snapshot then stays true until the world starts.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_MODULE_H
#define GCXI_OS_MODULE_H

#include "base/base.h"

struct gcxi_range {
    uintptr_t lo;
    uintptr_t hi;
};

/* Takes the snapshot and calls then(arg) with the loader's lock held. The
 * snapshot is rebuilt only when libraries were loaded or unloaded since the
 * last (dlpi_adds, dlpi_subs). -1 with ENOMEM when it could not grow; then
 * was called nevertheless. */
int gcxi_module_freeze(void (*then)(void *arg), void *arg);

/* Where code lies: file and offset as addr2line wants them. Not while the world
 * is stopped. */
struct gcxi_code {
    char module[64]; /* without folders; "?" if unknown */
    size_t offset;
};
struct gcxi_code gcxi_module_code(const void *code);

/* The snapshot's writable data segments, without the read-only-after-
 * relocation parts and without the collector's own data segment parts between
 * gcxi_module_exclude ranges. Ascending by module, word-aligned. */
size_t gcxi_module_ranges(const struct gcxi_range **ranges);

/* The whole pages of the ranges, in the same order. The program may have mapped something
 * else there: os/mapping.h. */
struct gcxi_data {
    uintptr_t lo;
    uintptr_t hi;
    uintptr_t zeroes_lo; /* what the file holds ends there, and .bss begins; lo to hi */
    bool is_program;     /* of the program itself, which is never unloaded */
};
size_t gcxi_module_data(const struct gcxi_data **data);

/* Moves whenever the snapshot was rebuilt; never 0 after the first freeze. */
uint64_t gcxi_module_version(void);

/* A range that is never to be reported (the collector's own state). At most
 * 16; before the first freeze. One that was excluded already counts once. */
void gcxi_module_exclude(uintptr_t lo, uintptr_t hi);

/* The same for a variable. */
GCXI_INLINE void gcxi_module_exclude_bytes(const void *variable, size_t bytes)
{
    gcxi_module_exclude((uintptr_t)variable, (uintptr_t)variable + bytes);
}

/* Those ranges, in no order. */
size_t gcxi_module_excluded(const struct gcxi_range **ranges);

/* Calls visit for each block of thread-local storage, static and dynamic, of
 * the thread with that thread pointer (gcxi_module_thread_pointer in it): for
 * every module of the snapshot that the thread has touched, and for the
 * thread's descriptor, where pthread_setspecific keeps its values. The thread
 * is stopped or the caller's own. Ranges are word-aligned. No-op for what the
 * C library's layout does not let us find. */
void gcxi_module_thread_storage(uintptr_t thread_pointer,
                                void (*visit)(uintptr_t lo, uintptr_t hi, void *arg), void *arg);
uintptr_t gcxi_module_thread_pointer(void);

#endif
