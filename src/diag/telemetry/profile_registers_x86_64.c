/* profile_registers_x86_64.c -- registers in libunwind's order.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/profile_signal.h"

const unsigned gcxi_register_sp = 7;

void gcxi_registers_save(uintptr_t registers[GCXI_REGISTERS], const mcontext_t *context)
{
    static const int order[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                                REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++)
        registers[i] = (uintptr_t)context->gregs[order[i]];
}
