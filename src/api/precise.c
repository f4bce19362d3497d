/* precise.c -- kinds of objects whose pointers the program describes.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "api/alloc.h"
#include "gc/gc.h"
#include "heap/kind.h"

static const char *name_of(const char *name)
{
    return name != NULL && *name != '\0' ? name : "?";
}

/* What is wrong with a layout, or NULL. */
static const char *layout_mistake(const struct gcx_kind_layout *layout)
{
    if (layout->struct_bytes != sizeof *layout)
        return "struct_bytes is not the size of the structure";
    if (layout->trace != NULL)
        return layout->pointers != NULL ? "it has a bitmap and a trace function" : NULL;
    if (layout->element_bytes == 0 || layout->element_bytes % sizeof(uintptr_t) != 0)
        return "element_bytes is not a multiple of the size of a pointer";
    if (layout->element_bytes > UINT32_MAX)
        return "element_bytes is larger than 4 GiB";
    if (layout->pointer_bits > layout->element_bytes / sizeof(uintptr_t))
        return "its bitmap is longer than its object";
    if (layout->pointer_bits != 0 && layout->pointers == NULL)
        return "pointer_bits is not 0 and there is no bitmap";
    return NULL;
}

gcx_kind gcx_kind_create(const struct gcx_kind_layout *layout)
{
    const char *mistake = layout != NULL ? layout_mistake(layout) : "no layout";
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return 0;
    if (mistake != NULL) {
        gcxi_gc_leave(self);
        gcxi_gc_error("gcx_kind_create(%s): %s", layout != NULL ? name_of(layout->name) : "?",
                      mistake);
        errno = EINVAL;
        return 0;
    }
    gcxi_mutator_lock_heap(self);
    gcx_kind kind = gcxi_kind_add(layout);
    gcxi_mutator_unlock_heap();
    gcxi_gc_leave(self);
    return kind;
}

static void *refuse(const struct gcxi_kind_info *info, gcx_kind kind, size_t size)
{
    if (info == NULL)
        gcxi_gc_error("gcx_alloc_kind: %u is no kind", kind);
    else if (size < info->element_bytes)
        gcxi_gc_error("gcx_alloc_kind: the bitmap of kind %s covers %zu bytes, its object has %zu",
                      name_of(info->name), info->element_bytes, size);
    else
        gcxi_gc_error("gcx_alloc_kind: %zu bytes are not a multiple of the %zu of kind %s", size,
                      info->element_bytes, name_of(info->name));
    errno = EINVAL;
    return NULL;
}

/* Whole elements. One is the usual number, and a division takes longer than
 * the allocation. */
static bool size_fits(const struct gcxi_kind_info *info, size_t size)
{
    return size == info->element_bytes || info->element_bytes == 0 ||
           (size != 0 && size % info->element_bytes == 0);
}

void *gcx_alloc_kind(gcx_kind kind, size_t size)
{
    const struct gcxi_kind_info *info = gcxi_kind_find(kind);
    if (GCXI_UNLIKELY(info == NULL || !size_fits(info, size)))
        return refuse(info, kind, size);
    void *object = gcxi_alloc_of_kind(info->block_kind, size, GCXI_SITE());
    if (object != NULL && info->block_kind == GCXI_NOSCAN)
        memset(object, 0, size);
    return object;
}
