/* site.c -- see site.h. Numbers are given by the first free entry after a hash,
 * which whoever comes first takes with one exchange: no lock.
 *
 * SPDX-License-Identifier: MIT */
#include "ext/site.h"

#define SITE_ENTRIES 4096u

static const char *site_table[SITE_ENTRIES]; /* [0] is not used */

static uint16_t number_slow(const char *site)
{
    uint32_t at = (uint32_t)(((uintptr_t)site * UINT64_C(0x9e3779b97f4a7c15)) >> 40);
    for (uint32_t i = 0; i < SITE_ENTRIES; i++, at++) {
        uint32_t number = at % (SITE_ENTRIES - 1) + 1;
        const char *found = NULL;
        if (__atomic_compare_exchange_n(&site_table[number], &found, site, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE) ||
            found == site)
            return (uint16_t)number;
    }
    return 0;
}

uint16_t gcxi_site_number(const char *site)
{
    return site != NULL && gcx_detail_is_checked() ? number_slow(site) : 0;
}

const char *gcxi_site_name(uint16_t number)
{
    const char *site = NULL;
    if (number < SITE_ENTRIES)
        site = __atomic_load_n(&site_table[number], __ATOMIC_ACQUIRE);
    return site != NULL ? site : "?";
}
