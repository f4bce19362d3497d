/* plugin.c -- a library that is loaded, keeps blocks, and may go.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

void plugin_keep(size_t size);
void plugin_keep_in_thread(size_t size);
void plugin_release(void);

static void *kept;
static __thread void *kept_in_thread; /* dynamic: the loader allocates it */
static __thread char other_bytes[4000];

void plugin_keep(size_t size)
{
    kept = malloc(size);
}

void plugin_keep_in_thread(size_t size)
{
    other_bytes[0]++;
    kept_in_thread = malloc(size);
}

void plugin_release(void)
{
    free(kept);
    free(kept_in_thread);
    kept = kept_in_thread = NULL;
}
