/* apart_linux.c -- see apart.h. By affinity: the set of a thread that sleeps is changed
 * without waking it, and a processor that is not in it is not chosen.
 *
 * SPDX-License-Identifier: MIT */
#include "os/apart.h"

#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/atomic.h"

#define LG_WORD_BITS (sizeof(unsigned long) == 8 ? 6u : 5u)

void gcxi_apart_begin(struct gcxi_apart *apart)
{
    gcxi_store_release(&apart->tid, (uint32_t)syscall(SYS_gettid));
}

/* Takes the processor out of the set; false if it is not in it, or is all of it. */
static bool take_out(unsigned long *set, uint32_t cpu)
{
    unsigned long bit = 1UL << cpu % (8 * sizeof *set), rest = 0;
    unsigned long *word = &set[cpu >> LG_WORD_BITS];
    if ((*word & bit) == 0)
        return false;
    *word &= ~bit;
    for (uint32_t i = 0; i < GCXI_APART_WORDS; i++)
        rest |= set[i];
    return rest != 0;
}

void gcxi_apart_keep_off(struct gcxi_apart *apart)
{
    unsigned long set[GCXI_APART_WORDS] = {0};
    uint32_t tid = gcxi_load_acquire(&apart->tid);
    int cpu = sched_getcpu();
    if (tid == 0 || cpu < 0 || (size_t)cpu >= 8 * sizeof set ||
        gcxi_load_acquire(&apart->is_kept_off) != 0)
        return;
    if (syscall(SYS_sched_getaffinity, tid, sizeof set, set) < 0)
        return;
    memcpy(apart->allowed, set, sizeof set);
    if (!take_out(set, (uint32_t)cpu))
        return;
    gcxi_store_release(&apart->is_kept_off, 1);
    if (syscall(SYS_sched_setaffinity, tid, sizeof set, set) != 0)
        gcxi_store_release(&apart->is_kept_off, 0);
}

void gcxi_apart_arrive(struct gcxi_apart *apart)
{
    if (gcxi_load_acquire(&apart->is_kept_off) == 0)
        return;
    (void)syscall(SYS_sched_setaffinity, 0, sizeof apart->allowed, apart->allowed);
    gcxi_store_release(&apart->is_kept_off, 0);
}
