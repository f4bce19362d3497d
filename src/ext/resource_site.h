/* resource_site.h -- counts of resources by the place that opened them.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_EXT_RESOURCE_SITE_H
#define GCXI_EXT_RESOURCE_SITE_H

#include <gcx/resource.h>

#include "ext/ext.h"

enum gcxi_resource_event { GCXI_OPENED, GCXI_CLOSED, GCXI_FORGOTTEN, GCXI_RESOURCE_EVENTS };

struct gcxi_resource_site;

/* The entry of a site, a string that stays; never NULL. */
struct gcxi_resource_site *gcxi_resource_site(const char *site);

const char *gcxi_resource_site_name(const struct gcxi_resource_site *site);
void gcxi_resource_site_add(struct gcxi_resource_site *site, enum gcxi_resource_event event);
struct gcx_resource_counts gcxi_resource_site_counts(const struct gcxi_resource_site *site);

#endif
