/* fast.h -- the inline halves of gcx.h; included by it, not for direct use.
 *
 * A thread allocates small objects from its own runs: [cur, end) is free and,
 * for scanned kinds, already zero. Allocation moves cur; only when the run is
 * used up does it call the library, which zeroes a further piece or finds a
 * further run. Nothing here is shared between threads, so there is no lock
 * and no atomic. A thread may be stopped between any two instructions: the
 * collector leaves runs as they are, so that moving cur afterwards is right.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_DETAIL_FAST_H
#define GCX_DETAIL_FAST_H

#define GCX_DETAIL_GRANULE 16u
#define GCX_DETAIL_FAST_MAX 256u /* largest request served inline, in bytes */

struct gcx_detail_run {
    uintptr_t cur; /* next free slot */
    uintptr_t end; /* no slot at or past this is ready */
};

/* Run i serves slots of 16 * (i + 1) bytes, so that a rounded size is also the
 * offset of its run. The address one past the end of an object keeps it alive,
 * and is the address of the next object when it fills its slot; objects known
 * at compile time not to (24 bytes in a slot of 32) have runs of their own,
 * where a pointer to one never keeps its neighbour. */
struct gcx_detail_runs {
    struct gcx_detail_run scan[GCX_DETAIL_FAST_MAX / GCX_DETAIL_GRANULE];
    struct gcx_detail_run loose[GCX_DETAIL_FAST_MAX / GCX_DETAIL_GRANULE];
    struct gcx_detail_run noscan[GCX_DETAIL_FAST_MAX / GCX_DETAIL_GRANULE];
    struct gcx_detail_run scoped[GCX_DETAIL_FAST_MAX / GCX_DETAIL_GRANULE]; /* gcx/scope.h */
};

extern GCX_API __thread struct gcx_detail_runs gcx_detail_runs
    __attribute__((tls_model("initial-exec")));

/* With the explicit barrier: one byte per card of the heap, indexed by
 * address; size is 0 when no barrier is needed. */
struct gcx_detail_cards {
    uintptr_t base;  /* first byte of the heap's tracked part */
    uintptr_t size;  /* bytes tracked */
    uint8_t *card;   /* one per 512 bytes */
    uint8_t *block;  /* one per 64 KiB: some card of it is set */
    uint64_t scopes; /* open ones that verify stores (gcx/scope.h) */
};
#define GCX_DETAIL_LG_CARD 9
#define GCX_DETAIL_LG_BLOCK 16

extern GCX_API struct gcx_detail_cards gcx_detail_cards;

GCX_API void *gcx_detail_alloc_slow(size_t size) __attribute__((cold));
GCX_API void *gcx_detail_alloc_loose_slow(size_t size) __attribute__((cold));
GCX_API void *gcx_detail_alloc_noscan_slow(size_t size) __attribute__((cold));

/* Takes a slot from one of the runs that start at runs, or leaves it to slow.
 * Owner thread only. Hot: two loads, an add, a compare. The subtraction sends
 * a request of 0 bytes to the slow path together with the large ones. */
GCX_INLINE __attribute__((always_inline)) void *gcx_detail_bump(struct gcx_detail_run *runs,
                                                                size_t size, void *(*slow)(size_t))
{
    size_t last = size - 1;
    if (GCX_LIKELY(last < GCX_DETAIL_FAST_MAX)) {
        size_t offset = last & ~(size_t)(GCX_DETAIL_GRANULE - 1);
        struct gcx_detail_run *run = (struct gcx_detail_run *)(void *)((char *)runs + offset);
        uintptr_t p = run->cur;
        uintptr_t next = p + offset + GCX_DETAIL_GRANULE;
        if (GCX_LIKELY(next <= run->end)) {
            GCX_DETAIL_STORE(&run->cur, next);
            return (void *)p;
        }
    }
    return slow(size);
}

GCX_INLINE void *gcx_alloc(size_t size)
{
    if (__builtin_constant_p(size % GCX_DETAIL_GRANULE != 0) && size % GCX_DETAIL_GRANULE != 0)
        return gcx_detail_bump(gcx_detail_runs.loose, size, gcx_detail_alloc_loose_slow);
    return gcx_detail_bump(gcx_detail_runs.scan, size, gcx_detail_alloc_slow);
}

GCX_INLINE void *gcx_alloc_noscan(size_t size)
{
    return gcx_detail_bump(gcx_detail_runs.noscan, size, gcx_detail_alloc_noscan_slow);
}

GCX_INLINE void gcx_keep_alive(const void *p)
{
    __asm__ volatile("" : : "r"(p) : "memory");
}

GCX_API void gcx_detail_scope_store(const void *slot, const void *value) __attribute__((cold));

/* The value stays in a register until its card is set: a collection that
 * stops the thread in between finds it there. */
GCX_INLINE void gcx_store(void *obj, void **slot, void *value)
{
    *(void *volatile *)slot = value;
    uintptr_t offset = (uintptr_t)slot - gcx_detail_cards.base;
    if (offset < gcx_detail_cards.size) {
        volatile uint8_t *card = &gcx_detail_cards.card[offset >> GCX_DETAIL_LG_CARD];
        volatile uint8_t *block = &gcx_detail_cards.block[offset >> GCX_DETAIL_LG_BLOCK];
        GCX_DETAIL_STORE(card, 1);
        GCX_DETAIL_STORE(block, 1);
    }
    if (!GCX_LIKELY(__atomic_load_n(&gcx_detail_cards.scopes, __ATOMIC_RELAXED) == 0))
        gcx_detail_scope_store(slot, value);
    gcx_keep_alive(value);
    (void)obj;
}

#endif
