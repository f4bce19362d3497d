/* quiet.h -- words of old objects, of which few lead to young ones.
 *
 * What a minor cycle reads of old objects is mostly words that point into the
 * heap and not to what is young. The young objects of a zone lie close together,
 * so eight words are first compared with the span that holds them all, and only
 * where one may be inside the filter of mark.c is asked for each.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_TRACE_QUIET_H
#define GCXI_TRACE_QUIET_H

#include <string.h>

#include "base/base.h"
#include "heap/block.h"
#include "heap/space.h"

#define GCXI_QUIET_WORDS 8u

/* Units of a zone that hold all its young objects. Addresses count in units,
 * and their low 32 bits only: four of them are compared at a time. */
struct gcxi_young_span {
    uint32_t first;
    uint32_t units;
};

/* The same of units whose byte in a table is 1. World stopped. */
GCXI_INLINE struct gcxi_young_span gcxi_span_of(const uint8_t *young, enum gcxi_zone_index zone)
{
    uint32_t zone_first = gcxi_zone_first(zone), units = gcxi_zone_end(zone) - zone_first;
    const uint8_t *first = memchr(young + zone_first, 1, units);
    if (first == NULL)
        return (struct gcxi_young_span){0, 0};
    const uint8_t *last = memrchr(young + zone_first, 1, units);
    uintptr_t addr = gcxi_unit_addr((uint32_t)(first - young));
    return (struct gcxi_young_span){(uint32_t)(addr >> GCXI_LG_UNIT), (uint32_t)(last - first) + 1};
}

GCXI_INLINE struct gcxi_young_span gcxi_young_span(enum gcxi_zone_index zone)
{
    return gcxi_span_of(gcxi_map.young, zone);
}

/* Vectors of four; compilers lower them to what the machine has. */
typedef uint64_t gcxi_quiet_words __attribute__((vector_size(32), aligned(8), may_alias));
typedef uint32_t gcxi_quiet_units __attribute__((vector_size(16)));
typedef int32_t gcxi_quiet_signs __attribute__((vector_size(16)));
typedef uint64_t gcxi_quiet_halves __attribute__((vector_size(16)));

/* All ones where the unit lies in the span, by a signed compare: the only one
 * that every machine has. */
GCXI_INLINE gcxi_quiet_signs gcxi_quiet_in_span(gcxi_quiet_units units, struct gcxi_young_span span)
{
    const uint32_t bias = UINT32_C(1) << 31;
    gcxi_quiet_units limit = (gcxi_quiet_units){0} + (span.units - bias);
    return (gcxi_quiet_signs)(units - (span.first - bias)) < (gcxi_quiet_signs)limit;
}

/* Whether one of GCXI_QUIET_WORDS words at lo may lead to a young object: true if
 * one does. */
GCXI_NO_SANITIZE GCXI_INLINE bool gcxi_may_be_young(const struct gcxi_young_span young[GCXI_ZONES],
                                                    uintptr_t lo)
{
    const gcxi_quiet_words *words = (const gcxi_quiet_words *)lo;
    gcxi_quiet_units a = __builtin_convertvector(words[0] >> GCXI_LG_UNIT, gcxi_quiet_units);
    gcxi_quiet_units b = __builtin_convertvector(words[1] >> GCXI_LG_UNIT, gcxi_quiet_units);
    gcxi_quiet_halves found =
        (gcxi_quiet_halves)(gcxi_quiet_in_span(a, young[0]) | gcxi_quiet_in_span(a, young[1]) |
                            gcxi_quiet_in_span(b, young[0]) | gcxi_quiet_in_span(b, young[1]));
    return (found[0] | found[1]) != 0;
}

#endif
