/* plugin.c -- a shared library for test_roots to load: its data are roots.
 *
 * Built as gcx_test_plugin.so (no "lib" prefix) next to the test executables.
 * It does not refer to libgcx.
 *
 * SPDX-License-Identifier: MIT */
#include <stddef.h>

void **plugin_data(size_t *count);
void **plugin_thread_data(size_t *count);

#define SLOTS 64

/* An initialised part and a zeroed one, both large enough for pages of their own. */
static void *data_slots[2048] = {(void *)&data_slots[0]};
static void *bss_slots[4096];
static __thread void *thread_slots[SLOTS];

/* SLOTS pointers: at odd calls in initialised data, at even ones in zeroed data. */
void **plugin_data(size_t *count)
{
    static int turn;
    *count = SLOTS;
    return turn++ % 2 == 0 ? &data_slots[1] : &bss_slots[4096 - SLOTS];
}

void **plugin_thread_data(size_t *count)
{
    *count = SLOTS;
    return thread_slots;
}
