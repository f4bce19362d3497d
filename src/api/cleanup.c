/* cleanup.c -- cleanups and finalizers.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "api/watch.h"
#include "gc/runner.h"
#include "gc/scope.h"
#include "trace/hook.h"

static int refuse(const char *function, const void *obj, const char *mistake)
{
    gcxi_gc_error("%s(%p): %s", function, obj, mistake);
    errno = EINVAL;
    return -1;
}

static bool is_inside(const struct gcxi_watched *w, const void *p)
{
    return (uintptr_t)p - w->object < w->block->slot_bytes;
}

int gcx_cleanup_add(void *obj, void (*fn)(void *arg), void *arg)
{
    static const char name[] = "gcx_cleanup_add";
    struct gcxi_watched w;
    if (fn == NULL)
        return refuse(name, obj, "no function");
    if (!gcxi_watch_begin(&w, obj, name))
        return -1;
    struct gcxi_hook hook = {.object = w.object | GCXI_HOOK_CLEANUP, .cleanup = fn, .arg = arg};
    gcxi_scope_escape(w.self, arg);
    bool is_own = is_inside(&w, arg);
    int error = is_own ? EINVAL : gcxi_hook_add(w.block, w.slot, &hook);
    gcxi_watch_end(&w);
    if (is_own)
        return refuse(name, obj, "the argument lies in the object and would keep it alive");
    return error == 0 ? 0 : (errno = error, -1);
}

int gcx_cleanup_cancel(void *obj, void (*fn)(void *arg), void *arg)
{
    static const char name[] = "gcx_cleanup_cancel";
    struct gcxi_watched w;
    if (fn == NULL)
        return refuse(name, obj, "no function");
    if (!gcxi_watch_begin(&w, obj, name))
        return -1;
    struct gcxi_hook like = {.object = GCXI_HOOK_CLEANUP, .cleanup = fn, .arg = arg};
    bool is_removed = gcxi_hook_remove(w.block, w.slot, &like, false);
    gcxi_watch_end(&w);
    return is_removed ? 0 : (errno = ENOENT, -1);
}

int gcx_finalizer_set(void *obj, void (*fn)(void *obj, void *arg), void *arg)
{
    static const char name[] = "gcx_finalizer_set";
    struct gcxi_watched w;
    if (!gcxi_watch_begin(&w, obj, name))
        return -1;
    if (fn != NULL && is_inside(&w, arg)) {
        gcxi_watch_end(&w);
        return refuse(name, obj, "the argument lies in the object and would keep it alive");
    }
    struct gcxi_hook hook = {.object = w.object | GCXI_HOOK_FINALIZER, .finalizer = fn, .arg = arg};
    gcxi_hook_remove(w.block, w.slot, &hook, true);
    gcxi_scope_escape(w.self, arg);
    int error = fn != NULL ? gcxi_hook_add(w.block, w.slot, &hook) : 0;
    gcxi_watch_end(&w);
    return error == 0 ? 0 : (errno = error, -1);
}

size_t gcx_run_finalizers(void)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    if (self == NULL)
        return 0;
    gcxi_gc_leave(self);
    return gcxi_runner_run();
}

int gcx_set_finalizer_notifier(void (*notify)(void *arg), void *arg)
{
    struct gcxi_mutator *self = gcxi_gc_enter_and_lock();
    if (self == NULL)
        return -1;
    gcxi_runner_set_notifier(notify, arg);
    gcxi_gc_unlock_and_leave(self);
    return 0;
}
