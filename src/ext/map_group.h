/* map_group.h -- the control bytes of a map, a group at a time.
 *
 *   0x80         empty
 *   0xFE         deleted: a search goes on past it
 *   0x00 .. 7F   full; seven bits of the key's hash
 *
 * A match is a set of slots of the group, from which they are taken one by one.
 * Without SSE2 a group is eight bytes in a word; a match of a hash may then
 * hold a slot too many, which comparing the keys sorts out.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_EXT_MAP_GROUP_H
#define GCXI_EXT_MAP_GROUP_H

#include <string.h>

#include "ext/ext.h"

#define MAP_EMPTY 0x80u
#define MAP_DELETED 0xFEu

#if defined(__SSE2__)

#include <emmintrin.h>

#define MAP_GROUP 16u

typedef __m128i gcxi_map_group;
typedef uint32_t gcxi_map_match;

GCXI_EXT_INLINE gcxi_map_group gcxi_group_load(const uint8_t *control)
{
    return _mm_load_si128((const __m128i *)(const void *)control);
}

GCXI_EXT_INLINE gcxi_map_match gcxi_group_match(gcxi_map_group group, uint8_t hash)
{
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(group, _mm_set1_epi8((char)hash)));
}

GCXI_EXT_INLINE gcxi_map_match gcxi_group_empty(gcxi_map_group group)
{
    return gcxi_group_match(group, MAP_EMPTY);
}

GCXI_EXT_INLINE gcxi_map_match gcxi_group_free(gcxi_map_group group)
{
    return (uint32_t)_mm_movemask_epi8(group);
}

GCXI_EXT_INLINE gcxi_map_match gcxi_group_full(gcxi_map_group group)
{
    return gcxi_group_free(group) ^ 0xffffu;
}

GCXI_EXT_INLINE size_t gcxi_match_first(gcxi_map_match match)
{
    return (size_t)__builtin_ctz(match);
}

#else

#define MAP_GROUP 8u
#define MAP_LOW UINT64_C(0x0101010101010101)
#define MAP_HIGH UINT64_C(0x8080808080808080)

typedef uint64_t gcxi_map_group;
typedef uint64_t gcxi_map_match;

/* The first byte in the lowest bits, whatever the machine's order. */
GCXI_EXT_INLINE gcxi_map_group gcxi_group_load(const uint8_t *control)
{
    uint64_t group = 0;
    for (unsigned i = 0; i < MAP_GROUP; i++)
        group |= (uint64_t)control[i] << (8 * i);
    return group;
}

GCXI_EXT_INLINE gcxi_map_match gcxi_group_match(gcxi_map_group group, uint8_t hash)
{
    uint64_t differs = group ^ (MAP_LOW * hash);
    return (differs - MAP_LOW) & ~differs & MAP_HIGH;
}

GCXI_EXT_INLINE gcxi_map_match gcxi_group_empty(gcxi_map_group group)
{
    return group & ~(group << 6) & MAP_HIGH;
}

GCXI_EXT_INLINE gcxi_map_match gcxi_group_free(gcxi_map_group group)
{
    return group & MAP_HIGH;
}

GCXI_EXT_INLINE gcxi_map_match gcxi_group_full(gcxi_map_group group)
{
    return ~group & MAP_HIGH;
}

GCXI_EXT_INLINE size_t gcxi_match_first(gcxi_map_match match)
{
    return (size_t)__builtin_ctzll(match) / 8;
}

#endif

GCXI_EXT_INLINE gcxi_map_match gcxi_match_rest(gcxi_map_match match)
{
    return match & (match - 1);
}

#endif
