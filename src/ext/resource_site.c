/* resource_site.c -- a table of the places that open resources, for good.
 *
 * Sites are found by the address of their string (ext/site.h). No lock: counts
 * only grow. The counts of one site are read one
 * after the other, those of what has ended first, so that never more have ended
 * than were opened.
 *
 * SPDX-License-Identifier: MIT */
#include "ext/resource_site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ext/site.h"

#define SITES 1024u /* entry 0 is for what finds no place */

struct gcxi_resource_site {
    uint64_t counts[GCXI_RESOURCE_EVENTS];
};

static struct gcxi_resource_site sites[SITES];
static const char *names[SITES]; /* of the same numbers; written once */
static uint32_t is_started;      /* whether GCX_RESOURCE_REPORT was looked at */

/* ---- At exit ---- */

static int print(const struct gcx_resource_counts *c, void *arg)
{
    uint64_t open = c->opened - c->closed - c->forgotten;
    if (c->forgotten != 0 || open != 0)
        fprintf(arg, "%s: %llu opened, %llu closed, %llu forgotten, %llu open\n", c->site,
                (unsigned long long)c->opened, (unsigned long long)c->closed,
                (unsigned long long)c->forgotten, (unsigned long long)open);
    return 0;
}

static void print_all(void)
{
    gcx_resource_each(print, stderr);
}

static void start(void)
{
    if (__atomic_exchange_n(&is_started, 1, __ATOMIC_RELAXED) != 0)
        return;
    const char *value = getenv("GCX_RESOURCE_REPORT");
    if (value == NULL || *value == '\0' || strcmp(value, "0") == 0)
        return;
    if (strcmp(value, "1") == 0)
        atexit(print_all);
    else
        gcx_detail_error("GCX_RESOURCE_REPORT=%s is ignored: expected 0 or 1", value);
}

/* ---- The table ---- */

struct gcxi_resource_site *gcxi_resource_site(const char *site)
{
    if (GCXI_EXT_UNLIKELY(__atomic_load_n(&is_started, __ATOMIC_RELAXED) == 0))
        start();
    return &sites[gcxi_site_claim(names, SITES, site)];
}

const char *gcxi_resource_site_name(const struct gcxi_resource_site *site)
{
    const char *name = __atomic_load_n(&names[site - sites], __ATOMIC_ACQUIRE);
    return name != NULL ? name : "?";
}

/* Pairs with the loads in gcxi_resource_site_counts: an end is seen only
 * together with its beginning. */
void gcxi_resource_site_add(struct gcxi_resource_site *site, enum gcxi_resource_event event)
{
    __atomic_add_fetch(&site->counts[event], 1, __ATOMIC_RELEASE);
}

struct gcx_resource_counts gcxi_resource_site_counts(const struct gcxi_resource_site *site)
{
    struct gcx_resource_counts c = {gcxi_resource_site_name(site), 0, 0, 0};
    c.forgotten = __atomic_load_n(&site->counts[GCXI_FORGOTTEN], __ATOMIC_ACQUIRE);
    c.closed = __atomic_load_n(&site->counts[GCXI_CLOSED], __ATOMIC_ACQUIRE);
    c.opened = __atomic_load_n(&site->counts[GCXI_OPENED], __ATOMIC_ACQUIRE);
    return c;
}

int gcx_resource_each(int (*visit)(const struct gcx_resource_counts *site, void *arg), void *arg)
{
    int status = 0;
    for (uint32_t i = 0; i < SITES && status == 0; i++) {
        struct gcx_resource_counts counts = gcxi_resource_site_counts(&sites[i]);
        if (counts.opened != 0)
            status = visit(&counts, arg);
    }
    return status;
}

static int sum_up(const struct gcx_resource_counts *site, void *arg)
{
    struct gcx_resource_counts *sum = arg;
    sum->opened += site->opened;
    sum->closed += site->closed;
    sum->forgotten += site->forgotten;
    return 0;
}

struct gcx_resource_counts gcx_resource_count(void)
{
    struct gcx_resource_counts sum = {NULL, 0, 0, 0};
    gcx_resource_each(sum_up, &sum);
    return sum;
}
