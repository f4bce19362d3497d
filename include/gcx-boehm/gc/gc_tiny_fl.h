/* gc_tiny_fl.h -- sizes of free lists that a program keeps itself.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GC_TINY_FL_H
#define GC_TINY_FL_H

#define GC_GRANULE_BYTES 16
#define GC_GRANULE_WORDS 2
#define GC_TINY_FREELISTS 25
#define GC_WORDS_TO_GRANULES(n) ((n) / GC_GRANULE_WORDS)
#define GC_RAW_BYTES_FROM_INDEX(i) ((i) * GC_GRANULE_BYTES)
#endif
