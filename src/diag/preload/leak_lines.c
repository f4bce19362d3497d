/* leak_lines.c -- function, file and line of an address by elfutils, loaded when the
 * first report needs it: a program without leaks never sees that library.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/leak.h"
#include "diag/preload/leak_preload.h"

#if GCXI_HAVE_LIBDW
#include <dlfcn.h>
#include <elfutils/libdwfl.h>
#include <unistd.h>

static struct {
    Dwfl *session;
    bool is_tried;
    __typeof__(dwfl_begin) *begin;
    __typeof__(dwfl_linux_proc_report) *report;
    __typeof__(dwfl_report_end) *report_end;
    __typeof__(dwfl_addrmodule) *addrmodule;
    __typeof__(dwfl_module_addrname) *addrname;
    __typeof__(dwfl_module_addrdie) *addrdie;
    __typeof__(dwarf_haspc) *haspc;
    __typeof__(dwfl_module_getsrc) *getsrc;
    __typeof__(dwfl_lineinfo) *lineinfo;
} lines;

static Dwfl_Callbacks callbacks;

static bool find_functions(void *library)
{
    lines.begin = (__typeof__(lines.begin))dlsym(library, "dwfl_begin");
    lines.report = (__typeof__(lines.report))dlsym(library, "dwfl_linux_proc_report");
    lines.report_end = (__typeof__(lines.report_end))dlsym(library, "dwfl_report_end");
    lines.addrmodule = (__typeof__(lines.addrmodule))dlsym(library, "dwfl_addrmodule");
    lines.addrname = (__typeof__(lines.addrname))dlsym(library, "dwfl_module_addrname");
    lines.addrdie = (__typeof__(lines.addrdie))dlsym(library, "dwfl_module_addrdie");
    lines.haspc = (__typeof__(lines.haspc))dlsym(library, "dwarf_haspc");
    lines.getsrc = (__typeof__(lines.getsrc))dlsym(library, "dwfl_module_getsrc");
    lines.lineinfo = (__typeof__(lines.lineinfo))dlsym(library, "dwfl_lineinfo");
    callbacks.find_elf = (__typeof__(callbacks.find_elf))dlsym(library, "dwfl_linux_proc_find_elf");
    callbacks.find_debuginfo =
        (__typeof__(callbacks.find_debuginfo))dlsym(library, "dwfl_standard_find_debuginfo");
    return lines.begin != NULL && lines.report != NULL && lines.report_end != NULL &&
           lines.addrmodule != NULL && lines.addrname != NULL && lines.addrdie != NULL &&
           lines.haspc != NULL && lines.getsrc != NULL && lines.lineinfo != NULL &&
           callbacks.find_elf != NULL && callbacks.find_debuginfo != NULL;
}

static void open_session(void)
{
    lines.is_tried = true;
    void *library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL || !find_functions(library))
        return;
    Dwfl *session = lines.begin(&callbacks);
    if (session == NULL || lines.report(session, getpid()) != 0 ||
        lines.report_end(session, NULL, NULL) != 0)
        return;
    lines.session = session;
}

/* C++ names as they are written, if the program has the library for that. The
 * buffer serves for all of them, one after the other. */
static const char *readable(const char *name)
{
    static char *(*demangle)(const char *name, char *buffer, size_t *bytes, int *status);
    static char *buffer;
    static size_t bytes;
    int status = 0;
    if (name == NULL || name[0] != '_' || name[1] != 'Z')
        return name;
    if (demangle == NULL)
        demangle = (__typeof__(demangle))dlsym(RTLD_DEFAULT, "__cxa_demangle");
    char *text = demangle != NULL ? demangle(name, buffer, &bytes, &status) : NULL;
    if (text == NULL)
        return name;
    return buffer = text;
}

/* For code without debug information libdw finds the unit that lies before it. */
static bool has_unit(Dwfl_Module *module, uintptr_t pc)
{
    Dwarf_Addr bias;
    Dwarf_Die *unit = lines.addrdie(module, pc, &bias);
    return unit != NULL && lines.haspc(unit, pc - bias) > 0;
}

static struct gcxi_leak_place find_place(uintptr_t pc)
{
    struct gcxi_leak_place place = {0};
    if (!lines.is_tried)
        open_session();
    Dwfl_Module *module = lines.session != NULL ? lines.addrmodule(lines.session, pc) : NULL;
    if (module == NULL)
        return place;
    place.function = readable(lines.addrname(module, pc));
    Dwfl_Line *found = has_unit(module, pc) ? lines.getsrc(module, pc) : NULL;
    if (found != NULL)
        place.file = lines.lineinfo(found, NULL, &place.line, NULL, NULL, NULL);
    return place;
}

void gcxi_leak_preload_lines(void)
{
    gcxi_leak_place = find_place;
}

#else

void gcxi_leak_preload_lines(void)
{
    /* dladdr must do */
}

#endif
