/* reference.c -- weak references, toggle references, ephemerons, links.
 *
 * SPDX-License-Identifier: MIT */
#include "gcx/weak.h"

#include <errno.h>

#include "gcx/detail/extend.h"
#include "gcx/scope.h"

#include "api/alloc.h"
#include "api/watch.h"
#include "heap/side.h"
#include "trace/ephemeron.h"
#include "trace/hook.h"
#include "trace/weak.h"

/* The object that holds p is watched from here on. */
static bool watch(const void *p, unsigned parts, const char *function)
{
    struct gcxi_watched w;
    if (!gcxi_watch_begin(&w, p, function))
        return false;
    int error = gcxi_side_watch(w.block, w.slot, parts);
    gcxi_watch_end(&w);
    errno = error != 0 ? error : errno;
    return error == 0;
}

/* A word that a cycle may zero, read so that no cycle comes between the read
 * and its place on this stack. */
static void *read_strong(const uintptr_t *word)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return NULL;
    void *volatile object = (void *)gcxi_load_relaxed(word);
    gcxi_gc_leave(self);
    return object;
}

/* ---- Weak references ---- */

static struct gcx_weak *create(void *obj, uint64_t flags, const char *function)
{
    if (!watch(obj, 0, function))
        return NULL;
    struct gcx_weak *weak = gcxi_alloc_of_kind(GCXI_WEAK, sizeof *weak, GCXI_SITE());
    if (weak != NULL) {
        weak->flags = flags;
        gcxi_store_relaxed(&weak->target, (uintptr_t)obj);
    }
    gcx_keep_alive(obj);
    return weak;
}

gcx_weak *gcx_weak_create(void *obj)
{
    return create(obj, 0, "gcx_weak_create");
}

gcx_weak *gcx_detail_weak_create(void *obj, const char *function)
{
    return create(obj, 0, function);
}

gcx_weak *gcx_weak_create_long(void *obj)
{
    return create(obj, GCXI_WEAK_LONG, "gcx_weak_create_long");
}

void *gcx_weak_get(gcx_weak *weak)
{
    return weak != NULL ? read_strong(&weak->target) : NULL;
}

void gcx_weak_clear(gcx_weak *weak)
{
    if (weak != NULL)
        gcxi_store_relaxed(&weak->target, 0);
}

/* ---- Toggle references ---- */

gcx_weak *gcx_toggle_create(void *obj)
{
    return create(obj, GCXI_WEAK_TOGGLE | GCXI_WEAK_STRONG, "gcx_toggle_create");
}

/* The error of the call. A freed one is no toggle reference any more. */
static int toggle_set(struct gcx_weak *toggle, bool is_strong)
{
    if ((toggle->flags & GCXI_WEAK_TOGGLE) == 0)
        return EINVAL;
    if (toggle->target == 0)
        return ENOENT;
    toggle->flags = GCXI_WEAK_TOGGLE | (is_strong ? GCXI_WEAK_STRONG : 0);
    return 0;
}

int gcx_toggle_set_strong(gcx_weak *toggle, int is_strong)
{
    struct gcxi_mutator *self = toggle != NULL ? gcxi_gc_enter() : (errno = EINVAL, NULL);
    if (self == NULL)
        return -1;
    int error = toggle_set(toggle, is_strong != 0);
    gcxi_gc_leave(self);
    return error == 0 ? 0 : (errno = error, -1);
}

int gcx_toggle_is_strong(const gcx_weak *toggle)
{
    return toggle != NULL && gcxi_load_relaxed(&toggle->target) != 0 &&
           (toggle->flags & GCXI_WEAK_STRONG) != 0;
}

/* ---- Ephemerons ---- */

gcx_ephemeron *gcx_detail_ephemeron_create(void *key, void *value, const char *function)
{
    if (!watch(key, GCXI_SIDE_WAITING, function))
        return NULL;
    struct gcx_ephemeron *e = gcxi_alloc_of_kind(GCXI_EPHEMERON, sizeof *e, GCXI_SITE());
    if (e != NULL) {
        gcx_escape(value);
        gcxi_store_relaxed(&e->value, (uintptr_t)value);
        gcxi_store_release(&e->key, (uintptr_t)key);
    }
    gcx_keep_alive(key);
    gcx_keep_alive(value);
    return e;
}

gcx_ephemeron *gcx_ephemeron_create(void *key, void *value)
{
    return gcx_detail_ephemeron_create(key, value, "gcx_ephemeron_create");
}

void *gcx_ephemeron_key(gcx_ephemeron *e)
{
    return e != NULL ? read_strong(&e->key) : NULL;
}

void *gcx_ephemeron_value(gcx_ephemeron *e)
{
    return e != NULL ? read_strong(&e->value) : NULL;
}

/* ---- Disappearing links ---- */

static bool link_is_foreign(void **link, const char *function)
{
    if (link != NULL && gcxi_addr_unit((uintptr_t)link) == gcxi_map.units)
        return true;
    gcxi_gc_error("%s: the link at %p lies in the collected heap (use gcx_weak), or is NULL",
                  function, (void *)link);
    errno = EINVAL;
    return false;
}

static int link_add(void **link, void *obj, enum gcxi_hook_type type, const char *function)
{
    struct gcxi_watched w;
    if (!gcxi_watch_begin(&w, obj, function))
        return -1;
    if (!link_is_foreign(link, function)) {
        gcxi_watch_end(&w);
        return -1;
    }
    struct gcxi_hook hook = {.object = w.object | type, .link = link};
    int error = gcxi_hook_add(w.block, w.slot, &hook);
    if (error == 0)
        *link = obj;
    gcxi_watch_end(&w);
    return error == 0 ? 0 : (errno = error, -1);
}

int gcx_link_add(void **link, void *obj)
{
    return link_add(link, obj, GCXI_HOOK_LINK, "gcx_link_add");
}

int gcx_link_add_long(void **link, void *obj)
{
    return link_add(link, obj, GCXI_HOOK_LONG_LINK, "gcx_link_add_long");
}

int gcx_link_remove(void **link)
{
    uint32_t slot;
    bool is_removed = false;
    struct gcxi_mutator *self = link != NULL ? gcxi_gc_enter() : (errno = EINVAL, NULL);
    if (self == NULL)
        return -1;
    const struct gcxi_block *block = gcxi_find_object((uintptr_t)*link, &slot);
    for (uintptr_t type = GCXI_HOOK_LINK; block != NULL && type < GCXI_HOOK_TYPES; type++) {
        struct gcxi_hook like = {.object = type, .link = link};
        is_removed = is_removed || gcxi_hook_remove(block, slot, &like, false);
    }
    if (is_removed)
        *link = NULL;
    gcxi_gc_leave(self);
    return is_removed ? 0 : (errno = ENOENT, -1);
}

void *gcx_link_get(void *const *link)
{
    return link != NULL ? read_strong((const uintptr_t *)link) : NULL;
}
