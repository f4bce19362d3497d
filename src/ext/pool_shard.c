/* pool_shard.c -- see pool_shard.h.
 *
 * SPDX-License-Identifier: MIT */
#include "ext/pool_shard.h"

#define SHARD_FIRST_SLOTS 8u

static const struct gcxi_pool_slot shard_nothing = {NULL, 0};

static bool is_item(const void *item)
{
    return item != NULL && item != GCXI_POOL_CREDIT;
}

struct gcxi_pool_shard *gcxi_shard_create(void)
{
    return gcx_alloc(sizeof(struct gcxi_pool_shard));
}

/* ---- The ring ---- */

static struct gcxi_pool_slot slot_read(const struct gcxi_pool_ring *ring, int64_t index)
{
    const struct gcxi_pool_slot *slot = &ring->slots[(size_t)index & ring->mask];
    return (struct gcxi_pool_slot){__atomic_load_n(&slot->item, __ATOMIC_RELAXED),
                                   __atomic_load_n(&slot->bytes, __ATOMIC_RELAXED)};
}

static void slot_write(struct gcxi_pool_ring *ring, int64_t index, struct gcxi_pool_slot value)
{
    struct gcxi_pool_slot *slot = &ring->slots[(size_t)index & ring->mask];
    __atomic_store_n(&slot->bytes, value.bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->item, value.item, __ATOMIC_RELAXED);
    gcxi_ext_note(&slot->item, value.item);
}

/* S3. The slot may hold another item already, if the owner came around. */
static void slot_clear(struct gcxi_pool_ring *ring, int64_t index, void *item)
{
    struct gcxi_pool_slot *slot = &ring->slots[(size_t)index & ring->mask];
    __atomic_compare_exchange_n(&slot->item, &item, NULL, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
}

/* Twice the slots. Thieves may still read the old ring, where indices from top
 * on hold the same items. */
static bool ring_grow(struct gcxi_pool_shard *shard, int64_t top, int64_t bottom)
{
    const struct gcxi_pool_ring *old = shard->ring;
    size_t slots = old == NULL ? SHARD_FIRST_SLOTS : 2 * (old->mask + 1);
    struct gcxi_pool_ring *ring = gcx_alloc(sizeof *ring + slots * sizeof(struct gcxi_pool_slot));
    if (ring == NULL)
        return false;
    ring->mask = slots - 1;
    for (int64_t i = top; i < bottom; i++)
        slot_write(ring, i, slot_read(old, i));
    __atomic_store_n(&shard->ring, ring, __ATOMIC_RELEASE); /* gcxi_shard_steal */
    gcxi_ext_note(&shard->ring, ring);
    return true;
}

/* ---- The stack ---- */

static void push(struct gcxi_pool_shard *shard, int64_t bottom, struct gcxi_pool_slot slot)
{
    slot_write(shard->ring, bottom, slot);
    __atomic_store_n(&shard->bottom, bottom + 1, __ATOMIC_RELEASE); /* gcxi_shard_steal */
}

/* One slot stays free, for gcxi_shard_spill. */
bool gcxi_shard_push(struct gcxi_pool_shard *shard, struct gcxi_pool_slot slot)
{
    int64_t bottom = __atomic_load_n(&shard->bottom, __ATOMIC_RELAXED);
    int64_t top = __atomic_load_n(&shard->top, __ATOMIC_ACQUIRE);
    const struct gcxi_pool_ring *ring = shard->ring;
    if (GCXI_EXT_UNLIKELY(ring == NULL || (size_t)(bottom - top) >= ring->mask))
        if (!ring_grow(shard, top, bottom))
            return false;
    push(shard, bottom, slot);
    return true;
}

void gcxi_shard_spill(struct gcxi_pool_shard *shard)
{
    struct gcxi_pool_slot slot = {shard->item, shard->item_bytes};
    if (!is_item(slot.item) || (shard->ring == NULL && !ring_grow(shard, 0, 0)))
        return;
    slot = gcxi_shard_take_own(shard);
    if (slot.item != NULL)
        push(shard, __atomic_load_n(&shard->bottom, __ATOMIC_RELAXED), slot);
}

struct gcxi_pool_slot gcxi_shard_pop(struct gcxi_pool_shard *shard)
{
    int64_t bottom = __atomic_load_n(&shard->bottom, __ATOMIC_RELAXED) - 1;
    int64_t top = __atomic_load_n(&shard->top, __ATOMIC_RELAXED);
    if (top > bottom)
        return shard_nothing;
    /* An exchange where a store would do: on x86 the cheapest full barrier. */
    __atomic_exchange_n(&shard->bottom, bottom, __ATOMIC_SEQ_CST);
    top = __atomic_load_n(&shard->top, __ATOMIC_SEQ_CST);
    struct gcxi_pool_slot slot = shard_nothing;
    if (top <= bottom)
        slot = slot_read(shard->ring, bottom);
    if (top == bottom && !__atomic_compare_exchange_n(&shard->top, &top, top + 1, false,
                                                      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        slot.item = NULL;
    if (top >= bottom)
        __atomic_store_n(&shard->bottom, bottom + 1, __ATOMIC_RELEASE);
    if (slot.item != NULL) /* S3; nobody else writes there, but a late slot_clear */
        slot_write(shard->ring, bottom, shard_nothing);
    return slot;
}

struct gcxi_pool_slot gcxi_shard_steal(struct gcxi_pool_shard *shard)
{
    for (;;) {
        int64_t top = __atomic_load_n(&shard->top, __ATOMIC_SEQ_CST);
        if (top >= __atomic_load_n(&shard->bottom, __ATOMIC_SEQ_CST))
            return shard_nothing;
        struct gcxi_pool_ring *ring = __atomic_load_n(&shard->ring, __ATOMIC_ACQUIRE);
        struct gcxi_pool_slot slot = slot_read(ring, top);
        if (__atomic_compare_exchange_n(&shard->top, &top, top + 1, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED)) {
            slot_clear(__atomic_load_n(&shard->ring, __ATOMIC_ACQUIRE), top, slot.item);
            return slot;
        }
    }
}

/* ---- The own place ---- */

bool gcxi_shard_put_own(struct gcxi_pool_shard *shard, struct gcxi_pool_slot slot)
{
    void *expected = NULL;
    if (__atomic_load_n(&shard->item, __ATOMIC_RELAXED) != NULL)
        return false;
    __atomic_store_n(&shard->item_bytes, slot.bytes, __ATOMIC_RELAXED);
    bool is_put = __atomic_compare_exchange_n(&shard->item, &expected, slot.item, false,
                                              __ATOMIC_RELEASE, __ATOMIC_RELAXED);
    gcxi_ext_note(&shard->item, slot.item);
    return is_put;
}

struct gcxi_pool_slot gcxi_shard_take_own(struct gcxi_pool_shard *shard)
{
    struct gcxi_pool_slot slot = shard_nothing;
    if (!is_item(__atomic_load_n(&shard->item, __ATOMIC_RELAXED)))
        return slot;
    slot.item = __atomic_exchange_n(&shard->item, NULL, __ATOMIC_ACQ_REL);
    slot.bytes = __atomic_load_n(&shard->item_bytes, __ATOMIC_RELAXED);
    return slot;
}

bool gcxi_shard_has_credit(const struct gcxi_pool_shard *shard)
{
    return __atomic_load_n(&shard->item, __ATOMIC_RELAXED) == GCXI_POOL_CREDIT;
}

bool gcxi_shard_take_credit(struct gcxi_pool_shard *shard)
{
    bool has_credit = gcxi_shard_has_credit(shard);
    if (has_credit)
        __atomic_store_n(&shard->item, NULL, __ATOMIC_RELAXED);
    return has_credit;
}

/* ---- Counting and closing ---- */

size_t gcxi_shard_count(const struct gcxi_pool_shard *shard)
{
    int64_t top = __atomic_load_n(&shard->top, __ATOMIC_RELAXED);
    int64_t bottom = __atomic_load_n(&shard->bottom, __ATOMIC_RELAXED);
    size_t own = is_item(__atomic_load_n(&shard->item, __ATOMIC_RELAXED));
    return own + (bottom > top ? (size_t)(bottom - top) : 0);
}

/* A thread stopped in the middle of a steal finds that top has moved; an owner
 * in the middle of a pop has lowered bottom already, and its item is not
 * counted here; one in the middle of a push finds the shard closed. */
void gcxi_shard_close_stw(struct gcxi_pool_shard *shard, size_t *items, size_t *bytes)
{
    shard->is_closed = true;
    if (shard->item != NULL) {
        *items += 1;
        *bytes += shard->item_bytes;
        shard->item = NULL;
    }
    for (; shard->top < shard->bottom; shard->top++) {
        *items += 1;
        *bytes += slot_read(shard->ring, shard->top).bytes;
    }
}
