/* boehm.h -- what the files of the Boehm interface share.
 *
 * Each of those functions is one of ours in other words, but for what hangs on
 * objects: finalizers, links and toggle references follow that interface's
 * order, so they have tables of their own (boehm_final.c), and the cycle calls
 * them through gcxi_finalize_more and gcxi_roots_more.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_COMPAT_BOEHM_H
#define GCXI_COMPAT_BOEHM_H

#include <gc/gc.h>
#include <gc/gc_mark.h>

#include "gc/gc.h"

/* Kinds of that interface that exist from the start. */
enum boehm_kind { BOEHM_PTRFREE, BOEHM_NORMAL, BOEHM_UNCOLLECTABLE, BOEHM_AUNCOLLECTABLE };

/* Of a run of free slots so much is zeroed at once, and linked for the program. */
#define BOEHM_READY_BYTES (4 * GCXI_KIB)

/* The byte that keeps one past the end inside, and figures of programs' own. */
struct gcxi_boehm {
    size_t extra_bytes; /* 1 while GC_all_interior_pointers; constant after start */
    bool is_started;
    uint32_t is_due; /* finalizers or disclaimed objects wait; the next slow allocation looks */
    uint64_t freed_bytes; /* since the last cycle */
    size_t heap_bytes;    /* what GC_expand_hp has made of the heap; heap lock */
};
extern struct gcxi_boehm gcxi_boehm;

/* Starts the library if it is not, before anything else. */
void gcxi_boehm_start(void);

/* After a cycle, outside the collector: what waits is run or announced. */
void gcxi_boehm_run_due(void);

/* A warning through the program's procedure. The text has one %ld or %lx. */
void gcxi_boehm_warn(const char *format, GC_word value);

/* Result of an allocation, or what the program's procedure for that gives. */
void *gcxi_boehm_or_oom(void *object, size_t bytes);

/* Bytes with the extra one; SIZE_MAX stays, which no allocation grants. */
GCXI_INLINE size_t gcxi_boehm_padded(size_t bytes)
{
    size_t padded = bytes + gcxi_boehm.extra_bytes;
    return padded < bytes ? bytes : padded;
}

/* ---- Tables: mapped memory, items that begin with a key, found by hashing ---- */

struct gcxi_boehm_table {
    unsigned char *items;
    uint32_t *index; /* item number + 1 by hash; 0 = none */
    size_t item_bytes;
    size_t count;
    size_t room;
    size_t young; /* items from here on are new since the last cycle */
};

#define GCXI_BOEHM_NONE SIZE_MAX

/* Item number i. Its first word is the key. */
GCXI_INLINE void *gcxi_boehm_item(const struct gcxi_boehm_table *table, size_t i)
{
    return table->items + i * table->item_bytes;
}

/* Under the lock below, or with the world stopped. */
size_t gcxi_boehm_table_find(const struct gcxi_boehm_table *table, uintptr_t key);
void *gcxi_boehm_table_add(struct gcxi_boehm_table *table, uintptr_t key); /* NULL: no memory */
/* The last old item takes its place, and the last of all that one's. */
void gcxi_boehm_table_remove(struct gcxi_boehm_table *table, size_t i);

/* Guards all tables. Taken in critical sections, so that nobody holds it while
 * the world is stopped. */
struct gcxi_mutator *gcxi_boehm_lock(void);
void gcxi_boehm_unlock(struct gcxi_mutator *self);
void gcxi_boehm_locks_init(void);

/* ---- Kinds ---- */

void gcxi_boehm_kinds_init(void);

/* An object of a kind of that interface, padded by the caller. */
void *gcxi_boehm_alloc_kind(size_t bytes, int kind);

/* Objects whose mark procedure reads memory elsewhere, in a minor cycle. */
void gcxi_boehm_show_procs(struct gcxi_marker *m);

/* The object that holds p. Any thread, world stopped or not. */
struct gcxi_block *gcxi_boehm_find(const void *p, uint32_t *slot);

/* Noscan objects that live until freed. */
void *gcxi_boehm_pin(void *object);
bool gcxi_boehm_unpin(void *object);
bool gcxi_boehm_is_pinned(const void *object);
void gcxi_boehm_mark_pinned(struct gcxi_marker *m);

/* Our number of a kind of that interface; GCXI_KINDS_MAX if there is none. */
unsigned gcxi_boehm_kind_number(int kind);

/* The same of a kind whose objects must be told from all others: one that had none of
 * its own gets it, for what is allocated from now on. */
unsigned gcxi_boehm_kind_set_apart(int kind);

/* At the end of a cycle. */
void gcxi_boehm_figures_cycle(void);

/* The calling thread is the first. */
void gcxi_boehm_threads_init(void);

/* ---- Hooks of the cycle ---- */

void gcxi_boehm_final_mark(struct gcxi_marker *m);
void gcxi_boehm_final_cycle(struct gcxi_marker *m, bool is_minor);
void gcxi_boehm_roots_mark(struct gcxi_marker *m);
void gcxi_boehm_disclaim_mark(struct gcxi_marker *m);
void gcxi_boehm_disclaim_cycle(struct gcxi_marker *m, bool is_minor);
bool gcxi_boehm_disclaim_run(void);
void gcxi_boehm_leaks_cycle(bool is_minor);
bool gcxi_boehm_leaks_tell(void);

/* The marker that GC_push_all and its kin push to on this thread, or NULL. */
extern __thread struct gcxi_marker *gcxi_boehm_marker __attribute__((tls_model("initial-exec")));

/* Calls visit for each object that is there, by blocks of a kind (any if
 * negative). World stopped. */
void gcxi_boehm_each_object(int gcx_kind_number, bool only_young,
                            void (*visit)(struct gcxi_block *block, uint32_t slot, void *arg),
                            void *arg);

/* ---- Exported by the other library too, without a header ---- */

GC_API void GC_printf(const char *format, ...) GCXI_PRINTF(1, 2);
GC_API void GC_err_printf(const char *format, ...) GCXI_PRINTF(1, 2);
GC_API void GC_log_printf(const char *format, ...) GCXI_PRINTF(1, 2);
GC_API void GC_noop1(GC_word value);
GC_API void (*GC_on_abort)(const char *message);
GC_API void **GC_objfreelist_ptr, **GC_aobjfreelist_ptr, **GC_uobjfreelist_ptr,
    **GC_auobjfreelist_ptr;

#endif
