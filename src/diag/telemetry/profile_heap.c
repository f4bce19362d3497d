/* profile_heap.c -- see profile_heap.h. Of each bucket four numbers, scaled from
 * what was sampled to what that stands for.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/profile_heap.h"

#include <errno.h>
#include <stdlib.h>

#include "diag/telemetry/telemetry.h"
#include "gcx/profile.h"

/* The library's own functions between the program and the sample. */
#define DROP_FRAMES "gcx_(detail_\\w+|alloc\\w*|calloc|realloc|strdup|strndup|memdup|v?asprintf)"

static int64_t scaled(double weight, uint64_t now, uint64_t before, uint64_t bytes)
{
    return (int64_t)(weight * (double)(int64_t)(now - before) * (double)bytes + 0.5);
}

/* Buckets are never removed, so they have the same numbers in both. */
static void add_bucket(struct gcxi_profile_file *file, const struct gcxi_profile_snapshot *s,
                       const struct gcxi_profile_snapshot *before, size_t i)
{
    static const struct gcxi_profile_bucket none;
    const struct gcxi_profile_bucket *b = &s->buckets[i];
    const struct gcxi_profile_bucket *was =
        before != NULL && i < before->bucket_count ? &before->buckets[i] : &none;
    double weight = gcxi_profile_weight(b);
    int64_t values[GCXI_PROFILE_VALUES] = {
        scaled(weight, b->allocs, was->allocs, 1),
        scaled(weight, b->allocs, was->allocs, b->slot_bytes),
        scaled(weight, b->inuse, was->inuse, 1),
        scaled(weight, b->inuse, was->inuse, b->slot_bytes),
    };
    if (b->allocs != was->allocs || b->inuse != was->inuse)
        gcxi_profile_file_add(file, s->pcs + b->stack, b->depth, 0, values, (int64_t)b->slot_bytes);
}

struct gcxi_profile_file *gcxi_profile_heap_file(const struct gcxi_profile_snapshot *snapshot,
                                                 const struct gcxi_profile_snapshot *before,
                                                 bool by_allocation, uint64_t duration_ns)
{
    size_t last = snapshot->bucket_count;
    struct gcxi_profile_head head = {
        .types = {{"alloc_objects", "count"},
                  {"alloc_space", "bytes"},
                  {"inuse_objects", "count"},
                  {"inuse_space", "bytes"}},
        .type_count = 4,
        .default_type = by_allocation ? "alloc_space" : "inuse_space",
        .period_type = {"space", "bytes"},
        .period =
            last != 0 ? (int64_t)snapshot->buckets[last - 1].rate_bytes : GCX_PROFILE_RATE_DEFAULT,
        .duration_ns = duration_ns,
        .label_key = "bytes",
        .label_unit = "bytes",
        .drop_frames = DROP_FRAMES,
    };
    struct gcxi_profile_file *file = gcxi_profile_file_create(&head);
    for (size_t i = 0; file != NULL && i < snapshot->bucket_count; i++)
        add_bucket(file, snapshot, before, i);
    return file;
}

int gcxi_profile_heap_write(int fd, unsigned flags)
{
    struct gcxi_profile_snapshot snapshot;
    if ((flags & ~(unsigned)GCX_PROFILE_COLLECT) != 0) {
        errno = EINVAL;
        return -1;
    }
    if (flags != 0)
        gcxi_diag->collect(GCX_FULL);
    if (!gcxi_profile_snapshot(&snapshot))
        return -1;
    struct gcxi_profile_file *file = gcxi_profile_heap_file(&snapshot, NULL, false, 0);
    int status = file != NULL ? gcxi_profile_file_write(file, fd) : -1;
    int saved_errno = errno;
    gcxi_profile_file_destroy(file);
    gcxi_profile_snapshot_drop(&snapshot);
    errno = saved_errno;
    return status;
}
