/* tls.h -- how the C library lays out thread-local storage. Private to
 * module_linux.c and the tls_*.c files.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_TLS_H
#define GCXI_OS_TLS_H

#include "base/base.h"

/* A loaded module with thread-local storage. */
struct gcxi_tls_module {
    size_t id; /* as in dlpi_tls_modid */
    size_t bytes;
    size_t generation; /* a thread whose table is older has not touched it */
    uintptr_t map;     /* the loader's record of it; 0 if unknown */
};

/* Finds what gcxi_tls_describe and gcxi_tls_visit need, once. May take the
 * loader's locks and call malloc. */
void gcxi_tls_prepare(void);

/* Fills generation and map from id. Under the loader's lock. False if the
 * loader has not finished with the module: ask again in the next snapshot. */
bool gcxi_tls_describe(struct gcxi_tls_module *module);

uintptr_t gcxi_tls_thread_pointer(void);

/* As gcxi_module_thread_storage, for the modules given. */
void gcxi_tls_visit(uintptr_t thread_pointer, const struct gcxi_tls_module *modules, size_t count,
                    void (*visit)(uintptr_t lo, uintptr_t hi, void *arg), void *arg);

#endif
