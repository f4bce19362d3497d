/* debug.h -- a window into the running program: profiles, numbers and a page
 * with live charts, over HTTP.
 *
 *     GCX_DEBUG_ADDR=127.0.0.1:6060 ./program
 *     go tool pprof http://127.0.0.1:6060/debug/pprof/heap
 *     xdg-open http://127.0.0.1:6060/
 *
 * A program needs none of these calls for that. What is served is listed in
 * docs/guide/profiling.md: the paths of Go's net/http/pprof, /debug/vars,
 * /metrics for Prometheus, and / for people. Anyone who reaches the address can
 * read where the program allocates and make it collect, so only this machine
 * does unless the program says otherwise.
 *
 * The calls load libgcx-diag.so, and fail with ENOTSUP where it is not installed
 * or was built without libmicrohttpd. Any thread, but no signal handler and no
 * callback that runs in a collection.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_DEBUG_H
#define GCX_DEBUG_H

#include <gcx/gcx.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Serves on a loopback address: "127.0.0.1:6060", "[::1]:6060" or
 * "localhost:6060"; port 0 is any that is free. Allocations are sampled from
 * then on, at the default rate unless one was set. Requests run on threads of
 * the library's, which no collection waits for. 0, or -1 with errno: EINVAL for
 * an address that is none, EPERM for one that other machines may reach,
 * EADDRINUSE or another of bind, EBUSY while a server runs, ENOTSUP, ENOMEM.
 * A forked child has no server. [collects: no] Example: examples/debug.c */
GCX_API int gcx_debug_serve(const char *address);

/* As gcx_debug_serve, on any address, such as "0.0.0.0:6060": whoever can reach
 * it may read and collect. There is no encryption and no password. */
GCX_API int gcx_debug_serve_remote(const char *address);

/* The port that is served; 0 for none. */
GCX_API int gcx_debug_port(void);

/* Ends the server and waits until its threads are done; profiles under way end
 * early. 0, or -1 with ENOENT if none runs, ENOTSUP. Sampling goes on. */
GCX_API int gcx_debug_stop(void);

#ifdef __cplusplus
}
#endif
#endif
