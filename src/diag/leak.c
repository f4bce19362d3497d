/* leak.c -- starting and stopping leak mode, and noting what is allocated.
 *
 *        gcx_leak_start            gcx_leak_check, exit
 *   OFF ----------------> WATCHING ---------------------> (checks) WATCHING
 *    ^---------------------'
 *        gcx_leak_stop
 *
 *   L1  A block is noted after it was allocated and forgotten before it is
 *       freed, so an address in the table is never another's.
 *   L2  A resize happens under the lock: at no check is a block missing.
 *   L3  When a block could not be noted the checks stop: what it leads to would
 *       be called leaked.
 *
 *   L4  A child of fork has the whole table and goes on, but reports only what
 *       it allocated itself: the parent tells of the rest, and what other
 *       threads' stacks led to is not lost in the child for want of them.
 *
 * The lock is one mutex for all threads. Handlers of others may allocate while
 * fork holds it.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/leak.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/parse.h"
#include "gc/gc.h"
#include "os/vm.h"

#define DEPTH_DEFAULT 24

uint16_t gcxi_leak_generation;

__thread bool gcxi_leak_is_busy __attribute__((tls_model("initial-exec")));
static __thread bool holds_for_fork __attribute__((tls_model("initial-exec")));

static pthread_mutex_t leak_mutex = PTHREAD_MUTEX_INITIALIZER;

static struct {
    bool is_watching;
    bool is_incomplete; /* L3 */
    bool has_exit_check;
    int depth;
    void (*report)(const struct gcx_leak *leak, void *arg); /* leak_mutex */
    void *report_arg;
} leak = {.depth = DEPTH_DEFAULT};

static void *default_memalign(size_t align, size_t size)
{
    void *p = NULL;
    int error = posix_memalign(&p, gcxi_max(align, sizeof(void *)), size);
    return error == 0 ? p : (errno = error, NULL);
}

struct gcxi_leak_allocator gcxi_leak_allocator = {malloc, calloc, realloc, default_memalign, free};

/* ---- The lock ---- */

void gcxi_leak_lock(void)
{
    if (!holds_for_fork)
        pthread_mutex_lock(&leak_mutex);
}

void gcxi_leak_unlock(void)
{
    if (!holds_for_fork)
        pthread_mutex_unlock(&leak_mutex);
}

static void before_fork(void)
{
    gcxi_leak_lock();
    holds_for_fork = true;
}

static void after_fork(void)
{
    holds_for_fork = false;
    gcxi_leak_unlock();
}

/* L4. */
static void after_fork_in_child(void)
{
    gcxi_leak_generation++;
    after_fork();
}

/* Before the collector's own handlers, so that this lock is taken last. */
__attribute__((constructor(101))) static void handle_fork(void)
{
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

/* ---- Noting ---- */

static bool is_watched(const void *p)
{
    return p != NULL && gcxi_load_relaxed(&leak.is_watching) && !gcxi_leak_is_busy;
}

/* L3. */
static void add_locked(struct gcxi_leak_block *block, void *const *pcs, size_t depth)
{
    block->stack = gcxi_leak_stack_note(pcs, depth);
    block->generation = gcxi_leak_generation;
    if (!gcxi_leak_table_add(block))
        leak.is_incomplete = true;
}

static size_t unwind(uintptr_t frame, uintptr_t caller, void **pcs)
{
    gcxi_leak_is_busy = true;
    size_t depth = gcxi_leak_unwind(frame, caller, pcs, (size_t)leak.depth);
    gcxi_leak_is_busy = false;
    return depth;
}

void gcxi_leak_note(void *p, size_t size, uintptr_t frame, uintptr_t caller)
{
    void *pcs[GCXI_LEAK_DEPTH_MAX];
    if (!is_watched(p))
        return;
    int saved = errno;
    struct gcxi_leak_block block = {.addr = (uintptr_t)p, .bytes = size};
    block.is_root = gcxi_leak_is_in(gcxi_leak_loader, caller);
    size_t depth = unwind(frame, caller, pcs);
    gcxi_leak_lock();
    add_locked(&block, pcs, depth);
    gcxi_leak_unlock();
    errno = saved;
}

void gcxi_leak_forget(void *p)
{
    struct gcxi_leak_block block;
    if (p == NULL || !gcxi_load_relaxed(&leak.is_watching))
        return;
    gcxi_leak_lock();
    gcxi_leak_table_remove((uintptr_t)p, &block);
    gcxi_leak_unlock();
}

/* L2. */
static void *resize_locked(void *p, size_t size, void *const *pcs, size_t depth)
{
    struct gcxi_leak_block old;
    bool had = gcxi_leak_table_remove((uintptr_t)p, &old);
    void *q = gcxi_leak_allocator.realloc(p, size);
    if (q != NULL) {
        struct gcxi_leak_block block = {.addr = (uintptr_t)q, .bytes = size};
        block.is_root = had && old.is_root;
        add_locked(&block, pcs, depth);
    } else if (had && size != 0) {
        gcxi_leak_table_add(&old); /* its entry is free: cannot fail */
    }
    return q;
}

void *gcxi_leak_resize(void *p, size_t size, uintptr_t frame, uintptr_t caller)
{
    void *pcs[GCXI_LEAK_DEPTH_MAX];
    if (p == NULL) {
        void *q = gcxi_leak_allocator.malloc(size);
        gcxi_leak_note(q, size, frame, caller);
        return q;
    }
    if (!is_watched(p)) {
        gcxi_leak_forget(p);
        return gcxi_leak_allocator.realloc(p, size);
    }
    size_t depth = unwind(frame, caller, pcs);
    gcxi_leak_lock();
    void *q = resize_locked(p, size, pcs, depth);
    gcxi_leak_unlock();
    return q;
}

/* ---- The allocator by name ---- */

void *gcx_leak_malloc(size_t size)
{
    void *p = gcxi_leak_allocator.malloc(size);
    gcxi_leak_note(p, size, GCXI_LEAK_HERE);
    return p;
}

void *gcx_leak_calloc(size_t n, size_t size)
{
    void *p = gcxi_leak_allocator.calloc(n, size);
    gcxi_leak_note(p, n * size, GCXI_LEAK_HERE);
    return p;
}

void *gcx_leak_realloc(void *p, size_t size)
{
    return gcxi_leak_resize(p, size, GCXI_LEAK_HERE);
}

void *gcx_leak_aligned_alloc(size_t align, size_t size)
{
    void *p =
        gcxi_is_pow2(align) ? gcxi_leak_allocator.memalign(align, size) : (errno = EINVAL, NULL);
    gcxi_leak_note(p, size, GCXI_LEAK_HERE);
    return p;
}

void gcx_leak_free(void *p)
{
    gcxi_leak_forget(p);
    gcxi_leak_allocator.free(p);
}

/* ---- Start, check, stop ---- */

static int read_int(const char *name, const char *text, int lo, int hi, int otherwise)
{
    int64_t value;
    if (text == NULL || *text == '\0')
        return otherwise;
    if (gcxi_parse_int(text, &value) && value >= lo && value <= hi)
        return (int)value;
    gcxi_report("%s=%s is ignored: a whole number from %d to %d", name, text, lo, hi);
    return otherwise;
}

static void check_at_exit(void)
{
    if (!gcxi_load_relaxed(&leak.is_watching))
        return;
    long leaked = gcx_leak_check();
    if (leaked < 0)
        gcxi_report("leaks could not be looked for: %s", strerror(errno));
    int code = read_int("GCX_LEAK_EXIT", getenv("GCX_LEAK_EXIT"), 0, 255, 0);
    if (leaked <= 0 || code == 0)
        return;
    fflush(NULL);
    _exit(code);
}

/* Runs when the libraries' destructors do, after the program's exit handlers. */
__attribute__((destructor)) static void check_at_unload(void)
{
    if (leak.has_exit_check)
        check_at_exit();
}

int gcx_leak_start(void)
{
    if (gcxi_leak_watch() != 0)
        return -1;
    return gcx_thread_register();
}

int gcxi_leak_watch(void)
{
    leak.depth =
        read_int("GCX_LEAK_DEPTH", getenv("GCX_LEAK_DEPTH"), 1, GCXI_LEAK_DEPTH_MAX, DEPTH_DEFAULT);
    gcxi_leak_find_extents();
    leak.has_exit_check = true;
    gcxi_store_release(&leak.is_watching, true);
    return 0;
}

void gcx_leak_stop(void)
{
    gcxi_leak_lock();
    gcxi_store_relaxed(&leak.is_watching, false);
    gcxi_leak_table_clear();
    leak.is_incomplete = false;
    gcxi_leak_unlock();
}

void gcx_leak_set_reporter(void (*report)(const struct gcx_leak *leak, void *arg), void *arg)
{
    gcxi_leak_lock();
    leak.report = report;
    leak.report_arg = arg;
    gcxi_leak_unlock();
}

/* Busy: nothing that reporting allocates is watched. */
static int tell(struct gcxi_leak_found *found)
{
    gcxi_leak_lock();
    void (*report)(const struct gcx_leak *, void *) = leak.report;
    void *arg = leak.report_arg;
    gcxi_leak_unlock();
    if (report != NULL)
        return gcxi_leak_merge(found, report, arg);
    gcxi_leak_print(found);
    return 0;
}

static long find_and_tell(uintptr_t entry_sp)
{
    struct gcxi_leak_found found;
    int error = gcxi_leak_find(entry_sp, &found);
    if (error != 0)
        return errno = error, -1;
    long count = (long)found.count;
    int status = count != 0 ? tell(&found) : 0;
    gcxi_vm_unmap(found.blocks, found.mapped_bytes);
    return status == 0 ? count : -1;
}

static void check_at(uintptr_t sp, void *arg)
{
    long *count = arg;
    gcxi_leak_is_busy = true;
    *count = find_and_tell(sp);
    gcxi_leak_is_busy = false;
}

long gcx_leak_check(void)
{
    long count = -1;
    if (gcxi_leak_is_busy || !gcxi_load_relaxed(&leak.is_watching)) {
        errno = EPERM;
        return -1;
    }
    if (gcxi_load_relaxed(&leak.is_incomplete)) {
        errno = ENOMEM;
        return -1;
    }
    gcxi_stack_with_registers(check_at, &count);
    return count;
}
