/* resource.h -- what the program has to close, and the collector closes when it
 * forgot to: counted, and told by the place that opened it.
 *
 *     f->res = gcx_resource_open(close_fd, fd_box);     owner f holds res
 *     gcx_resource_close(f->res);                       calls close_fd(fd_box)
 *
 * A resource is a collected object: it is open until it is closed, or until
 * nothing leads to it any more. In that case it was forgotten, and is closed
 * where cleanups run (gcx_cleanup_add in <gcx/gcx.h>), some time after a cycle.
 * Each is closed once, whoever closes it. At exit nothing is closed; what is
 * open then was not forgotten.
 *
 * GCX_RESOURCE_REPORT=1 lists at exit each place of which a resource was
 * forgotten or is open still. Any thread may call any of these.
 *
 * Example: examples/resource.c
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_RESOURCE_H
#define GCX_RESOURCE_H

#include <gcx/gcx.h>
#include <gcx/detail/extend.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gcx_resource gcx_resource;

/* A resource that close(arg) closes. arg is kept until then and must not lead to
 * the resource or its owner, which would never be forgotten. NULL with errno,
 * close not being called: EINVAL for a NULL close; ENOMEM. [collects] */
GCX_API gcx_resource *gcx_resource_open_at(void (*close)(void *arg), void *arg, const char *site);
#define gcx_resource_open(close, arg) gcx_resource_open_at((close), (arg), GCX_DETAIL_SITE)

/* Closes it now, on this thread. 0, or -1 with EINVAL for NULL or, with a report
 * that names the places, if it is closed already. */
GCX_API int gcx_resource_close_at(gcx_resource *resource, const char *site);
#define gcx_resource_close(resource) gcx_resource_close_at((resource), GCX_DETAIL_SITE)

/* Closes it if it is open: for GCX_DEFER(gcx_resource_end, resource). */
GCX_API void gcx_resource_end(void *resource);

/* Ends it without a call: what arg stands for is somebody else's now. Returns
 * arg; NULL if it was closed, or for NULL. */
GCX_API void *gcx_resource_release(gcx_resource *resource);

/* arg, or NULL if it is closed, or for NULL. */
GCX_API void *gcx_resource_get(const gcx_resource *resource);

/* ---- What was forgotten --------------------------------------------------- */

/* All resources, or those that one place opened. opened = closed + forgotten +
 * what is open now; released ones count as closed. */
struct gcx_resource_counts {
    const char *site; /* "file.c:42"; NULL: all of them */
    uint64_t opened;
    uint64_t closed;
    uint64_t forgotten;
};

/* The counts of all. */
GCX_API struct gcx_resource_counts gcx_resource_count(void);

/* Calls visit for each place, in no order, until it returns other than 0, and
 * returns that; or 0. Places past the 1,000th are counted as one, "?". */
GCX_API int gcx_resource_each(int (*visit)(const struct gcx_resource_counts *site, void *arg),
                              void *arg);

/* Calls report(site, arg) for each that is forgotten, after it was closed, where
 * cleanups run; site counts it. NULL, as at first: with GCX_CHECK=1 the first
 * one of each place is reported as misuse is. */
GCX_API void gcx_resource_set_reporter(void (*report)(const struct gcx_resource_counts *site,
                                                      void *arg),
                                       void *arg);

#ifdef __cplusplus
}
#endif
#endif
