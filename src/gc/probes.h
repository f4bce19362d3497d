/* probes.h -- static probes (USDT) of provider gcx, for perf, bpftrace and SystemTap.
 *
 * Where <sys/sdt.h> was there when the library was built, each is one nop and a note in
 * the file; elsewhere nothing.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_PROBES_H
#define GCXI_GC_PROBES_H

#if defined(__has_include)
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define GCXI_PROBE(name, arg) DTRACE_PROBE1(gcx, name, arg)
#endif
#endif

#ifndef GCXI_PROBE
#define GCXI_PROBE(name, arg) ((void)(arg))
#endif

#endif
