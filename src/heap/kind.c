/* kind.c -- the table of kinds.
 *
 * A pointer bitmap becomes a list of offsets: a marker walks it with one load
 * and one add per pointer, whatever the layout. A kind without pointers has
 * no blocks of its own, its objects are noscan ones.
 *
 * Locking: the heap lock to add. The count is stored with release after the
 * record it covers; readers that got a number from gcx_kind_create need
 * nothing more.
 *
 * SPDX-License-Identifier: MIT */
#include "heap/kind.h"

#include <errno.h>
#include <string.h>

#include "base/atomic.h"
#include "heap/meta.h"

#define OFFSETS_MAX (64 * GCXI_KIB / sizeof(uint32_t))

struct gcxi_kind_info *gcxi_kinds[GCXI_KINDS_MAX];
uint32_t gcxi_kind_count = GCXI_KINDS;

static bool bitmap_has(const struct gcx_kind_layout *layout, size_t bit)
{
    return (layout->pointers[bit / 64] >> bit % 64 & 1) != 0;
}

static uint32_t count_pointers(const struct gcx_kind_layout *layout)
{
    uint32_t n = 0;
    for (size_t bit = 0; layout->trace == NULL && bit < layout->pointer_bits; bit++)
        n += bitmap_has(layout, bit);
    return n;
}

static void fill_offsets(struct gcxi_kind_info *info, const struct gcx_kind_layout *layout)
{
    uint32_t n = 0;
    for (size_t bit = 0; n < info->offset_count; bit++)
        if (bitmap_has(layout, bit))
            info->offsets[n++] = (uint32_t)(bit * sizeof(uintptr_t));
}

static void set_name(struct gcxi_kind_info *info, const char *name)
{
    size_t bytes = name != NULL ? gcxi_min(strlen(name), sizeof info->name - 1) : 0;
    memcpy(info->name, bytes != 0 ? name : "", bytes);
}

static void info_destroy(struct gcxi_kind_info *info)
{
    if (info->avail != NULL)
        gcxi_meta_free(info->avail, GCXI_CLASSES * sizeof *info->avail);
    if (info->offsets != NULL)
        gcxi_meta_free(info->offsets, info->offset_count * sizeof *info->offsets);
    gcxi_meta_free(info, sizeof *info);
}

static struct gcxi_kind_info *info_create(const struct gcx_kind_layout *layout)
{
    struct gcxi_kind_info *info = gcxi_meta_alloc(sizeof *info);
    if (info == NULL)
        return NULL;
    info->trace = layout->trace;
    info->element_bytes = layout->trace == NULL ? layout->element_bytes : 0;
    info->offset_count = count_pointers(layout);
    info->avail = gcxi_meta_alloc(GCXI_CLASSES * sizeof *info->avail);
    bool is_complete = info->avail != NULL && info->offset_count <= OFFSETS_MAX;
    if (is_complete && info->offset_count != 0) {
        info->offsets = gcxi_meta_alloc(info->offset_count * sizeof *info->offsets);
        is_complete = info->offsets != NULL;
    }
    if (!is_complete) {
        info_destroy(info);
        return NULL;
    }
    fill_offsets(info, layout);
    set_name(info, layout->name);
    return info;
}

uint32_t gcxi_kind_add(const struct gcx_kind_layout *layout)
{
    uint32_t number = gcxi_kind_count;
    if (number == GCXI_KINDS_MAX) {
        errno = ENOSPC;
        return 0;
    }
    struct gcxi_kind_info *info = info_create(layout);
    if (info == NULL) {
        errno = ENOMEM;
        return 0;
    }
    bool has_pointers = info->trace != NULL || info->offset_count != 0;
    info->block_kind = has_pointers ? (uint8_t)number : (uint8_t)GCXI_NOSCAN;
    gcxi_kinds[number] = info;
    gcxi_store_release(&gcxi_kind_count, number + 1);
    return number;
}

const struct gcxi_kind_info *gcxi_kind_find(uint32_t number)
{
    if (number - GCXI_KINDS >= gcxi_load_acquire(&gcxi_kind_count) - GCXI_KINDS)
        return NULL;
    return gcxi_kinds[number];
}
