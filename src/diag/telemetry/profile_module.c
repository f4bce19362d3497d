/* profile_module.c -- the executable segments that the dynamic loader knows,
 * with the build identifier from each file's notes.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/profile_module.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "diag/telemetry/telemetry.h"

struct modules {
    struct gcxi_profile_module *items;
    size_t count;
    bool has_failed;
};

static uintptr_t align4(uintptr_t bytes)
{
    return gcxi_align_up(bytes, 4);
}

/* Of a note segment. */
static void read_build_id(const char *note, size_t bytes, char hex[65])
{
    while (bytes >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *head = (const void *)note;
        size_t name_bytes = align4(head->n_namesz), desc_bytes = align4(head->n_descsz);
        const unsigned char *desc = (const unsigned char *)(head + 1) + name_bytes;
        size_t all = sizeof *head + name_bytes + desc_bytes;
        if (all > bytes)
            return;
        if (head->n_type == NT_GNU_BUILD_ID && head->n_namesz == 4 && head->n_descsz <= 32 &&
            memcmp(head + 1, "GNU", 4) == 0) {
            for (unsigned i = 0; i < head->n_descsz; i++)
                snprintf(hex + 2 * i, 3, "%02x", desc[i]);
            return;
        }
        note += all;
        bytes -= all;
    }
}

/* The program itself has no name there. */
static char *path_of(const struct dl_phdr_info *info, bool is_first)
{
    char path[4096];
    ssize_t n = is_first ? readlink("/proc/self/exe", path, sizeof path - 1) : -1;
    if (n < 0)
        return strdup(info->dlpi_name[0] != '\0' ? info->dlpi_name : "[vdso]");
    path[n] = '\0';
    return strdup(path);
}

static void add_segment(struct modules *modules, const struct dl_phdr_info *info,
                        const ElfW(Phdr) * phdr, const char *build_id)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct gcxi_profile_module *items =
        realloc(modules->items, (modules->count + 1) * sizeof *items);
    if (items == NULL) {
        modules->has_failed = true;
        return;
    }
    struct gcxi_profile_module *module = &items[modules->count];
    modules->items = items;
    module->lo = gcxi_align_down(info->dlpi_addr + phdr->p_vaddr, page);
    module->hi = gcxi_align_up(info->dlpi_addr + phdr->p_vaddr + phdr->p_memsz, page);
    module->file_offset = gcxi_align_down(phdr->p_offset, page);
    module->path = path_of(info, modules->count == 0);
    memcpy(module->build_id, build_id, sizeof module->build_id);
    modules->has_failed |= module->path == NULL;
    modules->count++;
}

static int add_module(struct dl_phdr_info *info, size_t size, void *arg)
{
    char build_id[65] = "";
    (void)size;
    for (unsigned i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_NOTE && build_id[0] == '\0')
            read_build_id((const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr),
                          info->dlpi_phdr[i].p_memsz, build_id);
    for (unsigned i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X) != 0)
            add_segment(arg, info, &info->dlpi_phdr[i], build_id);
    return 0;
}

/* A cycle holds the loader's lock: it must not wait for this thread. */
struct gcxi_profile_module *gcxi_profile_modules(size_t *count)
{
    struct modules modules = {0};
    bool is_blocking = gcxi_diag->blocking_begin() == 0;
    dl_iterate_phdr(add_module, &modules);
    if (is_blocking)
        gcxi_diag->blocking_end();
    *count = modules.count;
    if (!modules.has_failed)
        return modules.items;
    gcxi_profile_modules_free(modules.items, modules.count);
    return NULL;
}

void gcxi_profile_modules_free(struct gcxi_profile_module *modules, size_t count)
{
    for (size_t i = 0; modules != NULL && i < count; i++)
        free(modules[i].path);
    free(modules);
}
