/* diag.h -- between the library and its diagnostics.
 *
 * Profiles, symbols, compression and the server need libraries that no program
 * should have to carry, so they are a shared object of their own
 * (src/diag/telemetry) that is loaded when the environment or a call asks for
 * it. Neither is linked to the other, so that it serves the shared library, the
 * static one and libgc.so.1 alike: the library hands in what it offers, and the
 * diagnostics hand back what they do.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_API_DIAG_H
#define GCXI_API_DIAG_H

#include "gc/cycle.h"
#include "gcx/detail/extend.h"
#include "gcx/gcx.h"
#include "gcx/stats.h"
#include "gcx/wait.h"
#include "heap/sample.h"

#define GCXI_DIAG_VERSION 4 /* of the two structures */
#define GCXI_DIAG_ENTRY "gcx_diag_entry"

/* What the library offers. */
struct gcxi_diag_services {
    unsigned version;

    /* From enter to leave the calling thread is not stopped; NULL: refused.
     * Nothing that waits belongs in between, but for a lock that is only ever
     * held there. */
    struct gcxi_mutator *(*enter)(void);
    void (*leave)(struct gcxi_mutator *self);

    /* For good: tells of cycles. */
    void (*hook_add)(struct gcx_detail_cycle_hook *hook);

    /* NULL: off. The structure must stay where it is. */
    void (*set_sampler)(const struct gcxi_sampler *sampler);

    /* gcx_free leaves the object to the collector from now on, that its end be
     * seen. Between enter and leave. False without memory for that. */
    bool (*watch)(const void *object);

    /* In end_stw: has the watched object been kept? If not it is forgotten. */
    bool (*settle_stw)(const void *object);

    /* For good: told of every cycle when its threads run again, by the thread that
     * ran it, which holds the heap lock. It waits for nothing and calls nothing of
     * the library. NULL: none. */
    void (*set_cycle_listener)(gcxi_cycle_listener *listener);

    /* As in gcx.h. */
    void (*collect)(enum gcx_cycle kind);
    void (*get_stats)(struct gcx_stats *stats);
    int (*blocking_begin)(void);
    int (*blocking_end)(void);

    /* As in gcx/stats.h. */
    size_t (*get_pauses)(struct gcx_pause *pauses, size_t n);
    size_t (*get_classes)(struct gcx_class_stats *classes, size_t n);

    /* When the library started, by gcxi_clock_ns. */
    uint64_t (*start_ns)(void);

    /* The signal that stops threads. */
    int (*stop_signal)(void);

    /* As in gcx/profile.h. */
    int (*profile_heap)(const char *path, unsigned flags);

    /* As in gcx/wait.h. */
    long (*thread_leaks)(void (*report)(const struct gcx_thread_leak *leak, void *arg), void *arg);
};

/* What the diagnostics do: the calls of gcx/profile.h and gcx/debug.h. */
struct gcxi_diag_calls {
    int64_t (*set_rate)(int64_t bytes);
    int (*write_heap)(int fd, unsigned flags);
    int (*cpu_begin)(void);
    int (*cpu_end)(int fd); /* -1: nowhere */
    int (*write_threads)(int fd);
    int (*write_thread_leaks)(int fd);
    int (*serve)(const char *address, bool is_remote);
    int (*serve_stop)(void);
    int (*serve_port)(void);
};

/* The one symbol of the shared object. 0, or an error number; it also does what
 * the environment asks. */
typedef int gcxi_diag_entry_function(const struct gcxi_diag_services *services,
                                     const struct gcxi_diag_calls **calls);

#endif
