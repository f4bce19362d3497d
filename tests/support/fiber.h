/* fiber.h -- fibers for tests: by ucontext, and by a few instructions of our
 * own, which leave callee-saved registers on the stack that is left.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_FIBER_H
#define GCX_TESTS_FIBER_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <gcx/gcx.h>
#include <gcx/stack.h>

struct fiber {
    gcx_stack *stack;
    char *memory;
    size_t bytes;
    ucontext_t *context; /* from malloc: no root */
    void *sp;            /* of the switch by hand */
    void (*run)(struct fiber *self, void *arg);
    void *arg;
    struct fiber *back;   /* who resumed it */
    struct fiber *resume; /* scratch of tests */
    int by_hand;
    int is_done;
};

#if defined(__x86_64__)
#define FIBER_HAS_HAND_SWITCH 1
/* Leaves its stack pointer in *from and goes on at to. */
void fiber_swap(void **from, void *to);
__asm__(".text\n"
        ".globl fiber_swap\n"
        ".type fiber_swap,@function\n"
        "fiber_swap:\n"
        "    push %rbp\n    push %rbx\n    push %r12\n    push %r13\n    push %r14\n    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n    pop %r14\n    pop %r13\n    pop %r12\n    pop %rbx\n    pop %rbp\n"
        "    ret\n"
        ".size fiber_swap,.-fiber_swap\n");
/* Six registers, the entry, and a return address that nothing returns to. */
#define FIBER_INITIAL_WORDS 8
#define FIBER_ENTRY_WORD 6
#elif defined(__aarch64__)
#define FIBER_HAS_HAND_SWITCH 1
void fiber_swap(void **from, void *to);
__asm__(".text\n"
        ".globl fiber_swap\n"
        ".type fiber_swap,%function\n"
        "fiber_swap:\n"
        "    stp x29, x30, [sp, #-160]!\n"
        "    stp x19, x20, [sp, #16]\n    stp x21, x22, [sp, #32]\n"
        "    stp x23, x24, [sp, #48]\n    stp x25, x26, [sp, #64]\n"
        "    stp x27, x28, [sp, #80]\n    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n    str x9, [x0]\n    mov sp, x1\n"
        "    ldp x19, x20, [sp, #16]\n    ldp x21, x22, [sp, #32]\n"
        "    ldp x23, x24, [sp, #48]\n    ldp x25, x26, [sp, #64]\n"
        "    ldp x27, x28, [sp, #80]\n    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    ldp x29, x30, [sp], #160\n    ret\n"
        ".size fiber_swap,.-fiber_swap\n");
#define FIBER_INITIAL_WORDS 20
#define FIBER_ENTRY_WORD 1
#else
#define FIBER_HAS_HAND_SWITCH 0
#endif

/* The fiber that the thread runs; its own stack's record for none. */
static __thread struct fiber fiber_of_thread;
static __thread struct fiber *fiber_now;

/* Not inlined: its address is taken anew after every switch, for a fiber may
 * go on in another thread. */
static __attribute__((noinline, unused)) struct fiber *fiber_self(void)
{
    __asm__ volatile("");
    return fiber_now != NULL ? fiber_now : &fiber_of_thread;
}

static __attribute__((noinline, unused)) void fiber_set_self(struct fiber *f)
{
    __asm__ volatile("");
    fiber_now = f;
}

static __attribute__((noinline, unused)) void fiber_switch(struct fiber *from, struct fiber *to)
{
    fiber_set_self(to);
    if (from->context == NULL) {
        from->context = malloc(sizeof *from->context);
    }
    if (gcx_stack_switch(from->stack, to->stack) != 0) {
        abort();
    }
#if FIBER_HAS_HAND_SWITCH
    if (from->by_hand || to->by_hand) {
        fiber_swap(&from->sp, to->sp);
        return;
    }
#endif
    swapcontext(from->context, to->context);
}

/* Lets f run until it yields or ends. */
static __attribute__((noinline, unused)) void fiber_resume(struct fiber *f)
{
    f->back = fiber_self();
    if (f->back == &fiber_of_thread) {
        f->back->by_hand = f->by_hand;
    }
    fiber_switch(f->back, f);
}

static __attribute__((noinline, unused)) void fiber_yield(void)
{
    struct fiber *self = fiber_self();
    fiber_switch(self, self->back);
}

static __attribute__((noinline, unused)) void fiber_main(void)
{
    struct fiber *self = fiber_self();
    self->run(self, self->arg);
    self->is_done = 1;
    fiber_yield();
    abort();
}

/* Lets the fiber begin with fiber_main; its lowest address in use. */
static __attribute__((noinline, unused)) void *fiber_prepare_by_hand(struct fiber *f, char *end)
{
#if FIBER_HAS_HAND_SWITCH
    void **words = (void **)(void *)end - FIBER_INITIAL_WORDS;
    void (*entry)(void) = fiber_main;
    for (int i = 0; i < FIBER_INITIAL_WORDS; i++) {
        words[i] = NULL;
    }
    memcpy(&words[FIBER_ENTRY_WORD], &entry, sizeof entry);
    f->sp = words;
    f->by_hand = 1;
    return words;
#else
    (void)f;
    return end;
#endif
}

static __attribute__((noinline, unused)) void fiber_prepare_context(struct fiber *f)
{
    f->context = malloc(sizeof *f->context);
    getcontext(f->context);
    f->context->uc_stack.ss_sp = f->memory;
    f->context->uc_stack.ss_size = f->bytes;
    f->context->uc_link = NULL;
    makecontext(f->context, fiber_main, 0);
}

/* arg is seen by the collector only if it is on a stack or reachable otherwise
 * until the fiber runs. */
static __attribute__((unused)) void fiber_init(struct fiber *f, char *memory, size_t bytes,
                                               int by_hand, void (*run)(struct fiber *, void *),
                                               void *arg)
{
    void *sp = memory + bytes;
    *f = (struct fiber){.memory = memory, .bytes = bytes, .run = run, .arg = arg};
    if (by_hand && FIBER_HAS_HAND_SWITCH) {
        sp = fiber_prepare_by_hand(f, memory + bytes);
    } else {
        fiber_prepare_context(f);
    }
    f->stack = gcx_stack_register(memory, memory + bytes, sp);
    if (f->stack == NULL) {
        abort();
    }
}

static __attribute__((unused)) char *fiber_map(size_t bytes)
{
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        abort();
    }
    return memory;
}

static __attribute__((unused)) void fiber_fini(struct fiber *f)
{
    if (gcx_stack_unregister(f->stack) != 0) {
        abort();
    }
    free(f->context);
}

#endif
