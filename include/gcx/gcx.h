/* gcx.h -- libgcx, a garbage collector for C.
 *
 * Allocate, drop every free(), and what can no longer be reached is collected:
 *
 *     #include <gcx/gcx.h>
 *     struct node *n = gcx_alloc(sizeof *n);
 *
 * No set-up is needed. The first allocation initialises the library from the
 * GCX_* environment variables (docs/environment.md) and registers the calling
 * thread, its stack, thread-local storage and the static data of the program
 * and of every loaded library.
 *
 * What keeps an object alive
 *   - any word in a root or in a scanned object that is the address of any
 *     byte of the object: interior pointers count everywhere;
 *   - in stacks and registers also the address one past its end.
 * Roots are the stacks, registers and thread-local storage of registered
 * threads, static data of the program and of loaded shared libraries, objects
 * of gcx_alloc_root and ranges of gcx_root_add. Memory from malloc() and
 * mmap() is NOT scanned: a pointer kept only there keeps nothing alive.
 *
 * Threads: every function may be called from any thread; one that allocates
 * is registered by that. Functions marked [collects] may stop the caller for
 * a collection. None is async-signal-safe. Objects never move.
 *
 * Errors: no call aborts. Misuse that is found at once sets errno; misuse
 * found later is reported on stderr and to the error event.
 *
 * Examples that the tests run: examples/ in the source tree.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_GCX_H
#define GCX_GCX_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define GCX_VERSION_MAJOR 0
#define GCX_VERSION_MINOR 1
#define GCX_VERSION_PATCH 0
#define GCX_VERSION_STRING "0.1.0"

#include <gcx/detail/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Set-up ------------------------------------------------------------ */

/* How a minor cycle learns which old objects were written since the last. */
enum gcx_barrier {
    GCX_BARRIER_AUTO = 0,     /* the kernel tracks written pages */
    GCX_BARRIER_EXPLICIT = 1, /* the program promises gcx_store or gcx_dirty */
    GCX_BARRIER_NONE = 2      /* full cycles only */
};

/* Start from GCX_OPTIONS_DEFAULT, which also records the structure's size so
 * that it can grow. A field left at its default follows the environment. */
struct gcx_options {
    size_t struct_bytes;      /* sizeof(struct gcx_options) */
    enum gcx_barrier barrier; /* GCX_BARRIER=auto|explicit|none */
    int heap_percent;         /* GCX_PERCENT; 0 = default (adaptive,
                                 25 to 75), -1 = off */
    int mark_workers;         /* GCX_MARK_WORKERS; 0 = one per core; the
                                 collecting thread counts as one; at most 64 */
    int concurrent;           /* reserved, 0 */
    int stop_signal;          /* GCX_STOP_SIGNAL; 0 = default; a real-time signal */
    int64_t memory_limit;     /* GCX_MEMORY_LIMIT; bytes, 0 = none; soft */
    int64_t heap_max;         /* GCX_HEAP_MAX; bytes, 0 = none; hard */
    size_t reserve_bytes;     /* GCX_RESERVE; address space, 0 = default */
    size_t nursery_bytes;     /* GCX_NURSERY; 0 = from the last-level cache */
};
#define GCX_OPTIONS_DEFAULT                                                  \
    {                                                                        \
        sizeof(struct gcx_options), GCX_BARRIER_AUTO, 0, 0, 0, 0, 0, 0, 0, 0 \
    }

/* Initialises the library; NULL takes the defaults and the environment.
 * Only the first call (or first allocation) has an effect: later ones return
 * 0 and change nothing. Returns 0, or -1 with errno: EINVAL for a field out
 * of range, ENOMEM if the address space cannot be reserved. [collects: no]
 * Example: examples/options.c */
GCX_API int gcx_init(const struct gcx_options *opts);

/* ---- Allocation -------------------------------------------------------- */

/* Each returns NULL with errno ENOMEM when the system refuses memory or the
 * hard maximum is reached, and a full collection could not make room; the
 * program may go on and try again. A size of 0 gives an object of its own.
 * Requests of PTRDIFF_MAX bytes or more fail with ENOMEM. [collects]
 * Example: examples/quickstart.c */

/* size zeroed bytes, 16-byte aligned, scanned conservatively for pointers.
 * Cost: an inline bump of a thread-local pointer for sizes up to 256. */
GCX_INLINE void *gcx_alloc(size_t size);

/* size bytes whose contents are never scanned: for data without pointers.
 * Not zeroed. Otherwise as gcx_alloc. */
GCX_INLINE void *gcx_alloc_noscan(size_t size);

/* As gcx_alloc, at a multiple of align: a power of two up to 1 MiB, else NULL
 * with EINVAL. */
GCX_API void *gcx_alloc_aligned(size_t align, size_t size) GCX_MALLOC;

/* As gcx_alloc, but a root: scanned and never collected until gcx_free. */
GCX_API void *gcx_alloc_root(size_t size) GCX_MALLOC;

/* As gcx_alloc(n * size); NULL with ENOMEM if the product overflows. */
GCX_API void *gcx_calloc(size_t n, size_t size) GCX_MALLOC;

/* Resizes p, keeping its kind (scanned, noscan, root) and its contents up to
 * the smaller size; what is added is zero for scanned kinds. In place where
 * the object's slot allows. NULL p allocates; size 0 gives a minimal object,
 * it does not free. Where the object moves, p is released as by gcx_free. NULL
 * with ENOMEM leaves p as it was; NULL with EINVAL,
 * and a report, if p is not the start of an object. */
GCX_API void *gcx_realloc(void *p, size_t size);

/* Releases p at once: its memory may be the next object's, of any thread. Never
 * needed, but for gcx_alloc_root objects. NULL is a
 * no-op. An address that is not the start of a live object (foreign, interior,
 * freed before) is reported and otherwise ignored; GCX_CHECK=1 finds more
 * (docs/guide-checking.md). */
GCX_API void gcx_free(void *p);

/* Copies in noscan memory (the strings) or scanned memory (gcx_memdup).
 * NULL with EINVAL if the source is NULL, and for gcx_memdup if n is not 0. */
GCX_API char *gcx_strdup(const char *s);
GCX_API char *gcx_strndup(const char *s, size_t max_bytes);
GCX_API void *gcx_memdup(const void *src, size_t n_bytes);

/* Formats into a fresh noscan string and stores it in *out. Returns its
 * length in bytes, or -1 with errno and *out = NULL. */
GCX_API int gcx_asprintf(char **out, const char *format, ...) GCX_PRINTF(2, 3);
GCX_API int gcx_vasprintf(char **out, const char *format, va_list args) GCX_PRINTF(2, 0);

/* The start of the object that holds the byte at p, or NULL if none does. */
GCX_API void *gcx_base(const void *p);

/* Usable bytes of the object that holds the byte at p; 0 if none does. */
GCX_API size_t gcx_size(const void *p);

/* ---- Collection -------------------------------------------------------- */

enum gcx_cycle {
    GCX_MINOR = 0, /* young objects; a full cycle where the barrier is NONE */
    GCX_FULL = 1   /* everything */
};

/* Runs a cycle and returns when it is over, even while disabled. [collects] */
GCX_API void gcx_collect(enum gcx_cycle kind);

/* Stops and resumes collections that allocation starts. Calls nest and count
 * for the whole process; an enable too many is ignored. */
GCX_API void gcx_disable(void);
GCX_API void gcx_enable(void);

/* Sets the growth of the heap between full cycles, in percent of what the
 * last one found live, and returns the old value; as GOGC. -1 turns it off:
 * then only the memory limit starts full cycles. Other values below 0 change
 * nothing and set errno to EINVAL. Unless it is set, here or in the
 * environment, the collector chooses between 25 and 75 by what full cycles
 * cost. */
GCX_API int gcx_set_heap_percent(int percent);

/* Sets the soft limit of memory in bytes and returns the old one, INT64_MAX
 * for none; as GOMEMLIMIT. Near it the collector works harder; it never
 * refuses an allocation. A negative value only reads. */
GCX_API int64_t gcx_set_memory_limit(int64_t bytes);

/* Sets the hard maximum of committed heap in bytes and returns the old one,
 * -1 for none. Past it allocations return NULL with ENOMEM after a full cycle
 * found no room, and succeed again when memory is free. -1 removes it. */
GCX_API int64_t gcx_set_heap_max(int64_t bytes);

/* A full cycle, then all free memory goes back to the system. [collects] */
GCX_API void gcx_release_memory(void);

/* ---- Write barrier: only with GCX_BARRIER_EXPLICIT ---------------------- */

/* *slot = value, where slot lies in the object obj (any interior address will
 * do), and remembers it. obj outside the heap is a plain store. */
GCX_INLINE void gcx_store(void *obj, void **slot, void *value);

/* Remembers that the whole object that holds obj was or will be written with
 * pointers before the next allocation of this thread. */
GCX_API void gcx_dirty(const void *obj);

/* ---- Roots ------------------------------------------------------------- */

/* Adds [lo, hi) to the roots; lo is rounded up and hi down to whole words.
 * Returns 0, or -1 with EINVAL if hi < lo or either is NULL, ENOMEM. Adding
 * ranges that overlap is allowed. */
GCX_API int gcx_root_add(void *lo, void *hi);

/* Removes a range exactly as added. Returns 0, or -1 with ENOENT. */
GCX_API int gcx_root_remove(void *lo, void *hi);

/* ---- Threads ----------------------------------------------------------- */

/* Threads register themselves with their first allocation, and at creation
 * when the program is linked to the shared library, uses gcx_thread_create,
 * or is linked statically with -Wl,--wrap=pthread_create. A thread that holds
 * the only pointer to an object before its first allocation needs one of
 * those or this call. Registering twice is a no-op. 0, or -1 with errno.
 * Example: examples/threads.c */
GCX_API int gcx_thread_register(void);

/* Ends what registration began; thread exit does the same. -1 with ENOENT if
 * the calling thread is not registered. */
GCX_API int gcx_thread_unregister(void);

/* pthread_create for a thread that is registered before start runs, and whose
 * arg is kept alive until then. thread is a pthread_t *, attr a const
 * pthread_attr_t * or NULL. Returns 0 or an error number. */
GCX_API int gcx_thread_create(void *thread, const void *attr, void *(*start)(void *), void *arg);

/* Between the two the calling thread must not touch collected objects, and a
 * collection does not wait for it: put them around waits and long computation
 * without pointers. They nest. -1 with EINVAL for an end without begin.
 * gcx_blocking_end waits while a collection is under way. */
GCX_API int gcx_blocking_begin(void);
GCX_API int gcx_blocking_end(void);

/* ---- Seeing it --------------------------------------------------------- */

/* A consistent snapshot; bytes and nanoseconds since the library started. */
struct gcx_stats {
    size_t struct_bytes;        /* in: sizeof(struct gcx_stats) or 0 */
    uint64_t live_bytes;        /* found live by the last completed cycle */
    uint64_t heap_bytes;        /* committed for objects */
    uint64_t free_bytes;        /* of those, in free blocks */
    uint64_t peak_heap_bytes;   /* the most that heap_bytes has been */
    uint64_t meta_bytes;        /* committed for the collector's own tables */
    uint64_t total_alloc_bytes; /* ever allocated, slot sizes */
    uint64_t total_allocs;      /* objects ever allocated */
    uint64_t minor_cycles;
    uint64_t full_cycles;
    uint64_t pause_last_ns;
    uint64_t pause_max_ns;
    uint64_t pause_total_ns;
    uint64_t minor_pause_max_ns;
    uint64_t full_pause_max_ns;
    uint64_t mark_total_ns;     /* elapsed in marking, of the pauses */
    uint64_t goal_bytes;        /* heap size at which a full cycle starts */
    uint64_t nursery_bytes;     /* allocation between minor cycles */
    uint64_t dirty_pages_total; /* written old pages found by minor cycles */
    uint64_t threads;           /* registered now */
    uint64_t mark_workers;
    const char *dirty_backend; /* "uffd", "softdirty", "mprotect", "explicit",
                                   or "none" */
};

/* Fills *stats. Cheap, no stop, any thread. NULL is ignored. */
GCX_API void gcx_get_stats(struct gcx_stats *stats);

/* Called by the collector, some with the world stopped: a listener must not
 * allocate or call libgcx, but for gcx_get_stats, and must not take a lock
 * that an allocating thread may hold. Any member may be NULL. */
struct gcx_events {
    void (*cycle_begin)(enum gcx_cycle kind, void *arg);
    void (*cycle_end)(enum gcx_cycle kind, void *arg);
    void (*pause_begin)(void *arg);
    void (*pause_end)(uint64_t pause_ns, void *arg);
    void (*heap_grow)(uint64_t heap_bytes, void *arg);
    void (*out_of_memory)(size_t size, void *arg);
    void (*error)(const char *message, void *arg);
    void *arg;
};

/* Replaces the listener by a copy of *events; NULL removes it. Returns 0. */
GCX_API int gcx_set_event_listener(const struct gcx_events *events);

/* Keeps p alive up to this point of the program; makes no code. */
GCX_INLINE void gcx_keep_alive(const void *p);

/* "major.minor.patch" of the library that is running. */
GCX_API const char *gcx_version(void);

#include <gcx/detail/fast.h>

#ifdef __cplusplus
}
#endif
#endif
