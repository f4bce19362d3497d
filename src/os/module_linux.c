/* module_linux.c -- static data and thread-local storage by dl_iterate_phdr.
 *
 * The callback of dl_iterate_phdr runs under the loader's lock, and the lock is
 * recursive. So the first callback of an outer iteration does all the work: it
 * iterates once more to rebuild the snapshot if need be, calls `then`, and ends
 * the outer iteration. (musl takes the lock per step only; but there libraries
 * are never unloaded, so a snapshot cannot go stale, and `then` calls nothing
 * of the loader.)
 *
 *   M1  A snapshot is current if the loader's counts of loads and unloads are
 *       those it was built at. Where they are not told it is always rebuilt.
 *   M2  Segments: PT_LOAD and writable, less PT_GNU_RELRO rounded as the loader
 *       rounds it, less the excluded ranges. A relocated read-only part only
 *       holds what the loader put there.
 *   M3  A snapshot that could not grow is a prefix of the truth, marked stale.
 *   M4  A module with thread-local storage that the loader has not finished
 *       entering leaves the snapshot stale too.
 *   M5  Zeroes are what a segment has in memory and not in its file, but for the page
 *       where that ends. The program comes first in the list, and is never unloaded.
 *
 * Locking: the state is written under the loader's lock within a freeze, and
 * freezes do not overlap (the collector's lock); read by the collector only.
 * Tables come from os/vm.h: a thread stopped in malloc may hold its lock.
 *
 * Rejected: /proc/self/maps (every anonymous mapping looks alike, and reading
 * it takes the kernel's map lock for long); hooking dlopen.
 *
 * SPDX-License-Identifier: MIT */
#include "os/module.h"

#include "base/atomic.h"
#include "os/tls.h"
#include "os/vm.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#define MODULE_EXCLUDES_MAX 16
#define MODULE_TABLE_MIN_BYTES (16 * GCXI_KIB)

/* A growing array in mapped memory. */
struct module_table {
    void *base;
    size_t mapped_bytes;
    size_t count;
};

static struct {
    struct module_table ranges; /* struct gcxi_range */
    struct module_table data;   /* struct gcxi_data: their whole pages */
    struct module_table tls;    /* struct gcxi_tls_module */
    struct gcxi_range excludes[MODULE_EXCLUDES_MAX];
    size_t excludes_count;
    unsigned long long adds; /* the loader's counts at the last build */
    unsigned long long subs;
    bool current; /* the counts are valid and the snapshot is whole */
    uint64_t version;
} module_state;

/* What is added at a time. */
struct module_segment {
    uintptr_t lo, hi;
    uintptr_t zeroes_lo; /* from there on it is zeroes, to the page */
    bool is_program;
};

struct module_freeze {
    void (*then)(void *arg);
    void *arg;
    int result;
};

/* ---- tables ---- */

static int module_table_grow(struct module_table *table)
{
    const size_t bytes = gcxi_max(2 * table->mapped_bytes, MODULE_TABLE_MIN_BYTES);
    char *base = gcxi_vm_map(bytes);

    if (base == NULL)
        return -1;
    if (table->base != NULL) {
        __builtin_memcpy(base, table->base, table->mapped_bytes);
        gcxi_vm_unmap(table->base, table->mapped_bytes);
    }
    table->base = base;
    table->mapped_bytes = bytes;
    return 0;
}

/* Makes room for one more element of that size. */
static int module_table_reserve(struct module_table *table, size_t element_bytes)
{
    if ((table->count + 1) * element_bytes <= table->mapped_bytes)
        return 0;
    return module_table_grow(table);
}

/* ---- building ---- */

static int module_add_data(const struct module_segment *part)
{
    const uintptr_t page_bytes = gcxi_vm_page_bytes();
    const uintptr_t lo = gcxi_align_up(part->lo, page_bytes);
    const uintptr_t hi = gcxi_align_down(part->hi, page_bytes);
    const uintptr_t zeroes_lo = gcxi_align_up(part->zeroes_lo, page_bytes);
    struct gcxi_data *data;

    if (lo >= hi)
        return 0;
    if (module_table_reserve(&module_state.data, sizeof *data) < 0)
        return -1;
    data = module_state.data.base;
    data[module_state.data.count++] =
        (struct gcxi_data){lo, hi, gcxi_min(gcxi_max(zeroes_lo, lo), hi), part->is_program};
    return 0;
}

static int module_add_range(const struct module_segment *part)
{
    const uintptr_t lo = gcxi_align_up(part->lo, sizeof(uintptr_t));
    const uintptr_t hi = gcxi_align_down(part->hi, sizeof(uintptr_t));
    struct gcxi_range *ranges;

    if (lo >= hi)
        return 0;
    if (module_table_reserve(&module_state.ranges, sizeof(struct gcxi_range)) < 0)
        return -1;
    ranges = module_state.ranges.base;
    ranges[module_state.ranges.count++] = (struct gcxi_range){lo, hi};
    return module_add_data(part);
}

/* Adds the segment without the holes from `first` on; holes may be in any order
 * and overlap. */
static int module_add_without(struct module_segment part, const struct gcxi_range *holes,
                              size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct module_segment front = part;

        if (holes[i].hi <= part.lo || holes[i].lo >= part.hi || holes[i].lo >= holes[i].hi)
            continue;
        front.hi = holes[i].lo;
        if (holes[i].lo > part.lo && module_add_without(front, holes + i + 1, count - i - 1) < 0)
            return -1;
        if (holes[i].hi >= part.hi)
            return 0;
        part.lo = holes[i].hi;
    }
    return module_add_range(&part);
}

/* What becomes read-only after relocation: whole pages at the start only. */
static struct gcxi_range module_relro(const struct dl_phdr_info *info)
{
    const uintptr_t page_bytes = gcxi_vm_page_bytes();

    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        const uintptr_t lo = info->dlpi_addr + header->p_vaddr;

        if (header->p_type == PT_GNU_RELRO)
            return (struct gcxi_range){gcxi_align_down(lo, page_bytes),
                                       gcxi_align_down(lo + header->p_memsz, page_bytes)};
    }
    return (struct gcxi_range){0, 0};
}

static int module_add_segment(const struct module_segment *segment, struct gcxi_range relro)
{
    struct gcxi_range holes[MODULE_EXCLUDES_MAX + 1];

    holes[0] = relro;
    for (size_t i = 0; i < module_state.excludes_count; i++)
        holes[i + 1] = module_state.excludes[i];
    return module_add_without(*segment, holes, module_state.excludes_count + 1);
}

static bool module_is_data(const ElfW(Phdr) * header)
{
    return header->p_type == PT_LOAD && (header->p_flags & PF_W) != 0;
}

static int module_add_segments(const struct dl_phdr_info *info, bool is_program)
{
    const struct gcxi_range relro = module_relro(info);

    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        const uintptr_t lo = info->dlpi_addr + header->p_vaddr;
        const struct module_segment segment = {lo, lo + header->p_memsz, lo + header->p_filesz,
                                               is_program};

        if (module_is_data(header) && module_add_segment(&segment, relro) < 0)
            return -1;
    }
    return 0;
}

static size_t module_tls_bytes(const struct dl_phdr_info *info)
{
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_TLS)
            return info->dlpi_phdr[i].p_memsz;
    }
    return 0;
}

static int module_add_tls(const struct dl_phdr_info *info)
{
    struct gcxi_tls_module module = {.id = info->dlpi_tls_modid, .bytes = module_tls_bytes(info)};
    struct gcxi_tls_module *modules;

    if (module.id == 0 || module.bytes == 0)
        return 0;
    if (!gcxi_tls_describe(&module))
        module_state.current = false;
    if (module_table_reserve(&module_state.tls, sizeof module) < 0)
        return -1;
    modules = module_state.tls.base;
    modules[module_state.tls.count++] = module;
    return 0;
}

static bool module_info_has_tls(size_t size)
{
    return size >= offsetof(struct dl_phdr_info, dlpi_tls_modid) + sizeof(size_t);
}

/* The program comes first. Ends the iteration with 1 when out of memory. */
static int module_build_one(struct dl_phdr_info *info, size_t size, void *arg)
{
    size_t *count = arg;

    if (module_add_segments(info, (*count)++ == 0) < 0)
        return 1;
    return module_info_has_tls(size) && module_add_tls(info) < 0;
}

static int module_build(void)
{
    size_t count = 0;

    module_state.ranges.count = 0;
    module_state.data.count = 0;
    module_state.tls.count = 0;
    module_state.current = true;
    module_state.version++;
    if (dl_iterate_phdr(module_build_one, &count) == 0)
        return 0;
    module_state.current = false;
    errno = ENOMEM;
    return -1;
}

/* ---- freezing ---- */

static bool module_info_has_counts(size_t size)
{
    return size >= offsetof(struct dl_phdr_info, dlpi_subs) + sizeof(unsigned long long);
}

static bool module_is_current(const struct dl_phdr_info *info, size_t size)
{
    return module_state.current && module_info_has_counts(size) &&
           info->dlpi_adds == module_state.adds && info->dlpi_subs == module_state.subs;
}

static void module_note_counts(const struct dl_phdr_info *info, size_t size)
{
    if (!module_info_has_counts(size))
        return;
    module_state.adds = info->dlpi_adds;
    module_state.subs = info->dlpi_subs;
}

static int module_freeze_locked(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct module_freeze *freeze = arg;

    gcxi_order_acquire(&module_state); /* the loader's lock */
    if (!module_is_current(info, size)) {
        module_note_counts(info, size);
        freeze->result = module_build();
    }
    freeze->then(freeze->arg);
    gcxi_order_release(&module_state);
    return 1;
}

int gcxi_module_freeze(void (*then)(void *arg), void *arg)
{
    struct module_freeze freeze = {.then = then, .arg = arg, .result = 0};

    gcxi_tls_prepare();
    (void)dl_iterate_phdr(module_freeze_locked, &freeze);
    if (freeze.result < 0)
        errno = ENOMEM; /* `then` may have changed it */
    return freeze.result;
}

/* ---- the snapshot ---- */

size_t gcxi_module_ranges(const struct gcxi_range **ranges)
{
    *ranges = module_state.ranges.base;
    return module_state.ranges.count;
}

size_t gcxi_module_data(const struct gcxi_data **data)
{
    *data = module_state.data.base;
    return module_state.data.count;
}

uint64_t gcxi_module_version(void)
{
    return module_state.version;
}

size_t gcxi_module_excluded(const struct gcxi_range **ranges)
{
    *ranges = module_state.excludes;
    return module_state.excludes_count;
}

void gcxi_module_exclude(uintptr_t lo, uintptr_t hi)
{
    for (size_t i = 0; i < module_state.excludes_count; i++)
        if (module_state.excludes[i].lo == lo && module_state.excludes[i].hi == hi)
            return;
    GCXI_ASSERT(module_state.excludes_count < MODULE_EXCLUDES_MAX);
    module_state.excludes[module_state.excludes_count++] = (struct gcxi_range){lo, hi};
    module_state.current = false;
}

void gcxi_module_thread_storage(uintptr_t thread_pointer,
                                void (*visit)(uintptr_t lo, uintptr_t hi, void *arg), void *arg)
{
    gcxi_tls_visit(thread_pointer, module_state.tls.base, module_state.tls.count, visit, arg);
}

uintptr_t gcxi_module_thread_pointer(void)
{
    return gcxi_tls_thread_pointer();
}

/* ---- code ---- */

struct gcxi_code gcxi_module_code(const void *code)
{
    struct gcxi_code found = {"?", (size_t)(uintptr_t)code};
    Dl_info info;

    if (code == NULL || dladdr(code, &info) == 0 || info.dli_fname == NULL)
        return found;
    const char *slash = strrchr(info.dli_fname, '/');
    const char *name = slash != NULL ? slash + 1 : info.dli_fname;
    size_t length = gcxi_min(strlen(name), sizeof found.module - 1);
    memcpy(found.module, name, length);
    found.module[length] = '\0';
    found.offset = (size_t)((uintptr_t)code - (uintptr_t)info.dli_fbase);
    return found;
}
