/* boehm_env.c -- see boehm_env.h. docs/from-boehm.md lists the variables.
 *
 * SPDX-License-Identifier: MIT */
#include "compat/boehm_env.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "compat/boehm.h"

#define MARKERS_MAX 64u

static unsigned markers;

void gcxi_boehm_env_set_markers(unsigned count)
{
    markers = count;
}

static bool is_set(const char *name)
{
    return getenv(name) != NULL;
}

/* As 0 or 1; set and empty means 1. */
static bool flag(const char *name, bool otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : text[0] != '0' || text[1] != '\0';
}

static uint64_t unit_of(const char *suffix)
{
    static const char letters[] = "kmgKMG";
    const char *at = suffix[0] != '\0' && suffix[1] == '\0' ? strchr(letters, suffix[0]) : NULL;
    return at != NULL ? UINT64_C(1) << (10 * ((at - letters) % 3 + 1)) : 0;
}

/* A number of at least least, with k, M or G behind it. False if the variable
 * is not set, or is nonsense: that is warned of. */
static bool number(const char *name, uint64_t least, uint64_t most, uint64_t *value)
{
    const char *text = getenv(name);
    if (text == NULL || text[0] == '\0')
        return false;
    char *rest;
    uint64_t n = strtoull(text, &rest, 10);
    uint64_t unit = *rest == '\0' ? 1 : unit_of(rest);
    bool is_valid =
        text[0] >= '0' && text[0] <= '9' && unit != 0 && n <= most / unit && n * unit >= least;
    if (is_valid) {
        *value = n * unit;
        return true;
    }
    char message[96] = "";
    strncat(message, name, 40);
    strcat(message, " in the environment is not usable (%ld)\n");
    gcxi_boehm_warn(message, n);
    return false;
}

static void open_log(void)
{
    const char *path = getenv("GC_LOG_FILE");
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    if (fd >= 0)
        GC_set_log_fd(fd);
}

void gcxi_boehm_env_before(struct gcx_options *options)
{
    uint64_t n;
    if (number("GC_MARKERS", 1, MARKERS_MAX, &n))
        markers = (unsigned)n;
    if (number("GC_NPROCS", 1, MARKERS_MAX, &n) && markers == 0)
        markers = (unsigned)n;
    options->mark_workers = (int)gcxi_min(markers, MARKERS_MAX);
    options->finalizers = GCX_FINALIZERS_ON_DEMAND;
    if ((is_set("GC_PRINT_STATS") || is_set("GC_PRINT_VERBOSE_STATS")) &&
        flag("GC_PRINT_STATS", true))
        gcxi_boehm_log_cycles();
    if (is_set("GC_ALL_INTERIOR_POINTERS"))
        GC_all_interior_pointers = flag("GC_ALL_INTERIOR_POINTERS", true);
    GC_find_leak = GC_find_leak || flag("GC_FIND_LEAK", false);
    open_log();
}

void gcxi_boehm_env_after(void)
{
    uint64_t n;
    if (number("GC_MAXIMUM_HEAP_SIZE", 1, INT64_MAX, &n))
        GC_set_max_heap_size(n);
    if (number("GC_INITIAL_HEAP_SIZE", 1, INT64_MAX, &n))
        GC_expand_hp(n);
    if (number("GC_FREE_SPACE_DIVISOR", 1, INT32_MAX, &n))
        GC_set_free_space_divisor(n);
    else if (GC_free_space_divisor != 3)
        GC_set_free_space_divisor(GC_free_space_divisor);
    if (number("GC_FULL_FREQUENCY", 0, INT32_MAX, &n))
        GC_set_full_freq((int)n);
    if (number("GC_PAUSE_TIME_TARGET", 1, INT32_MAX, &n))
        GC_set_time_limit(n);
    if (flag("GC_ENABLE_INCREMENTAL", false))
        GC_enable_incremental();
    if (is_set("GC_FORCE_UNMAP_ON_GCOLLECT"))
        GC_set_force_unmap_on_gcollect(flag("GC_FORCE_UNMAP_ON_GCOLLECT", true));
    if (flag("GC_DONT_GC", false))
        GC_dont_gc = 1;
}
