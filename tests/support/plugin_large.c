/* plugin_large.c -- a shared library with much static data, for test_statics to load
 * and unload. It does not refer to libgcx.
 *
 * SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "plugin_large.h"

enum { ZEROED = 1 << 19, FILLED = 1 << 18, LETTER = FILLED - 4096 };

void *volatile *plugin_large(size_t *count);
void *volatile *plugin_filled(size_t *count);

static void *volatile slots[ZEROED];
static void *volatile filled[FILLED] = {
    [LETTER] = (void *)PLUGIN_LETTER,
    [LETTER + 1] = (void *)PLUGIN_LETTER,
};

void *volatile *plugin_large(size_t *count)
{
    *count = ZEROED;
    return slots;
}

void *volatile *plugin_filled(size_t *count)
{
    *count = FILLED;
    return filled;
}
