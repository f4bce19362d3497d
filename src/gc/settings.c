/* settings.c -- see settings.h. Every variable is described in
 * docs/environment.md, which a script compares with the names here.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/settings.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/delay.h"
#include "base/parse.h"
#include "gcx/scope.h"
#include "os/cpu.h"
#include "trace/workers.h"

/* Smaller heaps are marked in one stop: of some 20 ms here, against 15 in two
 * and more memory (docs/decisions/0010). */
#define CONCURRENT_BYTES (128 * GCXI_MIB)
#define GROWING_BYTES (48 * GCXI_MIB) /* docs/decisions/0017 */

/* A percentage that somebody asked for is kept to. */
static void set_concurrent(struct gcxi_settings *settings, bool is_concurrent)
{
    settings->pacer.concurrent_bytes = is_concurrent ? 0 : SIZE_MAX;
    settings->pacer.growing_bytes = settings->pacer.concurrent_bytes;
}

static void set_percent(struct gcxi_settings *settings, int percent)
{
    settings->pacer.percent = percent;
    settings->pacer.is_adaptive = false;
}

/* ---- The environment ---- */

static void report_nonsense(const char *name, const char *text, const char *expected)
{
    gcxi_report("%s=%s is ignored: expected %s", name, text, expected);
}

/* The number in the variable if it is there and lies in [lo, hi]. */
static bool env_int(const char *name, int64_t lo, int64_t hi, int64_t *value)
{
    const char *text = getenv(name);
    int64_t v;
    if (text == NULL || *text == '\0')
        return false;
    if (!gcxi_parse_int(text, &v) || v < lo || v > hi) {
        report_nonsense(name, text, "a whole number in range (docs/environment.md)");
        return false;
    }
    *value = v;
    return true;
}

static bool env_bytes(const char *name, int64_t *bytes)
{
    const char *text = getenv(name);
    int64_t v;
    if (text == NULL || *text == '\0')
        return false;
    if (!gcxi_parse_bytes(text, &v) || v == 0) {
        report_nonsense(name, text, "a size such as 65536, 512KiB, 64MiB or 2GiB");
        return false;
    }
    *bytes = v;
    return true;
}

/* Index of the variable's text in the NULL-terminated list, or -1. */
static int env_choice(const char *name, const char *const *choices, const char *expected)
{
    const char *text = getenv(name);
    if (text == NULL || *text == '\0')
        return -1;
    for (int i = 0; choices[i] != NULL; i++)
        if (strcmp(text, choices[i]) == 0)
            return i;
    report_nonsense(name, text, expected);
    return -1;
}

static void read_environment_delays(void)
{
    int64_t v;
    if (GCXI_CHECKED && env_int("GCX_DELAYS", 0, UINT32_MAX, &v))
        gcxi_store_relaxed(&gcxi_delay_seed, (uint32_t)v);
}

static void read_environment_choices(struct gcxi_settings *settings)
{
    static const char *const barriers[] = {"auto", "explicit", "none", NULL};
    static const char *const dirty[] = {"auto", "uffd", "softdirty", "mprotect", "none", NULL};
    static const char *const finalizers[] = {"thread", "demand", NULL};
    static const char *const traces[] = {"0", "1", "json", NULL};
    static const char *const promises[] = {"quarantined", "verified", "trusted", NULL};
    int64_t v;
    int choice = env_choice("GCX_BARRIER", barriers, "auto, explicit or none");
    if (choice >= 0)
        settings->barrier = (enum gcx_barrier)choice;
    choice = env_choice("GCX_DIRTY", dirty, "auto, uffd, softdirty, mprotect or none");
    if (choice >= 0)
        settings->dirty_name = dirty[choice];
    choice = env_choice("GCX_FINALIZERS", finalizers, "thread or demand");
    if (choice >= 0)
        settings->runs_on_demand = choice == GCX_FINALIZERS_ON_DEMAND;
    choice = env_choice("GCX_PROMISE", promises, "quarantined, verified or trusted");
    if (choice >= 0)
        settings->promise = (uint8_t)(GCX_PROMISE_QUARANTINED + choice);
    choice = env_choice("GCX_TRACE", traces, "0, 1 or json");
    if (choice >= 0)
        settings->trace = (enum gcxi_trace)choice;
    if (env_int("GCX_KEEPER", 0, 1, &v))
        settings->has_keeper = v != 0;
    if (env_int("GCX_ESCAPE_REPORT", 0, 1, &v))
        settings->reports_escapes = v != 0;
    if (env_int("GCX_STATS", 0, 1, &v))
        settings->tells_summary = v != 0;
    if (env_int("GCX_CHECK", 0, 1, &v))
        settings->is_checked = v != 0;
    if (env_int("GCX_STRESS", 0, 1000000000, &v))
        settings->stress = (unsigned)v;
}

static void read_environment(struct gcxi_settings *settings)
{
    int64_t v;
    if (env_int("GCX_PERCENT", -1, 1000000, &v))
        set_percent(settings, (int)v);
    if (env_int("GCX_MARK_WORKERS", 1, GCXI_WORKERS_MAX, &v))
        settings->mark_workers = (unsigned)v;
    if (env_int("GCX_STOP_SIGNAL", SIGRTMIN, SIGRTMAX, &v))
        settings->stop_signal = (int)v;
    if (env_int("GCX_CONCURRENT", 0, 1, &v))
        set_concurrent(settings, v != 0);
    if (env_bytes("GCX_MEMORY_LIMIT", &v))
        settings->pacer.memory_limit = v;
    if (env_bytes("GCX_HEAP_MAX", &v))
        settings->heap_max = (size_t)v;
    if (env_bytes("GCX_RESERVE", &v))
        settings->reserve_bytes = (size_t)v;
    if (env_bytes("GCX_NURSERY", &v))
        settings->pacer.nursery_bytes = (size_t)v;
    read_environment_choices(settings);
    read_environment_delays();
}

/* ---- The program's options ---- */

static bool options_are_valid(const struct gcx_options *o)
{
    return o->struct_bytes == sizeof *o && (unsigned)o->barrier <= GCX_BARRIER_NONE &&
           o->heap_percent >= -1 && o->mark_workers >= 0 &&
           o->mark_workers <= (int)GCXI_WORKERS_MAX && o->memory_limit >= 0 && o->heap_max >= 0 &&
           (unsigned)o->finalizers <= GCX_FINALIZERS_ON_DEMAND && o->stop_signal >= 0 &&
           o->concurrent >= -1 && o->concurrent <= 1 && o->reserve_bytes <= SIZE_MAX / 4 &&
           o->nursery_bytes <= SIZE_MAX / 4;
}

static void apply_options(struct gcxi_settings *settings, const struct gcx_options *o)
{
    if (o->barrier != GCX_BARRIER_AUTO)
        settings->barrier = o->barrier;
    if (o->finalizers != GCX_FINALIZERS_THREAD)
        settings->runs_on_demand = true;
    if (o->heap_percent != 0)
        set_percent(settings, o->heap_percent);
    if (o->mark_workers != 0)
        settings->mark_workers = (unsigned)o->mark_workers;
    if (o->stop_signal != 0)
        settings->stop_signal = o->stop_signal;
    if (o->concurrent != 0)
        set_concurrent(settings, o->concurrent > 0);
    if (o->memory_limit != 0)
        settings->pacer.memory_limit = o->memory_limit;
    if (o->heap_max != 0)
        settings->heap_max = (size_t)o->heap_max;
    if (o->reserve_bytes != 0)
        settings->reserve_bytes = o->reserve_bytes;
    if (o->nursery_bytes != 0)
        settings->pacer.nursery_bytes = o->nursery_bytes;
}

int gcxi_settings_read(struct gcxi_settings *settings, const struct gcx_options *opts)
{
    memset(settings, 0, sizeof *settings);
    settings->promise = GCX_PROMISE_QUARANTINED;
    settings->pacer.percent = 100;
    settings->pacer.is_adaptive = true;
    settings->pacer.memory_limit = INT64_MAX;
    settings->pacer.cache_bytes = gcxi_cpu_cache_bytes();
    settings->pacer.concurrent_bytes = gcxi_cpu_count() > 1 ? CONCURRENT_BYTES : SIZE_MAX;
    settings->pacer.growing_bytes = gcxi_cpu_count() > 1 ? GROWING_BYTES : SIZE_MAX;
    settings->mark_workers = gcxi_cpu_count();
    settings->heap_max = SIZE_MAX;
    settings->has_keeper = true;
    if (opts != NULL && !options_are_valid(opts)) {
        errno = EINVAL;
        return -1;
    }
    read_environment(settings);
    if (opts != NULL)
        apply_options(settings, opts);
    return 0;
}
