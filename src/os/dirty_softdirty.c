/* dirty_softdirty.c -- written pages by the soft-dirty bits of /proc.
 *
 * Writing "4" to clear_refs clears the soft-dirty bit of every page of the
 * process and write-protects them; the kernel sets the bit again on the first
 * write. The pagemap shows it as bit 55.
 *
 *   S1  The bits can only be cleared all at once. That happens in harvest_end
 *       with the world stopped, so no write falls between a report and the
 *       clearing (D2), and every armed range was harvested before it.
 *   S2  Arming does nothing: until the next clearing an armed page is reported
 *       if it was written at any time since the last one. Too much, never too
 *       little.
 *   S3  A mapping made since the last clearing counts as written as a whole.
 *
 * Disarming cannot lift the cost of the first write after each clearing, and
 * the program's other pages pay it as well. Other users of the bits in the
 * same process (checkpointing) and this backend exclude each other.
 *
 * Not every kernel is built with it; clear_refs then succeeds and does
 * nothing, which only a real write can tell.
 *
 * Locking: none of its own; the rules of dirty.h suffice.
 *
 * SPDX-License-Identifier: MIT */
#include "os/dirty_backends.h"
#include "os/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SOFTDIRTY_BIT (UINT64_C(1) << 55)
#define SOFTDIRTY_ENTRIES 1024 /* on the stack: static data is a root, read in each cycle */

static struct {
    int pagemap_fd; /* -1: closed */
    int clear_fd;
} softdirty_state = {.pagemap_fd = -1, .clear_fd = -1};

/* A growing run of dirty pages that was not reported yet; empty if lo == hi. */
struct softdirty_run {
    uintptr_t lo;
    uintptr_t hi;
    gcxi_dirty_visitor *visit;
    void *arg;
};

static void softdirty_close(void)
{
    if (softdirty_state.pagemap_fd >= 0)
        close(softdirty_state.pagemap_fd);
    if (softdirty_state.clear_fd >= 0)
        close(softdirty_state.clear_fd);
    softdirty_state.pagemap_fd = -1;
    softdirty_state.clear_fd = -1;
}

static int softdirty_open_descriptors(void)
{
    softdirty_state.pagemap_fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    softdirty_state.clear_fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (softdirty_state.pagemap_fd >= 0 && softdirty_state.clear_fd >= 0)
        return 0;
    softdirty_close();
    return -1;
}

static int softdirty_clear_all(void)
{
    ssize_t n;

    do
        n = pwrite(softdirty_state.clear_fd, "4", 1, 0);
    while (n < 0 && errno == EINTR);
    return n == 1 ? 0 : -1;
}

static void softdirty_run_flush(struct softdirty_run *run)
{
    if (run->lo < run->hi)
        run->visit(run->lo, run->hi, run->arg);
    run->lo = run->hi;
}

static void softdirty_run_add(struct softdirty_run *run, uintptr_t page, size_t page_bytes)
{
    if (run->hi != page) {
        softdirty_run_flush(run);
        run->lo = page;
    }
    run->hi = page + page_bytes;
}

/* Reads the entries of `count` pages; all of them, or -1. */
static int softdirty_read(uint64_t *entries, uintptr_t lo, size_t count, size_t page_bytes)
{
    const size_t wanted = count * sizeof *entries;
    const off_t offset = (off_t)(lo / page_bytes * sizeof *entries);
    ssize_t n;

    do
        n = pread(softdirty_state.pagemap_fd, entries, wanted, offset);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)wanted ? 0 : -1;
}

static int softdirty_harvest(uintptr_t lo, uintptr_t hi, gcxi_dirty_visitor *visit, void *arg)
{
    const size_t page_bytes = gcxi_vm_page_bytes();
    struct softdirty_run run = {.visit = visit, .arg = arg};
    uint64_t entries[SOFTDIRTY_ENTRIES];

    while (lo < hi) {
        const size_t count = gcxi_min((hi - lo) / page_bytes, SOFTDIRTY_ENTRIES);

        if (softdirty_read(entries, lo, count, page_bytes) < 0)
            return -1;
        for (size_t i = 0; i < count; i++) {
            if ((entries[i] & SOFTDIRTY_BIT) != 0)
                softdirty_run_add(&run, lo + i * page_bytes, page_bytes);
        }
        lo += count * page_bytes;
    }
    softdirty_run_flush(&run);
    return 0;
}

/* Should the clearing fail, the bits stay set: too much is reported. */
static void softdirty_harvest_end(void)
{
    (void)softdirty_clear_all();
}

static int softdirty_arm(uintptr_t lo, uintptr_t hi)
{
    (void)lo;
    (void)hi;
    return 0;
}

static void softdirty_disarm(uintptr_t lo, uintptr_t hi)
{
    (void)lo;
    (void)hi;
}

static bool softdirty_is_dirty(uintptr_t page)
{
    const size_t page_bytes = gcxi_vm_page_bytes();
    uint64_t entry;

    return softdirty_read(&entry, page, 1, page_bytes) == 0 && (entry & SOFTDIRTY_BIT) != 0;
}

/* The kernel stores into the page, on behalf of a system call. */
static bool softdirty_probe_read(uintptr_t page)
{
    return pread(softdirty_state.pagemap_fd, (void *)page, sizeof(uint64_t), 0) ==
               (ssize_t)sizeof(uint64_t) &&
           softdirty_is_dirty(page);
}

static bool softdirty_probe_page(uintptr_t page)
{
    volatile unsigned char *byte = (volatile unsigned char *)page;

    *byte = 1;
    if (softdirty_clear_all() < 0 || softdirty_is_dirty(page))
        return false;
    *byte = 2;
    if (!softdirty_is_dirty(page) || softdirty_clear_all() < 0)
        return false;
    return !softdirty_is_dirty(page) && softdirty_probe_read(page);
}

static int softdirty_probe(void)
{
    const size_t page_bytes = gcxi_vm_page_bytes();
    void *page = gcxi_vm_map(page_bytes);
    bool works;

    if (page == NULL)
        return -1;
    works = softdirty_probe_page((uintptr_t)page);
    gcxi_vm_unmap(page, page_bytes);
    return works ? 0 : -1;
}

static int softdirty_open(uintptr_t base, size_t bytes)
{
    (void)base;
    (void)bytes;
    if (softdirty_state.pagemap_fd >= 0 || softdirty_open_descriptors() < 0)
        return -1;
    if (softdirty_probe() == 0)
        return 0;
    softdirty_close();
    return -1;
}

static int softdirty_reopen_after_fork(void)
{
    softdirty_close();
    return softdirty_open_descriptors();
}

/* A write fault of the kernel; not measured. */
static uint64_t softdirty_fault_ns(void)
{
    return 1000u;
}

const struct gcxi_dirty_backend gcxi_dirty_softdirty = {
    .name = "softdirty",
    .open = softdirty_open,
    .close = softdirty_close,
    .reopen_after_fork = softdirty_reopen_after_fork,
    .arm = softdirty_arm,
    .disarm = softdirty_disarm,
    .harvest = softdirty_harvest,
    .harvest_end = softdirty_harvest_end,
    .fault_ns = softdirty_fault_ns,
};
