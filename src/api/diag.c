/* diag.c -- loads the diagnostics when they are asked for, and passes calls on.
 *
 *   GCX_DIAG_LIBRARY, or libgcx-diag.so.0 beside the library that this code is
 *   in, or wherever the dynamic loader finds that name
 *
 * Loaded once and for good; where that fails every call fails with ENOTSUP and
 * the first says why.
 *
 * SPDX-License-Identifier: MIT */
#include "api/diag.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gc/gc.h"
#include "gc/hooks.h"
#include "gcx/debug.h"
#include "gcx/profile.h"
#include "heap/side.h"
#include "os/suspend.h"

#define LIBRARY "libgcx-diag.so.0"

static const char *const variables[] = {"GCX_HEAP_PROFILE", "GCX_CPU_PROFILE", "GCX_DEBUG_ADDR",
                                        NULL};

static pthread_mutex_t load_mutex = PTHREAD_MUTEX_INITIALIZER;
static const struct gcxi_diag_calls *diag_calls;
static bool is_tried;

/* ---- What the library offers ---- */

static void diag_leave(struct gcxi_mutator *self)
{
    gcxi_gc_leave(self);
}

static void diag_set_sampler(const struct gcxi_sampler *sampler)
{
    gcxi_store_release(&gcxi_sampler, sampler);
}

/* A root object ends by gcx_free alone, which must not be kept from it. */
static bool diag_watch(const void *object)
{
    uint32_t slot;
    struct gcxi_block *block = gcxi_find_slot((uintptr_t)object, &slot);
    if (block == NULL)
        return false;
    return block->kind == GCXI_ROOT || gcxi_side_watch(block, slot, GCXI_SIDE_WATCHED) == 0;
}

static void unwatch_stw(uintptr_t addr)
{
    uint32_t unit = gcxi_addr_unit(addr);
    if (gcxi_map.used[unit] == 0)
        return;
    const struct gcxi_block *block = gcxi_unit_block(unit);
    if (block->side != 0)
        gcxi_side_unwatch_stw(gcxi_side_of(block),
                              gcxi_block_slot(block, addr - gcxi_block_addr(block)));
}

static bool diag_settle_stw(const void *object)
{
    bool is_kept = gcx_detail_is_object_stw(object) != 0;
    if (!is_kept)
        unwatch_stw((uintptr_t)object);
    return is_kept;
}

static uint64_t diag_start_ns(void)
{
    return gcxi_gc.start_ns;
}

static const struct gcxi_diag_services services = {
    .version = GCXI_DIAG_VERSION,
    .enter = gcxi_gc_enter,
    .leave = diag_leave,
    .hook_add = gcxi_hooks_add,
    .set_sampler = diag_set_sampler,
    .watch = diag_watch,
    .settle_stw = diag_settle_stw,
    .set_cycle_listener = gcxi_cycle_set_listener,
    .collect = gcx_collect,
    .get_stats = gcx_get_stats,
    .blocking_begin = gcx_blocking_begin,
    .blocking_end = gcx_blocking_end,
    .get_pauses = gcx_get_pauses,
    .get_classes = gcx_get_classes,
    .start_ns = diag_start_ns,
    .stop_signal = gcxi_suspend_signal,
    .profile_heap = gcx_profile_heap,
    .thread_leaks = gcx_thread_leaks,
};

/* ---- Loading ---- */

/* The first entry is the program. */
static int find_interpreter(struct dl_phdr_info *program, size_t bytes, void *arg)
{
    (void)bytes;
    for (size_t i = 0; i < program->dlpi_phnum; i++)
        if (program->dlpi_phdr[i].p_type == PT_INTERP)
            *(bool *)arg = true;
    return 1;
}

/* Another C library would be loaded beside its own, and crash. */
static bool program_is_static(void)
{
    bool has_interpreter = false;
    dl_iterate_phdr(find_interpreter, &has_interpreter);
    return !has_interpreter;
}

static void *open_beside(void)
{
    Dl_info info;
    char path[1024];
    if (dladdr(&services, &info) == 0 || info.dli_fname == NULL)
        return NULL;
    const char *slash = strrchr(info.dli_fname, '/');
    int directory_bytes = slash != NULL ? (int)(slash + 1 - info.dli_fname) : 0;
    int n = snprintf(path, sizeof path, "%.*s%s", directory_bytes, info.dli_fname, LIBRARY);
    return slash != NULL && n < (int)sizeof path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
}

static void *open_library(void)
{
    const char *path = secure_getenv("GCX_DIAG_LIBRARY");
    if (path != NULL && *path != '\0')
        return dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *library = open_beside();
    return library != NULL ? library : dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
}

static void load(void)
{
    if (program_is_static()) {
        gcxi_report("no diagnostics: the program is linked with -static");
        return;
    }
    void *library = open_library();
    void *symbol = library != NULL ? dlsym(library, GCXI_DIAG_ENTRY) : NULL;
    if (symbol == NULL) {
        const char *why = dlerror();
        gcxi_report("no diagnostics: %s", why != NULL ? why : LIBRARY);
        return;
    }
    gcxi_diag_entry_function *entry;
    memcpy(&entry, &symbol, sizeof entry);
    const struct gcxi_diag_calls *found = NULL;
    int error = entry(&services, &found);
    if (error != 0)
        gcxi_report("no diagnostics: error %d", error);
    else
        gcxi_store_release(&diag_calls, found);
}

/* NULL with ENOTSUP; ENOMEM if the library itself cannot start. */
static const struct gcxi_diag_calls *calls_get(void)
{
    if (gcxi_gc_init(NULL) != 0) {
        errno = ENOMEM;
        return NULL;
    }
    pthread_mutex_lock(&load_mutex);
    if (!is_tried)
        load();
    is_tried = true;
    pthread_mutex_unlock(&load_mutex);
    const struct gcxi_diag_calls *calls = gcxi_load_acquire(&diag_calls);
    if (calls == NULL)
        errno = ENOTSUP;
    return calls;
}

static void start(void)
{
    for (size_t i = 0; variables[i] != NULL; i++) {
        const char *text = getenv(variables[i]);
        if (text == NULL || *text == '\0')
            continue;
        calls_get();
        return;
    }
}

void (*const gcxi_gc_on_start)(void) = start;

/* ---- gcx/profile.h ---- */

int64_t gcx_profile_set_rate(int64_t bytes)
{
    const struct gcxi_diag_calls *calls = calls_get();
    return calls != NULL ? calls->set_rate(bytes) : -1;
}

int gcx_profile_write_heap(int fd, unsigned flags)
{
    const struct gcxi_diag_calls *calls = calls_get();
    return calls != NULL ? calls->write_heap(fd, flags) : -1;
}

/* What a file held before stays until something is written: a call that fails
 * sooner loses no profile. */
static int open_file(const char *path)
{
    if (path != NULL)
        return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    errno = EINVAL;
    return -1;
}

/* The file ends behind what was written. Pipes and devices have no end. */
static int end_file(int fd)
{
    struct stat file;
    off_t end = lseek(fd, 0, SEEK_CUR);
    if (end <= 0 || fstat(fd, &file) != 0 || !S_ISREG(file.st_mode))
        return 0;
    return ftruncate(fd, end);
}

/* The outcome of write, with its errno, unless that was fine and closing is not. */
static int close_after(int fd, int status)
{
    int saved = errno;
    int end_status = end_file(fd), end_errno = errno;
    if (close(fd) != 0 && status == 0)
        return -1;
    errno = status == 0 && end_status != 0 ? end_errno : saved;
    return status == 0 ? end_status : status;
}

int gcx_profile_heap(const char *path, unsigned flags)
{
    const struct gcxi_diag_calls *calls = calls_get();
    if (calls == NULL)
        return -1;
    if ((flags & ~(unsigned)GCX_PROFILE_COLLECT) != 0) {
        errno = EINVAL;
        return -1;
    }
    int fd = open_file(path);
    return fd >= 0 ? close_after(fd, calls->write_heap(fd, flags)) : -1;
}

int gcx_profile_cpu_begin(void)
{
    const struct gcxi_diag_calls *calls = calls_get();
    return calls != NULL ? calls->cpu_begin() : -1;
}

int gcx_profile_cpu_end(const char *path)
{
    const struct gcxi_diag_calls *calls = calls_get();
    if (calls == NULL)
        return -1;
    if (path == NULL)
        return calls->cpu_end(-1);
    int fd = open_file(path);
    return fd >= 0 ? close_after(fd, calls->cpu_end(fd)) : -1;
}

int gcx_profile_threads(const char *path)
{
    const struct gcxi_diag_calls *calls = calls_get();
    int fd = calls != NULL ? open_file(path) : -1;
    return fd >= 0 ? close_after(fd, calls->write_threads(fd)) : -1;
}

int gcx_profile_thread_leaks(const char *path)
{
    const struct gcxi_diag_calls *calls = calls_get();
    int fd = calls != NULL ? open_file(path) : -1;
    return fd >= 0 ? close_after(fd, calls->write_thread_leaks(fd)) : -1;
}

/* ---- gcx/debug.h ---- */

static int serve(const char *address, bool is_remote)
{
    const struct gcxi_diag_calls *calls = calls_get();
    return calls != NULL ? calls->serve(address, is_remote) : -1;
}

int gcx_debug_serve(const char *address)
{
    return serve(address, false);
}

int gcx_debug_serve_remote(const char *address)
{
    return serve(address, true);
}

int gcx_debug_port(void)
{
    const struct gcxi_diag_calls *calls = gcxi_load_acquire(&diag_calls);
    return calls != NULL ? calls->serve_port() : 0;
}

int gcx_debug_stop(void)
{
    const struct gcxi_diag_calls *calls = calls_get();
    return calls != NULL ? calls->serve_stop() : -1;
}
