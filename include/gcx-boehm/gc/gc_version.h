/* gc_version.h -- which release's interface this is.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GC_VERSION_H
#define GC_VERSION_H

#define GC_VERSION_MAJOR 8
#define GC_VERSION_MINOR 2
#define GC_VERSION_MICRO 2
#define GC_TMP_VERSION_MAJOR GC_VERSION_MAJOR
#define GC_TMP_VERSION_MINOR GC_VERSION_MINOR
#define GC_TMP_VERSION_MICRO GC_VERSION_MICRO
#endif
