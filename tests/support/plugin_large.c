/* plugin_large.c -- a shared library with much static data, for test_statics to load
 * and unload. It does not refer to libgcx.
 *
 * SPDX-License-Identifier: MIT */
#include <stddef.h>

void *volatile *plugin_large(size_t *count);

static void *volatile slots[1 << 19];

void *volatile *plugin_large(size_t *count)
{
    *count = sizeof slots / sizeof *slots;
    return slots;
}
