/* tls_musl.c -- thread-local storage in musl.
 *
 *   x86-64    TP -> { self, dtv, ... struct pthread continues }
 *   aarch64   struct pthread ends at TP; its last field is dtv
 *   dtv[0]    number of entries        dtv[id]  block of the module
 *
 * Every thread has a block of every module, from its creation or from dlopen
 * on, so the vector tells all. Thread-local storage and the descriptor lie above
 * what pthread_getattr_np calls the stack.
 *
 *   L1  What the vector says is checked once against what the loader says of
 *       the calling thread. If they differ nothing is visited, and the program
 *       registers what it keeps there as roots.
 *
 * Values of pthread_setspecific are not found: their place in the descriptor
 * differs between versions. docs/guide-linking.md says so.
 *
 * SPDX-License-Identifier: MIT */
#include <features.h>

#ifdef __GLIBC__
typedef int gcxi_tls_musl_unused; /* tls_glibc.c is in charge */
#else

#include "os/tls.h"

#include <link.h>
#include <pthread.h>

#include "base/atomic.h"

#if defined(__x86_64__)
#define TLS_VECTOR_OFFSET 8
#elif defined(__aarch64__)
#define TLS_VECTOR_OFFSET (-8)
#else
#error "say where this processor's thread pointer leads to the vector"
#endif

enum tls_knowledge { TLS_UNKNOWN, TLS_TRUSTED, TLS_REFUSED };

static uint32_t tls_knowledge; /* L1 */

uintptr_t gcxi_tls_thread_pointer(void)
{
    return (uintptr_t)__builtin_thread_pointer();
}

static const uintptr_t *tls_vector(uintptr_t thread_pointer)
{
    return *(const uintptr_t *const *)(thread_pointer + (uintptr_t)TLS_VECTOR_OFFSET);
}

/* Ends the iteration with 1 at a module where the two differ. */
static int tls_compare(struct dl_phdr_info *info, size_t size, void *arg)
{
    const uintptr_t *vector = arg;

    (void)size;
    if (info->dlpi_tls_modid == 0)
        return 0;
    return info->dlpi_tls_modid > vector[0] ||
           vector[info->dlpi_tls_modid] != (uintptr_t)info->dlpi_tls_data;
}

void gcxi_tls_prepare(void)
{
    const uintptr_t *vector = tls_vector(gcxi_tls_thread_pointer());

    if (gcxi_load_relaxed(&tls_knowledge) != TLS_UNKNOWN)
        return;
    const bool agree =
        vector != NULL && dl_iterate_phdr(tls_compare, (void *)(uintptr_t)vector) == 0;
    gcxi_store_relaxed(&tls_knowledge, agree ? TLS_TRUSTED : TLS_REFUSED);
    if (!agree)
        gcxi_report("thread-local storage is not found in this C library: what only lies there is "
                    "no root");
}

bool gcxi_tls_describe(struct gcxi_tls_module *module)
{
    module->generation = 0;
    module->map = 0;
    return true;
}

void gcxi_tls_visit(uintptr_t thread_pointer, const struct gcxi_tls_module *modules, size_t count,
                    void (*visit)(uintptr_t lo, uintptr_t hi, void *arg), void *arg)
{
    const uintptr_t *vector = tls_vector(thread_pointer);

    if (tls_knowledge != TLS_TRUSTED)
        return;
    for (size_t i = 0; i < count; i++) {
        if (modules[i].id <= vector[0])
            visit(vector[modules[i].id], vector[modules[i].id] + modules[i].bytes, arg);
    }
}

#endif
