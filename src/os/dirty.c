/* dirty.c -- the choice among the ways to learn which pages were written.
 *
 *   uffd       per range and per page, no signal, system calls work; Linux 6.7
 *   softdirty  per page, but cleared for the whole process at once; not on
 *              every kernel, and it disturbs others who use the same bits
 *   mprotect   everywhere; a signal per first write, 64 KiB units, and system
 *              calls into tracked pages fail with EFAULT
 *
 * Because of the last point mprotect is never chosen silently: a program that
 * reads a file into a collected buffer would see an error that has nothing to
 * do with it. It must be asked for by name.
 *
 * Each backend tracks one range at a time and keeps its state in its own file:
 * a process has one tracked heap, and a signal handler has no argument through
 * which a state could be passed.
 *
 * SPDX-License-Identifier: MIT */
#include "os/dirty.h"

#include "os/dirty_backends.h"

#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

const struct gcxi_dirty_backend *const gcxi_dirty_backends[] = {
    &gcxi_dirty_uffd,
    &gcxi_dirty_softdirty,
    &gcxi_dirty_mprotect,
    NULL,
};

static bool dirty_matches(const struct gcxi_dirty_backend *backend, const char *name)
{
    if (name == NULL || strcmp(name, "auto") == 0)
        return backend != &gcxi_dirty_mprotect;
    return strcmp(name, backend->name) == 0;
}

const struct gcxi_dirty_backend *gcxi_dirty_open(const char *name, uintptr_t base, size_t bytes)
{
    for (size_t i = 0; gcxi_dirty_backends[i] != NULL; i++) {
        const struct gcxi_dirty_backend *backend = gcxi_dirty_backends[i];

        if (dirty_matches(backend, name) && backend->open(base, bytes) == 0)
            return backend;
    }
    return NULL;
}

uint64_t gcxi_dirty_fault_ns(const struct gcxi_dirty_backend *backend)
{
    const char *text = GCXI_CHECKED ? getenv("GCX_FAULT_NS") : NULL;
    int64_t ns;
    if (text != NULL && gcxi_parse_int(text, &ns) && ns >= 0)
        return (uint64_t)ns;
    return backend->fault_ns();
}
