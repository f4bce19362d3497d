/* gc.h -- the interface of the Boehm collector, on libgcx.
 *
 * For sources written to that interface: put this folder before others on the
 * include path and link to libgcx's libgc. What each call does, what it is
 * called in libgcx and what differs: docs/from-boehm.md.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GC_H
#define GC_H

#include <gc/gc_version.h>
#include <stddef.h>

/* Inline allocation is written in C99. */
#if !defined(__cplusplus) && (!defined(__STDC_VERSION__) || __STDC_VERSION__ < 199901L) && \
    !defined(GC_NO_INLINE_MALLOC)
#define GC_NO_INLINE_MALLOC
#endif
#ifndef GC_NO_INLINE_MALLOC
#include <gcx/gcx.h>
#endif

/* What programs test: threads are POSIX threads of Linux, and places of allocation
 * are known by the calls that lead there. */
#if defined(GC_LINUX_THREADS) && !defined(GC_THREADS)
#define GC_THREADS
#endif
#ifdef GC_THREADS
#ifndef GC_LINUX_THREADS
#define GC_LINUX_THREADS
#endif
#ifndef GC_PTHREADS
#define GC_PTHREADS
#endif
#endif
#ifndef GC_CAN_SAVE_CALL_STACKS
#define GC_CAN_SAVE_CALL_STACKS
#endif

#define GC_API extern __attribute__((visibility("default")))
#define GC_CALL
#define GC_CALLBACK
#define GC_ATTR_MALLOC __attribute__((malloc))
#define GC_ATTR_ALLOC_SIZE(n) __attribute__((alloc_size(n)))
#define GC_ATTR_NONNULL(n) __attribute__((nonnull(n)))

#ifdef __cplusplus
extern "C" {
#endif

typedef void *GC_PTR;
typedef unsigned long GC_word;
typedef long GC_signed_word;

/* ---- State that programs read and write -------------------------------- */

GC_API GC_word GC_gc_no;             /* collections so far */
GC_API int GC_parallel;              /* more than one marker */
GC_API int GC_find_leak;             /* report what was not freed */
GC_API int GC_all_interior_pointers; /* before GC_INIT */
GC_API int GC_finalize_on_demand;    /* only in GC_invoke_finalizers */
GC_API int GC_java_finalization;
GC_API int GC_dont_gc; /* nonzero: no collections */
GC_API int GC_dont_expand;
GC_API int GC_use_entire_heap;
GC_API int GC_full_freq;
GC_API int GC_no_dls;
GC_API int GC_dont_precollect;
GC_API GC_word GC_non_gc_bytes;
GC_API GC_word GC_free_space_divisor;
GC_API GC_word GC_max_retries;
GC_API char *GC_stackbottom; /* of the first thread; a fiber switch may set it */
GC_API unsigned long GC_time_limit;
#define GC_TIME_UNLIMITED 999999

/* ---- Inline: GC_MALLOC of a constant takes a slot without a call ---------- */

#ifndef GC_NO_INLINE_MALLOC
/* What GC_malloc does when the run of slots is used up, for sizes with the byte
 * that makes an address past the end one in the object. */
GC_API void *gcx_boehm_malloc_slow(size_t padded_bytes);
GC_API void *gcx_boehm_malloc_atomic_slow(size_t padded_bytes);
GC_API void *GC_malloc(size_t) GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1);
GC_API void *GC_malloc_atomic(size_t) GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1);

__attribute__((always_inline)) static inline void *gcx_boehm_malloc(size_t bytes)
{
    if (__builtin_constant_p(bytes) && bytes < GCX_DETAIL_FAST_MAX)
        return gcx_detail_bump(gcx_detail_runs.scan, bytes + 1, gcx_boehm_malloc_slow);
    return GC_malloc(bytes);
}

__attribute__((always_inline)) static inline void *gcx_boehm_malloc_atomic(size_t bytes)
{
    if (__builtin_constant_p(bytes) && bytes < GCX_DETAIL_FAST_MAX)
        return gcx_detail_bump(gcx_detail_runs.noscan, bytes + 1, gcx_boehm_malloc_atomic_slow);
    return GC_malloc_atomic(bytes);
}
#endif

/* ---- Start -------------------------------------------------------------- */

GC_API void GC_init(void);
GC_API int GC_is_init_called(void);
GC_API void GC_deinit(void);
GC_API unsigned GC_get_version(void);

/* Settings that a program makes by macros, defined before this header. They are made
 * before the start, so that the environment has the last word, but for the two that
 * need the library started. Values are read where GC_INIT stands. */
#ifdef GC_DONT_EXPAND
#define GCX_BOEHM_INIT_DONT_EXPAND GC_set_dont_expand(1),
#else
#define GCX_BOEHM_INIT_DONT_EXPAND
#endif
#ifdef GC_FORCE_UNMAP_ON_GCOLLECT
#define GCX_BOEHM_INIT_UNMAP GC_set_force_unmap_on_gcollect(1),
#else
#define GCX_BOEHM_INIT_UNMAP
#endif
#ifdef GC_DONT_GC
#define GCX_BOEHM_INIT_DONT_GC (void)(GC_dont_gc = 1),
#else
#define GCX_BOEHM_INIT_DONT_GC
#endif
#ifdef GC_MAX_RETRIES
#define GCX_BOEHM_INIT_RETRIES GC_set_max_retries(GC_MAX_RETRIES),
#else
#define GCX_BOEHM_INIT_RETRIES
#endif
#ifdef GC_ALLOCD_BYTES_PER_FINALIZER
#define GCX_BOEHM_INIT_FINALIZER_BYTES \
    GC_set_allocd_bytes_per_finalizer(GC_ALLOCD_BYTES_PER_FINALIZER),
#else
#define GCX_BOEHM_INIT_FINALIZER_BYTES
#endif
#ifdef GC_FREE_SPACE_DIVISOR
#define GCX_BOEHM_INIT_DIVISOR GC_set_free_space_divisor(GC_FREE_SPACE_DIVISOR),
#else
#define GCX_BOEHM_INIT_DIVISOR
#endif
#ifdef GC_FULL_FREQ
#define GCX_BOEHM_INIT_FULL_FREQ GC_set_full_freq(GC_FULL_FREQ),
#else
#define GCX_BOEHM_INIT_FULL_FREQ
#endif
#ifdef GC_TIME_LIMIT
#define GCX_BOEHM_INIT_TIME_LIMIT GC_set_time_limit(GC_TIME_LIMIT),
#else
#define GCX_BOEHM_INIT_TIME_LIMIT
#endif
#if defined(GC_MARKERS) && defined(GC_THREADS)
#define GCX_BOEHM_INIT_MARKERS GC_set_markers_count(GC_MARKERS),
#else
#define GCX_BOEHM_INIT_MARKERS
#endif
#if defined(GC_SIG_SUSPEND) && defined(GC_THREADS)
#define GCX_BOEHM_INIT_SUSPEND GC_set_suspend_signal(GC_SIG_SUSPEND),
#else
#define GCX_BOEHM_INIT_SUSPEND
#endif
#if defined(GC_SIG_THR_RESTART) && defined(GC_THREADS)
#define GCX_BOEHM_INIT_RESTART GC_set_thr_restart_signal(GC_SIG_THR_RESTART),
#else
#define GCX_BOEHM_INIT_RESTART
#endif
#ifdef GC_MAXIMUM_HEAP_SIZE
#define GCX_BOEHM_INIT_HEAP_MAX GC_set_max_heap_size(GC_MAXIMUM_HEAP_SIZE),
#else
#define GCX_BOEHM_INIT_HEAP_MAX
#endif
#ifdef GC_IGNORE_WARN
#define GCX_BOEHM_STARTED_WARN , GC_set_warn_proc(GC_ignore_warn_proc)
#else
#define GCX_BOEHM_STARTED_WARN
#endif
#ifdef GC_INITIAL_HEAP_SIZE
#define GCX_BOEHM_STARTED_HEAP                              \
    , (void)(GC_get_heap_size() < (GC_INITIAL_HEAP_SIZE) && \
             GC_expand_hp((GC_INITIAL_HEAP_SIZE)-GC_get_heap_size()))
#else
#define GCX_BOEHM_STARTED_HEAP
#endif
#define GC_INIT()                                                                                  \
    (GCX_BOEHM_INIT_DONT_EXPAND GCX_BOEHM_INIT_UNMAP GCX_BOEHM_INIT_DONT_GC GCX_BOEHM_INIT_RETRIES \
         GCX_BOEHM_INIT_FINALIZER_BYTES GCX_BOEHM_INIT_DIVISOR GCX_BOEHM_INIT_FULL_FREQ            \
             GCX_BOEHM_INIT_TIME_LIMIT GCX_BOEHM_INIT_MARKERS GCX_BOEHM_INIT_SUSPEND               \
                 GCX_BOEHM_INIT_RESTART GCX_BOEHM_INIT_HEAP_MAX GC_init()                          \
                     GCX_BOEHM_STARTED_WARN GCX_BOEHM_STARTED_HEAP)

/* ---- Allocation --------------------------------------------------------- */

GC_API void *GC_malloc(size_t) GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1);
GC_API void *GC_malloc_atomic(size_t) GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1);
GC_API void *GC_malloc_uncollectable(size_t) GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1);
GC_API void *GC_malloc_atomic_uncollectable(size_t) GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1);
GC_API void *GC_malloc_stubborn(size_t) GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1);
GC_API void *GC_malloc_ignore_off_page(size_t) GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1);
GC_API void *GC_malloc_atomic_ignore_off_page(size_t) GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1);
GC_API void *GC_malloc_many(size_t) GC_ATTR_MALLOC;
GC_API void *GC_memalign(size_t align, size_t) GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(2);
GC_API int GC_posix_memalign(void **, size_t align, size_t);
GC_API void *GC_realloc(void *, size_t) GC_ATTR_ALLOC_SIZE(2);
GC_API void GC_free(void *);
GC_API char *GC_strdup(const char *) GC_ATTR_MALLOC;
GC_API char *GC_strndup(const char *, size_t) GC_ATTR_MALLOC;
GC_API void *GC_base(void *);
GC_API int GC_is_heap_ptr(const void *);
GC_API size_t GC_size(const void *);
GC_API void GC_change_stubborn(const void *);
GC_API void GC_end_stubborn_change(const void *);
GC_API void GC_ptr_store_and_dirty(void *, const void *);
GC_API void GC_incr_bytes_allocd(size_t);
GC_API void GC_incr_bytes_freed(size_t);

typedef void *(*GC_oom_func)(size_t);
GC_API GC_oom_func GC_oom_fn;
GC_API void GC_set_oom_fn(GC_oom_func);
GC_API GC_oom_func GC_get_oom_fn(void);

#define GC_NEXT(p) (*(void **)(p))

/* ---- Allocation that remembers where ------------------------------------ */

#define GC_EXTRAS __FILE__, __LINE__
#define GC_EXTRA_PARAMS const char *s, int i
GC_API void *GC_debug_malloc(size_t, GC_EXTRA_PARAMS) GC_ATTR_MALLOC;
GC_API void *GC_debug_malloc_atomic(size_t, GC_EXTRA_PARAMS) GC_ATTR_MALLOC;
GC_API void *GC_debug_malloc_uncollectable(size_t, GC_EXTRA_PARAMS) GC_ATTR_MALLOC;
GC_API void *GC_debug_malloc_atomic_uncollectable(size_t, GC_EXTRA_PARAMS) GC_ATTR_MALLOC;
GC_API void *GC_debug_malloc_stubborn(size_t, GC_EXTRA_PARAMS) GC_ATTR_MALLOC;
GC_API void *GC_debug_malloc_ignore_off_page(size_t, GC_EXTRA_PARAMS) GC_ATTR_MALLOC;
GC_API void *GC_debug_malloc_atomic_ignore_off_page(size_t, GC_EXTRA_PARAMS) GC_ATTR_MALLOC;
GC_API void *GC_debug_malloc_replacement(size_t) GC_ATTR_MALLOC;
GC_API void *GC_debug_realloc(void *, size_t, GC_EXTRA_PARAMS);
GC_API void *GC_debug_realloc_replacement(void *, size_t);
GC_API char *GC_debug_strdup(const char *, GC_EXTRA_PARAMS) GC_ATTR_MALLOC;
GC_API char *GC_debug_strndup(const char *, size_t, GC_EXTRA_PARAMS) GC_ATTR_MALLOC;
GC_API void GC_debug_free(void *);
GC_API void GC_debug_change_stubborn(const void *);
GC_API void GC_debug_end_stubborn_change(const void *);
GC_API void GC_debug_ptr_store_and_dirty(void *, const void *);
GC_API void GC_register_displacement(size_t);
GC_API void GC_debug_register_displacement(size_t);

/* ---- Collection ---------------------------------------------------------- */

typedef int (*GC_stop_func)(void);
GC_API void GC_gcollect(void);
GC_API void GC_gcollect_and_unmap(void);
GC_API int GC_try_to_collect(GC_stop_func);
GC_API void GC_set_stop_func(GC_stop_func);
GC_API GC_stop_func GC_get_stop_func(void);
GC_API void GC_disable(void);
GC_API int GC_is_disabled(void);
GC_API void GC_enable(void);
GC_API void GC_enable_incremental(void);
GC_API int GC_is_incremental_mode(void);
GC_API void GC_start_incremental_collection(void);
GC_API int GC_collect_a_little(void);
GC_API void GC_set_manual_vdb_allowed(int);
GC_API int GC_get_manual_vdb_allowed(void);
#define GC_PROTECTS_POINTER_HEAP 1
#define GC_PROTECTS_PTRFREE_HEAP 2
#define GC_PROTECTS_STATIC_DATA 4
#define GC_PROTECTS_STACK 8
#define GC_PROTECTS_NONE 0
GC_API int GC_incremental_protection_needs(void);

/* ---- Settings ------------------------------------------------------------- */

struct GC_timeval_s {
    unsigned long tv_ms;
    unsigned long tv_nsec;
};

GC_API int GC_expand_hp(size_t);
GC_API void GC_set_max_heap_size(GC_word);
GC_API GC_word GC_get_gc_no(void);
GC_API int GC_get_parallel(void);
GC_API void GC_set_markers_count(unsigned);
GC_API void GC_set_find_leak(int);
GC_API int GC_get_find_leak(void);
GC_API void GC_set_all_interior_pointers(int);
GC_API int GC_get_all_interior_pointers(void);
GC_API void GC_set_finalize_on_demand(int);
GC_API int GC_get_finalize_on_demand(void);
GC_API void GC_set_java_finalization(int);
GC_API int GC_get_java_finalization(void);
GC_API void GC_set_dont_expand(int);
GC_API int GC_get_dont_expand(void);
GC_API void GC_set_full_freq(int);
GC_API int GC_get_full_freq(void);
GC_API void GC_set_non_gc_bytes(GC_word);
GC_API GC_word GC_get_non_gc_bytes(void);
GC_API void GC_set_no_dls(int);
GC_API int GC_get_no_dls(void);
GC_API void GC_set_free_space_divisor(GC_word);
GC_API GC_word GC_get_free_space_divisor(void);
GC_API void GC_set_max_retries(GC_word);
GC_API GC_word GC_get_max_retries(void);
GC_API void GC_set_dont_precollect(int);
GC_API int GC_get_dont_precollect(void);
GC_API void GC_set_time_limit(unsigned long);
GC_API unsigned long GC_get_time_limit(void);
GC_API void GC_set_time_limit_tv(struct GC_timeval_s);
GC_API struct GC_timeval_s GC_get_time_limit_tv(void);
GC_API void GC_set_allocd_bytes_per_finalizer(GC_word);
GC_API GC_word GC_get_allocd_bytes_per_finalizer(void);
GC_API void GC_set_pages_executable(int);
GC_API int GC_get_pages_executable(void);
GC_API void GC_set_min_bytes_allocd(size_t);
GC_API size_t GC_get_min_bytes_allocd(void);
GC_API void GC_set_rate(int);
GC_API int GC_get_rate(void);
GC_API void GC_set_max_prior_attempts(int);
GC_API int GC_get_max_prior_attempts(void);
GC_API void GC_set_disable_automatic_collection(int);
GC_API int GC_get_disable_automatic_collection(void);
GC_API void GC_set_force_unmap_on_gcollect(int);
GC_API int GC_get_force_unmap_on_gcollect(void);
GC_API void GC_set_handle_fork(int);
GC_API void GC_atfork_prepare(void);
GC_API void GC_atfork_parent(void);
GC_API void GC_atfork_child(void);

/* ---- Figures -------------------------------------------------------------- */

struct GC_prof_stats_s {
    GC_word heapsize_full;
    GC_word free_bytes_full;
    GC_word unmapped_bytes;
    GC_word bytes_allocd_since_gc;
    GC_word allocd_bytes_before_gc;
    GC_word non_gc_bytes;
    GC_word gc_no;
    GC_word markers_m1;
    GC_word bytes_reclaimed_since_gc;
    GC_word reclaimed_bytes_before_gc;
    GC_word expl_freed_bytes_since_gc;
    GC_word obtained_from_os_bytes;
};

GC_API size_t GC_get_heap_size(void);
GC_API size_t GC_get_free_bytes(void);
GC_API size_t GC_get_unmapped_bytes(void);
GC_API size_t GC_get_bytes_since_gc(void);
GC_API size_t GC_get_expl_freed_bytes_since_gc(void);
GC_API size_t GC_get_total_bytes(void);
GC_API size_t GC_get_obtained_from_os_bytes(void);
GC_API size_t GC_get_memory_use(void);
GC_API size_t GC_get_size_map_at(int);
GC_API void GC_get_heap_usage_safe(GC_word *, GC_word *, GC_word *, GC_word *, GC_word *);
GC_API size_t GC_get_prof_stats(struct GC_prof_stats_s *, size_t);
GC_API size_t GC_get_prof_stats_unsafe(struct GC_prof_stats_s *, size_t);
GC_API void GC_start_performance_measurement(void);
GC_API unsigned long GC_get_full_gc_total_time(void);
GC_API void GC_dump(void);
GC_API void GC_dump_named(const char *);
GC_API void GC_dump_regions(void);
GC_API void GC_dump_finalization(void);

/* ---- Roots ---------------------------------------------------------------- */

typedef int (*GC_has_static_roots_func)(const char *, void *, size_t);
GC_API void GC_add_roots(void *lo, void *hi);
GC_API void GC_remove_roots(void *lo, void *hi);
GC_API void GC_clear_roots(void);
GC_API void GC_exclude_static_roots(void *lo, void *hi);
GC_API void GC_clear_exclusion_table(void);
GC_API void GC_register_has_static_roots_callback(GC_has_static_roots_func);
GC_API int GC_is_tmp_root(void *);

/* ---- Finalizers and links ------------------------------------------------- */

typedef void (*GC_finalization_proc)(void *obj, void *data);
GC_API void GC_register_finalizer(void *, GC_finalization_proc, void *, GC_finalization_proc *,
                                  void **);
GC_API void GC_register_finalizer_ignore_self(void *, GC_finalization_proc, void *,
                                              GC_finalization_proc *, void **);
GC_API void GC_register_finalizer_no_order(void *, GC_finalization_proc, void *,
                                           GC_finalization_proc *, void **);
GC_API void GC_register_finalizer_unreachable(void *, GC_finalization_proc, void *,
                                              GC_finalization_proc *, void **);
GC_API void GC_debug_register_finalizer(void *, GC_finalization_proc, void *,
                                        GC_finalization_proc *, void **);
GC_API void GC_debug_register_finalizer_ignore_self(void *, GC_finalization_proc, void *,
                                                    GC_finalization_proc *, void **);
GC_API void GC_debug_register_finalizer_no_order(void *, GC_finalization_proc, void *,
                                                 GC_finalization_proc *, void **);
GC_API void GC_debug_register_finalizer_unreachable(void *, GC_finalization_proc, void *,
                                                    GC_finalization_proc *, void **);

#define GC_SUCCESS 0
#define GC_DUPLICATE 1
#define GC_NO_MEMORY 2
#define GC_NO_THREADS 2
#define GC_UNIMPLEMENTED 3
#define GC_NOT_FOUND 4
GC_API int GC_register_disappearing_link(void **);
GC_API int GC_general_register_disappearing_link(void **, const void *);
GC_API int GC_move_disappearing_link(void **, void **);
GC_API int GC_unregister_disappearing_link(void **);
GC_API int GC_register_long_link(void **, const void *);
GC_API int GC_move_long_link(void **, void **);
GC_API int GC_unregister_long_link(void **);

typedef enum { GC_TOGGLE_REF_DROP, GC_TOGGLE_REF_STRONG, GC_TOGGLE_REF_WEAK } GC_ToggleRefStatus;
typedef GC_ToggleRefStatus (*GC_toggleref_func)(void *);
GC_API void GC_set_toggleref_func(GC_toggleref_func);
GC_API GC_toggleref_func GC_get_toggleref_func(void);
GC_API int GC_toggleref_add(void *, int is_strong);

typedef void (*GC_finalizer_notifier_proc)(void);
typedef void (*GC_await_finalize_proc)(void *);
GC_API GC_finalizer_notifier_proc GC_finalizer_notifier;
GC_API void GC_set_finalizer_notifier(GC_finalizer_notifier_proc);
GC_API GC_finalizer_notifier_proc GC_get_finalizer_notifier(void);
GC_API void GC_set_await_finalize_proc(GC_await_finalize_proc);
GC_API GC_await_finalize_proc GC_get_await_finalize_proc(void);
GC_API int GC_should_invoke_finalizers(void);
GC_API int GC_invoke_finalizers(void);
#define GC_reachable_here(p) __asm__ volatile("" : : "X"(p) : "memory")

typedef GC_word GC_hidden_pointer;
#define GC_HIDE_POINTER(p) (~(GC_hidden_pointer)(p))
#define GC_REVEAL_POINTER(p) ((void *)GC_HIDE_POINTER(p))

/* ---- Callbacks ------------------------------------------------------------ */

typedef void (*GC_warn_proc)(char *, GC_word);
GC_API void GC_set_warn_proc(GC_warn_proc);
GC_API GC_warn_proc GC_get_warn_proc(void);
GC_API void GC_ignore_warn_proc(char *, GC_word);
GC_API void GC_set_log_fd(int);
typedef void (*GC_abort_func)(const char *);
GC_API void GC_set_abort_func(GC_abort_func);
GC_API GC_abort_func GC_get_abort_func(void);
GC_API void GC_abort_on_oom(void);
typedef void (*GC_on_heap_resize_proc)(GC_word);
GC_API GC_on_heap_resize_proc GC_on_heap_resize;
GC_API void GC_set_on_heap_resize(GC_on_heap_resize_proc);
GC_API GC_on_heap_resize_proc GC_get_on_heap_resize(void);
typedef enum {
    GC_EVENT_START,
    GC_EVENT_MARK_START,
    GC_EVENT_MARK_END,
    GC_EVENT_RECLAIM_START,
    GC_EVENT_RECLAIM_END,
    GC_EVENT_END,
    GC_EVENT_PRE_STOP_WORLD,
    GC_EVENT_POST_STOP_WORLD,
    GC_EVENT_PRE_START_WORLD,
    GC_EVENT_POST_START_WORLD,
    GC_EVENT_THREAD_SUSPENDED,
    GC_EVENT_THREAD_UNSUSPENDED
} GC_EventType;
typedef void (*GC_on_collection_event_proc)(GC_EventType);
GC_API void GC_set_on_collection_event(GC_on_collection_event_proc);
GC_API GC_on_collection_event_proc GC_get_on_collection_event(void);
typedef void (*GC_on_thread_event_proc)(GC_EventType, void *);
GC_API void GC_set_on_thread_event(GC_on_thread_event_proc);
GC_API GC_on_thread_event_proc GC_get_on_thread_event(void);

/* ---- Threads --------------------------------------------------------------- */

struct GC_stack_base {
    void *mem_base;
};
typedef void *(*GC_fn_type)(void *);
typedef void *(*GC_stack_base_func)(struct GC_stack_base *, void *);
GC_API void GC_alloc_lock(void);
GC_API void GC_alloc_unlock(void);
GC_API void *GC_call_with_alloc_lock(GC_fn_type, void *);
GC_API void *GC_call_with_stack_base(GC_stack_base_func, void *);
GC_API void *GC_do_blocking(GC_fn_type, void *);
GC_API void *GC_call_with_gc_active(GC_fn_type, void *);
GC_API int GC_get_stack_base(struct GC_stack_base *);
GC_API void *GC_get_my_stackbottom(struct GC_stack_base *);
GC_API void GC_set_stackbottom(void *, const struct GC_stack_base *);
GC_API void GC_start_mark_threads(void);
GC_API void GC_set_suspend_signal(int);
GC_API void GC_set_thr_restart_signal(int);
GC_API int GC_get_suspend_signal(void);
GC_API int GC_get_thr_restart_signal(void);
GC_API void GC_allow_register_threads(void);
GC_API int GC_register_my_thread(const struct GC_stack_base *);
GC_API int GC_thread_is_registered(void);
GC_API void GC_register_altstack(void *, GC_word, void *, GC_word);
GC_API int GC_unregister_my_thread(void);
GC_API void GC_stop_world_external(void);
GC_API void GC_start_world_external(void);

/* ---- Checks ----------------------------------------------------------------- */

GC_API void *GC_same_obj(void *, void *);
GC_API void *GC_pre_incr(void **, ptrdiff_t);
GC_API void *GC_post_incr(void **, ptrdiff_t);
GC_API void *GC_is_visible(void *);
GC_API void *GC_is_valid_displacement(void *);
GC_API void (*GC_same_obj_print_proc)(void *, void *);
GC_API void (*GC_is_valid_displacement_print_proc)(void *);
GC_API void (*GC_is_visible_print_proc)(void *);

#ifdef GC_DEBUG
#define GC_PTR_ADD(x, n) ((__typeof__(x))GC_same_obj((void *)((x) + (n)), (void *)(x)))
#define GC_PRE_INCR(x, n) \
    ((__typeof__(x))GC_pre_incr((void **)(void *)&(x), (ptrdiff_t)((n) * sizeof *(x))))
#define GC_POST_INCR(x) ((__typeof__(x))GC_post_incr((void **)(void *)&(x), (ptrdiff_t)sizeof *(x)))
#define GC_POST_DECR(x) \
    ((__typeof__(x))GC_post_incr((void **)(void *)&(x), -(ptrdiff_t)sizeof *(x)))
#else
#define GC_PTR_ADD(x, n) ((x) + (n))
#define GC_PRE_INCR(x, n) ((x) += (n))
#define GC_POST_INCR(x) ((x)++)
#define GC_POST_DECR(x) ((x)--)
#endif
#define GC_PTR_STORE(p, q) (*(void **)(p) = (void *)(q))

/* ---- Names in capitals ------------------------------------------------------- */

#ifdef GC_DEBUG
#define GC_MALLOC(sz) GC_debug_malloc(sz, GC_EXTRAS)
#define GC_MALLOC_ATOMIC(sz) GC_debug_malloc_atomic(sz, GC_EXTRAS)
#define GC_MALLOC_UNCOLLECTABLE(sz) GC_debug_malloc_uncollectable(sz, GC_EXTRAS)
#define GC_MALLOC_ATOMIC_UNCOLLECTABLE(sz) GC_debug_malloc_atomic_uncollectable(sz, GC_EXTRAS)
#define GC_MALLOC_IGNORE_OFF_PAGE(sz) GC_debug_malloc_ignore_off_page(sz, GC_EXTRAS)
#define GC_MALLOC_ATOMIC_IGNORE_OFF_PAGE(sz) GC_debug_malloc_atomic_ignore_off_page(sz, GC_EXTRAS)
#define GC_REALLOC(old, sz) GC_debug_realloc(old, sz, GC_EXTRAS)
#define GC_STRDUP(s) GC_debug_strdup(s, GC_EXTRAS)
#define GC_STRNDUP(s, sz) GC_debug_strndup(s, sz, GC_EXTRAS)
#define GC_FREE(p) GC_debug_free(p)
#define GC_REGISTER_FINALIZER(p, f, d, of, od) GC_debug_register_finalizer(p, f, d, of, od)
#define GC_REGISTER_FINALIZER_IGNORE_SELF(p, f, d, of, od) \
    GC_debug_register_finalizer_ignore_self(p, f, d, of, od)
#define GC_REGISTER_FINALIZER_NO_ORDER(p, f, d, of, od) \
    GC_debug_register_finalizer_no_order(p, f, d, of, od)
#define GC_REGISTER_FINALIZER_UNREACHABLE(p, f, d, of, od) \
    GC_debug_register_finalizer_unreachable(p, f, d, of, od)
#define GC_END_STUBBORN_CHANGE(p) GC_debug_end_stubborn_change(p)
#define GC_PTR_STORE_AND_DIRTY(p, q) GC_debug_ptr_store_and_dirty(p, q)
#define GC_GENERAL_REGISTER_DISAPPEARING_LINK(link, obj) \
    GC_general_register_disappearing_link(link, GC_base((void *)(obj)))
#define GC_REGISTER_LONG_LINK(link, obj) GC_register_long_link(link, GC_base((void *)(obj)))
#define GC_REGISTER_DISPLACEMENT(n) GC_debug_register_displacement(n)
#else
#ifdef GC_NO_INLINE_MALLOC
#define GC_MALLOC(sz) GC_malloc(sz)
#define GC_MALLOC_ATOMIC(sz) GC_malloc_atomic(sz)
#else
#define GC_MALLOC(sz) gcx_boehm_malloc(sz)
#define GC_MALLOC_ATOMIC(sz) gcx_boehm_malloc_atomic(sz)
#endif
#define GC_MALLOC_UNCOLLECTABLE(sz) GC_malloc_uncollectable(sz)
#define GC_MALLOC_ATOMIC_UNCOLLECTABLE(sz) GC_malloc_atomic_uncollectable(sz)
#define GC_MALLOC_IGNORE_OFF_PAGE(sz) GC_malloc_ignore_off_page(sz)
#define GC_MALLOC_ATOMIC_IGNORE_OFF_PAGE(sz) GC_malloc_atomic_ignore_off_page(sz)
#define GC_REALLOC(old, sz) GC_realloc(old, sz)
#define GC_STRDUP(s) GC_strdup(s)
#define GC_STRNDUP(s, sz) GC_strndup(s, sz)
#define GC_FREE(p) GC_free(p)
#define GC_REGISTER_FINALIZER(p, f, d, of, od) GC_register_finalizer(p, f, d, of, od)
#define GC_REGISTER_FINALIZER_IGNORE_SELF(p, f, d, of, od) \
    GC_register_finalizer_ignore_self(p, f, d, of, od)
#define GC_REGISTER_FINALIZER_NO_ORDER(p, f, d, of, od) \
    GC_register_finalizer_no_order(p, f, d, of, od)
#define GC_REGISTER_FINALIZER_UNREACHABLE(p, f, d, of, od) \
    GC_register_finalizer_unreachable(p, f, d, of, od)
#define GC_END_STUBBORN_CHANGE(p) GC_end_stubborn_change(p)
#define GC_PTR_STORE_AND_DIRTY(p, q) GC_ptr_store_and_dirty(p, q)
#define GC_GENERAL_REGISTER_DISAPPEARING_LINK(link, obj) \
    GC_general_register_disappearing_link(link, obj)
#define GC_REGISTER_LONG_LINK(link, obj) GC_register_long_link(link, obj)
#define GC_REGISTER_DISPLACEMENT(n) GC_register_displacement(n)
#endif
#define GC_MALLOC_STUBBORN(sz) GC_MALLOC(sz)
#define GC_CHANGE_STUBBORN(p) GC_change_stubborn(p)
#define GC_NEW(t) ((t *)GC_MALLOC(sizeof(t)))
#define GC_NEW_ATOMIC(t) ((t *)GC_MALLOC_ATOMIC(sizeof(t)))
#define GC_NEW_STUBBORN(t) GC_NEW(t)
#define GC_NEW_UNCOLLECTABLE(t) ((t *)GC_MALLOC_UNCOLLECTABLE(sizeof(t)))

#ifdef __cplusplus
}
#endif

#if defined(GC_THREADS) || defined(GC_PTHREADS) || defined(_REENTRANT)
#include <gc/gc_pthread_redirects.h>
#endif
#endif
