/* stacks.c -- which stack a thread runs on, and what the others hold.
 *
 *              switch to it                     switch away
 *   suspended ---------------> announced --> runs ---------> suspended
 *   [sp, hi) and saved         is_running = 1                is_running = 0
 *
 * The program announces a switch and then makes it, by swapcontext or its own
 * instructions. A stop may come anywhere:
 *
 *   before the announcement     the thread is on `from`, its current stack
 *   within it                   not stopped: it is a critical section
 *   between it and the switch   the thread's sp lies on `from`, its current
 *                               stack is `to`, and `from` counts as suspended
 *   after the switch            the thread is on `to`, its current stack
 *
 * So the collector looks where sp lies, and takes what lies above it there. In
 * the third case it scans both: `from` from sp, and `to` as the suspended stack
 * that it still is.
 *
 * S1  While the world is stopped every pointer that a stack holds lies in
 *     [sp, hi) or in saved if it is suspended, and above the thread's sp or in
 *     its signal frame if a thread is on it.
 *     The announcement copies the callee-saved registers and its own frame to
 *     saved, and sets sp to the end of that frame. What the switch pushes
 *     below are those registers again and a return address: the program loads
 *     nothing in between (gcx.h). Where it keeps them, as swapcontext does in
 *     memory of the program's, does not matter therefore.
 *   - The frame of the announcing function stays until the switch is made: a
 *     call that the compiler turned into a jump would drop it first, and with
 *     it registers of its caller. The announcement counts as returning twice,
 *     which forbids that.
 *   - The switch may be on the new stack before it has loaded its registers,
 *     so saved counts for a stack that runs, too.
 *   - On an alternate signal stack the sp of the interrupted frame is unknown:
 *     all of the current stack counts, and its saved.
 * S2  is_running is claimed before the stack becomes current and given up after
 *     saved and sp are written (acquire, release): two threads never run on one
 *     stack, and the next sees what the last one left.
 * S3  A stack that runs, or ran since the last cycle, is ACTIVE: on the list of
 *     the thread that woke it, or on the common one. Waking one that was IDLE
 *     takes no lock, for its thread puts it on its own list.
 * S4  An IDLE stack holds no pointer to a young object, so a minor cycle need
 *     not look at it. Proof: it became IDLE in a cycle that scanned it, at the
 *     end of which everything that it points to was marked, and what is marked
 *     is old. Objects made since lie where nothing lived at that time. The
 *     stack did not run since (S3), and nobody else writes to it: the program
 *     promised that (gcx_stack_set_private), or told of it, which makes the
 *     stack ACTIVE (gcx_stack_set_sp). Without that promise a stack is never
 *     IDLE: a value is often handed over by writing it into the frame of the
 *     one that waits. What the old objects point to is the remembered set's
 *     business, and a full cycle scans every stack.
 *
 * A cycle costs what suspended stacks hold, from sp up, and not what they were
 * given: measured 0.36 us a stack with one object, 36 ms for 100,000; with as many
 * private idle ones a minor cycle takes 14 us. A switch with its announcement
 * takes 27 ns.
 *
 * Records lie in mapped memory that is never given back, so a late look at one
 * is harmless. Locking: the heap lock for the lists and the index; see S2, S3.
 *
 * Rejected: a callback that makes the switch within ours, which would spare
 * saved, because fibers end and begin without a return; the kernel's page
 * tracking on idle stacks, a system call for each; checksums of them, which
 * read as much as scanning does.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/stacks.h"

#include <errno.h>

#include "base/atomic.h"
#include "gc/stack_index.h"
#include "heap/meta.h"
#include "os/module.h"
#include "os/stack.h"
#include "os/vm.h"

#define CHUNK_BYTES (256 * GCXI_KIB)
#define CHUNK_STACKS ((CHUNK_BYTES - 64) / sizeof(struct gcx_stack))

struct stack_chunk {
    struct stack_chunk *next;
    _Alignas(64) struct gcx_stack stacks[CHUNK_STACKS];
};

_Static_assert(sizeof(struct stack_chunk) <= CHUNK_BYTES, "a chunk is one mapping");

static struct {
    struct stack_chunk *chunks;
    struct gcx_stack *free;
    struct gcx_stack *active; /* what no thread has on its own list */
} stacks;

/* A word that leads to a record is the program's, not ours: gc/waits_word.c. */
void gcxi_stacks_init(void)
{
    gcxi_module_exclude_bytes(&stacks, sizeof stacks);
    gcxi_stack_index_init();
}

/* ---- Records ---- */

static bool stacks_grow(void)
{
    struct stack_chunk *chunk = gcxi_vm_map(CHUNK_BYTES);
    if (chunk == NULL)
        return false;
    gcxi_meta_account(CHUNK_BYTES);
    chunk->next = stacks.chunks;
    stacks.chunks = chunk;
    for (size_t i = CHUNK_STACKS; i-- > 0;) {
        chunk->stacks[i].next = stacks.free;
        stacks.free = &chunk->stacks[i];
    }
    return true;
}

static struct gcx_stack *stack_create(void)
{
    if (stacks.free == NULL && !stacks_grow()) {
        errno = ENOMEM;
        return NULL;
    }
    struct gcx_stack *stack = stacks.free;
    stacks.free = stack->next;
    *stack = (struct gcx_stack){.next = stacks.active, .state = GCXI_STACK_ACTIVE};
    stacks.active = stack;
    return stack;
}

/* The record is on no list. */
static void stack_destroy(struct gcx_stack *stack)
{
    *stack = (struct gcx_stack){.next = stacks.free, .state = GCXI_STACK_FREE};
    stacks.free = stack;
}

static bool stack_is_registered(const struct gcx_stack *stack)
{
    return stack != NULL && (stack->state == GCXI_STACK_ACTIVE || stack->state == GCXI_STACK_IDLE);
}

static bool stack_contains(const struct gcx_stack *stack, uintptr_t addr)
{
    return addr >= stack->lo && addr < stack->hi;
}

/* ---- Registering ---- */

struct gcx_stack *gcxi_stacks_add(uintptr_t lo, uintptr_t hi, uintptr_t sp)
{
    if (gcxi_stack_index_find(lo, hi) != NULL) {
        errno = EEXIST;
        return NULL;
    }
    struct gcx_stack *stack = stack_create();
    if (stack == NULL)
        return NULL;
    stack->lo = gcxi_align_up(lo, sizeof(uintptr_t));
    stack->hi = gcxi_align_down(hi, sizeof(uintptr_t));
    stack->sp = gcxi_min(sp, stack->hi);
    gcxi_stack_index_insert(stack);
    return stack;
}

struct gcx_stack *gcxi_stacks_add_scan(void (*scan)(struct gcx_scanner *scanner, void *arg),
                                       void *arg)
{
    struct gcx_stack *stack = stack_create();
    if (stack == NULL)
        return NULL;
    stack->scan = scan;
    stack->arg = arg;
    return stack;
}

/* S2. */
static bool stack_try_claim(struct gcx_stack *stack)
{
    return gcxi_exchange_acq_rel(&stack->is_running, 1) == 0;
}

int gcxi_stacks_remove(struct gcx_stack *stack)
{
    if (!stack_is_registered(stack))
        return EINVAL;
    if (!stack_try_claim(stack))
        return EBUSY;
    if (stack->scan == NULL)
        gcxi_stack_index_remove(stack);
    stack->scan = NULL;
    stack->lo = stack->hi = 0;
    if (stack->state == GCXI_STACK_IDLE)
        stack_destroy(stack);
    else
        stack->state = GCXI_STACK_DEAD;
    return 0;
}

int gcxi_stacks_claim(struct gcx_stack *stack)
{
    if (!stack_is_registered(stack) || stack->scan != NULL)
        return EINVAL;
    if (!stack_try_claim(stack))
        return EBUSY;
    if (stack->state == GCXI_STACK_IDLE) {
        stack->state = GCXI_STACK_ACTIVE;
        stack->next = stacks.active;
        stacks.active = stack;
    }
    return 0;
}

void gcxi_stacks_drop(struct gcx_stack *stack)
{
    gcxi_store_release(&stack->is_running, 0); /* S2: stack_try_claim */
}

/* ---- Threads ---- */

void gcxi_stacks_attach(struct gcxi_thread_stacks *t, uintptr_t lo, uintptr_t hi)
{
    t->own = (struct gcx_stack){.lo = lo, .hi = hi, .sp = hi, .state = GCXI_STACK_ACTIVE};
    t->own.is_running = 1;
    t->current = &t->own;
    t->left = NULL;
    t->ran = NULL;
}

void gcxi_stacks_detach(struct gcxi_thread_stacks *t)
{
    struct gcx_stack **end = &t->ran;
    t->current->sp = t->current->hi;
    t->current->saved_bytes = 0;
    gcxi_stacks_drop(t->current);
    while (*end != NULL)
        end = &(*end)->next;
    *end = stacks.active;
    stacks.active = t->ran;
    t->ran = NULL;
    t->current = &t->own;
}

/* S1. */
GCXI_NO_SANITIZE static void stack_save(struct gcx_stack *stack, uintptr_t lo, uintptr_t hi)
{
    GCXI_ASSERT(hi - lo <= sizeof stack->saved);
    stack->sp = hi;
    stack->saved_bytes = gcxi_min(hi - lo, sizeof stack->saved);
    for (size_t i = 0; i < stack->saved_bytes; i += sizeof(uintptr_t))
        *(volatile uintptr_t *)(void *)(stack->saved + i) = *(const uintptr_t *)(lo + i);
}

int gcxi_stacks_switch(struct gcxi_thread_stacks *t, struct gcx_stack *from, struct gcx_stack *to,
                       uintptr_t sp, uintptr_t frame)
{
    if (from != t->current || !stack_contains(from, frame - 1))
        return EPERM;
    if (!stack_is_registered(to) || to->scan != NULL)
        return EINVAL;
    if (!stack_try_claim(to))
        return EBUSY;
    if (to->state == GCXI_STACK_IDLE) {
        to->state = GCXI_STACK_ACTIVE;
        to->next = t->ran;
        t->ran = to;
    }
    stack_save(from, sp, frame);
    t->left = from;
    gcxi_store_relaxed(&t->current, to);
    gcxi_stacks_drop(from);
    return 0;
}

/* ---- Marking ---- */

static void visit_saved(const struct gcx_stack *stack, gcxi_stack_visitor *visit, void *arg)
{
    uintptr_t saved = (uintptr_t)stack->saved;
    visit(saved, saved + stack->saved_bytes, arg);
}

static void visit_suspended(const struct gcx_stack *stack, gcxi_stack_visitor *visit, void *arg)
{
    visit(stack->sp, stack->hi, arg);
    visit_saved(stack, visit, arg);
}

static struct gcx_stack *stack_under(struct gcxi_thread_stacks *t, uintptr_t sp)
{
    if (stack_contains(t->current, sp))
        return t->current;
    if (stack_contains(&t->own, sp))
        return &t->own;
    return gcxi_stack_index_find(sp, sp + 1);
}

/* All of the current stack: where it was left is not known, or it was left
 * without an announcement. */
static void visit_whole(const struct gcx_stack *stack, gcxi_stack_visitor *visit, void *arg)
{
    visit(gcxi_stack_mapped_lo(stack->lo, stack->hi), stack->hi, arg);
    visit_saved(stack, visit, arg);
}

/* S1. */
bool gcxi_stacks_visit_thread_stw(struct gcxi_thread_stacks *t, uintptr_t sp,
                                  gcxi_stack_visitor *visit, void *arg)
{
    struct gcx_stack *on = sp != 0 ? stack_under(t, sp) : NULL;
    if (on == NULL) {
        visit_whole(t->current, visit, arg);
    } else {
        on->was_seen = 1;
        visit(sp, on->hi, arg);
        if (on == t->current)
            visit_saved(on, visit, arg);
        else if (on == t->left)
            visit_suspended(t->current, visit, arg);
        else
            visit_whole(t->current, visit, arg);
    }
    if (t->current != &t->own && on != &t->own)
        visit_suspended(&t->own, visit, arg);
    return sp == 0 || (on != NULL && (on == t->current || on == t->left));
}

static void mark_visited(uintptr_t lo, uintptr_t hi, void *arg)
{
    gcxi_mark_stack_range(arg, lo, hi);
}

void gcxi_stack_mark_suspended_stw(struct gcxi_marker *m, const struct gcx_stack *stack)
{
    struct gcx_scanner scanner = {.marker = m};
    if (stack->scan != NULL)
        stack->scan(&scanner, stack->arg);
    else
        visit_suspended(stack, mark_visited, m);
}

static void mark_suspended(struct gcxi_marker *m, const struct gcx_stack *stack)
{
    if (!stack->waits.is_put_off)
        gcxi_stack_mark_suspended_stw(m, stack);
}

void gcxi_stacks_each_suspended(void (*visit)(struct gcx_stack *stack, void *arg), void *arg)
{
    for (struct stack_chunk *chunk = stacks.chunks; chunk != NULL; chunk = chunk->next)
        for (size_t i = 0; i < CHUNK_STACKS; i++) {
            struct gcx_stack *stack = &chunk->stacks[i];
            if (stack->state == GCXI_STACK_IDLE ||
                (stack->state == GCXI_STACK_ACTIVE && gcxi_load_relaxed(&stack->is_running) == 0))
                visit(stack, arg);
        }
}

struct suspended_walk {
    gcxi_stack_visitor *visit;
    void *arg;
    bool with_callbacks;
};

static void visit_one_suspended(struct gcx_stack *stack, void *arg)
{
    const struct suspended_walk *walk = arg;
    struct gcx_scanner scanner = {.visit = walk->visit, .arg = walk->arg};
    if (stack->scan != NULL && walk->with_callbacks)
        stack->scan(&scanner, stack->arg);
    else if (stack->scan == NULL && !stack->waits.is_put_off)
        visit_suspended(stack, walk->visit, walk->arg);
}

void gcxi_stacks_visit_suspended_stw(gcxi_stack_visitor *visit, void *arg, bool with_callbacks)
{
    struct suspended_walk walk = {visit, arg, with_callbacks};
    gcxi_stacks_each_suspended(visit_one_suspended, &walk);
}

static void mark_idle(struct gcxi_marker *m)
{
    for (const struct stack_chunk *chunk = stacks.chunks; chunk != NULL; chunk = chunk->next)
        for (size_t i = 0; i < CHUNK_STACKS; i++)
            if (chunk->stacks[i].state == GCXI_STACK_IDLE)
                mark_suspended(m, &chunk->stacks[i]);
}

/* Scans those of a list that no thread is on, and returns what stays ACTIVE. */
static struct gcx_stack *mark_list(struct gcxi_marker *m, struct gcx_stack *list)
{
    struct gcx_stack *kept = NULL;
    for (struct gcx_stack *stack = list, *next; stack != NULL; stack = next) {
        bool is_used = stack->is_running != 0 || stack->was_seen != 0;
        next = stack->next;
        stack->was_seen = 0;
        if (stack->state == GCXI_STACK_DEAD) {
            stack_destroy(stack);
            continue;
        }
        if (stack->is_running == 0)
            mark_suspended(m, stack);
        if (stack->is_private && !is_used) {
            stack->state = GCXI_STACK_IDLE; /* S4 */
        } else {
            stack->next = kept;
            kept = stack;
        }
    }
    return kept;
}

void gcxi_stacks_mark_stw(struct gcxi_marker *m, bool is_minor,
                          struct gcxi_thread_stacks *(*next)(struct gcxi_thread_stacks *t))
{
    if (!is_minor)
        mark_idle(m);
    for (struct gcxi_thread_stacks *t = next(NULL); t != NULL; t = next(t))
        t->ran = mark_list(m, t->ran);
    stacks.active = mark_list(m, stacks.active);
}
