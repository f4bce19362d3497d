/* barrier.c -- the explicit write barrier, for runtimes that can promise it.
 *
 * With GCX_BARRIER_EXPLICIT every pointer stored into a collected object goes
 * through gcx_store, or gcx_dirty is called on the object. Minor cycles then
 * need no help of the kernel. Stores to local variables and to roots need
 * nothing. */
#include <gcx/gcx.h>

#include <stdio.h>

struct cell {
    struct cell *next;
    long value;
};

enum { BUCKETS = 512, ROUNDS = 400 };

int main(void)
{
    struct gcx_options options = GCX_OPTIONS_DEFAULT;
    options.barrier = GCX_BARRIER_EXPLICIT;
    if (gcx_init(&options) != 0)
        return 1;

    struct cell **table = gcx_calloc(BUCKETS, sizeof(struct cell *));
    if (table == NULL)
        return 1;
    for (long round = 0; round < ROUNDS; round++) {
        for (long i = 0; i < BUCKETS; i++) {
            struct cell *head = gcx_alloc(sizeof *head);
            if (head == NULL)
                return 1;
            head->value = round;
            gcx_store(head, (void **)&head->next, round % 8 == 0 ? NULL : table[i]);
            gcx_store(table, (void **)&table[i], head); /* table is old by now */
        }
        if (round % 16 == 0)
            gcx_collect(GCX_MINOR);
    }

    /* Many stores into one object: plain ones, then one gcx_dirty before the
     * next allocation. */
    for (long i = 0; i < BUCKETS / 2; i++) {
        struct cell *swap = table[i];
        table[i] = table[BUCKETS - 1 - i];
        table[BUCKETS - 1 - i] = swap;
    }
    gcx_dirty(table);
    gcx_collect(GCX_MINOR);

    for (long i = 0; i < BUCKETS; i++) {
        long length = 0;
        for (const struct cell *c = table[i]; c != NULL; c = c->next) {
            if (c->value != ROUNDS - 1 - length++)
                return 1;
        }
        if (length != (ROUNDS - 1) % 8 + 1)
            return 1;
    }
    struct gcx_stats s = {0};
    gcx_get_stats(&s);
    printf("%llu minor cycles, writes found by: %s\n", (unsigned long long)s.minor_cycles,
           s.dirty_backend);
    return 0;
}
