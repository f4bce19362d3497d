/* tls_none.c -- thread-local storage where the C library's layout is unknown.
 *
 * Nothing is found. Static thread-local storage of threads other than the
 * first usually lies at the high end of their stacks (musl puts it there, with
 * the thread's descriptor and its pthread_setspecific values), inside the
 * bounds that os/stack.h reports, and is scanned with them. What the first
 * thread keeps there only, the program must register as a root.
 *
 * SPDX-License-Identifier: MIT */
#ifndef __GLIBC__
#include <features.h>
#endif

#ifdef __GLIBC__
typedef int gcxi_tls_none_unused; /* tls_glibc.c is in charge */
#else

#include "os/tls.h"

#include <pthread.h>

void gcxi_tls_prepare(void)
{
}

bool gcxi_tls_describe(struct gcxi_tls_module *module)
{
    module->generation = 0;
    module->map = 0;
    return true;
}

uintptr_t gcxi_tls_thread_pointer(void)
{
    return (uintptr_t)pthread_self();
}

void gcxi_tls_visit(uintptr_t thread_pointer, const struct gcxi_tls_module *modules, size_t count,
                    void (*visit)(uintptr_t lo, uintptr_t hi, void *arg), void *arg)
{
    (void)thread_pointer;
    (void)modules;
    (void)count;
    (void)visit;
    (void)arg;
}

#endif
