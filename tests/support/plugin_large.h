/* plugin_large.h -- a library that test_statics loads, and changes before.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_PLUGIN_LARGE_H
#define GCX_TESTS_PLUGIN_LARGE_H

#include <stdint.h>

/* Twice in its initialised data, and nowhere else in it. */
#define PLUGIN_LETTER ((uintptr_t)0x8123456789abcdef)

#endif
