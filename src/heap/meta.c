/* meta.c -- see meta.h.
 *
 * SPDX-License-Identifier: MIT */
#include "heap/meta.h"

#include <string.h>

#include "base/atomic.h"
#include "base/lock.h"
#include "os/module.h"
#include "os/vm.h"

#define META_LINE ((size_t)64)
#define META_MAX (64 * GCXI_KIB)
#define META_CHUNK (256 * GCXI_KIB)
#define META_HUGE (2 * GCXI_MIB) /* a huge page, where the processor has that size */

struct meta_item {
    struct meta_item *next;
};

/* Protected by its lock. */
static struct {
    struct gcxi_lock lock;
    char *cur;
    char *end;
    size_t bytes;
    struct meta_item *free_lists[META_MAX / META_LINE + 1];
} meta = {.lock = GCXI_LOCK_INIT(GCXI_RANK_META)};

/* Leads to mapped memory only. */
void gcxi_meta_init(void)
{
    gcxi_module_exclude_bytes(&meta, sizeof meta);
}

static size_t meta_lines(size_t bytes)
{
    return (bytes + META_LINE - 1) / META_LINE;
}

/* Mark bytes are read in the order of the object graph: with many of them the
 * processor runs out of translations, so they move to huge pages. */
static char *meta_map_huge(size_t bytes)
{
    char *chunk = gcxi_vm_reserve(bytes, META_HUGE);
    if (chunk == NULL)
        return NULL;
    if (gcxi_vm_commit(chunk, bytes) != 0) {
        gcxi_vm_unreserve(chunk, bytes);
        return NULL;
    }
    gcxi_vm_advise_huge(chunk, bytes);
    return chunk;
}

void *gcxi_meta_map(size_t bytes)
{
    void *table = bytes >= META_HUGE ? meta_map_huge(bytes) : gcxi_vm_map(bytes);
    if (table != NULL)
        gcxi_meta_account(bytes);
    return table;
}

void gcxi_meta_unmap(void *p, size_t bytes)
{
    gcxi_vm_unmap(p, bytes);
    gcxi_sub_relaxed(&meta.bytes, bytes);
}

/* Cuts from the current chunk; what is left of a chunk when the next begins is
 * at most one item, and lost. */
static void *meta_carve(size_t bytes)
{
    if (bytes > (size_t)(meta.end - meta.cur)) {
        size_t chunk_bytes = gcxi_meta_bytes() < META_HUGE ? META_CHUNK : META_HUGE;
        char *chunk = chunk_bytes == META_HUGE ? meta_map_huge(META_HUGE) : gcxi_vm_map(META_CHUNK);
        if (chunk == NULL)
            return NULL;
        meta.cur = chunk;
        meta.end = chunk + chunk_bytes;
        gcxi_meta_account(chunk_bytes);
    }
    void *p = meta.cur;
    meta.cur += bytes;
    return p;
}

void *gcxi_meta_alloc(size_t bytes)
{
    size_t lines = meta_lines(bytes);
    GCXI_ASSERT(lines * META_LINE <= META_MAX);
    gcxi_lock(&meta.lock);
    struct meta_item *item = meta.free_lists[lines];
    if (item != NULL)
        meta.free_lists[lines] = item->next;
    void *p = item != NULL ? item : meta_carve(lines * META_LINE);
    gcxi_unlock(&meta.lock);
    if (item != NULL)
        memset(item, 0, lines * META_LINE);
    return p;
}

void gcxi_meta_free(void *p, size_t bytes)
{
    struct meta_item *item = p;
    struct meta_item **list = &meta.free_lists[meta_lines(bytes)];
    gcxi_lock(&meta.lock);
    item->next = *list;
    *list = item;
    gcxi_unlock(&meta.lock);
}

size_t gcxi_meta_bytes(void)
{
    return gcxi_load_relaxed(&meta.bytes);
}

void gcxi_meta_account(size_t bytes)
{
    gcxi_add_relaxed(&meta.bytes, bytes);
}

void gcxi_meta_reset_after_fork(void)
{
    gcxi_lock_reset_after_fork(&meta.lock);
}
