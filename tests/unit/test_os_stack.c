/* test_os_stack.c -- what os/stack.h promises.
 *
 * SPDX-License-Identifier: MIT */
#include "os/stack.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Secrets are kept with all bits inverted, so that only what is computed in a
 * register shows them. */
#define SECRET(n) (UINT64_C(0x5ec7e7a0b1c2d300) + (n))

#if defined(__x86_64__)
#define REGISTERS 6
#define LOAD_AND_CALL                                                                      \
    "pushq %%rbp\n\tpushq %%rbx\n\tsubq $128, %%rsp\n\t"                                   \
    "movq 0(%%rax), %%rbx\n\tmovq 8(%%rax), %%r12\n\tmovq 16(%%rax), %%r13\n\t"            \
    "movq 24(%%rax), %%r14\n\tmovq 32(%%rax), %%r15\n\tmovq 40(%%rax), %%rbp\n\t"          \
    "notq %%rbx\n\tnotq %%r12\n\tnotq %%r13\n\tnotq %%r14\n\tnotq %%r15\n\tnotq %%rbp\n\t" \
    "call *%%rcx\n\taddq $128, %%rsp\n\tpopq %%rbx\n\tpopq %%rbp"

static void call_with_secrets(void (*then)(uintptr_t sp, void *arg), void *arg,
                              const uint64_t *inverted)
{
    register void (*rdi)(uintptr_t, void *) __asm__("rdi") = then;
    register void *rsi __asm__("rsi") = arg;
    register const uint64_t *rax __asm__("rax") = inverted;
    register void (*rcx)(void (*)(uintptr_t, void *), void *) __asm__("rcx") =
        gcxi_stack_with_registers;

    __asm__ volatile("movq %%rsp, %%r11\n\tsubq $256, %%rsp\n\tandq $-16, %%rsp\n\tpushq %%r11\n\t"
                     "pushq %%r11\n\t" LOAD_AND_CALL "\n\tpopq %%rsp"
                     : "+r"(rdi), "+r"(rsi), "+r"(rax), "+r"(rcx)
                     :
                     : "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
}
#elif defined(__aarch64__)
#define REGISTERS 10

static void call_with_secrets(void (*then)(uintptr_t sp, void *arg), void *arg,
                              const uint64_t *inverted)
{
    register void (*x0)(uintptr_t, void *) __asm__("x0") = then;
    register void *x1 __asm__("x1") = arg;
    register const uint64_t *x9 __asm__("x9") = inverted;
    register void (*x10)(void (*)(uintptr_t, void *), void *) __asm__("x10") =
        gcxi_stack_with_registers;

    __asm__ volatile(
        "ldp x19, x20, [x9]\n\tldp x21, x22, [x9, #16]\n\tldp x23, x24, [x9, #32]\n\t"
        "ldp x25, x26, [x9, #48]\n\tldp x27, x28, [x9, #64]\n\t"
        "mvn x19, x19\n\tmvn x20, x20\n\tmvn x21, x21\n\tmvn x22, x22\n\tmvn x23, x23\n\t"
        "mvn x24, x24\n\tmvn x25, x25\n\tmvn x26, x26\n\tmvn x27, x27\n\tmvn x28, x28\n\t"
        "blr x10"
        : "+r"(x0), "+r"(x1), "+r"(x9), "+r"(x10)
        :
        : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
          "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "memory",
          "cc");
}
#endif

struct search {
    uintptr_t hi;
    unsigned found;
};

static GCXI_NO_SANITIZE void search_stack(uintptr_t sp, void *arg)
{
    struct search *search = arg;

    for (uintptr_t at = sp; at < search->hi; at += sizeof(uint64_t)) {
        const uint64_t secret = *(const volatile uint64_t *)at - SECRET(0);

        if (secret < REGISTERS)
            search->found |= 1u << secret;
    }
}

static void every_callee_saved_register_is_spilled(void **state)
{
    static uint64_t inverted[REGISTERS];
    uintptr_t lo;
    struct search search = {0, 0};

    (void)state;
    assert_int_equal(gcxi_stack_bounds(&lo, &search.hi), 0);
    search.hi = (uintptr_t)__builtin_frame_address(0); /* spilled below this frame */
    for (unsigned i = 0; i < REGISTERS; i++)
        inverted[i] = ~SECRET(i);
    call_with_secrets(search_stack, &search, inverted);
    assert_int_equal(search.found, (1u << REGISTERS) - 1);
}

static void check_bounds(void)
{
    int local = 0;
    uintptr_t lo = 0;
    uintptr_t hi = 0;

    assert_int_equal(gcxi_stack_bounds(&lo, &hi), 0);
    assert_true(lo < (uintptr_t)&local && (uintptr_t)&local < hi);
    assert_true(hi - lo <= GCXI_GIB);
    assert_int_equal(lo % sizeof(void *), 0);
    assert_int_equal(hi % sizeof(void *), 0);
}

static void first_thread_has_bounds(void **state)
{
    uintptr_t lo;
    uintptr_t hi;

    check_bounds();
    assert_int_equal(gcxi_stack_bounds(&lo, &hi), 0);
    assert_true((uintptr_t)*state == 0);
    assert_true(hi - lo >= 4 * GCXI_MIB);
}

static void *bounds_of_thread(void *arg)
{
    uintptr_t lo;
    uintptr_t hi;

    (void)arg;
    check_bounds();
    assert_int_equal(gcxi_stack_bounds(&lo, &hi), 0);
    assert_true(hi - lo >= 200 * GCXI_KIB && hi - lo <= 260 * GCXI_KIB);
    return NULL;
}

static void *bounds_after_fork(void *arg)
{
    const pid_t child = fork();
    int status = -1;

    (void)arg;
    if (child == 0) {
        uintptr_t lo = 0;
        uintptr_t hi = 0;

        _exit(gcxi_stack_bounds(&lo, &hi) == 0 && hi - lo <= 260 * GCXI_KIB ? 0 : 1);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    return NULL;
}

static void run_in_small_thread(void *(*body)(void *arg))
{
    pthread_attr_t attributes;
    pthread_t thread;

    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, 256 * GCXI_KIB), 0);
    assert_int_equal(pthread_create(&thread, &attributes, body, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
}

static void other_threads_have_bounds(void **state)
{
    (void)state;
    run_in_small_thread(bounds_of_thread);
    run_in_small_thread(bounds_after_fork);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_callee_saved_register_is_spilled),
        cmocka_unit_test(first_thread_has_bounds),
        cmocka_unit_test(other_threads_have_bounds),
    };

    return cmocka_run_group_tests_name("os_stack", tests, NULL, NULL);
}
