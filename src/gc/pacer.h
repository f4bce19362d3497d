/* pacer.h -- when to collect, and what: arithmetic without side effects.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_PACER_H
#define GCXI_GC_PACER_H

#include "base/base.h"

struct gcxi_pacer_settings {
    int percent;              /* growth between full cycles; -1 = off */
    bool is_adaptive;         /* percent is only the most: nobody asked for it */
    size_t most_percent;      /* the most of it while adaptive; 0: the pacer's own */
    size_t little_percent;    /* of a heap of a few MiB while adaptive; 0: the pacer's own */
    size_t little_room_bytes; /* the most of that, and the least of a larger one; 0: neither */
    size_t little_heap_bytes; /* what it may fill instead while it collects much; 0: nothing */
    size_t goal_least_bytes;  /* no full cycle below, because somebody asked for so much heap */
    int64_t memory_limit;     /* soft, bytes; INT64_MAX = none */
    size_t nursery_bytes;     /* fixed size of the nursery; 0 = adaptive */
    size_t cache_bytes;       /* last-level cache */
    bool has_minor;           /* minor cycles are possible */
    size_t concurrent_bytes;  /* full cycles mark beside the program when so much */
                              /* is live; SIZE_MAX = never                        */
    size_t growing_bytes;     /* the same while next to nothing dies */
};

/* What a cycle found. */
struct gcxi_pacer_cycle {
    bool is_full;
    bool has_promoted_all;  /* a minor one that has traced nothing */
    size_t live_bytes;      /* after it, in the whole heap */
    size_t promoted_bytes;  /* of what was young */
    size_t allocated_bytes; /* since the cycle before */
    size_t untraced_bytes;  /* of both, by earlier stops that traced nothing */
    size_t committed_bytes; /* held by the heap, free spans included */
    size_t used_bytes;      /* of that, in blocks that hold something */
    size_t overhead_bytes;  /* committed for the collector's own tables */
    uint64_t interval_ns;   /* since the end of the cycle before */
    uint64_t pause_ns;
    uint64_t fault_ns;       /* the program lost since the cycle before to tracking of writes */
    uint64_t remember_ns;    /* of both, on written old objects */
    uint64_t young_ns;       /* of the pause, on what was young */
    uint64_t old_ns;         /* of the pause, on what was old and written */
    uint64_t pages_ns;       /* of that, on single pages */
    uint64_t beside_ns;      /* it was marked for so long before the pause; 0 = not */
    uint64_t now_ns;         /* when it ended */
    unsigned threads;        /* that have allocated since the cycle before */
    bool has_idle_processor; /* fewer threads of the program than processors */
    size_t begin_bytes;      /* live before marking beside the program began; 0: it did not */
};

struct gcxi_pacer {
    size_t nursery_bytes; /* allocation between minor cycles */
    size_t trigger_bytes; /* allocation until the next cycle */
    size_t goal_bytes;    /* heap size at which the next cycle is a full one */
    size_t live_bytes;    /* after the last cycle */
    size_t live_at_full;  /* after the last full cycle */
    size_t base_bytes;    /* of that, what the percentage is of */
    size_t committed_bytes;
    size_t used_at_full;    /* in blocks, after the last full cycle */
    size_t pause_cap_bytes; /* the largest nursery for a short minor cycle */
    size_t headroom;        /* growth between full cycles now, in percent */
    unsigned threads;       /* that allocate; as of the last full cycle */
    unsigned threads_seen;  /* the same since then */
    unsigned heavy_cycles;  /* full cycles in a row of a little heap that cost much */
    bool is_busy;           /* cycles up to the last full one took a share worth mentioning */
    uint64_t spent_ns;      /* by cycles since the last full one */
    uint64_t full_end_ns;   /* end of the last full cycle */
    uint64_t full_ns;       /* what a full cycle takes, smoothed; 0 = none yet */
    uint64_t minor_ns;
    size_t full_room_bytes;        /* from the last full cycle to the goal */
    uint64_t regret_ns;            /* what minor cycles cost more than full ones would have */
    unsigned full_only;            /* so many full cycles before minor ones are tried again */
    unsigned full_only_next;       /* and after the next trial, if that fails */
    size_t full_only_live_bytes;   /* live when that was decided */
    uint64_t beside_ns;            /* and of marking beside the program */
    size_t promoted_per_ms;        /* bytes by minor cycles, smoothed */
    size_t allocated_per_ms;       /* bytes while the program runs, smoothed */
    bool is_growing;               /* next to nothing had died at the last full cycle */
    unsigned promotions;           /* so many minor cycles may yet trace nothing, */
    unsigned promotions_next;      /* and so many after the last that did trace */
    size_t garbage_percent;        /* of what was young then */
    size_t untraced_garbage_bytes; /* promoted without tracing since the last full cycle */
    bool next_is_full;
    bool is_full_only;  /* as are those after it, for minor cycles do not pay */
    bool is_over_limit; /* the memory limit is too low to be kept */
};

void gcxi_pacer_init(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings);

/* After a cycle: plans the next. */
void gcxi_pacer_update(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                       const struct gcxi_pacer_cycle *cycle);

/* Full cycles mark beside the program when so much is live. */
size_t gcxi_pacer_beside_bytes(const struct gcxi_pacer *pacer,
                               const struct gcxi_pacer_settings *settings);

/* While one does, which began when so much was live: what is live when its second stop comes
 * in any case, and how many ns the program waits for each that it has run. Late: a heap
 * that only grows needs the room. */
size_t gcxi_pacer_beside_most(size_t begin_bytes);
unsigned gcxi_pacer_wait(size_t begin_bytes, size_t now_bytes, bool is_late);

/* After the settings changed: the goal again, from what is known. */
void gcxi_pacer_replan(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                       size_t overhead_bytes);

#endif
