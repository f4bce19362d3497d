/* dirty_uffd.c -- written pages by userfaultfd in asynchronous write-protect
 * mode and the PAGEMAP_SCAN call (Linux 6.7 and later).
 *
 * The whole reservation is registered once. Arming sets a write-protect bit in
 * the page-table entries; the first write to a page takes a fault that the
 * kernel resolves by itself, clearing the bit: no handler, no message, no
 * thread. One scan then reports the pages without the bit and sets it again.
 *
 *   W1  A page with the bit has not been written since the bit was set. The
 *       scan sets the bit before it reports the page (D2).
 *   W2  Empty page-table entries are marked as well (WP_UNPOPULATED), so that
 *       a page first touched after arming is reported.
 *   W3  To the scan a page without the bit is a written page, also one that
 *       was never armed: a harvest reports it and arms it. So harvests are
 *       for armed ranges.
 *   W4  Protected huge pages are split by the first write into them; only the
 *       page written is then reported.
 *   W5  A purge drops the bits. A purged page is reported once it is written.
 *   W6  A mapping made over a registered one is not registered: scans fail there.
 *
 * Writes by system calls fault like any other (also with USER_MODE_ONLY, which
 * forbids messages about them, and there are none). Only a device that writes
 * to pages pinned before they were armed goes unseen.
 *
 * A forked child has neither registration nor bits, and the inherited
 * descriptors speak of its parent: they are replaced.
 *
 * Locking: none of its own; the rules of dirty.h suffice. There is one buffer
 * of regions because harvests do not overlap and must not allocate. It is
 * mapped: in static data, a root, the addresses left in it kept objects alive.
 *
 * Rejected: a mode with messages, 1.6 to 3.4 times slower programs.
 *
 * SPDX-License-Identifier: MIT */
#include "os/clock.h"
#include "os/dirty_backends.h"
#include "os/dirty_outside.h"
#include "os/uffd_abi_linux.h"
#include "os/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UFFD_REGIONS 1024
#define UFFD_MEASURED 32u               /* pages */
#define UFFD_PROBE_BYTES (2 * GCXI_MIB) /* a huge page, where the processor has that size */

static struct {
    int fault_fd; /* -1: closed */
    int pagemap_fd;
    uintptr_t lo;
    size_t bytes;  /* the end is where noscan objects begin: here it would hold the first */
    bool has_heap; /* of lo and bytes; other ranges may be tracked without */
    struct gcxi_scan_region *regions; /* UFFD_REGIONS of them; kept when closed */
    uint64_t fault_ns;
} uffd_state = {.fault_fd = -1, .pagemap_fd = -1};

/* Not ioctl(): C libraries disagree on the type of its second parameter. */
static int uffd_call(int fd, unsigned long request, void *arg)
{
    return (int)syscall(SYS_ioctl, fd, request, arg);
}

static int uffd_create(void)
{
    const int flags = O_CLOEXEC | O_NONBLOCK;
    long fd = syscall(SYS_userfaultfd, flags | GCXI_UFFD_USER_MODE_ONLY);

    if (fd < 0 && errno == EINVAL)
        fd = syscall(SYS_userfaultfd, flags);
    return (int)fd;
}

static int uffd_request_features(int fault_fd)
{
    struct gcxi_uffd_api api = {.api = GCXI_UFFD_API};

    api.features = GCXI_UFFD_FEATURE_WP_ASYNC | GCXI_UFFD_FEATURE_WP_UNPOPULATED;
    return uffd_call(fault_fd, GCXI_UFFDIO_API, &api);
}

static void uffd_close_descriptors(void)
{
    if (uffd_state.fault_fd >= 0)
        close(uffd_state.fault_fd);
    if (uffd_state.pagemap_fd >= 0)
        close(uffd_state.pagemap_fd);
    uffd_state.fault_fd = -1;
    uffd_state.pagemap_fd = -1;
}

static int uffd_open_descriptors(void)
{
    uffd_state.fault_fd = uffd_create();
    uffd_state.pagemap_fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (uffd_state.fault_fd >= 0 && uffd_state.pagemap_fd >= 0 &&
        uffd_request_features(uffd_state.fault_fd) == 0)
        return 0;
    uffd_close_descriptors();
    return -1;
}

static int uffd_register(uintptr_t lo, uintptr_t hi)
{
    struct gcxi_uffd_register request = {
        .range = {.start = lo, .bytes = hi - lo},
        .mode = GCXI_UFFD_REGISTER_WP,
    };

    return uffd_call(uffd_state.fault_fd, GCXI_UFFDIO_REGISTER, &request);
}

static void uffd_unregister(uintptr_t lo, uintptr_t hi)
{
    struct gcxi_uffd_range range = {.start = lo, .bytes = hi - lo};

    (void)uffd_call(uffd_state.fault_fd, GCXI_UFFDIO_UNREGISTER, &range);
}

/* Protects every page of the range: no category is asked for, so all match. */
static int uffd_arm(uintptr_t lo, uintptr_t hi)
{
    struct gcxi_scan_arg arg = {
        .arg_bytes = sizeof arg,
        .flags = GCXI_SCAN_WP_MATCHING | GCXI_SCAN_CHECK_WPASYNC,
        .start = lo,
        .end = hi,
    };

    return uffd_call(uffd_state.pagemap_fd, GCXI_PAGEMAP_SCAN, &arg) < 0 ? -1 : 0;
}

static void uffd_disarm(uintptr_t lo, uintptr_t hi)
{
    struct gcxi_uffd_writeprotect request = {.range = {.start = lo, .bytes = hi - lo}, .mode = 0};

    int result;

    do
        result = uffd_call(uffd_state.fault_fd, GCXI_UFFDIO_WRITEPROTECT, &request);
    while (result < 0 && errno == EAGAIN);
}

/* Pages of zeroes are there, but nobody has written to them. */
static void uffd_visit_regions(size_t count, gcxi_dirty_visitor *visit, void *arg)
{
    for (size_t i = 0; i < count; i++)
        if ((uffd_state.regions[i].categories & GCXI_SCAN_PAGE_IS_ZERO) == 0)
            visit(uffd_state.regions[i].start, uffd_state.regions[i].end, arg);
}

/* Which pages a scan is about, by GCXI_SCAN_ categories. */
struct uffd_choice {
    uint64_t all;      /* in all of these, */
    uint64_t any;      /* and in one of these unless 0 */
    uint64_t reported; /* with each region */
};

/* Protects the pages and visits them. 0, or -1. */
static int uffd_protect(uintptr_t lo, uintptr_t hi, struct uffd_choice choice,
                        gcxi_dirty_visitor *visit, void *arg)
{
    struct gcxi_scan_arg scan = {
        .arg_bytes = sizeof scan,
        .flags = GCXI_SCAN_WP_MATCHING | GCXI_SCAN_CHECK_WPASYNC,
        .start = lo,
        .end = hi,
        .regions = (uintptr_t)uffd_state.regions,
        .regions_count = UFFD_REGIONS,
        .category_mask = choice.all,
        .category_anyof_mask = choice.any,
        .return_mask = choice.reported,
    };

    while (scan.start < scan.end) {
        const int count = uffd_call(uffd_state.pagemap_fd, GCXI_PAGEMAP_SCAN, &scan);

        if (count < 0 || scan.walk_end <= scan.start)
            return -1;
        scan.start = scan.walk_end;
        uffd_visit_regions((size_t)count, visit, arg);
    }
    return 0;
}

static int uffd_harvest(uintptr_t lo, uintptr_t hi, gcxi_dirty_visitor *visit, void *arg)
{
    const struct uffd_choice written = {.all = GCXI_SCAN_PAGE_IS_WRITTEN,
                                        .reported = GCXI_SCAN_PAGE_IS_WRITTEN};

    return uffd_protect(lo, hi, written, visit, arg);
}

static void uffd_harvest_end(void)
{
}

struct uffd_probe {
    uintptr_t page;
    size_t dirty_bytes;
    bool hit;
};

static void uffd_probe_note(uintptr_t lo, uintptr_t hi, void *arg)
{
    struct uffd_probe *probe = arg;

    probe->dirty_bytes += hi - lo;
    probe->hit = probe->hit || (lo <= probe->page && probe->page < hi);
}

/* Whether a harvest of the range reports the page, or with page 0 nothing. */
static bool uffd_probe_expect(uintptr_t lo, uintptr_t hi, uintptr_t page)
{
    struct uffd_probe probe = {.page = page};

    if (uffd_harvest(lo, hi, uffd_probe_note, &probe) < 0)
        return false;
    return page == 0 ? probe.dirty_bytes == 0 : probe.hit;
}

static bool uffd_probe_store(uintptr_t lo, uintptr_t hi, uintptr_t page)
{
    *(volatile unsigned char *)page = 1;
    return uffd_probe_expect(lo, hi, page);
}

/* The kernel stores into the page, on behalf of a system call. */
static bool uffd_probe_read(uintptr_t lo, uintptr_t hi, uintptr_t page)
{
    if (pread(uffd_state.pagemap_fd, (void *)page, sizeof(uint64_t), 0) != sizeof(uint64_t))
        return false;
    return uffd_probe_expect(lo, hi, page);
}

/* The range is backed by a huge page if the system gives one. */
static bool uffd_probe_range(uintptr_t lo, uintptr_t hi)
{
    const uintptr_t page_bytes = gcxi_vm_page_bytes();
    const uintptr_t middle = lo + gcxi_align_down((hi - lo) / 2, page_bytes);

    *(volatile unsigned char *)lo = 1;
    return uffd_arm(lo, hi) == 0 && uffd_probe_expect(lo, hi, 0) &&
           uffd_probe_store(lo, hi, middle) && uffd_probe_expect(lo, hi, 0) &&
           uffd_probe_read(lo, hi, hi - page_bytes) && uffd_probe_expect(lo, hi, 0) &&
           uffd_probe_read(lo, hi, middle);
}

static void uffd_measure(uintptr_t lo, uintptr_t hi)
{
    const uintptr_t page_bytes = gcxi_vm_page_bytes();
    const uintptr_t end = gcxi_min(hi, lo + UFFD_MEASURED * page_bytes);
    const uint64_t before = gcxi_clock_ns();

    for (uintptr_t page = lo; page < end; page += page_bytes)
        *(volatile unsigned char *)page = 1;
    uffd_state.fault_ns = (gcxi_clock_ns() - before) / UFFD_MEASURED;
}

static uint64_t uffd_fault_ns(void)
{
    return uffd_state.fault_ns;
}

static int uffd_probe(void)
{
    void *base = gcxi_vm_reserve(UFFD_PROBE_BYTES, UFFD_PROBE_BYTES);
    const uintptr_t lo = (uintptr_t)base;
    const uintptr_t hi = lo + UFFD_PROBE_BYTES;
    bool works = false;

    if (base == NULL)
        return -1;
    gcxi_vm_advise_huge(base, UFFD_PROBE_BYTES);
    if (gcxi_vm_commit(base, UFFD_PROBE_BYTES) == 0 && uffd_register(lo, hi) == 0) {
        works = uffd_probe_range(lo, hi);
        uffd_measure(lo, hi);
        uffd_unregister(lo, hi);
    }
    gcxi_vm_unreserve(base, UFFD_PROBE_BYTES);
    return works ? 0 : -1;
}

/* Descriptors that have proven to work. */
static int uffd_prepare(void)
{
    if (uffd_state.fault_fd >= 0)
        return 0;
    if (uffd_state.regions == NULL)
        uffd_state.regions = gcxi_vm_map(UFFD_REGIONS * sizeof *uffd_state.regions);
    if (uffd_state.regions == NULL || uffd_open_descriptors() < 0)
        return -1;
    if (uffd_probe() == 0)
        return 0;
    uffd_close_descriptors();
    return -1;
}

static int uffd_open(uintptr_t base, size_t bytes)
{
    if (uffd_state.has_heap || uffd_prepare() < 0)
        return -1;
    if (uffd_register(base, base + bytes) < 0) {
        uffd_close_descriptors();
        return -1;
    }
    uffd_state.lo = base;
    uffd_state.bytes = bytes;
    uffd_state.has_heap = true;
    return 0;
}

static void uffd_close(void)
{
    if (!uffd_state.has_heap)
        return;
    uffd_unregister(uffd_state.lo, uffd_state.lo + uffd_state.bytes);
    uffd_close_descriptors();
    uffd_state.has_heap = false;
}

static int uffd_reopen_after_fork(void)
{
    uffd_close_descriptors();
    uffd_state.has_heap = uffd_open_descriptors() == 0 &&
                          uffd_register(uffd_state.lo, uffd_state.lo + uffd_state.bytes) == 0;
    if (uffd_state.has_heap)
        return 0;
    uffd_close_descriptors();
    return -1;
}

const struct gcxi_dirty_backend gcxi_dirty_uffd = {
    .name = "uffd",
    .open = uffd_open,
    .close = uffd_close,
    .reopen_after_fork = uffd_reopen_after_fork,
    .arm = uffd_arm,
    .disarm = uffd_disarm,
    .harvest = uffd_harvest,
    .harvest_end = uffd_harvest_end,
    .fault_ns = uffd_fault_ns,
};

/* ---- Outside the heap ---- */

#define UFFD_THERE (GCXI_SCAN_PAGE_IS_PRESENT | GCXI_SCAN_PAGE_IS_SWAPPED)

int gcxi_dirty_outside_open(void)
{
    return uffd_prepare();
}

int gcxi_dirty_outside_add(uintptr_t lo, uintptr_t hi)
{
    return uffd_register(lo, hi) < 0 ? -1 : 0;
}

void gcxi_dirty_outside_remove(uintptr_t lo, uintptr_t hi)
{
    uffd_unregister(lo, hi);
}

/* What is there. The rest stays without the bit and is reported once it is there
 * (W3): so its page tables need not be made, and it may become a huge page. */
int gcxi_dirty_outside_arm(uintptr_t lo, uintptr_t hi, gcxi_dirty_visitor *visit, void *arg)
{
    const struct uffd_choice there = {.any = UFFD_THERE, .reported = GCXI_SCAN_PAGE_IS_ZERO};

    return uffd_protect(lo, hi, there, visit, arg);
}

void gcxi_dirty_outside_disarm(uintptr_t lo, uintptr_t hi)
{
    uffd_disarm(lo, hi);
}

/* Of what is there: empty entries have no bit either. */
int gcxi_dirty_outside_harvest(uintptr_t lo, uintptr_t hi, gcxi_dirty_visitor *visit, void *arg)
{
    const struct uffd_choice written = {
        .all = GCXI_SCAN_PAGE_IS_WRITTEN, .any = UFFD_THERE, .reported = GCXI_SCAN_PAGE_IS_ZERO};

    return uffd_protect(lo, hi, written, visit, arg);
}

bool gcxi_dirty_outside_is_written(uintptr_t lo, uintptr_t hi)
{
    struct gcxi_scan_region region;
    struct gcxi_scan_arg arg = {
        .arg_bytes = sizeof arg,
        .flags = GCXI_SCAN_CHECK_WPASYNC,
        .start = lo,
        .end = hi,
        .regions = (uintptr_t)&region,
        .regions_count = 1,
        .category_mask = GCXI_SCAN_PAGE_IS_WRITTEN,
        .category_anyof_mask = UFFD_THERE,
        .return_mask = GCXI_SCAN_PAGE_IS_WRITTEN,
    };

    return uffd_call(uffd_state.pagemap_fd, GCXI_PAGEMAP_SCAN, &arg) != 0;
}

uint64_t gcxi_dirty_outside_fault_ns(void)
{
    return gcxi_dirty_fault_ns(&gcxi_dirty_uffd);
}

void gcxi_dirty_outside_reset_after_fork(void)
{
    if (!uffd_state.has_heap)
        uffd_close_descriptors();
}
