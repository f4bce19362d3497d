/* Settings by macros before the header, and what the environment makes of them.
 *
 * SPDX-License-Identifier: MIT */
#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#define GC_MAXIMUM_HEAP_SIZE (64 << 20)
#define GC_FREE_SPACE_DIVISOR 7
#define GC_MAX_RETRIES retries
#define GC_FULL_FREQ 9
#define GC_TIME_LIMIT 33
#define GC_DONT_EXPAND
#define GC_INITIAL_HEAP_SIZE (8 << 20)
#define GC_MARKERS 1
#define GC_IGNORE_WARN
#define GC_FORCE_UNMAP_ON_GCOLLECT
#define GC_ALLOCD_BYTES_PER_FINALIZER 777
#define GC_SIG_THR_RESTART 48
#include "check.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void *volatile kept[100];

static void show(void)
{
    GC_word retries = 2; /* a macro's value may be what is in scope */
    GC_INIT();
    printf("divisor %lu, retries %lu, full %d, limit %lu, expand %d, unmap %d, finalizer %lu\n",
           (unsigned long)GC_get_free_space_divisor(), (unsigned long)GC_get_max_retries(),
           GC_get_full_freq(), GC_get_time_limit(), GC_get_dont_expand(),
           GC_get_force_unmap_on_gcollect(), (unsigned long)GC_get_allocd_bytes_per_finalizer());
    printf("parallel %d, warnings ignored %d, restart %d\n", GC_get_parallel(),
           GC_get_warn_proc() == GC_ignore_warn_proc, GC_get_thr_restart_signal());
    GC_word heap, unused;
    GC_get_heap_usage_safe(&heap, &unused, NULL, NULL, NULL);
    printf("heap of 8 MiB: %d %d, free %d\n", GC_get_heap_size() >= 8 << 20, heap >= 8 << 20,
           unused >= 6 << 20 && unused <= heap);
    while (GC_get_heap_size() < 12 << 20)
        printf("asks for more: %d\n", GC_expand_hp(12 << 20));
    int n = 0;
    while (n < 100 && (kept[n] = GC_MALLOC_ATOMIC(1 << 20)) != NULL)
        n++;
    printf("the heap ends below 30 MiB %d, below 66 MiB %d\n", n < 30, n < 66);
}

int main(int argc, char **argv)
{
    (void)argc;
#if !defined GC_PTHREADS || !defined GC_LINUX_THREADS || !defined GC_SUSPEND_THREAD_ID
    printf("no POSIX threads\n");
#endif
#ifndef GC_CAN_SAVE_CALL_STACKS
    printf("no call stacks\n");
#endif
    if (getenv("GC_MAXIMUM_HEAP_SIZE") == NULL) {
        setenv("GC_MAXIMUM_HEAP_SIZE", "20M", 1);
        setenv("GC_FULL_FREQUENCY", "5", 1);
        setenv("GC_PAUSE_TIME_TARGET", "44", 1);
        setenv("GC_FREE_SPACE_DIVISOR", "4", 1);
        pid_t child = fork();
        if (child == 0) {
            execv(argv[0], argv);
            _exit(1);
        }
        unsetenv("GC_MAXIMUM_HEAP_SIZE");
        unsetenv("GC_FULL_FREQUENCY");
        unsetenv("GC_PAUSE_TIME_TARGET");
        unsetenv("GC_FREE_SPACE_DIVISOR");
        int status;
        waitpid(child, &status, 0);
        printf("with the environment: %d\n", status);
    }
    show();
    return 0;
}
