/* map_hash.h -- hashing of keys: multiply 64 by 64 bits and fold the halves.
 *
 * Seeded once per map, so that nobody outside can choose keys that collide.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_EXT_MAP_HASH_H
#define GCXI_EXT_MAP_HASH_H

#include <string.h>

#include "ext/ext.h"

#define MAP_HASH_A UINT64_C(0x9e3779b97f4a7c15)
#define MAP_HASH_B UINT64_C(0xe7037ed1a0b428db)

__extension__ typedef unsigned __int128 gcxi_uint128;

GCXI_EXT_INLINE uint64_t gcxi_hash_fold(uint64_t a, uint64_t b)
{
    gcxi_uint128 product = (gcxi_uint128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

GCXI_EXT_INLINE uint64_t gcxi_hash_word(uint64_t word, uint64_t seed)
{
    return gcxi_hash_fold(word ^ seed, MAP_HASH_A);
}

GCXI_EXT_INLINE uint64_t gcxi_hash_bytes(const void *key, size_t n, uint64_t seed)
{
    const unsigned char *at = key;
    uint64_t hash = seed ^ n * MAP_HASH_B;
    uint64_t words[2];
    for (; n > 16; n -= 16, at += 16) {
        memcpy(words, at, 16);
        hash = gcxi_hash_fold(words[0] ^ MAP_HASH_A, words[1] ^ hash);
    }
    words[0] = words[1] = 0;
    memcpy(words, at, n);
    return gcxi_hash_fold(words[0] ^ MAP_HASH_A, words[1] ^ hash ^ MAP_HASH_B) ^ hash >> 32;
}

#endif
