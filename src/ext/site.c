/* site.c -- see site.h. Numbers are given by the first free entry after a hash,
 * which whoever comes first takes with one exchange: no lock.
 *
 * SPDX-License-Identifier: MIT */
#include "ext/site.h"

#define SITE_ENTRIES 4096u

static const char *site_table[SITE_ENTRIES]; /* [0] is not used */

uint32_t gcxi_site_claim(const char **table, uint32_t entries, const char *site)
{
    uint32_t at = (uint32_t)(((uintptr_t)site * UINT64_C(0x9e3779b97f4a7c15)) >> 40);
    for (uint32_t i = 0; site != NULL && i < entries; i++, at++) {
        uint32_t number = at % (entries - 1) + 1;
        const char *found = __atomic_load_n(&table[number], __ATOMIC_ACQUIRE);
        if (found == site ||
            (found == NULL && __atomic_compare_exchange_n(&table[number], &found, site, false,
                                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) ||
            found == site)
            return number;
    }
    return 0;
}

uint16_t gcxi_site_number(const char *site)
{
    return gcx_detail_is_checked() ? (uint16_t)gcxi_site_claim(site_table, SITE_ENTRIES, site) : 0;
}

const char *gcxi_site_name(uint16_t number)
{
    const char *site = NULL;
    if (number < SITE_ENTRIES)
        site = __atomic_load_n(&site_table[number], __ATOMIC_ACQUIRE);
    return site != NULL ? site : "?";
}
