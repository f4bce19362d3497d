/* boehm_data.c -- the data objects of the Boehm interface, and the functions
 * that read and write them.
 *
 * Programs may have a copy of each (copy relocations): all accesses here go
 * through the global offset table, because the objects are not bound at link
 * time (tools/compat/data.list).
 *
 * SPDX-License-Identifier: MIT */
#include "compat/boehm.h"

#include <gc/gc_gcj.h>

GC_word GC_gc_no;
int GC_parallel;
int GC_find_leak;
int GC_all_interior_pointers = 1;
int GC_finalize_on_demand;
int GC_java_finalization = 1;
int GC_dont_gc;
int GC_dont_expand;
int GC_use_entire_heap;
int GC_full_freq = 19;
int GC_no_dls;
int GC_dont_precollect;
GC_word GC_non_gc_bytes;
GC_word GC_free_space_divisor = 3;
GC_word GC_max_retries;
char *GC_stackbottom;
unsigned long GC_time_limit = GC_TIME_UNLIMITED;
GC_on_heap_resize_proc GC_on_heap_resize;
GC_finalizer_notifier_proc GC_finalizer_notifier;
void *GC_least_plausible_heap_addr = (void *)~(GC_word)0;
void *GC_greatest_plausible_heap_addr;
int GC_gcj_kind;
int GC_gcj_debug_kind;

static struct {
    struct GC_timeval_s time_limit;
    GC_word bytes_per_finalizer;
    int pages_executable;
    size_t min_bytes;
    int rate;
    int max_prior_attempts;
    int no_automatic;
    int unmaps;
    int manual_vdb;
} settings = {
    .time_limit = {GC_TIME_UNLIMITED, 0}, .bytes_per_finalizer = 10000, .min_bytes = 1, .rate = 10};

#define ACCESSORS(type, name)      \
    void GC_set_##name(type value) \
    {                              \
        GC_##name = value;         \
    }                              \
    type GC_get_##name(void)       \
    {                              \
        return GC_##name;          \
    }

ACCESSORS(int, find_leak)
ACCESSORS(int, finalize_on_demand)
ACCESSORS(int, java_finalization)
ACCESSORS(int, dont_expand)
ACCESSORS(int, full_freq)
ACCESSORS(GC_word, non_gc_bytes)
ACCESSORS(int, no_dls)
ACCESSORS(GC_word, max_retries)
ACCESSORS(int, dont_precollect)
ACCESSORS(GC_on_heap_resize_proc, on_heap_resize)
ACCESSORS(GC_finalizer_notifier_proc, finalizer_notifier)

#define OWN_ACCESSORS(type, name, member) \
    void GC_set_##name(type value)        \
    {                                     \
        settings.member = value;          \
    }                                     \
    type GC_get_##name(void)              \
    {                                     \
        return settings.member;           \
    }

OWN_ACCESSORS(GC_word, allocd_bytes_per_finalizer, bytes_per_finalizer)
OWN_ACCESSORS(int, pages_executable, pages_executable)
OWN_ACCESSORS(size_t, min_bytes_allocd, min_bytes)
OWN_ACCESSORS(int, rate, rate)
OWN_ACCESSORS(int, max_prior_attempts, max_prior_attempts)
OWN_ACCESSORS(int, force_unmap_on_gcollect, unmaps)
OWN_ACCESSORS(int, manual_vdb_allowed, manual_vdb)

/* Collections that the program asks for are made all the same. */
void GC_set_disable_automatic_collection(int value)
{
    gcxi_boehm_start();
    if ((value != 0) == (settings.no_automatic != 0))
        return;
    settings.no_automatic = value != 0;
    if (settings.no_automatic)
        gcx_disable();
    else
        gcx_enable();
}

int GC_get_disable_automatic_collection(void)
{
    return settings.no_automatic;
}

void GC_set_all_interior_pointers(int value)
{
    GC_all_interior_pointers = value != 0;
    gcxi_boehm.extra_bytes = value != 0;
}

int GC_get_all_interior_pointers(void)
{
    return GC_all_interior_pointers;
}

GC_word GC_get_gc_no(void)
{
    return GC_gc_no;
}

int GC_get_parallel(void)
{
    return GC_parallel;
}

/* The heap may grow by the live data divided by half of this. 3 is the
 * default, which leaves it to the pacer. */
void GC_set_free_space_divisor(GC_word value)
{
    if (value == 0)
        return;
    GC_free_space_divisor = value;
    if (value != 3 && gcxi_boehm.is_started)
        gcx_set_heap_percent(value >= 200 ? 1 : (int)(200 / value));
}

GC_word GC_get_free_space_divisor(void)
{
    return GC_free_space_divisor;
}

void GC_set_time_limit(unsigned long value)
{
    GC_time_limit = value;
    settings.time_limit = (struct GC_timeval_s){value, 0};
}

unsigned long GC_get_time_limit(void)
{
    return GC_time_limit;
}

void GC_set_time_limit_tv(struct GC_timeval_s value)
{
    settings.time_limit = value;
    GC_time_limit = value.tv_ms;
}

struct GC_timeval_s GC_get_time_limit_tv(void)
{
    return settings.time_limit;
}

unsigned GC_get_version(void)
{
    return GC_VERSION_MAJOR << 16 | GC_VERSION_MINOR << 8 | GC_VERSION_MICRO;
}
