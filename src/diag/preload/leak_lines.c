/* leak_lines.c -- file and line of an address by elfutils, loaded when the
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
    lines.getsrc = (__typeof__(lines.getsrc))dlsym(library, "dwfl_module_getsrc");
    lines.lineinfo = (__typeof__(lines.lineinfo))dlsym(library, "dwfl_lineinfo");
    callbacks.find_elf = (__typeof__(callbacks.find_elf))dlsym(library, "dwfl_linux_proc_find_elf");
    callbacks.find_debuginfo =
        (__typeof__(callbacks.find_debuginfo))dlsym(library, "dwfl_standard_find_debuginfo");
    return lines.begin != NULL && lines.report != NULL && lines.report_end != NULL &&
           lines.addrmodule != NULL && lines.getsrc != NULL && lines.lineinfo != NULL &&
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

static bool find_line(uintptr_t pc, const char **file, int *line)
{
    if (!lines.is_tried)
        open_session();
    Dwfl_Module *module = lines.session != NULL ? lines.addrmodule(lines.session, pc) : NULL;
    Dwfl_Line *found = module != NULL ? lines.getsrc(module, pc) : NULL;
    *file = found != NULL ? lines.lineinfo(found, NULL, line, NULL, NULL, NULL) : NULL;
    return *file != NULL;
}

void gcxi_leak_preload_lines(void)
{
    gcxi_leak_line = find_line;
}

#else

void gcxi_leak_preload_lines(void)
{
    /* dladdr must do */
}

#endif
