/* profile_symbol.h -- functions and lines of addresses in this process.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_PROFILE_SYMBOL_H
#define GCXI_DIAG_TELEMETRY_PROFILE_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

#define GCXI_PROFILE_INLINED 16u /* functions at one address, at most */

struct gcxi_profile_line {
    const char *function; /* valid until the symbols are closed */
    const char *file;     /* NULL: not known */
    int line;             /* 0: not known */
};

struct gcxi_profile_symbols;

/* NULL: none are at hand. */
struct gcxi_profile_symbols *gcxi_profile_symbols_open(void);
void gcxi_profile_symbols_close(struct gcxi_profile_symbols *symbols);

/* The functions at an address, inlined ones first; how many, 0 if unknown. */
unsigned gcxi_profile_symbols_find(struct gcxi_profile_symbols *symbols, uintptr_t addr,
                                   struct gcxi_profile_line lines[GCXI_PROFILE_INLINED]);

#endif
