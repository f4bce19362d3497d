/* leak_extent.c -- where the loader and the allocator lie: what they hold of
 * blocks is not what a program holds.
 *
 * SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <link.h>
#include <sys/auxv.h>

#include "diag/leak.h"

#if defined(__GLIBC__)
#define LOADER_IS_APART true
#else
#define LOADER_IS_APART false /* the C library itself */
#endif

struct gcxi_leak_extent gcxi_leak_loader;
struct gcxi_leak_extent gcxi_leak_allocator_data;

/* Of a module that is mapped from its ELF header on. */
static struct gcxi_leak_extent extent_of(uintptr_t base)
{
    struct gcxi_leak_extent extent = {base, base};
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)base;
    if (base == 0)
        return extent;
    const ElfW(Phdr) *parts = (const ElfW(Phdr) *)(base + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++)
        if (parts[i].p_type == PT_LOAD)
            extent.hi = gcxi_max(extent.hi, base + parts[i].p_vaddr + parts[i].p_memsz);
    return extent;
}

/* None if the allocator is a part of the program: its data is the program's. */
static struct gcxi_leak_extent allocator_extent(void)
{
    Dl_info info;
    struct gcxi_leak_extent none = {0, 0};
    if (dladdr((const void *)(uintptr_t)gcxi_leak_allocator.malloc, &info) == 0)
        return none;
    struct gcxi_leak_extent extent = extent_of((uintptr_t)info.dli_fbase);
    return gcxi_leak_is_in(extent, getauxval(AT_PHDR)) ? none : extent;
}

void gcxi_leak_find_extents(void)
{
    if (LOADER_IS_APART)
        gcxi_leak_loader = extent_of(getauxval(AT_BASE));
    gcxi_leak_allocator_data = allocator_extent();
}
