/* boehm_control.c -- starting, collecting and callbacks of the Boehm interface.
 *
 * SPDX-License-Identifier: MIT */
#include "compat/boehm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "compat/boehm_env.h"
#include "gc/remember.h"
#include "heap/lane.h"
#include "heap/meta.h"
#include "heap/space.h"
#include "trace/finalize.h"
#include "trace/roots.h"
#include "trace/workers.h"

#define LITTLE_PERCENT 250
#define LITTLE_ROOM_BYTES (5 * GCXI_MIB)
#define LITTLE_HEAP_BYTES (24 * GCXI_MIB)
#define MOST_PERCENT 50
#define REFILL_SHARE 8
#define HUGE_FROM_BYTES (64 * GCXI_MIB)

struct gcxi_boehm gcxi_boehm = {.extra_bytes = 1};

static struct {
    GC_warn_proc warn;
    GC_start_callback_proc start;
    GC_on_collection_event_proc event;
    GC_on_thread_event_proc thread_event;
    GC_stop_func stop;
    int log_fd;
    GC_word told_gc_no;
    GC_word heap_max; /* set before the start */
    uint32_t is_running;
    bool is_incremental;
    bool logs_cycles;
} control = {.log_fd = STDERR_FILENO};

/* ---- Words to the outside ---- */

static void print(int fd, const char *format, va_list args)
{
    char text[1024];
    int n = vsnprintf(text, sizeof text, format, args);
    size_t bytes = n < 0 ? 0 : gcxi_min((size_t)n, sizeof text - 1);
    ssize_t written = write(fd, text, bytes);
    (void)written;
}

void GC_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(STDOUT_FILENO, format, args);
    va_end(args);
}

void GC_err_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(STDERR_FILENO, format, args);
    va_end(args);
}

void GC_log_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(control.log_fd, format, args);
    va_end(args);
}

void GC_set_log_fd(int fd)
{
    control.log_fd = fd;
}

static void default_warn(char *format, GC_word value)
{
    char text[256];
    size_t bytes = strlen(format);
    bytes = gcxi_min(bytes, sizeof text - 1);
    memcpy(text, format, bytes);
    text[bytes] = '\0';
    const char *at = strchr(text, '%');
    if (at != NULL && strchr(at, 'd') != NULL)
        GC_err_printf("GC Warning: %.*s%ld%s", (int)(at - text), text, (long)value,
                      strchr(at, 'd') + 1);
    else if (at != NULL && strchr(at, 'x') != NULL)
        GC_err_printf("GC Warning: %.*s%lx%s", (int)(at - text), text, value, strchr(at, 'x') + 1);
    else
        GC_err_printf("GC Warning: %s", text);
}

void GC_ignore_warn_proc(char *format, GC_word value)
{
    (void)format;
    (void)value;
}

void GC_set_warn_proc(GC_warn_proc proc)
{
    control.warn = proc;
}

GC_warn_proc GC_get_warn_proc(void)
{
    return control.warn != NULL ? control.warn : default_warn;
}

void gcxi_boehm_warn(const char *format, GC_word value)
{
    char text[128];
    size_t bytes = gcxi_min(strlen(format), sizeof text - 1);
    memcpy(text, format, bytes);
    text[bytes] = '\0';
    GC_get_warn_proc()(text, value);
}

static void default_abort(const char *message)
{
    if (message != NULL)
        GC_err_printf("%s\n", message);
    abort();
}

GC_abort_func GC_on_abort = default_abort;

void GC_set_abort_func(GC_abort_func func)
{
    GC_on_abort = func;
}

GC_abort_func GC_get_abort_func(void)
{
    return GC_on_abort;
}

/* ---- Memory that is not there ---- */

static void *default_oom(size_t bytes)
{
    (void)bytes;
    return NULL;
}

GC_oom_func GC_oom_fn = default_oom;

void GC_set_oom_fn(GC_oom_func func)
{
    GC_oom_fn = func;
}

GC_oom_func GC_get_oom_fn(void)
{
    return GC_oom_fn;
}

void *gcxi_boehm_or_oom(void *object, size_t bytes)
{
    return GCXI_LIKELY(object != NULL) ? object : GC_oom_fn(bytes);
}

void GC_abort_on_oom(void)
{
    GC_err_printf("out of memory\n");
    GC_on_abort("out of memory");
}

/* ---- In a cycle ---- */

static void tell(GC_EventType event)
{
    if (control.event != NULL)
        control.event(event);
}

static void on_cycle_begin(enum gcx_cycle kind, void *arg)
{
    (void)kind;
    (void)arg;
    if (control.start != NULL)
        control.start();
    tell(GC_EVENT_START);
    tell(GC_EVENT_PRE_STOP_WORLD);
}

static void on_pause_begin(void *arg)
{
    (void)arg;
    tell(GC_EVENT_POST_STOP_WORLD);
    tell(GC_EVENT_MARK_START);
}

void gcxi_boehm_log_cycles(void)
{
    control.logs_cycles = true;
}

static void log_cycle(enum gcx_cycle kind)
{
    unsigned long micros = (unsigned long)(gcxi_gc.totals.pause_last_ns / 1000);
    GC_log_printf("gc %lu (%s): stopped for %lu.%03lu ms, heap %lu KiB, live %lu KiB\n", GC_gc_no,
                  kind == GCX_FULL ? "full" : "minor", micros / 1000, micros % 1000,
                  (unsigned long)(GC_get_heap_size() >> 10),
                  (unsigned long)(gcxi_gc.totals.live_bytes >> 10));
}

static void on_cycle_end(enum gcx_cycle kind, void *arg)
{
    (void)arg;
    GC_gc_no++;
    gcxi_boehm_figures_cycle();
    if (control.logs_cycles)
        log_cycle(kind);
    tell(GC_EVENT_MARK_END);
    tell(GC_EVENT_RECLAIM_START);
    tell(GC_EVENT_RECLAIM_END);
    tell(GC_EVENT_PRE_START_WORLD);
    tell(GC_EVENT_POST_START_WORLD);
    tell(GC_EVENT_END);
}

static void on_heap_grow(uint64_t bytes, void *arg)
{
    (void)arg;
    if (GC_on_heap_resize != NULL)
        GC_on_heap_resize((GC_word)bytes);
}

static void cycle_finalize(struct gcxi_marker *m, bool is_minor)
{
    gcxi_boehm_marker = m;
    gcxi_boehm_final_cycle(m, is_minor);
    gcxi_boehm_disclaim_cycle(m, is_minor);
    if (GC_find_leak)
        gcxi_boehm_leaks_cycle(is_minor);
    gcxi_boehm_marker = NULL;
}

/* ---- After it ---- */

void gcxi_boehm_run_due(void)
{
    if (gcxi_exchange_acq_rel(&control.is_running, 1) != 0)
        return;
    gcxi_store_relaxed(&gcxi_boehm.is_due, 0);
    gcxi_boehm_disclaim_run();
    gcxi_boehm_leaks_tell();
    gcxi_store_release(&control.is_running, 0);
    if (!GC_should_invoke_finalizers())
        return;
    if (!GC_finalize_on_demand) {
        GC_invoke_finalizers();
    } else if (GC_finalizer_notifier != NULL && control.told_gc_no != GC_gc_no) {
        control.told_gc_no = GC_gc_no;
        GC_finalizer_notifier();
    }
}

/* ---- Starting ---- */

static void check_at_exit(void)
{
    if (GC_find_leak)
        GC_gcollect();
}

/* The other collector lets little heaps grow to about three times what is live, by
 * some MiB, so ours need not be smaller: Guile's would else collect twice as often, and
 * gets more still where objects lie close together (docs/decisions/0020).
 * Larger ones grow by as much, or by half at most, which with blocks filled that
 * are nearly full keeps w3m below the other's memory. */
static void start_pacing(void)
{
    struct gcxi_pacer_settings *pacer = &gcxi_gc.settings.pacer;
    pacer->little_percent = LITTLE_PERCENT;
    pacer->little_room_bytes = LITTLE_ROOM_BYTES;
    pacer->little_heap_bytes = LITTLE_HEAP_BYTES;
    pacer->most_percent = MOST_PERCENT;
    gcxi_gc.settings.refill_share = REFILL_SHARE;
    gcxi_space_set_huge_from(HUGE_FROM_BYTES);
    gcxi_lane_ready_bytes = BOEHM_READY_BYTES;
}

static void start_hooks(void)
{
    struct gcx_events events = {.cycle_begin = on_cycle_begin,
                                .pause_begin = on_pause_begin,
                                .cycle_end = on_cycle_end,
                                .heap_grow = on_heap_grow};
    gcxi_gc.veto = &GC_dont_gc;
    gcxi_roots_more = gcxi_boehm_roots_mark;
    gcxi_finalize_more = cycle_finalize;
    gcx_set_event_listener(&events);
}

static void start_data(void)
{
    struct GC_stack_base base = {NULL};
    GC_least_plausible_heap_addr = (void *)gcxi_map.base;
    GC_greatest_plausible_heap_addr = (void *)gcxi_unit_addr(gcxi_map.units);
    GC_parallel = gcxi_workers_count() > 1;
    if (GC_stackbottom == NULL && gettid() == getpid() && GC_get_stack_base(&base) == GC_SUCCESS)
        GC_stackbottom = base.mem_base;
}

static GCXI_COLD void start(void)
{
    static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&once);
    if (!gcxi_boehm.is_started) {
        struct gcx_options options = GCX_OPTIONS_DEFAULT;
        gcxi_boehm_env_before(&options);
        if (gcx_init(&options) != 0)
            GC_on_abort("libgcx cannot start");
        gcxi_boehm.extra_bytes = GC_all_interior_pointers != 0;
        start_data();
        start_pacing();
        start_hooks();
        gcxi_boehm_locks_init();
        gcxi_store_release(&gcxi_boehm.is_started, true);
        gcxi_boehm_threads_init();
        gcxi_boehm_kinds_init();
        if (control.heap_max != 0)
            GC_set_max_heap_size(control.heap_max);
        gcxi_boehm_env_after();
        atexit(check_at_exit);
    }
    pthread_mutex_unlock(&once);
}

void gcxi_boehm_start(void)
{
    if (GCXI_UNLIKELY(!gcxi_load_acquire(&gcxi_boehm.is_started)))
        start();
}

void GC_init(void)
{
    gcxi_boehm_start();
}

int GC_is_init_called(void)
{
    return gcxi_boehm.is_started;
}

void GC_deinit(void)
{
}

/* ---- Collecting ---- */

static int collect(GC_stop_func stop)
{
    gcxi_boehm_start();
    if (GC_dont_gc != 0 || (stop != NULL && stop() != 0))
        return 0;
    if (GC_get_force_unmap_on_gcollect())
        gcx_release_memory();
    else
        gcx_collect(GCX_FULL);
    gcxi_boehm_run_due();
    return 1;
}

void GC_gcollect(void)
{
    collect(control.stop);
}

int GC_try_to_collect(GC_stop_func stop)
{
    return collect(stop);
}

void GC_gcollect_and_unmap(void)
{
    if (GC_dont_gc == 0)
        gcx_release_memory();
    gcxi_boehm_run_due();
}

void GC_set_stop_func(GC_stop_func stop)
{
    control.stop = stop;
}

GC_stop_func GC_get_stop_func(void)
{
    return control.stop;
}

int GC_collect_a_little(void)
{
    gcxi_boehm_start();
    if (GC_dont_gc == 0)
        gcx_collect(GCX_MINOR);
    gcxi_boehm_run_due();
    return 0;
}

void GC_start_incremental_collection(void)
{
    if (control.is_incremental)
        GC_collect_a_little();
}

void GC_disable(void)
{
    gcxi_boehm_start();
    gcxi_add_relaxed(&GC_dont_gc, 1);
}

void GC_enable(void)
{
    if (gcxi_load_relaxed(&GC_dont_gc) > 0)
        gcxi_sub_relaxed(&GC_dont_gc, 1);
}

int GC_is_disabled(void)
{
    return GC_dont_gc != 0;
}

/* Minor cycles are always on where writes can be seen. */
void GC_enable_incremental(void)
{
    gcxi_boehm_start();
    control.is_incremental = true;
}

int GC_is_incremental_mode(void)
{
    return control.is_incremental;
}

int GC_incremental_protection_needs(void)
{
    return GC_PROTECTS_NONE;
}

void GC_set_markers_count(unsigned count)
{
    gcxi_boehm_env_set_markers(count);
}

void GC_set_start_callback(GC_start_callback_proc proc)
{
    control.start = proc;
}

GC_start_callback_proc GC_get_start_callback(void)
{
    return control.start;
}

void GC_set_on_collection_event(GC_on_collection_event_proc proc)
{
    control.event = proc;
}

GC_on_collection_event_proc GC_get_on_collection_event(void)
{
    return control.event;
}

void GC_set_on_thread_event(GC_on_thread_event_proc proc)
{
    control.thread_event = proc;
}

GC_on_thread_event_proc GC_get_on_thread_event(void)
{
    return control.thread_event;
}

/* ---- Heap size ---- */

/* No full collection comes before what is asked for is used, and it is taken as it is
 * used. An eighth is left for what is free in blocks. */
int GC_expand_hp(size_t bytes)
{
    gcxi_boehm_start();
    if (bytes >= GCXI_GIB * GCXI_KIB)
        return 0;
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return 0;
    struct gcxi_pacer_settings *pacer = &gcxi_gc.settings.pacer;
    pacer->goal_least_bytes =
        gcxi_max(pacer->goal_least_bytes, gcxi_space_committed_bytes()) + bytes - bytes / 8;
    gcxi_pacer_replan(&gcxi_gc.pacer, pacer, gcxi_meta_bytes());
    gcxi_store_relaxed(&gcxi_boehm.heap_bytes, GC_get_heap_size() + bytes);
    gcxi_gc_unlock_and_leave(self);
    return 1;
}

/* Before the start it does not start the library: other settings may follow. */
void GC_set_max_heap_size(GC_word bytes)
{
    if (gcxi_load_acquire(&gcxi_boehm.is_started))
        gcx_set_heap_max(bytes == 0 || bytes > INT64_MAX ? -1 : (int64_t)bytes);
    else
        control.heap_max = bytes;
}

/* ---- Forking: handlers of the library do it ---- */

void GC_set_handle_fork(int value)
{
    (void)value;
}

void GC_atfork_prepare(void)
{
}

void GC_atfork_parent(void)
{
}

void GC_atfork_child(void)
{
}
