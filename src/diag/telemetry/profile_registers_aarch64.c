/* profile_registers_aarch64.c -- registers in libunwind's order.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/profile_signal.h"

const unsigned gcxi_register_sp = 31;

void gcxi_registers_save(uintptr_t registers[GCXI_REGISTERS], const mcontext_t *context)
{
    for (unsigned i = 0; i < 31; i++)
        registers[i] = (uintptr_t)context->regs[i];
    registers[31] = (uintptr_t)context->sp;
    registers[32] = (uintptr_t)context->pc;
}
