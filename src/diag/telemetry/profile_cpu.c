/* profile_cpu.c -- the CPU profile: a timer on the clock of every thread.
 *
 * Each timer counts the processor time of one thread and sends SIGPROF to it
 * every 10 ms of that. A thread of ours looks for new threads 20 times a second,
 * gives each its timer, and unwinds what has been sampled meanwhile.
 *
 * Locking: cpu_lock, for all that is static here. Our thread holds it whenever it
 * does something, and fork takes it.
 *
 * Rejected: one timer for the process (setitimer), whose signal goes to whatever
 * thread happens to run, mostly the first.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/profile_cpu.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "diag/telemetry/profile_unwind.h"
#include "diag/telemetry/telemetry.h"
#include "os/clock.h"

#define LOOKS 50u /* at what a thread blocks */
#define PERIOD_NS 10000000
#define LOOK_NS 50000000
#define THREADS_MAX 4096u

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

struct watched {
    int tid;
    bool is_there;
    timer_t timer;
};

enum state { IDLE, RUNNING, ENDING };

static pthread_mutex_t cpu_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cpu_changed = PTHREAD_COND_INITIALIZER;
static enum state state;
static struct watched *watched;
static unsigned watched_count;
static int own_tid; /* of the thread that looks */
static uint64_t begin_ns;
static struct gcxi_tally tally;
static struct gcxi_unwinder *unwinder;

/* ---- Timers ---- */

/* The clock of a thread, as the kernel numbers it. */
static clockid_t clock_of(int tid)
{
    return (clockid_t)((~(unsigned)tid << 3) | 6u);
}

static void watch(int tid)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    struct itimerspec period = {{0, PERIOD_NS}, {0, PERIOD_NS}};
    struct watched *w = &watched[watched_count];
    event.sigev_notify_thread_id = tid;
    if (timer_create(clock_of(tid), &event, &w->timer) != 0)
        return; /* it has ended */
    w->tid = tid;
    w->is_there = true;
    timer_settime(w->timer, 0, &period, NULL);
    watched_count++;
}

static void meet(void *arg, int tid)
{
    (void)arg;
    for (unsigned i = 0; i < watched_count; i++) {
        if (watched[i].tid == tid) {
            watched[i].is_there = true;
            return;
        }
    }
    if (tid != own_tid && watched_count < THREADS_MAX)
        watch(tid);
}

static void forget_gone(void)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < watched_count; i++) {
        if (watched[i].is_there)
            watched[kept++] = watched[i];
        else
            timer_delete(watched[i].timer);
    }
    watched_count = kept;
}

void gcxi_each_thread(void (*visit)(void *arg, int tid), void *arg)
{
    DIR *dir = opendir("/proc/self/task");
    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.')
            visit(arg, atoi(e->d_name));
    if (dir != NULL)
        closedir(dir);
}

static void look(void)
{
    for (unsigned i = 0; i < watched_count; i++)
        watched[i].is_there = false;
    gcxi_each_thread(meet, NULL);
    forget_gone();
}

/* ---- The thread ---- */

static void count_sample(void *arg, const struct gcxi_thread_sample *sample)
{
    uintptr_t pcs[GCXI_PROFILE_DEPTH];
    unsigned depth = sample->is_asked ? 0 : gcxi_unwinder_walk(unwinder, sample, pcs);
    if (depth != 0)
        gcxi_tally_add(arg, pcs, depth, sample->weight);
}

static void wait_a_little(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&cpu_changed, &cpu_lock, &until);
}

static void *cpu_main(void *arg)
{
    (void)gcxi_diag->blocking_begin();
    pthread_mutex_lock(&cpu_lock);
    own_tid = (int)syscall(SYS_gettid);
    pthread_cond_broadcast(&cpu_changed);
    while (state == RUNNING) {
        look();
        gcxi_signal_drain(count_sample, &tally);
        wait_a_little();
    }
    for (unsigned i = 0; i < watched_count; i++)
        timer_delete(watched[i].timer);
    gcxi_signal_drain(count_sample, &tally);
    watched_count = 0;
    own_tid = 0;
    pthread_cond_broadcast(&cpu_changed);
    pthread_mutex_unlock(&cpu_lock);
    (void)gcxi_diag->blocking_end();
    return arg;
}

/* ---- Beginning ---- */

/* Our thread is not in the child, and what it holds while it unwinds, of libunwind,
 * the allocator or the dynamic loader, would be held there for ever. */
static void pause_for_fork(void)
{
    pthread_mutex_lock(&cpu_lock);
    while (state == RUNNING && own_tid == 0)
        wait_a_little();
}

static void go_on_in_parent(void)
{
    pthread_mutex_unlock(&cpu_lock);
}

static void reset_in_child(void)
{
    pthread_cond_init(&cpu_changed, NULL);
    state = IDLE;
    watched_count = 0;
    own_tid = 0;
    pthread_mutex_unlock(&cpu_lock);
}

static void prepare_fork(void)
{
    pthread_atfork(pause_for_fork, go_on_in_parent, reset_in_child);
}

/* Lock held; 0, or an error number. */
static int start(void)
{
    if (watched == NULL)
        watched = malloc(THREADS_MAX * sizeof *watched);
    if (unwinder == NULL)
        unwinder = gcxi_unwinder_create();
    if (watched == NULL || unwinder == NULL)
        return ENOMEM;
    int error = gcxi_signal_begin();
    if (error != 0)
        return error;
    gcxi_tally_free(&tally);
    begin_ns = gcxi_clock_ns();
    state = RUNNING;
    error = gcxi_diag_thread(cpu_main, NULL);
    if (error == 0) {
        look(); /* so that no time is lost until that thread runs */
        return 0;
    }
    state = IDLE;
    gcxi_signal_end();
    return error;
}

int gcxi_cpu_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare_fork);
    pthread_mutex_lock(&cpu_lock);
    int error = state == IDLE ? start() : EBUSY;
    pthread_mutex_unlock(&cpu_lock);
    errno = error;
    return error == 0 ? 0 : -1;
}

/* ---- End ---- */

static struct gcxi_profile_file *make_file(uint64_t duration_ns)
{
    const struct gcxi_profile_head head = {
        .types = {{"samples", "count"}, {"cpu", "nanoseconds"}},
        .type_count = 2,
        .period_type = {"cpu", "nanoseconds"},
        .period = PERIOD_NS,
        .duration_ns = duration_ns,
    };
    return gcxi_tally_file(&tally, &head, PERIOD_NS);
}

/* Waits for its thread, which must have begun: own_tid tells. */
static struct gcxi_profile_file *stop(void)
{
    uint64_t duration_ns = gcxi_clock_ns() - begin_ns;
    while (own_tid == 0)
        wait_a_little();
    state = ENDING;
    pthread_cond_broadcast(&cpu_changed);
    while (own_tid != 0)
        pthread_cond_wait(&cpu_changed, &cpu_lock);
    gcxi_signal_end();
    struct gcxi_profile_file *file = tally.has_failed ? NULL : make_file(duration_ns);
    gcxi_tally_free(&tally);
    gcxi_unwinder_destroy(unwinder);
    unwinder = NULL;
    state = IDLE;
    if (file == NULL)
        errno = ENOMEM;
    return file;
}

struct gcxi_profile_file *gcxi_cpu_end_file(void)
{
    struct gcxi_profile_file *file = NULL;
    pthread_mutex_lock(&cpu_lock);
    if (state == RUNNING)
        file = stop();
    else
        errno = ENOENT;
    pthread_mutex_unlock(&cpu_lock);
    return file;
}

int gcxi_cpu_end(int fd)
{
    return gcxi_profile_file_end(gcxi_cpu_end_file(), fd);
}

/* ---- Threads: here, for both sorts of samples come from one ring ---- */

struct roll_call {
    gcxi_thread_taker *take;
    void *arg;
    struct gcxi_unwinder *unwinder;
    int self;
    unsigned asked, answered, silent;
};

/* The signals that the thread blocks, a bit each. */
static unsigned long long blocked_by(int tid)
{
    char line[256];
    unsigned long long blocked = 0;
    snprintf(line, sizeof line, "/proc/self/task/%d/status", tid);
    FILE *file = fopen(line, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "SigBlk: %llx", &blocked) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return blocked;
}

/* A thread that blocks all may have stopped for a collection, for the moment: it is
 * looked at again. 3 << 31: the C library's own two. */
static bool blocks_signal(int tid)
{
    const unsigned long long never = 1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1) | 3ull << 31;
    const struct timespec moment = {.tv_nsec = 200000};
    for (unsigned i = 0; i < LOOKS; i++) {
        unsigned long long blocked = blocked_by(tid);
        if ((blocked >> (SIGPROF - 1) & 1) == 0)
            return false;
        if ((blocked | never) != ~0ull)
            return true;
        nanosleep(&moment, NULL);
    }
    return true;
}

static void note_answer(void *arg, const struct gcxi_thread_sample *sample)
{
    uintptr_t pcs[GCXI_PROFILE_DEPTH];
    struct roll_call *call = arg;
    if (!sample->is_asked) {
        if (state == RUNNING)
            count_sample(&tally, sample);
        return;
    }
    call->answered++;
    call->take(call->arg, sample->tid, pcs, gcxi_unwinder_walk(call->unwinder, sample, pcs));
}

static void hear(struct roll_call *call, unsigned may_lack)
{
    const struct timespec moment = {.tv_nsec = 2000000};
    uint64_t until_ns = gcxi_clock_ns() + 1000000000;
    for (;;) {
        gcxi_signal_drain(note_answer, call);
        if (call->asked - call->answered <= may_lack || gcxi_clock_ns() > until_ns)
            return;
        nanosleep(&moment, NULL);
    }
}

/* Few at a time, for the ring has room for some only. */
static void ask(void *arg, int tid)
{
    struct roll_call *call = arg;
    if (tid == call->self)
        return;
    if (blocks_signal(tid))
        call->silent++;
    else if (gcxi_signal_ask(tid) && ++call->asked % 32 == 0)
        hear(call, 8);
}

int gcxi_threads_ask(void (*each)(void (*visit)(void *arg, int tid), void *arg, void *whom),
                     void *whom, gcxi_thread_taker *take, void *arg, unsigned *silent)
{
    struct roll_call call = {.take = take, .arg = arg, .self = (int)syscall(SYS_gettid)};
    call.unwinder = gcxi_unwinder_create();
    if (call.unwinder == NULL)
        return ENOMEM;
    pthread_mutex_lock(&cpu_lock);
    int error = gcxi_signal_begin();
    if (error == 0) {
        each(ask, &call, whom);
        hear(&call, 0);
        gcxi_signal_end();
    }
    pthread_mutex_unlock(&cpu_lock);
    gcxi_unwinder_destroy(call.unwinder);
    *silent = call.silent + (call.asked - call.answered);
    return error;
}
