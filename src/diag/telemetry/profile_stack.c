/* profile_stack.c -- by libunwind, which needs no frame pointers and caches
 * what it learns of each return address.
 *
 * It takes the dynamic loader's lock when it meets a new one, with signals
 * blocked, and a cycle holds that lock while it waits for the threads to stop.
 * So the thread counts as stopped meanwhile.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/profile_stack.h"

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include <pthread.h>
#include <string.h>

#include "diag/telemetry/telemetry.h"

static unsigned find(void *const *pcs, unsigned depth, const void *site)
{
    for (unsigned i = 0; i < depth; i++)
        if (pcs[i] == site)
            return i;
    return 0;
}

/* ThreadSanitizer is done with a thread before the cache of unw_backtrace frees
 * itself, and crashes in the lock that this takes. */
#if defined(__SANITIZE_THREAD__)
static int walk(void **found, int max)
{
    unw_context_t context;
    unw_cursor_t cursor;
    int n = 0;
    unw_getcontext(&context);
    if (unw_init_local(&cursor, &context) != 0)
        return 0;
    do {
        unw_word_t ip;
        if (unw_get_reg(&cursor, UNW_REG_IP, &ip) != 0 || ip == 0)
            break;
        found[n++] = (void *)(uintptr_t)ip; /* NOLINT: an address */
    } while (n < max && unw_step(&cursor) > 0);
    return n;
}
#else
static int walk(void **found, int max)
{
    return unw_backtrace(found, max);
}
#endif

/* libunwind sets itself up at its first use, and what a thread that comes second
 * sees of that is not ordered. */
static void walk_first(void)
{
    void *found[1];
    walk(found, 1);
}

unsigned gcxi_profile_stack(uintptr_t pcs[GCXI_PROFILE_DEPTH], const void *site)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    void *found[GCXI_PROFILE_DEPTH + 16];
    if (gcxi_diag->blocking_begin() != 0)
        return 0;
    pthread_once(&once, walk_first);
    int n = walk(found, (int)(sizeof found / sizeof *found));
    gcxi_diag->blocking_end();
    unsigned depth = n > 0 ? (unsigned)n : 0;
    unsigned first = find(found, depth, site);
    depth = (unsigned)gcxi_min(depth - first, GCXI_PROFILE_DEPTH);
    memcpy(pcs, found + first, depth * sizeof *pcs);
    return depth;
}
