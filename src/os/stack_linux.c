/* stack_linux.c -- stack bounds and the spilling of registers.
 *
 * A pointer may live in a callee-saved register only. A collection that runs
 * on a thread's own stack must therefore have those registers in memory, above
 * the lowest address that it scans.
 *
 *   K1  gcxi_stack_with_registers saves every callee-saved register in its own
 *       frame before it calls, and its frame lies at or above sp. sp is the
 *       stack pointer itself: the frame address lies above what was pushed.
 *   K2  It is neither inlined nor ends in a tail call: the frame lives as long
 *       as the callback runs.
 *
 * __builtin_unwind_init makes the compiler save all of them, in the prologue.
 * Where a compiler takes that lightly, the asm statement that names them as
 * clobbered says the same once more; it generates no code.
 *
 * Rejected: setjmp, because glibc mangles the frame pointer (and what else it
 * likes) with a secret, so a pointer held there would not be recognised;
 * getcontext, which costs a system call.
 *
 * SPDX-License-Identifier: MIT */
#include "os/stack.h"

#include "os/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define STACK_FIRST_THREAD_MAX GCXI_GIB
#define STACK_COPY_BYTES ((size_t)1024)
#define STACK_STEP_PAGES 256
#define STACK_STRINGS_MAX (16 * GCXI_MIB) /* the kernel allows 6 MiB */

#if defined(__x86_64__)
#define STACK_CALLEE_SAVED "rbx", "r12", "r13", "r14", "r15"
#define STACK_READ_POINTER "movq %%rsp, %0"
#elif defined(__aarch64__)
#define STACK_CALLEE_SAVED "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28"
#define STACK_READ_POINTER "mov %0, sp"
#else
#error "list this processor's callee-saved registers"
#endif

/* The kernel put the random bytes of the auxiliary vector among the argument
 * strings, just above the first thread's frames. (The thread id would not do:
 * in a forked child the only thread may run on any stack.) */
static bool stack_is_first_thread(uintptr_t lo, uintptr_t hi)
{
    const uintptr_t random_bytes = (uintptr_t)getauxval(AT_RANDOM);

    return random_bytes >= lo && random_bytes < hi + STACK_STRINGS_MAX;
}

/* What the first thread's stack may still grow down to. The C library reports
 * the limit too, but cuts it at the next mapping that happens to lie below. */
static uintptr_t stack_first_thread_lo(uintptr_t hi)
{
    size_t most = STACK_FIRST_THREAD_MAX;
    struct rlimit limit;

    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < most)
        most = (size_t)limit.rlim_cur;
    return hi > most ? gcxi_align_down(hi - most, gcxi_vm_page_bytes()) : 0;
}

int gcxi_stack_bounds(uintptr_t *lo, uintptr_t *hi)
{
    pthread_attr_t attributes;
    void *base = NULL;
    size_t bytes = 0;
    int error;

    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return -1;
    error = pthread_attr_getstack(&attributes, &base, &bytes);
    pthread_attr_destroy(&attributes);
    if (error != 0 || base == NULL)
        return -1;
    *hi = (uintptr_t)base + bytes;
    *lo = (uintptr_t)base;
    if (stack_is_first_thread(*lo, *hi))
        *lo = stack_first_thread_lo(*hi);
    return 0;
}

/* What the first thread began with, the 28th word of its status; 0 if unknown. */
static uintptr_t stack_first_sp(void)
{
    char text[1024];
    const int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    const char *at;

    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    at = strrchr(text, ')'); /* ends the second, a name that may hold spaces */
    for (int word = 2; at != NULL && word < 28; word++)
        at = strchr(at + 1, ' ');
    return at != NULL ? (uintptr_t)strtoull(at, NULL, 10) : 0;
}

uintptr_t gcxi_stack_frames_hi(uintptr_t lo, uintptr_t hi)
{
    const uintptr_t first_sp = stack_is_first_thread(lo, hi) ? stack_first_sp() : 0;

    return first_sp > lo && first_sp < hi ? first_sp : hi;
}

/* mincore fails where something of the range is not mapped. */
static bool stack_is_mapped(uintptr_t lo, uintptr_t hi)
{
    unsigned char pages[STACK_STEP_PAGES];

    return mincore((void *)lo, hi - lo, pages) == 0;
}

uintptr_t gcxi_stack_mapped_lo(uintptr_t lo, uintptr_t hi)
{
    const int saved_errno = errno;
    const uintptr_t page_bytes = gcxi_vm_page_bytes();
    const uintptr_t first = gcxi_align_down(lo, page_bytes);
    uintptr_t at = gcxi_align_up(hi, page_bytes);

    for (uintptr_t step = STACK_STEP_PAGES * page_bytes; step >= page_bytes; step /= 4) {
        while (at - first >= step && stack_is_mapped(at - step, at))
            at -= step;
    }
    errno = saved_errno;
    return at > lo ? at : lo;
}

GCXI_NOINLINE void gcxi_stack_with_registers(void (*then)(uintptr_t sp, void *arg), void *arg)
{
    uintptr_t sp;

    __builtin_unwind_init();
    __asm__ volatile("" : : : STACK_CALLEE_SAVED, "memory");
    __asm__ volatile(STACK_READ_POINTER : "=r"(sp));
    then(sp, arg);
    __asm__ volatile("" : : : "memory");
}

/* Through all paths of memcpy, each of which uses other registers. */
void gcxi_stack_forget_copies(void)
{
    static const char zeros[STACK_COPY_BYTES];
    char copy[STACK_COPY_BYTES];

    for (volatile size_t bytes = 16; bytes <= sizeof copy; bytes *= 2) {
        memcpy(copy, zeros, bytes);
        __asm__ volatile("" : : "r"(copy) : "memory");
    }
}
