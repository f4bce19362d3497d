/* resident_linux.c -- see resident.h. By /proc/self/pagemap: 64 bits for each page.
 * Reading them takes about 2 us for each MiB.
 *
 *   P1  An entry without both bits below is empty: the page was not touched, or
 *       given back since. Whatever is on its way to or from elsewhere has one.
 *   P2  Where the file describes another address space, as under an emulator, or
 *       nothing at all, it does not know the caller's own stack. Then nothing that
 *       it says counts.
 *
 * The file is opened for each visit: a descriptor that is kept would describe the
 * parent of a forked child.
 *
 * SPDX-License-Identifier: MIT */
#include "os/resident.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "os/vm.h"

#define RESIDENT_PRESENT (UINT64_C(1) << 63)
#define RESIDENT_SWAPPED (UINT64_C(1) << 62)
#define RESIDENT_ENTRIES 256u /* read together */

/* A visit under way. */
struct resident_scan {
    int fd;
    uintptr_t lo;
    uintptr_t hi;
    uintptr_t at;  /* a page; those before have been looked at */
    uintptr_t run; /* where pages that are there begin, up to at; 0: none do */
    gcxi_resident_visitor *visit;
    void *arg;
};

static bool resident_read(int fd, uintptr_t page, uint64_t *entries, size_t count)
{
    size_t bytes = count * sizeof *entries;
    off_t offset = (off_t)(page / gcxi_vm_page_bytes() * sizeof *entries);

    return pread(fd, entries, bytes, offset) == (ssize_t)bytes;
}

/* P2. */
static bool resident_is_told(int fd)
{
    volatile uint64_t here = 1;
    uint64_t entry;

    return resident_read(fd, (uintptr_t)&here, &entry, 1) && (entry & RESIDENT_PRESENT) != 0;
}

static void resident_end_run(struct resident_scan *scan, uintptr_t end)
{
    if (scan->run != 0)
        scan->visit(gcxi_max(scan->run, scan->lo), gcxi_min(end, scan->hi), scan->arg);
    scan->run = 0;
}

/* What cannot be read counts as there. */
static void resident_step(struct resident_scan *scan)
{
    uint64_t entries[RESIDENT_ENTRIES];
    uintptr_t page_bytes = gcxi_vm_page_bytes();
    size_t left = (scan->hi - scan->at + page_bytes - 1) / page_bytes;
    size_t count = left < RESIDENT_ENTRIES ? left : RESIDENT_ENTRIES;
    bool is_read = resident_read(scan->fd, scan->at, entries, count);

    for (size_t i = 0; i < count; i++, scan->at += page_bytes) {
        bool is_there = !is_read || (entries[i] & (RESIDENT_PRESENT | RESIDENT_SWAPPED)) != 0;

        if (!is_there)
            resident_end_run(scan, scan->at);
        else if (scan->run == 0)
            scan->run = scan->at;
    }
}

int gcxi_resident_visit(uintptr_t lo, uintptr_t hi, gcxi_resident_visitor *visit, void *arg)
{
    const int saved_errno = errno;
    struct resident_scan scan = {
        .fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC),
        .lo = lo,
        .hi = hi,
        .at = gcxi_align_down(lo, gcxi_vm_page_bytes()),
        .visit = visit,
        .arg = arg,
    };
    bool is_told = scan.fd >= 0 && resident_is_told(scan.fd);

    while (is_told && scan.at < hi)
        resident_step(&scan);
    resident_end_run(&scan, scan.at);
    if (scan.fd >= 0)
        close(scan.fd);
    errno = saved_errno;
    return is_told ? 0 : -1;
}
