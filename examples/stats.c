/* stats.c -- what the collector did: a snapshot, and events as they happen. */
#include <gcx/gcx.h>

#include <stdio.h>

struct watch {
    unsigned cycles;
    unsigned pauses;
    uint64_t longest_ns;
};

/* Listeners run in the collector, some with the world stopped: count and
 * return. They must not allocate or lock. */
static void on_cycle_end(enum gcx_cycle kind, void *arg)
{
    struct watch *watch = arg;
    (void)kind;
    watch->cycles++;
}

static void on_pause_end(uint64_t pause_ns, void *arg)
{
    struct watch *watch = arg;
    watch->pauses++;
    if (pause_ns > watch->longest_ns)
        watch->longest_ns = pause_ns;
}

int main(void)
{
    static struct watch watch;
    struct gcx_events events = {
        .cycle_end = on_cycle_end, .pause_end = on_pause_end, .arg = &watch};
    if (gcx_set_event_listener(&events) != 0)
        return 1;

    for (int i = 0; i < 2000000; i++)
        gcx_keep_alive(gcx_alloc(64));
    gcx_collect(GCX_MINOR);
    gcx_collect(GCX_FULL);
    gcx_set_event_listener(NULL);

    struct gcx_stats s = {0};
    gcx_get_stats(&s);
    printf("allocated   %10.1f MiB in %llu objects\n", (double)s.total_alloc_bytes / (1 << 20),
           (unsigned long long)s.total_allocs);
    printf("heap        %10.1f MiB, at most %.1f MiB; %.1f MiB live after the last cycle\n",
           (double)s.heap_bytes / (1 << 20), (double)s.peak_heap_bytes / (1 << 20),
           (double)s.live_bytes / (1 << 20));
    printf("cycles      %10llu minor, %llu full\n", (unsigned long long)s.minor_cycles,
           (unsigned long long)s.full_cycles);
    printf("pauses      %10.3f ms in all, the longest %.3f ms\n", (double)s.pause_total_ns / 1e6,
           (double)s.pause_max_ns / 1e6);
    printf("writes found by %s\n", s.dirty_backend);

    return s.total_allocs >= 2000000 && s.full_cycles >= 1 && watch.cycles >= 2 &&
                   watch.pauses >= 2 && s.pause_max_ns >= watch.longest_ns &&
                   s.peak_heap_bytes >= s.heap_bytes
               ? 0
               : 1;
}
