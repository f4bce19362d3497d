/* test_waits_fibers.c -- waits on registered stacks, suspended and not.
 *
 * SPDX-License-Identifier: MIT */
#include "../support/cmocka_all.h"

#include <gcx/stack.h>

#include "../support/fiber.h"
#include "../support/waiting.h"

/* ---- Registered stacks ---------------------------------------------------------------------- */

#define FIBER_BYTES ((size_t)256 * 1024)

static struct fiber *make_fiber(void (*run)(struct fiber *, void *), void *arg)
{
    struct fiber *f = malloc(sizeof *f); /* no root */
    fiber_init(f, fiber_map(FIBER_BYTES), FIBER_BYTES, 0, run, arg);
    return f;
}

static struct fiber *fibers[3];

/* For what is global, if there is an argument. */
static void yield_in_wait(struct fiber *self, void *arg)
{
    struct channel *c = channel_create(0);
    void *objects[] = {c};
    global = arg != NULL ? c : NULL;
    gcx_wait_begin(objects, 1);
    fiber_yield();
    gcx_wait_end();
    self->arg = c;
    fiber_yield();
    gcx_keep_alive(c);
}

static void yield(struct fiber *self, void *arg)
{
    struct channel *c = channel_create(0);
    (void)self;
    (void)arg;
    fiber_yield();
    gcx_keep_alive(c);
}

static NOINLINE void resume(struct fiber *f)
{
    fiber_resume(f);
}

static NOINLINE void suspend_three(void)
{
    fibers[0] = make_fiber(yield_in_wait, NULL);
    fibers[1] = make_fiber(yield_in_wait, &fibers);
    fibers[2] = make_fiber(yield, NULL);
    fiber_resume(fibers[0]);
    fiber_resume(fibers[1]);
    fiber_resume(fibers[2]);
}

static gcx_stack *volatile handle;

static void note_stack(const struct gcx_thread_leak *leak, void *arg)
{
    assert_int_equal(leak->tid, 0);
    assert_string_equal(leak->name, "");
    assert_int_equal(leak->object_count, 1);
    *(hidden_ptr *)arg = hide(leak->stack);
}

/* Whoever has it can switch there. */
static NOINLINE void take_handle(const struct fiber *f)
{
    handle = f->stack;
}

/* One waits for what nobody has, one for what all see, one does not wait. */
static void test_fibers(void **state)
{
    hidden_ptr found = 0;
    (void)state;
    suspend_three();
    clear_stack();
    assert_int_equal(gcx_thread_leaks(note_stack, &found), 1);
    assert_true(found == hide(fibers[0]->stack));
    global = NULL;
    assert_int_equal(count_leaks(), 2);
    take_handle(fibers[1]);
    assert_int_equal(count_leaks(), 1);
    handle = NULL;
    resume(fibers[0]);
    assert_non_null(gcx_base(fibers[0]->arg));
    assert_int_equal(count_leaks(), 1);
    for (size_t i = 0; i < COUNT_OF(fibers); i++) {
        while (!fibers[i]->is_done) {
            fiber_resume(fibers[i]);
        }
        fiber_fini(fibers[i]);
    }
    assert_int_equal(count_leaks(), 0);
}

/* ---- Chains --------------------------------------------------------------------------------- */

enum { CHAIN = 24 }; /* more than there are searches for words */

static struct fiber *chain[CHAIN], *without_end;

static void yield_holding(struct fiber *self, void *arg)
{
    struct channel *c = channel_create(0);
    void *objects[] = {c};
    gcx_stack *volatile held = arg != NULL ? (*(struct fiber **)arg)->stack : NULL;
    (void)self;
    gcx_wait_begin(objects, 1);
    fiber_yield();
    gcx_wait_end();
    gcx_keep_alive(c);
    gcx_keep_alive(held);
}

static void yield_without_end(struct fiber *self, void *arg)
{
    (void)self;
    (void)arg;
    gcx_wait_begin(NULL, 0);
    fiber_yield();
    gcx_wait_end();
}

/* Each holds the one that is step further, and the last none. */
static NOINLINE void suspend_chain(ptrdiff_t step)
{
    ptrdiff_t last = step > 0 ? CHAIN - 1 : 0;
    for (ptrdiff_t i = 0; i < CHAIN; i++)
        chain[i] = make_fiber(yield_holding, i != last ? &chain[i + step] : NULL);
    for (size_t i = 0; i < CHAIN; i++)
        fiber_resume(chain[i]);
    without_end = make_fiber(yield_without_end, NULL);
    fiber_resume(without_end);
    take_handle(chain[CHAIN - 1 - last]);
}

static NOINLINE void end_fiber(struct fiber *f)
{
    fiber_resume(f);
    assert_true(f->is_done);
    fiber_fini(f);
    free(f);
}

/* The last is reached by way of all others, in whatever order they are looked at;
 * one that nothing can end is not saved by the search being given up. */
static void check_chain(ptrdiff_t step)
{
    suspend_chain(step);
    clear_stack();
    assert_int_equal(count_leaks(), 1);
    handle = NULL;
    assert_int_equal(count_leaks(), CHAIN + 1);
    for (size_t i = 0; i < CHAIN; i++)
        end_fiber(chain[i]);
    end_fiber(without_end);
}

static void test_long_chains(void **state)
{
    (void)state;
    check_chain(1);
    check_chain(-1);
}

static void receive_on_fiber(struct fiber *self, void *arg)
{
    (void)self;
    channel_receive(arg);
}

static void *thread_on_a_fiber(void *c)
{
    struct fiber *f = make_fiber(receive_on_fiber, c);
    fiber_resume(f);
    fiber_fini(f);
    return NULL;
}

static void *one_on_a_fiber(void *arg)
{
    start(thread_on_a_fiber, make(0));
    return arg;
}

static void note_registered(const struct gcx_thread_leak *leak, void *arg)
{
    (void)arg;
    assert_true(leak->tid != 0);
    assert_non_null(leak->stack);
}

/* A thread that sleeps on a registered stack: its own holds the channel as well. */
static void test_a_thread_on_a_registered_stack(void **state)
{
    (void)state;
    run_apart(one_on_a_fiber, NULL);
    channel_await_waiters(1);
    clear_stack();
    assert_int_equal(gcx_thread_leaks(note_registered, NULL), 1);
    rescue();
    assert_int_equal(count_leaks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fibers),
        cmocka_unit_test(test_long_chains),
        cmocka_unit_test(test_a_thread_on_a_registered_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
