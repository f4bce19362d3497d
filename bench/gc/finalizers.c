/* finalizers.c -- objects with a cleanup each are collected and the cleanups
 * run. --finalizers=1 uses finalizers instead.
 *
 * Measured is from the collection to the last callback; register_us is what
 * allocating and registering took before. Boehm has finalizers only.
 *
 * SPDX-License-Identifier: MIT */
#include "alloc_layer.h"

static uint64_t fin_ran;

static void fin_finalizer(void *obj, void *arg)
{
    bench_keep(obj);
    fin_ran += (uintptr_t)arg;
}

#if defined(PEER_GCX)
static void fin_cleanup(void *arg)
{
    fin_ran += (uintptr_t)arg;
}
static void fin_init(void)
{
    struct gcx_options options = GCX_OPTIONS_DEFAULT;
    options.barrier = PEER_BARRIER;
    options.finalizers = GCX_FINALIZERS_ON_DEMAND;
    if (gcx_init(&options) != 0)
        bench_die("gcx_init failed");
    gcx_disable();
}
static void fin_register(void *obj, int is_finalizer)
{
    void *arg = (void *)(uintptr_t)1;
    int status = is_finalizer ? gcx_finalizer_set(obj, fin_finalizer, arg)
                              : gcx_cleanup_add(obj, fin_cleanup, arg);
    if (status != 0)
        bench_die("out of memory");
}
static void fin_run(void)
{
    gcx_run_finalizers();
}
#elif defined(PEER_BOEHM) || defined(PEER_BOEHM_TUNED)
static void fin_init(void)
{
    peer_init();
    GC_set_finalize_on_demand(1);
    GC_disable();
}
static void fin_register(void *obj, int is_finalizer)
{
    (void)is_finalizer;
    GC_REGISTER_FINALIZER(obj, fin_finalizer, (void *)(uintptr_t)1, NULL, NULL);
}
static void fin_run(void)
{
    GC_enable();
    GC_gcollect();
    GC_invoke_finalizers();
}
#else
static void fin_init(void)
{
    peer_init();
}
static void fin_register(void *obj, int is_finalizer)
{
    (void)is_finalizer;
    FREE(obj);
    fin_finalizer(NULL, (void *)(uintptr_t)1);
}
static void fin_run(void)
{
}
#endif

static void fin_build(size_t n, int is_finalizer)
{
    for (size_t i = 0; i < n; i++) {
        void *obj = ALLOC(32);
        if (obj == NULL)
            bench_die("out of memory");
        fin_register(obj, is_finalizer);
    }
}

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {{"n", 2000000, 100000}, {"finalizers", 0, 0}};
    bench_flags_parse(argc, argv, flags, 2);
    size_t n = flags[0].value;
    fin_init();
    uint64_t begin_ns = bench_now_ns();
    fin_build(n, flags[1].value != 0);
    uint64_t built_ns = bench_now_ns();
    peer_collect();
    fin_run();
    uint64_t end_ns = bench_now_ns();
    /* A few may be held by what is left on the stack. */
    bench_expect("callbacks, in hundreds", (fin_ran + 50) / 100, (n + 50) / 100);

    struct peer_stats stats;
    peer_get_stats(&stats);
    bench_result_begin(end_ns - built_ns, n, (fin_ran + 50) / 100, &stats);
    bench_metric("register_us", (built_ns - begin_ns) / 1000);
    bench_result_end();
    return 0;
}
