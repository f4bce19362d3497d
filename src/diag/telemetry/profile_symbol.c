/* profile_symbol.c -- by elfutils: debug information where a file has it or a
 * separate one lies on this machine, else the symbol table. The network is
 * never asked.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/profile_symbol.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

struct gcxi_profile_symbols {
    Dwfl *dwfl;
};

static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_linux_proc_find_elf,
                                         .find_debuginfo = dwfl_build_id_find_debuginfo};

struct gcxi_profile_symbols *gcxi_profile_symbols_open(void)
{
    struct gcxi_profile_symbols *symbols = calloc(1, sizeof *symbols);
    if (symbols == NULL)
        return NULL;
    symbols->dwfl = dwfl_begin(&callbacks);
    if (symbols->dwfl != NULL && dwfl_linux_proc_report(symbols->dwfl, getpid()) == 0 &&
        dwfl_report_end(symbols->dwfl, NULL, NULL) == 0)
        return symbols;
    gcxi_profile_symbols_close(symbols);
    return NULL;
}

void gcxi_profile_symbols_close(struct gcxi_profile_symbols *symbols)
{
    if (symbols == NULL)
        return;
    if (symbols->dwfl != NULL)
        dwfl_end(symbols->dwfl);
    free(symbols);
}

/* ---- Inlined functions ---- */

static int attribute_number(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    return dwarf_formudata(dwarf_attr(die, name, &attribute), &value) == 0 ? (int)value : 0;
}

static const char *call_file(Dwarf_Die *cu, Dwarf_Die *die)
{
    Dwarf_Files *files;
    size_t count;
    int index = attribute_number(die, DW_AT_call_file);
    if (dwarf_getsrcfiles(cu, &files, &count) != 0)
        return NULL;
    return dwarf_filesrc(files, (size_t)index, NULL, NULL);
}

/* The scopes around the innermost one at the address, as they nest in the code. */
static int scopes_at(Dwarf_Die *cu, Dwarf_Addr addr, Dwarf_Die **scopes)
{
    Dwarf_Die *innermost = NULL;
    int n = dwarf_getscopes(cu, addr, &innermost);
    if (n > 0)
        n = dwarf_getscopes_die(&innermost[0], scopes);
    free(innermost);
    return n;
}

/* lines[0] has the file and line of the address itself. */
static unsigned find_inlined(Dwarf_Die *cu, Dwarf_Addr addr,
                             struct gcxi_profile_line lines[GCXI_PROFILE_INLINED])
{
    Dwarf_Die *scopes = NULL;
    unsigned count = 0;
    int n = scopes_at(cu, addr, &scopes);
    for (int i = 0; i < n && count < GCXI_PROFILE_INLINED; i++) {
        int tag = dwarf_tag(&scopes[i]);
        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
            continue;
        lines[count++].function = dwarf_diename(&scopes[i]);
        if (tag == DW_TAG_subprogram || count == GCXI_PROFILE_INLINED)
            break;
        lines[count].file = call_file(cu, &scopes[i]);
        lines[count].line = attribute_number(&scopes[i], DW_AT_call_line);
    }
    free(scopes);
    return count;
}

unsigned gcxi_profile_symbols_find(struct gcxi_profile_symbols *symbols, uintptr_t addr,
                                   struct gcxi_profile_line lines[GCXI_PROFILE_INLINED])
{
    Dwarf_Addr bias;
    Dwfl_Module *module = dwfl_addrmodule(symbols->dwfl, addr);
    if (module == NULL)
        return 0;
    memset(lines, 0, GCXI_PROFILE_INLINED * sizeof *lines);
    Dwarf_Die *cu = dwfl_module_addrdie(module, addr, &bias);
    if (cu != NULL && dwarf_haspc(cu, addr - bias) != 1)
        cu = NULL; /* merely the last one before it */
    Dwfl_Line *source = cu != NULL ? dwfl_module_getsrc(module, addr) : NULL;
    if (source != NULL)
        lines[0].file = dwfl_lineinfo(source, NULL, &lines[0].line, NULL, NULL, NULL);
    unsigned count = cu != NULL ? find_inlined(cu, addr - bias, lines) : 0;
    const char *symbol = dwfl_module_addrname(module, addr);
    if (count == 0 && symbol != NULL)
        count = 1;
    if (count != 0 && lines[count - 1].function == NULL)
        lines[count - 1].function = symbol;
    return count;
}
