/* uffd_abi_linux.h -- the parts of the kernel's interface to userfaultfd and
 * to the pagemap scan that installed headers may be too old to have.
 *
 * These are facts of a binary interface that does not change: numbers and
 * layouts as of Linux 6.7. Names are ours, so that newer headers do not clash.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_UFFD_ABI_LINUX_H
#define GCXI_OS_UFFD_ABI_LINUX_H

#include "base/base.h"

#include <assert.h>
#include <linux/ioctl.h>

#define GCXI_UFFD_USER_MODE_ONLY 1

#define GCXI_UFFD_API UINT64_C(0xaa)
#define GCXI_UFFD_FEATURE_WP_UNPOPULATED (UINT64_C(1) << 13)
#define GCXI_UFFD_FEATURE_WP_ASYNC (UINT64_C(1) << 15)
#define GCXI_UFFD_REGISTER_WP (UINT64_C(1) << 1)

struct gcxi_uffd_api {
    uint64_t api;
    uint64_t features;
    uint64_t ioctls;
};

struct gcxi_uffd_range {
    uint64_t start;
    uint64_t bytes;
};

struct gcxi_uffd_register {
    struct gcxi_uffd_range range;
    uint64_t mode;
    uint64_t ioctls;
};

struct gcxi_uffd_writeprotect {
    struct gcxi_uffd_range range;
    uint64_t mode; /* 0 lifts the protection */
};

#define GCXI_UFFDIO_API _IOWR(0xaa, 0x3f, struct gcxi_uffd_api)
#define GCXI_UFFDIO_REGISTER _IOWR(0xaa, 0x00, struct gcxi_uffd_register)
#define GCXI_UFFDIO_UNREGISTER _IOR(0xaa, 0x01, struct gcxi_uffd_range)
#define GCXI_UFFDIO_WRITEPROTECT _IOWR(0xaa, 0x06, struct gcxi_uffd_writeprotect)

#define GCXI_SCAN_PAGE_IS_WRITTEN (UINT64_C(1) << 1)
#define GCXI_SCAN_PAGE_IS_PRESENT (UINT64_C(1) << 3)
#define GCXI_SCAN_PAGE_IS_SWAPPED (UINT64_C(1) << 4)
#define GCXI_SCAN_PAGE_IS_ZERO (UINT64_C(1) << 5) /* the system's page of zeroes */
#define GCXI_SCAN_WP_MATCHING (UINT64_C(1) << 0)
#define GCXI_SCAN_CHECK_WPASYNC (UINT64_C(1) << 1)

struct gcxi_scan_region {
    uint64_t start;
    uint64_t end;
    uint64_t categories;
};

struct gcxi_scan_arg {
    uint64_t arg_bytes;
    uint64_t flags;
    uint64_t start;
    uint64_t end;
    uint64_t walk_end; /* out: how far it came */
    uint64_t regions;
    uint64_t regions_count;
    uint64_t max_pages;
    uint64_t category_inverted;
    uint64_t category_mask;
    uint64_t category_anyof_mask;
    uint64_t return_mask;
};

#define GCXI_PAGEMAP_SCAN _IOWR('f', 16, struct gcxi_scan_arg)

static_assert(sizeof(struct gcxi_uffd_register) == 32, "kernel ABI");
static_assert(sizeof(struct gcxi_scan_arg) == 96, "kernel ABI");
static_assert(sizeof(struct gcxi_scan_region) == 24, "kernel ABI");

#endif
