/* test_waits.c -- threads that wait for what cannot come are found, no other is, and
 * what they hold stays.
 *
 * The cases are those of Go's tests for its goroutine leak profile, and of the
 * studies behind it, in C: so many threads wait, of which some have leaked.
 *
 * SPDX-License-Identifier: MIT */
#include "../support/cmocka_all.h"

#include <stdio.h>
#include <unistd.h>

#include <gcx/weak.h>

#include "../support/child.h"
#include "../support/fiber.h"
#include "../support/waiting.h"

/* ---- Leaks ----------------------------------------------------------------- */

static void *forgotten_receiver(void *arg)
{
    start(send_one, make(0));
    return arg;
}

static void *send_twice(void *c)
{
    channel_send(c, c);
    channel_send(c, c);
    return NULL;
}

static void *double_send(void *arg)
{
    struct channel *c = make(0);
    start(send_twice, c);
    channel_receive(c);
    return arg;
}

/* The receiver returns by an error before it receives. */
static void *early_return(void *arg)
{
    struct channel *c = make(0);
    struct channel *failed = channel_create(1);
    start(send_one, c);
    channel_send(failed, failed);
    if (channel_select((struct channel *[]){failed}, 1) != NULL) {
        return arg;
    }
    return channel_receive(c);
}

/* The caller takes the timeout and goes; the worker has nobody to send to. */
static void *timeout(void *arg)
{
    struct channel *result = make(0);
    struct channel *timer = channel_create(1);
    channel_send(timer, timer);
    struct channel *both[] = {timer, result};
    void *got = channel_select(both, 2);
    start(send_one, result);
    return got == timer ? arg : NULL;
}

/* The first of n answers is taken. */
static void *n_casualties(void *arg)
{
    struct channel *c = make(0);
    for (int i = 0; i < 5; i++) {
        start(send_one, c);
    }
    channel_receive(c);
    return arg;
}

static void *receive_all(void *c)
{
    while (channel_receive(c) != NULL) {
    }
    return NULL;
}

/* Workers range over a channel that is never closed. */
static void *never_closed(void *arg)
{
    struct channel *c = make(0);
    for (int i = 0; i < 3; i++) {
        start(receive_all, c);
    }
    for (int i = 0; i < 3; i++) {
        channel_send(c, c);
    }
    return arg;
}

struct worker {
    struct channel *work;
    struct channel *stop;
};

static void *serve(void *opaque)
{
    struct worker *w = opaque;
    struct channel *both[] = {w->work, w->stop};
    return channel_select(both, 2);
}

/* Who started it was to call stop. */
static void *contract_violation(void *arg)
{
    struct worker *w = gcx_alloc(sizeof *w);
    w->work = make(0);
    w->stop = make(0);
    start(serve, w);
    return arg;
}

static void *wait_for_group(void *group)
{
    group_wait(group);
    return NULL;
}

/* Two are to be done, one is. */
static void *wait_group(void *arg)
{
    struct channel *group = make(0);
    group->count = 2;
    start(wait_for_group, group);
    group_done(group);
    return arg;
}

static void *receive_then_done(void *opaque)
{
    struct worker *w = opaque;
    channel_receive(w->work);
    group_done(w->stop);
    return NULL;
}

/* One waits for the channel, the other for the one. */
static void *mixed(void *arg)
{
    struct worker *w = gcx_alloc(sizeof *w);
    w->work = make(0);
    w->stop = make(0);
    w->stop->count = 1;
    start(receive_then_done, w);
    start(wait_for_group, w->stop);
    return arg;
}

static void *receive_then_send(void *opaque)
{
    struct worker *w = opaque;
    channel_receive(w->work);
    channel_send(w->stop, w);
    return NULL;
}

static void *circle(void *arg)
{
    struct worker *one = gcx_alloc(sizeof *one);
    struct worker *two = gcx_alloc(sizeof *two);
    one->work = two->stop = make(0);
    one->stop = two->work = make(0);
    start(receive_then_send, one);
    start(receive_then_send, two);
    return arg;
}

static struct channel *make_chain(int length)
{
    struct channel *first = make(0);
    struct channel *last = first;
    for (int i = 0; i < length; i++) {
        struct worker *w = gcx_alloc(sizeof *w);
        w->work = last;
        w->stop = last = make(0);
        start(receive_then_send, w);
    }
    return first;
}

static void *chain(void *arg)
{
    make_chain(6);
    return arg;
}

/* ---- What may still go on --------------------------------------------------- */

static void *global_channel(void *arg)
{
    global = make(0);
    start(receive, global);
    return arg;
}

static void *reachable_chain(void *arg)
{
    global = make_chain(6);
    return arg;
}

static void *select_of_two(void *arg)
{
    struct worker *w = gcx_alloc(sizeof *w);
    w->work = global = make(0);
    w->stop = make(0);
    start(serve, w);
    return arg;
}

static sem_t may_end;
static atomic_int is_held;

static void *hold(void *c)
{
    atomic_store(&is_held, 1);
    while (sem_wait(&may_end) != 0) {
    }
    gcx_keep_alive(c);
    return NULL;
}

static pthread_t holder;

static void hold_apart(void *c)
{
    atomic_store(&is_held, 0);
    if (gcx_thread_create(&holder, NULL, hold, c) != 0) {
        abort();
    }
    while (!atomic_load(&is_held)) {
        sched_yield();
    }
}

static void let_go(void)
{
    sem_post(&may_end);
    pthread_join(holder, NULL);
}

static void *held_by_a_thread(void *arg)
{
    struct channel *c = make(0);
    start(receive, c);
    hold_apart(c);
    return arg;
}

static void *receive_for_holder(void *frame_of)
{
    struct worker in_frame = {frame_of, NULL};
    hold_apart(&in_frame);
    void *value = channel_receive(in_frame.work);
    gcx_keep_alive(&in_frame);
    return value;
}

/* The holder knows a structure in the frame that waits, and that the channel. */
static void *held_by_way_of_the_frame(void *arg)
{
    start(receive_for_holder, make(0));
    return arg;
}

#define FIBER_BYTES ((size_t)256 * 1024)

static void receive_on_fiber(struct fiber *self, void *frame)
{
    (void)self;
    channel_receive(((struct worker *)frame)->work);
}

static void *receive_on_another_stack(void *c)
{
    struct worker in_frame = {c, NULL};
    struct fiber *f = malloc(sizeof *f); /* no root */
    c = NULL;
    hold_apart(&in_frame);
    fiber_init(f, fiber_map(FIBER_BYTES), FIBER_BYTES, 0, receive_on_fiber, &in_frame);
    fiber_resume(f);
    fiber_fini(f);
    return NULL;
}

/* The same where the thread waits on a registered stack, and the frame lies on its
 * own. */
static void *held_by_way_of_the_own_stack(void *arg)
{
    start(receive_on_another_stack, make(0));
    return arg;
}

static gcx_weak *volatile weak;
static gcx_ephemeron *volatile ephemeron;

static void *held_weakly(void *arg)
{
    struct channel *c = make(0);
    start(receive, c);
    weak = gcx_weak_create(c);
    return arg;
}

static void *held_by_an_ephemeron(void *arg)
{
    struct channel *c = make(0);
    start(receive, c);
    ephemeron = gcx_ephemeron_create(&c->values, c);
    return arg;
}

static void close_it(void *c)
{
    channel_close(c);
}

static void close_finalized(void *object, void *arg)
{
    (void)arg;
    channel_close(*(struct channel **)object);
}

static hidden_ptr watched;

static void *held_by_a_cleanup(void *arg)
{
    struct channel *c = make(0);
    start(receive, c);
    global = gcx_alloc(16); /* not yet gone */
    if (gcx_cleanup_add(global, close_it, c) != 0) {
        abort();
    }
    return arg;
}

/* Its object is gone already, and it will run. */
static void *held_by_a_due_cleanup(void *arg)
{
    struct channel *c = make(0);
    void *object = gcx_alloc(16);
    start(receive, c);
    watched = hide(object);
    if (gcx_cleanup_add(object, close_it, c) != 0) {
        abort();
    }
    return arg;
}

static void *held_by_a_finalizer(void *arg)
{
    struct channel **object = gcx_alloc(sizeof *object);
    *object = make(0);
    start(receive, *object);
    if (gcx_finalizer_set(object, close_finalized, NULL) != 0) {
        abort();
    }
    return arg;
}

static struct channel **root;

static void *held_by_a_root_object(void *arg)
{
    root = gcx_alloc_root(sizeof *root);
    *root = make(0);
    start(receive, *root);
    root = (struct channel **)hide(root);
    return arg;
}

static __thread struct channel *volatile of_thread;

static void *hold_in_thread_storage(void *c)
{
    of_thread = c;
    c = NULL;
    clear_stack();
    return hold(NULL);
}

static void *held_by_thread_storage(void *arg)
{
    struct channel *c = make(0);
    start(receive, c);
    atomic_store(&is_held, 0);
    if (gcx_thread_create(&holder, NULL, hold_in_thread_storage, c) != 0) {
        abort();
    }
    while (!atomic_load(&is_held)) {
        sched_yield();
    }
    return arg;
}

/* ---- The table --------------------------------------------------------------- */

struct scenario {
    const char *name;
    void *(*run)(void *);
    int waiting;
    int leaked;
    void (*undo)(void);
};

static void let_root_go(void)
{
    gcx_free(reveal((hidden_ptr)root));
}

static const struct scenario scenarios[] = {
    {"forgotten sender", forgotten_sender, 1, 1, NULL},
    {"forgotten receiver", forgotten_receiver, 1, 1, NULL},
    {"double send", double_send, 1, 1, NULL},
    {"early return", early_return, 1, 1, NULL},
    {"timeout", timeout, 1, 1, NULL},
    {"n casualties", n_casualties, 4, 4, NULL},
    {"never closed", never_closed, 3, 3, NULL},
    {"contract violation", contract_violation, 1, 1, NULL},
    {"wait group", wait_group, 1, 1, NULL},
    {"mixed", mixed, 2, 2, NULL},
    {"circle", circle, 2, 2, NULL},
    {"chain", chain, 6, 6, NULL},
    {"global channel", global_channel, 1, 0, NULL},
    {"reachable chain", reachable_chain, 6, 0, NULL},
    {"select of two", select_of_two, 1, 0, NULL},
    {"held by a thread", held_by_a_thread, 1, 0, let_go},
    {"held by thread-local storage", held_by_thread_storage, 1, 0, let_go},
    {"held by way of the frame", held_by_way_of_the_frame, 1, 0, let_go},
    {"held by way of the own stack", held_by_way_of_the_own_stack, 1, 0, let_go},
    {"held weakly", held_weakly, 1, 0, NULL},
    {"held by an ephemeron", held_by_an_ephemeron, 1, 0, NULL},
    {"held by a cleanup", held_by_a_cleanup, 1, 0, NULL},
    {"held by a due cleanup", held_by_a_due_cleanup, 1, 0, NULL},
    {"held by a finalizer", held_by_a_finalizer, 1, 0, NULL},
    {"held by a root object", held_by_a_root_object, 1, 0, let_root_go},
};

/* So many tasks wait; the others of the case have ended, but for the holder. */
static void settle(const struct scenario *s, uint64_t threads_before)
{
    uint64_t most = threads_before + (uint64_t)s->waiting + (s->undo == let_go ? 1u : 0u);
    while (atomic_load(&running) != s->waiting) {
        sched_yield();
    }
    channel_await_waiters(s->waiting);
    while (stats_now().threads > most) {
        sched_yield();
    }
}

/* Twice: what a search has marked is none the less leaked in the next. */
static int run_scenario(const struct scenario *s)
{
    uint64_t threads_before = stats_now().threads;
    run_apart(s->run, NULL);
    settle(s, threads_before);
    long first = count_leaks();
    long second = count_leaks();
    int is_right = first == s->leaked && second == s->leaked;
    if (!is_right) {
        fprintf(stderr, "%s: %ld and %ld leaked instead of %d\n", s->name, first, second,
                s->leaked);
    }
    if (s->undo != NULL) {
        s->undo();
    }
    rescue();
    weak = NULL;
    ephemeron = NULL;
    return is_right;
}

static int child_corpus(const char *arg)
{
    int wrong = 0;
    (void)arg;
    sem_init(&may_end, 0, 0);
    collect_full(); /* the library's threads are there */
    for (size_t i = 0; i < COUNT_OF(scenarios); i++) {
        wrong += !run_scenario(&scenarios[i]);
    }
    wrong += count_leaks() != 0;
    return wrong;
}

static struct child_result result;

static void test_corpus(void **state)
{
    static const char *const settings[][4] = {
        {"GCX_FINALIZERS=demand", NULL},
        {"GCX_FINALIZERS=demand", "GCX_DIRTY=uffd", "GCX_MARK_WORKERS=4", NULL},
        {"GCX_FINALIZERS=demand", "GCX_DIRTY=mprotect", NULL},
        {"GCX_FINALIZERS=demand", "GCX_DIRTY=softdirty", "GCX_CHECK=1", NULL},
        {"GCX_FINALIZERS=demand", "GCX_DIRTY=none", NULL},
        {"GCX_FINALIZERS=demand", "GCX_BARRIER=none", "GCX_CONCURRENT=1", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        child_run(&result, "corpus", "", settings[i]);
        if (!child_ok(&result)) {
            fail_msg("with %s", settings[i][1] != NULL ? settings[i][1] : "the default");
        }
    }
}

/* ---- Waits that nothing ends -------------------------------------------------- */

static void *receive_from_none(void *arg)
{
    channel_select(NULL, 0);
    return arg;
}

static void *receive_from_null(void *arg)
{
    channel_receive(NULL);
    return arg;
}

static void *send_to_null(void *arg)
{
    channel_send(NULL, arg);
    return arg;
}

static void *select_of_nulls(void *arg)
{
    struct channel *none[3] = {NULL, NULL, NULL};
    channel_select(none, 3);
    return arg;
}

/* They wait for ever, and then for the end of the process. */
static int child_nothing(const char *arg)
{
    (void)arg;
    run_apart(global_channel, NULL);
    start(receive_from_none, NULL);
    start(receive_from_null, NULL);
    start(send_to_null, NULL);
    start(select_of_nulls, NULL);
    channel_await_waiters(5);
    return count_leaks() != 4;
}

/* The first thread has leaked, too: its frames lie below the arguments and the
 * environment, to which the C library has pointers. */
static void *exit_if_first_has_leaked(void *arg)
{
    (void)arg;
    channel_await_waiters(1);
    _exit(count_leaks() == 1 ? 0 : 1);
}

static int child_first_thread(const char *arg)
{
    (void)arg;
    start(exit_if_first_has_leaked, NULL);
    channel_receive(channel_create(0));
    return 2;
}

static void test_in_processes(void **state)
{
    static const char *const names[] = {"nothing", "first thread"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        child_run(&result, names[i], "", NULL);
        if (!child_ok(&result)) {
            fail_msg("%s", names[i]);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {
        {"corpus", child_corpus}, {"nothing", child_nothing}, {"first thread", child_first_thread}};
    if (child_is(argc, argv)) {
        return child_main(argv, children, COUNT_OF(children));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus),
        cmocka_unit_test(test_in_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
