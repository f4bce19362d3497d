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

#define WORD_BITS (8 * sizeof(unsigned long))

void gcxi_apart_sleep(struct gcxi_apart *apart)
{
    if (apart->tid == 0)
        apart->tid = (uint32_t)syscall(SYS_gettid);
    gcxi_store_release(&apart->state, GCXI_APART_ASLEEP);
}

/* Takes the processor out of the set; false if it is not in it, or is all of it. */
static bool take_out(unsigned long *set, uint32_t cpu)
{
    unsigned long bit = 1UL << cpu % WORD_BITS, rest = 0;
    unsigned long *word = &set[cpu / WORD_BITS];
    if ((*word & bit) == 0)
        return false;
    *word &= ~bit;
    for (uint32_t i = 0; i < GCXI_CPU_SET_WORDS; i++)
        rest |= set[i];
    return rest != 0;
}

/* Is the thread kept off the processor now? */
static bool keep_off(struct gcxi_apart *apart, uint32_t cpu)
{
    unsigned long set[GCXI_CPU_SET_WORDS] = {0};
    if (syscall(SYS_sched_getaffinity, apart->tid, sizeof set, set) < 0)
        return false;
    memcpy(apart->allowed, set, sizeof set);
    return take_out(set, cpu) && syscall(SYS_sched_setaffinity, apart->tid, sizeof set, set) == 0;
}

void gcxi_apart_keep_off(struct gcxi_apart *apart)
{
    uint32_t asleep = GCXI_APART_ASLEEP;
    int cpu = sched_getcpu();
    if (cpu < 0 || (size_t)cpu >= 8 * sizeof apart->allowed ||
        !gcxi_compare_exchange(&apart->state, &asleep, GCXI_APART_CHANGING))
        return;
    bool is_off = keep_off(apart, (uint32_t)cpu);
    gcxi_store_release(&apart->state, is_off ? GCXI_APART_KEPT_OFF : GCXI_APART_ASLEEP);
}

void gcxi_apart_arrive(struct gcxi_apart *apart)
{
    uint32_t asleep = GCXI_APART_ASLEEP;
    while (!gcxi_compare_exchange(&apart->state, &asleep, GCXI_APART_AWAKE)) {
        if (asleep == GCXI_APART_KEPT_OFF) {
            (void)syscall(SYS_sched_setaffinity, 0, sizeof apart->allowed, apart->allowed);
            gcxi_store_release(&apart->state, GCXI_APART_AWAKE);
            return;
        }
        gcxi_cpu_relax();
        asleep = GCXI_APART_ASLEEP;
    }
}
