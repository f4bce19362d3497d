/* resource.c -- see gcx/resource.h.
 *
 *   owner --> resource --> record --> arg       OPEN --> CLOSED
 *                cleanup -----^                   '---> FORGOTTEN
 *
 * The resource is the handle whose end is watched; the record is what is left
 * when it has gone, and is the argument of the cleanup.
 *
 * Z1  Whoever takes a record out of OPEN, by an exchange, makes the one call.
 * Z2  A record leads to arg as long as it is OPEN, and never to the resource.
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/resource.h>

#include <pthread.h>

#include "ext/resource_site.h"

enum record_state { RECORD_OPEN, RECORD_CLOSED, RECORD_FORGOTTEN };

struct record {
    void (*close)(void *arg);
    void *arg;
    struct gcxi_resource_site *site;
    const char *closed_at;
    uint32_t state;
};

struct gcx_resource {
    struct record *record;
};

static struct {
    pthread_mutex_t lock;
    void (*report)(const struct gcx_resource_counts *site, void *arg);
    void *arg;
} reporter = {PTHREAD_MUTEX_INITIALIZER, NULL, NULL};

/* ---- Ending ---- */

/* Z1, Z2. *arg is what the record led to. */
static bool take(struct record *record, enum record_state state, void **arg)
{
    uint32_t open = RECORD_OPEN;
    *arg = __atomic_load_n(&record->arg, __ATOMIC_RELAXED);
    if (!__atomic_compare_exchange_n(&record->state, &open, (uint32_t)state, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return false;
    __atomic_store_n(&record->arg, NULL, __ATOMIC_RELAXED);
    gcxi_resource_site_add(record->site, state == RECORD_FORGOTTEN ? GCXI_FORGOTTEN : GCXI_CLOSED);
    return true;
}

static void tell(const struct record *record)
{
    struct gcx_resource_counts counts = gcxi_resource_site_counts(record->site);
    pthread_mutex_lock(&reporter.lock);
    void (*report)(const struct gcx_resource_counts *, void *) = reporter.report;
    void *arg = reporter.arg;
    pthread_mutex_unlock(&reporter.lock);
    if (report != NULL)
        report(&counts, arg);
    else if (gcx_detail_is_checked() && counts.forgotten == 1)
        gcx_detail_error("a resource that was opened at %s was forgotten: the collector closed it",
                         counts.site);
}

/* The cleanup: nothing leads to the resource any more. */
static void forget(void *arg)
{
    struct record *record = arg;
    void *what;
    if (!take(record, RECORD_FORGOTTEN, &what))
        return;
    record->close(what);
    tell(record);
}

/* The resource is held by the caller, so the cleanup is not due. */
static bool end(gcx_resource *resource, void **arg)
{
    struct record *record = resource->record;
    if (!take(record, RECORD_CLOSED, arg))
        return false;
    gcx_cleanup_cancel(resource, forget, record);
    gcx_keep_alive(resource);
    return true;
}

/* ---- The calls ---- */

gcx_resource *gcx_resource_open_at(void (*close)(void *arg), void *arg, const char *site)
{
    if (close == NULL) {
        errno = EINVAL;
        return NULL;
    }
    struct record *record = gcx_alloc(sizeof *record);
    if (record == NULL)
        return NULL;
    record->close = close;
    record->arg = arg;
    record->site = gcxi_resource_site(site);
    gcxi_ext_note(&record->arg, arg);
    gcx_resource *resource = gcx_alloc(sizeof *resource);
    if (resource == NULL)
        return NULL;
    resource->record = record;
    gcxi_ext_note(&resource->record, record);
    if (gcx_cleanup_add(resource, forget, record) != 0)
        return NULL;
    gcxi_resource_site_add(record->site, GCXI_OPENED);
    return resource;
}

static GCXI_EXT_COLD int refuse(const gcx_resource *resource, const char *site)
{
    if (resource != NULL) {
        const char *closed_at = __atomic_load_n(&resource->record->closed_at, __ATOMIC_RELAXED);
        gcx_detail_error("resource %p, opened at %s: closed at %s, and before that at %s",
                         (const void *)resource, gcxi_resource_site_name(resource->record->site),
                         site, closed_at != NULL ? closed_at : "?");
    }
    errno = EINVAL;
    return -1;
}

int gcx_resource_close_at(gcx_resource *resource, const char *site)
{
    void *arg;
    if (resource == NULL || !end(resource, &arg))
        return refuse(resource, site);
    __atomic_store_n(&resource->record->closed_at, site, __ATOMIC_RELAXED);
    resource->record->close(arg);
    return 0;
}

void gcx_resource_end(void *resource)
{
    gcx_resource *r = resource;
    void *arg;
    if (r != NULL && end(r, &arg))
        r->record->close(arg);
}

void *gcx_resource_release(gcx_resource *resource)
{
    void *arg;
    return resource != NULL && end(resource, &arg) ? arg : NULL;
}

void *gcx_resource_get(const gcx_resource *resource)
{
    if (resource == NULL)
        return NULL;
    void *arg = __atomic_load_n(&resource->record->arg, __ATOMIC_RELAXED);
    return __atomic_load_n(&resource->record->state, __ATOMIC_ACQUIRE) == RECORD_OPEN ? arg : NULL;
}

void gcx_resource_set_reporter(void (*report)(const struct gcx_resource_counts *site, void *arg),
                               void *arg)
{
    pthread_mutex_lock(&reporter.lock);
    reporter.report = report;
    reporter.arg = arg;
    pthread_mutex_unlock(&reporter.lock);
}
