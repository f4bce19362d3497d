/* site.h -- places in the source, by number, for values too small to carry one.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_EXT_SITE_H
#define GCXI_EXT_SITE_H

#include "ext/ext.h"

/* With GCX_CHECK=1 a number for the site, a string that stays; the same one for
 * the same string. 0 otherwise, or when there are too many. */
uint16_t gcxi_site_number(const char *site);

/* The index, from 1, of the site in a table of such strings that has so many
 * entries, where it is put if it was not there; 0 for NULL and when all are taken. */
uint32_t gcxi_site_claim(const char **table, uint32_t entries, const char *site);

/* The site with that number; "?" for 0. */
const char *gcxi_site_name(uint16_t number);

#endif
