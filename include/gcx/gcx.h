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

/* Where cleanups and finalizers run. */
enum gcx_finalizers {
    GCX_FINALIZERS_THREAD = 0,   /* on a thread of the library's, made when needed */
    GCX_FINALIZERS_ON_DEMAND = 1 /* only in gcx_run_finalizers */
};

/* Start from GCX_OPTIONS_DEFAULT, which also records the structure's size so
 * that it can grow. A field left at its default follows the environment. */
struct gcx_options {
    size_t struct_bytes;            /* sizeof(struct gcx_options) */
    enum gcx_barrier barrier;       /* GCX_BARRIER=auto|explicit|none */
    int heap_percent;               /* GCX_PERCENT; 0 = default (adaptive,
                                 25 to 75), -1 = off */
    int mark_workers;               /* GCX_MARK_WORKERS; 0 = one per core; the
                                 collecting thread counts as one; at most 64 */
    int concurrent;                 /* GCX_CONCURRENT; full cycles mark while the
                                 program runs: 1 = always, -1 = never,
                                 0 = default, when 128 MiB are live, or
                                 48 MiB and next to nothing dies */
    int stop_signal;                /* GCX_STOP_SIGNAL; 0 = default; a real-time signal */
    int64_t memory_limit;           /* GCX_MEMORY_LIMIT; bytes, 0 = none; soft */
    int64_t heap_max;               /* GCX_HEAP_MAX; bytes, 0 = none; hard */
    size_t reserve_bytes;           /* GCX_RESERVE; address space, 0 = default; halved */
                                    /* until the system grants it                      */
    size_t nursery_bytes;           /* GCX_NURSERY; 0 = from the last-level cache */
    enum gcx_finalizers finalizers; /* GCX_FINALIZERS=thread|demand */
};
#define GCX_OPTIONS_DEFAULT                                                   \
    {                                                                         \
        sizeof(struct gcx_options), GCX_BARRIER_AUTO, 0, 0, 0, 0, 0, 0, 0, 0, \
            GCX_FINALIZERS_THREAD                                             \
    }

/* Initialises the library; NULL takes the defaults and the environment.
 * Only the first call (or first allocation) has an effect: later ones return
 * 0 and change nothing. Returns 0, or -1 with errno: EINVAL for a field out
 * of range, ENOMEM if not even 16 MiB of address space can be reserved, or the
 * collector's tables. [collects: no]
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
 * needed, but for gcx_alloc_root objects. NULL is a no-op. An object that a weak
 * reference, ephemeron, cleanup, finalizer or link watches, or the heap profile
 * has sampled, is left to the collector, and a second release of it is not
 * noticed. An address that is not the start of a live object (foreign,
 * interior, freed before) is reported and otherwise ignored; GCX_CHECK=1 finds
 * more (docs/guide-checking.md). */
GCX_API void gcx_free(void *p);

/* Copies in noscan memory (the strings) or scanned memory (gcx_memdup).
 * NULL with EINVAL if the source is NULL, and for gcx_memdup if n is not 0. */
GCX_API char *gcx_strdup(const char *s);
GCX_API char *gcx_strndup(const char *s, size_t max_bytes);
GCX_API void *gcx_memdup(const void *src, size_t n_bytes);

/* Formats into a fresh noscan string and stores it in *out. Returns its
 * length in bytes, or -1 with errno and *out = NULL: EINVAL if out or format is
 * NULL, ENOMEM. */
GCX_API int gcx_asprintf(char **out, const char *format, ...) GCX_PRINTF(2, 3);
GCX_API int gcx_vasprintf(char **out, const char *format, va_list args) GCX_PRINTF(2, 0);

/* The start of the object that holds the byte at p, or NULL if none does. */
GCX_API void *gcx_base(const void *p);

/* Usable bytes of the object that holds the byte at p; 0 if none does. */
GCX_API size_t gcx_size(const void *p);

/* ---- Precise kinds ----------------------------------------------------- */

/* A kind says where in its objects the pointers are; other words are never
 * read, so a number cannot keep anything alive by accident and marking reads
 * less memory. Objects of a kind have no header. Pointers to them are found
 * as all others are: conservatively in roots, interior ones too. */
typedef uint32_t gcx_kind; /* 0 is none */

struct gcx_tracer; /* what a trace function hands its findings to */

/* Called for an object with everything it was zeroed to or written with: it
 * may not yet be initialised. size_bytes is what gcx_size says. It runs on any
 * thread while the program is stopped, several at once, and must do nothing
 * but read obj and call the two functions below: a call that allocates, frees
 * or collects is refused with EPERM and reported. It must not block. */
typedef void gcx_trace_fn(void *obj, size_t size_bytes, struct gcx_tracer *tracer);

/* p may be an address in an object (any byte of it), or not. */
GCX_API void gcx_trace_word(struct gcx_tracer *tracer, const void *p);

/* As gcx_trace_word for every aligned word of [lo, hi). */
GCX_API void gcx_trace_range(struct gcx_tracer *tracer, const void *lo, const void *hi);

/* Either a bitmap: bit i % 64 of pointers[i / 64] is set if word i of each
 * element is a pointer, and objects are arrays of one or more such elements;
 * or a trace function. Start from GCX_KIND_LAYOUT_DEFAULT. */
struct gcx_kind_layout {
    size_t struct_bytes;      /* sizeof(struct gcx_kind_layout) */
    const char *name;         /* for reports; copied; may be NULL */
    size_t element_bytes;     /* a multiple of the size of a pointer */
    const uint64_t *pointers; /* read during the call only */
    size_t pointer_bits;      /* in pointers; at most the words of an element */
    gcx_trace_fn *trace;
};
#define GCX_KIND_LAYOUT_DEFAULT                             \
    {                                                       \
        sizeof(struct gcx_kind_layout), NULL, 0, NULL, 0, 0 \
    }

/* The bit of a pointer member among the first 64 words of a type. */
#define GCX_KIND_BIT(type, member) (UINT64_C(1) << offsetof(type, member) / sizeof(void *))

/* Makes a kind; it lasts as long as the process. No bit set means no pointers:
 * its objects are never read. 0 with errno: EINVAL and a report that names the
 * mistake, as for a bitmap longer than its element; ENOMEM; ENOSPC after some
 * 240 kinds. [collects: no] Example: examples/kinds.c */
GCX_API gcx_kind gcx_kind_create(const struct gcx_kind_layout *layout);

/* size zeroed bytes of that kind: a multiple of its element_bytes, any size
 * for kinds with a trace function. Otherwise as gcx_alloc. NULL with EINVAL and
 * a report for a size that does not fit or a number that is no kind. [collects]
 * gcx_realloc keeps the kind. */
GCX_API void *gcx_alloc_kind(gcx_kind kind, size_t size) GCX_MALLOC;

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
 * nothing and set errno to EINVAL. Unless it is set, here, in the options or in
 * the environment, the collector chooses between 25 and 75 by what full cycles
 * cost; the old value is 100 then, and to set that again does not make it choose
 * again. */
GCX_API int gcx_set_heap_percent(int percent);

/* Sets the soft limit of memory in bytes and returns the old one, INT64_MAX
 * for none; as GOMEMLIMIT. Near it the collector works harder; it never
 * refuses an allocation. A negative value only reads. */
GCX_API int64_t gcx_set_memory_limit(int64_t bytes);

/* Sets the hard maximum of committed heap in bytes and returns the old one,
 * -1 for none. Past it allocations return NULL with ENOMEM after a full cycle
 * found no room, and succeed again when memory is free. 0 lets the heap grow no
 * more: there is what it has. -1 removes it. Values below change nothing and set
 * errno to EINVAL. */
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

/* Adds [lo, hi) to the roots; lo is rounded up and hi down to whole words. The
 * memory must be readable at all times until the range is removed: the collector
 * may read it while the program runs. Of 1 MiB and more, private and of no file,
 * cycles read what was written since where the kernel can tell. Returns 0, or -1
 * with EINVAL if hi < lo or either is NULL, ENOMEM. Adding ranges that overlap is
 * allowed. */
GCX_API int gcx_root_add(void *lo, void *hi);

/* Removes a range exactly as added, before its memory goes. Returns 0, or -1 with
 * ENOENT. */
GCX_API int gcx_root_remove(void *lo, void *hi);

/* ---- Weak references and ephemerons ------------------------------------ */

/* More of them, and the order in which they are cleared: <gcx/weak.h>. Weak
 * tables: <gcx/table.h>. */
typedef struct gcx_weak gcx_weak;           /* collected objects themselves: */
typedef struct gcx_ephemeron gcx_ephemeron; /* keep a pointer to them        */

/* A reference that does not keep obj (any byte of an object) alive. NULL with
 * errno: EINVAL and a report if obj leads to no object, or to one of
 * gcx_alloc_root; ENOMEM. [collects] Example: examples/weak.c */
GCX_API gcx_weak *gcx_weak_create(void *obj);

/* What it was created with, from then on held by the caller's stack; NULL if
 * the object is gone: cleared before any cleanup or finalizer of it runs. NULL
 * for NULL. Cost: a few instructions. */
GCX_API void *gcx_weak_get(gcx_weak *weak);

/* Keeps value alive only for as long as the ephemeron is and key is reachable in
 * some other way than through value; then it is emptied. value may be anything.
 * Errors as for gcx_weak_create. [collects] Example: examples/weak.c */
GCX_API gcx_ephemeron *gcx_ephemeron_create(void *key, void *value);

/* The key and the value, or NULL when the key is gone. */
GCX_API void *gcx_ephemeron_key(gcx_ephemeron *e);
GCX_API void *gcx_ephemeron_value(gcx_ephemeron *e);

/* ---- Cleanups and finalizers ------------------------------------------- */

/* Callbacks run after a cycle, never inside an allocation, on a thread of the
 * library's or in gcx_run_finalizers (enum gcx_finalizers). They may do
 * everything, allocate and collect too. One that leaves gcx_run_finalizers by
 * longjmp is done; the others run next time. On the library's thread there is
 * nowhere to jump to; pthread_exit ends it and another is started. A C++
 * exception must be caught within the callback. At exit what is due is dropped.
 * Details and order: docs/guide-lifetimes.md. Example: examples/cleanups.c */

/* Calls fn(arg) once when obj is gone. An object may have many; the last added
 * runs first, those of different objects in no particular order. arg is kept
 * alive until then and must not lead to obj, which would never be collected.
 * 0, or -1 with errno: EINVAL and a report if fn is NULL, if obj leads to no
 * object or a root object, or if arg lies in obj; ENOMEM. */
GCX_API int gcx_cleanup_add(void *obj, void (*fn)(void *arg), void *arg);

/* Removes the cleanup of obj that was added last with that fn and arg. 0, or -1
 * with ENOENT if there is none; EINVAL as above. */
GCX_API int gcx_cleanup_cancel(void *obj, void (*fn)(void *arg), void *arg);

/* Calls fn(obj, arg) once when obj is no longer reachable; fn may make it so
 * again, and may set the next finalizer. One per object, replaced by the next
 * and removed by a NULL fn. An object that another with a finalizer leads to
 * waits until that one is gone; objects in a cycle of such are never finalized,
 * which is reported. Errors as for gcx_cleanup_add. */
GCX_API int gcx_finalizer_set(void *obj, void (*fn)(void *obj, void *arg), void *arg);

/* Runs the callbacks that are due on the calling thread and returns how many
 * they were. May be called from a callback. */
GCX_API size_t gcx_run_finalizers(void);

/* Calls notify(arg) after each cycle that leaves callbacks due, on the thread
 * that ran it, inside an allocation: notify must not call libgcx, but may write
 * to a pipe or post a semaphore. NULL removes it. 0, or -1 with ENOMEM. */
GCX_API int gcx_set_finalizer_notifier(void (*notify)(void *arg), void *arg);

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

/* ---- Stacks of the program's own --------------------------------------- */

/* For coroutines and fibers; more in gcx/stack.h. While nothing runs on a
 * stack only the part in use is scanned. Each reports a mistake by its name,
 * on stderr and to the error event. Example: examples/fibers.c */
typedef struct gcx_stack gcx_stack;

/* Tells of the stack [lo, hi), which grows down from hi and stays readable
 * until it is unregistered; leave out guard pages. A collection and the frame
 * of a signal take room on it: make it 32 KiB at least. [sp, hi) is what it holds
 * already for its first run: sp is hi for nothing, NULL for all of it. NULL with
 * errno: EINVAL for a range that is none, EEXIST if a byte of it belongs to a
 * registered stack, ENOMEM. */
GCX_API gcx_stack *gcx_stack_register(void *lo, void *hi, void *sp);

/* The calling thread leaves the stack `from` and goes on on `to`; NULL is the
 * one that the thread was created with. Comes directly before the switch, in
 * the function that makes it: in between the program neither loads a pointer
 * nor returns. Any thread may go on on a stack that another has left. Takes no
 * lock and makes no system call. 0, or -1 with errno, and nothing changed:
 * EBUSY if something runs on `to`, EINVAL if that is not registered or a
 * blocking section is open, EPERM if the thread does not run on `from`. */
GCX_API int gcx_stack_switch(gcx_stack *from, gcx_stack *to) GCX_RETURNS_TWICE;

/* Forgets a stack, whose memory the program may free then. 0, or -1 with
 * EBUSY while something runs on it, EINVAL if it is not registered. */
GCX_API int gcx_stack_unregister(gcx_stack *stack);

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
    uint64_t stop_total_ns;     /* elapsed until the threads had stopped, of the pauses */
    uint64_t stop_max_ns;       /* the longest that took */
    uint64_t goal_bytes;        /* heap size at which a full cycle starts */
    uint64_t nursery_bytes;     /* allocation between minor cycles */
    uint64_t dirty_pages_total; /* old pages (cards) minor cycles looked at */
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
