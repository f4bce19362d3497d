/* test_signals.c -- the program's own signals: handlers, masks, alternate
 * stacks, jumps; and page tracking by SIGSEGV beside the program's handler.
 *
 * SPDX-License-Identifier: MIT */
#include "../support/cmocka_all.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../support/child.h"
#include "../support/hide.h"
#include "../support/proc.h"
#include "../support/scale.h"

#define REQUIRE(condition)                                             \
    do {                                                               \
        if (!(condition)) {                                            \
            fprintf(stderr, "%d: not so: %s\n", __LINE__, #condition); \
            _exit(3);                                                  \
        }                                                              \
    } while (0)

struct item {
    struct item *next;
    uint64_t seed;
    uint64_t check;
};

static NOINLINE struct item *make_item(struct item *next, uint64_t seed)
{
    struct item *item = gcx_alloc(sizeof *item);
    REQUIRE(item != NULL);
    item->next = next;
    item->seed = seed;
    item->check = pattern_word(seed, 0);
    return item;
}

static NOINLINE struct item *make_list(size_t length)
{
    struct item *list = NULL;
    for (uint64_t i = 0; i < length; i++) {
        list = make_item(list, i);
    }
    return list;
}

static NOINLINE size_t list_length(const struct item *item)
{
    size_t n = 0;
    for (; item != NULL; item = item->next, n++) {
        REQUIRE(item->check == pattern_word(item->seed, 0));
    }
    return n;
}

static void run_child(const char *name, const char *variable)
{
    const char *const variables[] = {variable, NULL};
    static struct child_result result;
    child_run(&result, name, "", variables);
    if (!child_ok(&result)) {
        fail_msg("%s with %s", name, variable != NULL ? variable : "no variable");
    }
}

/* ---- A handler for SIGSEGV beside page tracking by mprotect ---------------- */

static sigjmp_buf fault_jump;
static void *volatile fault_addr;
static volatile sig_atomic_t faults;

static void on_fault_info(int number, siginfo_t *info, void *context)
{
    (void)context;
    REQUIRE(number == SIGSEGV);
    fault_addr = info->si_addr;
    faults++;
    siglongjmp(fault_jump, 1);
}

static void on_fault(int number)
{
    REQUIRE(number == SIGSEGV);
    faults++;
    siglongjmp(fault_jump, 1);
}

static struct item **table;

/* Old objects are written, young ones hang from them alone. */
static NOINLINE void work_on_old_objects(size_t rounds)
{
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < 20000; i += 97) {
            table[i] = make_item(table[i], round);
        }
        gcx_collect(round % 5 == 4 ? GCX_FULL : GCX_MINOR);
    }
    for (size_t i = 0; i < 20000; i += 97) {
        REQUIRE(list_length(table[i]) >= rounds);
    }
}

static void fault_and_come_back(char *where)
{
    int before = faults;
    if (sigsetjmp(fault_jump, 1) == 0) {
        *(volatile char *)where = 1;
        REQUIRE(faults < 0); /* not reached: the store faults */
    }
    REQUIRE(faults == before + 1);
}

static int child_handlers(const char *arg)
{
    char *closed = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction action;
    struct sigaction old;
    (void)arg;
    table = gcx_alloc(20000 * sizeof *table);
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_MINOR);
    /* By signal(), after the collector's is installed. */
    REQUIRE(signal(SIGSEGV, on_fault) != SIG_ERR);
    work_on_old_objects(10);
    fault_and_come_back(closed);
    work_on_old_objects(10);
    /* By sigaction(), which tells the one before. */
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault_info;
    action.sa_flags = SA_SIGINFO;
    sigfillset(&action.sa_mask);
    REQUIRE(sigaction(SIGSEGV, &action, &old) == 0);
    REQUIRE(old.sa_handler == on_fault);
    work_on_old_objects(10);
    fault_and_come_back(closed);
    REQUIRE(fault_addr == closed);
    char *nowhere = NULL;
    __asm__ volatile("" : "+r"(nowhere));
    fault_and_come_back(nowhere);
    work_on_old_objects(10);
    REQUIRE(sigaction(SIGSEGV, NULL, &old) == 0);
    REQUIRE((old.sa_flags & SA_SIGINFO) != 0 && old.sa_sigaction == on_fault_info);
    /* Once only. */
    action.sa_flags = SA_SIGINFO | (int)SA_RESETHAND;
    REQUIRE(sigaction(SIGSEGV, &action, NULL) == 0);
    fault_and_come_back(closed);
    REQUIRE(sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
    work_on_old_objects(10);
    REQUIRE(strcmp(stats_now().dirty_backend, getenv("GCX_DIRTY")) == 0);
    return 0;
}

static int child_default(const char *arg)
{
    (void)arg;
    table = gcx_alloc(20000 * sizeof *table);
    gcx_collect(GCX_FULL);
    signal(SIGSEGV, SIG_DFL);
    work_on_old_objects(5);
    char *nowhere = NULL;
    __asm__ volatile("" : "+r"(nowhere));
    *(volatile char *)nowhere = 1;
    return 0;
}

static void test_a_handler_beside_page_tracking(void **state)
{
    (void)state;
    static struct child_result result;
    const char *const variables[] = {"GCX_DIRTY=mprotect", NULL};
    run_child("handlers", "GCX_DIRTY=mprotect");
    child_run(&result, "default", "", variables);
    assert_int_equal(result.signal, SIGSEGV);
}

/* ---- Handlers and jumps ----------------------------------------------------- */

static volatile sig_atomic_t ticks;

static void tick(int number)
{
    (void)number;
    ticks++;
}

/* A timer interrupts allocation and collection all the time. */
static void test_signals_during_allocation(void **state)
{
    (void)state;
    struct itimerspec every = {{0, 200000}, {0, 200000}};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct sigaction action;
    struct sigaction old;
    timer_t timer;
    memset(&action, 0, sizeof action);
    action.sa_handler = tick;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    assert_int_equal(sigaction(SIGUSR1, &action, &old), 0);
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    assert_int_equal(timer_settime(timer, 0, &every, NULL), 0);
    struct item *kept = make_list(1000);
    for (int i = 0; i < 60 || ticks < 100; i++) {
        assert_int_equal(list_length(make_list(2000)), 2000);
        gcx_collect(i % 4 == 0 ? GCX_FULL : GCX_MINOR);
    }
    timer_delete(timer);
    sigaction(SIGUSR1, &old, NULL);
    assert_int_equal(list_length(kept), 1000);
}

static atomic_int go_on;
static atomic_int inside;
static struct item *volatile seen_in_handler;

/* The world stops while the handler runs on a stack of its own; what the
 * interrupted frames hold stays. */
static void wait_in_handler(int number)
{
    struct item *volatile own = seen_in_handler;
    (void)number;
    seen_in_handler = NULL;
    atomic_store(&inside, 1);
    while (atomic_load(&go_on) == 0) {
        sched_yield();
    }
    REQUIRE(list_length(own) == 20);
}

static NOINLINE void raise_with_a_list(void)
{
    struct item *volatile list = make_list(50);
    seen_in_handler = make_list(20);
    raise(SIGUSR2);
    REQUIRE(list_length(list) == 50);
}

static void *run_on_alternate_stack(void *arg)
{
    stack_t alternate = {.ss_size = 64 * 1024};
    stack_t none = {.ss_flags = SS_DISABLE};
    (void)arg;
    gcx_thread_register();
    alternate.ss_sp = malloc(alternate.ss_size);
    REQUIRE(sigaltstack(&alternate, NULL) == 0);
    raise_with_a_list();
    REQUIRE(sigaltstack(&none, NULL) == 0);
    free(alternate.ss_sp);
    return NULL;
}

static void *collect_meanwhile(void *arg)
{
    (void)arg;
    while (atomic_load(&inside) == 0) {
        sched_yield();
    }
    for (int i = 0; i < 10; i++) {
        gcx_collect(i % 2 == 0 ? GCX_FULL : GCX_MINOR);
        churn(sizeof(struct item), 500);
    }
    atomic_store(&go_on, 1);
    return NULL;
}

static void test_alternate_signal_stacks(void **state)
{
    (void)state;
    struct sigaction action;
    struct sigaction old;
    pthread_t thread;
    pthread_t collecting;
    memset(&action, 0, sizeof action);
    action.sa_handler = wait_in_handler;
    action.sa_flags = SA_ONSTACK;
    assert_int_equal(sigaction(SIGUSR2, &action, &old), 0);
    for (int i = 0; i < 4; i++) {
        atomic_store(&go_on, 0);
        atomic_store(&inside, 0);
        assert_int_equal(pthread_create(&collecting, NULL, collect_meanwhile, NULL), 0);
        if (i % 2 == 0) {
            assert_int_equal(pthread_create(&thread, NULL, run_on_alternate_stack, NULL), 0);
            pthread_join(thread, NULL);
        } else {
            run_on_alternate_stack(NULL); /* the first thread's stack is special */
        }
        pthread_join(collecting, NULL);
    }
    sigaction(SIGUSR2, &old, NULL);
}

static jmp_buf jump;

static volatile int is_jumping = 1;

static NOINLINE void come_back(void)
{
    if (is_jumping) {
        longjmp(jump, 1);
    }
}

static NOINLINE void dive(int depth, struct item *list)
{
    struct item *own = make_item(list, (uint64_t)depth);
    if (depth > 0) {
        dive(depth - 1, own);
    } else {
        gcx_collect(GCX_MINOR);
        come_back();
    }
    gcx_keep_alive(own);
}

static void test_longjmp_across_frames(void **state)
{
    (void)state;
    struct item *volatile kept = make_list(100);
    for (volatile int i = 0; i < 200; i++) {
        if (setjmp(jump) == 0) {
            dive(i, NULL);
        }
        gcx_collect(i % 10 == 0 ? GCX_FULL : GCX_MINOR);
        assert_int_equal(list_length(kept), 100);
    }
}

/* ---- Blocked signals -------------------------------------------------------- */

static atomic_int are_blocked;
static atomic_int unblock;

/* As programs do: everything is blocked and waited for in one thread. */
static void *wait_for_signals(void *arg)
{
    sigset_t all;
    sigset_t none;
    int number = 0;
    struct item *list = make_list(30);
    (void)arg;
    sigfillset(&all);
    REQUIRE(pthread_sigmask(SIG_BLOCK, &all, NULL) == 0);
    REQUIRE(pthread_sigmask(SIG_SETMASK, &all, &none) == 0);
    REQUIRE(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
    REQUIRE(sigismember(&none, SIGUSR1) == 1);
    atomic_store(&are_blocked, 1);
    REQUIRE(sigwait(&all, &number) == 0);
    REQUIRE(number == SIGTERM);
    REQUIRE(list_length(list) == 30);
    return NULL;
}

static void test_a_thread_that_waits_for_all_signals(void **state)
{
    (void)state;
    pthread_t thread;
    uint64_t cycles = stats_now().full_cycles;
    atomic_store(&are_blocked, 0);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_signals, NULL), 0);
    while (atomic_load(&are_blocked) == 0) {
        sched_yield();
    }
    for (int i = 0; i < 10; i++) {
        gcx_collect(GCX_FULL);
    }
    assert_true(stats_now().full_cycles >= cycles + 10);
    pthread_kill(thread, SIGTERM);
    pthread_join(thread, NULL);
}

/* The mask of the creator is inherited. */
static void *spin_until_told(void *arg)
{
    struct item *list = make_list(30);
    (void)arg;
    atomic_store(&are_blocked, 1);
    while (atomic_load(&unblock) == 0) {
        sched_yield();
    }
    REQUIRE(list_length(list) == 30);
    return NULL;
}

/* Past every interposition. */
static void block_for_real(int how, sigset_t *set)
{
    REQUIRE(syscall(SYS_rt_sigprocmask, how, set, NULL, 8) == 0);
}

static void test_a_thread_created_with_all_blocked(void **state)
{
    (void)state;
    pthread_t thread;
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    atomic_store(&are_blocked, 0);
    atomic_store(&unblock, 0);
    block_for_real(SIG_SETMASK, &all);
    assert_int_equal(pthread_create(&thread, NULL, spin_until_told, NULL), 0);
    block_for_real(SIG_SETMASK, &none);
    while (atomic_load(&are_blocked) == 0) {
        sched_yield();
    }
    uint64_t cycles = stats_now().full_cycles;
    for (int i = 0; i < 10; i++) {
        gcx_collect(GCX_FULL);
    }
    assert_true(stats_now().full_cycles >= cycles + 10);
    atomic_store(&unblock, 1);
    pthread_join(thread, NULL);
}

static void *block_and_spin(void *arg)
{
    sigset_t all;
    sigset_t none;
    struct item *list = make_list(30);
    (void)arg;
    sigfillset(&all);
    sigemptyset(&none);
    pthread_setname_np(pthread_self(), "stubborn");
    block_for_real(SIG_SETMASK, &all);
    atomic_store(&are_blocked, 1);
    while (atomic_load(&unblock) == 0) {
        sched_yield();
    }
    block_for_real(SIG_SETMASK, &none);
    while (atomic_load(&unblock) == 1) {
        sched_yield();
    }
    REQUIRE(list_length(list) == 30);
    return NULL;
}

/* It is named, nothing is collected meanwhile, nothing hangs, and afterwards
 * all is as before. */
static int child_stubborn(const char *arg)
{
    pthread_t thread;
    (void)arg;
    REQUIRE(pthread_create(&thread, NULL, block_and_spin, NULL) == 0);
    while (atomic_load(&are_blocked) == 0) {
        sched_yield();
    }
    uint64_t cycles = stats_now().full_cycles;
    struct item *kept = make_list(100);
    gcx_collect(GCX_FULL);
    REQUIRE(stats_now().full_cycles == cycles);
    for (int i = 0; i < 20; i++) {
        REQUIRE(list_length(make_list(50000)) == 50000);
    }
    REQUIRE(list_length(kept) == 100);
    atomic_store(&unblock, 1);
    cycles = stats_now().full_cycles;
    for (int i = 0; i < 100 && stats_now().full_cycles == cycles; i++) {
        gcx_collect(GCX_FULL);
    }
    REQUIRE(stats_now().full_cycles > cycles);
    atomic_store(&unblock, 2);
    pthread_join(thread, NULL);
    return list_length(kept) == 100 ? 0 : 1;
}

static void test_a_thread_that_cannot_be_stopped(void **state)
{
    (void)state;
    static struct child_result result;
    child_run(&result, "stubborn", "", NULL);
    assert_true(child_ok(&result));
    assert_non_null(strstr(result.err, "(stubborn) blocks signal"));
}

int main(int argc, char **argv)
{
    const struct child_entry children[] = {
        {"handlers", child_handlers},
        {"default", child_default},
        {"stubborn", child_stubborn},
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_handler_beside_page_tracking),
        cmocka_unit_test(test_signals_during_allocation),
        cmocka_unit_test(test_alternate_signal_stacks),
        cmocka_unit_test(test_longjmp_across_frames),
        cmocka_unit_test(test_a_thread_that_waits_for_all_signals),
        cmocka_unit_test(test_a_thread_created_with_all_blocked),
        cmocka_unit_test(test_a_thread_that_cannot_be_stopped),
    };
    if (child_is(argc, argv)) {
        return child_main(argv, children, COUNT_OF(children));
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
