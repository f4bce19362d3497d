/* profile_signal.h -- samples of threads, taken by SIGPROF in the thread itself.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_PROFILE_SIGNAL_H
#define GCXI_DIAG_TELEMETRY_PROFILE_SIGNAL_H

#include <sys/ucontext.h>

#include "base/base.h"

#define GCXI_REGISTERS 33u /* as libunwind numbers them; room for all processors */
#define GCXI_SAMPLE_STACK_BYTES 32000u

/* What a thread was doing: its registers, and the innermost part of its stack. */
struct gcxi_thread_sample {
    uint32_t state; /* of profile_signal.c */
    int tid;
    uint32_t weight; /* ticks that it stands for */
    uint32_t is_asked;
    size_t stack_bytes;
    uintptr_t registers[GCXI_REGISTERS];
    unsigned char stack[GCXI_SAMPLE_STACK_BYTES];
};

/* profile_registers_ARCH.c */
extern const unsigned gcxi_register_sp;
void gcxi_registers_save(uintptr_t registers[GCXI_REGISTERS], const mcontext_t *context);

/* Makes the signal ready and takes samples from now on. 0, or an error number:
 * EBUSY if the program has a handler of its own. Pairs; they nest. */
int gcxi_signal_begin(void);
void gcxi_signal_end(void);

/* Asks a thread for a sample; false if it is there no longer. */
bool gcxi_signal_ask(int tid);

/* Hands over each sample that is there. One thread at a time (the callers' lock). */
void gcxi_signal_drain(void (*take)(void *arg, const struct gcxi_thread_sample *sample), void *arg);

#endif
