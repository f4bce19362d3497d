/* tls_glibc.c -- thread-local storage in glibc.
 *
 * The thread pointer leads to the dynamic thread vector, one entry per module:
 *
 *   x86-64    TP -> { self, dtv, ... struct pthread continues }
 *                   static blocks lie below TP
 *   aarch64   TP -> { dtv, private }   struct pthread ends at TP
 *                   static blocks lie above TP
 *   dtv[-1]   number of entries        dtv[0]  generation
 *   dtv[id]   { block or -1, what to free }
 *
 * The vector alone does not do. A library loaded later may have its block in
 * the spare static area, and accesses by offset never enter it into the
 * vector; and an entry may still hold the block of an unloaded module whose
 * number was given anew, perhaps to one with a larger block. So the loader's
 * own records are consulted, through the descriptors that glibc publishes for
 * debuggers (_thread_db_*): each is { bits, elements, offset } of a field.
 *
 *   L1  A module with an offset has its block there in every thread.
 *   L2  Any other has a block in a thread only if the thread's generation is
 *       not less than the module's, and the entry is not -1.
 *   L3  What a descriptor is missing for is skipped, never guessed. (Static
 *       executables have none: there only the vector is followed.)
 *
 * pthread_setspecific keeps keys 0 to 31 in the thread's descriptor, which is
 * reported whole (the argument and result of a thread are in it as well), and
 * later keys in blocks that the `specific` array points to.
 *
 * A thread may be stopped while the loader moves its vector to a larger one.
 * The old vector is then freed memory for a few instructions; entry counts
 * beyond reason are refused, which is all that can be done from outside.
 *
 * Locking: prepare runs before any thread of the collector exists (constructor)
 * or before the loader's lock is taken; the rest reads.
 *
 * Rejected: pthread_getspecific and __tls_get_addr (the caller's own thread
 * only; the latter allocates), libthread_db (a debugger's library).
 *
 * SPDX-License-Identifier: MIT */
#include <features.h>

#ifndef __GLIBC__
typedef int gcxi_tls_glibc_unused; /* tls_musl.c is in charge */
#else

#include "os/tls.h"

#include <dlfcn.h>
#include <stdatomic.h>

#define TLS_UNALLOCATED UINTPTR_MAX
#define TLS_ENTRIES_MAX ((size_t)1 << 20)
#define TLS_SLOT_LISTS_MAX ((size_t)1 << 14) /* ends a walk over damaged lists */

typedef void tls_visitor(uintptr_t lo, uintptr_t hi, void *arg);

/* One of the debugger's descriptors. */
struct tls_field {
    uint32_t bits; /* 0: not found */
    uint32_t elements;
    uint32_t offset;
};

struct tls_entry {
    uintptr_t block; /* in [-1] the number of entries, in [0] the generation */
    uintptr_t to_free;
};

/* Written once by gcxi_tls_prepare, then read only. */
static struct {
    atomic_bool prepared;
    uint32_t thread_bytes;     /* of struct pthread; 0: not found */
    struct tls_field specific; /* of struct pthread */
    struct tls_field level2;
    struct tls_field map_offset; /* of the loader's record of a module */
    struct tls_field list_head;
    struct tls_field list_length;
    struct tls_field list_next;
    struct tls_field list_slots;
    struct tls_field slot_generation;
    struct tls_field slot_map;
    uintptr_t loader; /* the loader's global record; 0: not found */
} tls_layout;

/* ---- where threads keep what ---- */

#if defined(__x86_64__)

uintptr_t gcxi_tls_thread_pointer(void)
{
    uintptr_t thread_pointer;

    __asm__("movq %%fs:0, %0" : "=r"(thread_pointer));
    return thread_pointer;
}

static uintptr_t tls_vector_at(uintptr_t thread_pointer)
{
    return thread_pointer + sizeof(uintptr_t);
}

static uintptr_t tls_thread_lo(uintptr_t thread_pointer)
{
    return thread_pointer;
}

static uintptr_t tls_static_block(uintptr_t thread_pointer, uintptr_t offset)
{
    return thread_pointer - offset;
}

#elif defined(__aarch64__)

uintptr_t gcxi_tls_thread_pointer(void)
{
    uintptr_t thread_pointer;

    __asm__("mrs %0, tpidr_el0" : "=r"(thread_pointer));
    return thread_pointer;
}

static uintptr_t tls_vector_at(uintptr_t thread_pointer)
{
    return thread_pointer;
}

static uintptr_t tls_thread_lo(uintptr_t thread_pointer)
{
    return thread_pointer - tls_layout.thread_bytes;
}

static uintptr_t tls_static_block(uintptr_t thread_pointer, uintptr_t offset)
{
    return thread_pointer + offset;
}

#else
#error "say where glibc keeps thread-local storage on this processor"
#endif

/* ---- descriptors ---- */

static struct tls_field tls_find_field(const char *name)
{
    const struct tls_field none = {0, 0, 0};
    const struct tls_field *field = dlsym(RTLD_DEFAULT, name);

    return field != NULL ? *field : none;
}

static uint32_t tls_find_size(const char *name)
{
    const uint32_t *bytes = dlsym(RTLD_DEFAULT, name);

    return bytes != NULL ? *bytes : 0;
}

void gcxi_tls_prepare(void)
{
    /* acquire: pairs with the release below */
    if (atomic_load_explicit(&tls_layout.prepared, memory_order_acquire))
        return;
    tls_layout.thread_bytes = tls_find_size("_thread_db_sizeof_pthread");
    tls_layout.specific = tls_find_field("_thread_db_pthread_specific");
    tls_layout.level2 = tls_find_field("_thread_db_pthread_key_data_level2_data");
    tls_layout.map_offset = tls_find_field("_thread_db_link_map_l_tls_offset");
    tls_layout.list_head = tls_find_field("_thread_db_rtld_global__dl_tls_dtv_slotinfo_list");
    tls_layout.list_length = tls_find_field("_thread_db_dtv_slotinfo_list_len");
    tls_layout.list_next = tls_find_field("_thread_db_dtv_slotinfo_list_next");
    tls_layout.list_slots = tls_find_field("_thread_db_dtv_slotinfo_list_slotinfo");
    tls_layout.slot_generation = tls_find_field("_thread_db_dtv_slotinfo_gen");
    tls_layout.slot_map = tls_find_field("_thread_db_dtv_slotinfo_map");
    tls_layout.loader = (uintptr_t)dlsym(RTLD_DEFAULT, "_rtld_global");
    /* release: pairs with the acquire above */
    atomic_store_explicit(&tls_layout.prepared, true, memory_order_release);
}

/* Early, so that no later call must take the loader's locks. */
__attribute__((constructor)) static void tls_prepare_at_load(void)
{
    gcxi_tls_prepare();
}

/* A field of one word of the record at that address. */
static GCXI_NO_SANITIZE uintptr_t tls_read(uintptr_t record, struct tls_field field)
{
    return *(const volatile uintptr_t *)(record + field.offset);
}

static bool tls_is_word(struct tls_field field)
{
    return field.bits == 8 * sizeof(uintptr_t);
}

static bool tls_knows_slots(void)
{
    return tls_layout.loader != 0 && tls_is_word(tls_layout.list_head) &&
           tls_is_word(tls_layout.list_length) && tls_is_word(tls_layout.list_next) &&
           tls_layout.list_slots.bits >= 16 * sizeof(uintptr_t) &&
           tls_is_word(tls_layout.slot_generation) && tls_is_word(tls_layout.slot_map) &&
           tls_is_word(tls_layout.map_offset);
}

/* ---- the loader's records ---- */

/* The loader's slot of a module, or 0. Slots are numbered through a chain of
 * arrays. */
static uintptr_t tls_find_slot(size_t id)
{
    const size_t slot_bytes = tls_layout.list_slots.bits / 8;
    uintptr_t list = tls_read(tls_layout.loader, tls_layout.list_head);

    for (size_t walked = 0; list != 0 && walked < TLS_SLOT_LISTS_MAX; walked++) {
        const size_t length = tls_read(list, tls_layout.list_length);

        if (id < length)
            return list + tls_layout.list_slots.offset + id * slot_bytes;
        id -= length;
        list = tls_read(list, tls_layout.list_next);
    }
    return 0;
}

bool gcxi_tls_describe(struct gcxi_tls_module *module)
{
    uintptr_t slot;

    module->generation = 0;
    module->map = 0;
    if (!tls_knows_slots())
        return true;
    slot = tls_find_slot(module->id);
    if (slot == 0)
        return false;
    module->generation = tls_read(slot, tls_layout.slot_generation);
    module->map = tls_read(slot, tls_layout.slot_map);
    return module->map != 0;
}

/* ---- one thread ---- */

static void tls_visit_words(uintptr_t lo, size_t bytes, tls_visitor *visit, void *arg)
{
    const uintptr_t first = gcxi_align_up(lo, sizeof(uintptr_t));
    const uintptr_t last = gcxi_align_down(lo + bytes, sizeof(uintptr_t));

    if (first < last)
        visit(first, last, arg);
}

/* The thread's vector, or NULL. */
static GCXI_NO_SANITIZE const struct tls_entry *tls_vector(uintptr_t thread_pointer)
{
    const uintptr_t at = tls_vector_at(thread_pointer);
    const struct tls_entry *vector = *(const struct tls_entry *const volatile *)at;

    return vector != NULL && vector[-1].block < TLS_ENTRIES_MAX ? vector : NULL;
}

/* L2. */
static GCXI_NO_SANITIZE uintptr_t tls_dynamic_block(const struct tls_entry *vector,
                                                    const struct gcxi_tls_module *module)
{
    if (vector == NULL || module->id > vector[-1].block || vector[0].block < module->generation)
        return 0;
    return vector[module->id].block == TLS_UNALLOCATED ? 0 : vector[module->id].block;
}

/* glibc marks "none yet" and "never" by 0 and -1, or by -1 and -2 where 0 can be
 * an offset; with the two processors here it cannot. */
static bool tls_is_static(uintptr_t offset)
{
    return offset != 0 && offset < UINTPTR_MAX - 1;
}

/* The module's block in the thread, or 0. */
static uintptr_t tls_block(uintptr_t thread_pointer, const struct tls_entry *vector,
                           const struct gcxi_tls_module *module)
{
    uintptr_t offset = 0;

    if (module->map != 0)
        offset = tls_read(module->map, tls_layout.map_offset);
    if (tls_is_static(offset))
        return tls_static_block(thread_pointer, offset);
    return tls_dynamic_block(vector, module);
}

/* Blocks of later pthread_setspecific keys; the first lies in the descriptor. */
static void tls_visit_specific(uintptr_t thread, tls_visitor *visit, void *arg)
{
    const size_t bits = (size_t)tls_layout.specific.bits * tls_layout.specific.elements;
    const size_t pointers = bits / (8 * sizeof(uintptr_t));
    const size_t bytes = (size_t)tls_layout.level2.bits / 8 * tls_layout.level2.elements;
    struct tls_field field = tls_layout.specific;

    for (size_t i = 0; i < pointers; i++) {
        const uintptr_t block = tls_read(thread, field);

        if (block != 0 && block - thread >= tls_layout.thread_bytes)
            tls_visit_words(block + tls_layout.level2.offset, bytes, visit, arg);
        field.offset += (uint32_t)sizeof(uintptr_t);
    }
}

void gcxi_tls_visit(uintptr_t thread_pointer, const struct gcxi_tls_module *modules, size_t count,
                    tls_visitor *visit, void *arg)
{
    const uintptr_t thread = tls_thread_lo(thread_pointer);
    const struct tls_entry *vector = tls_vector(thread_pointer);

    for (size_t i = 0; i < count; i++) {
        const uintptr_t block = tls_block(thread_pointer, vector, &modules[i]);

        if (block != 0)
            tls_visit_words(block, modules[i].bytes, visit, arg);
    }
    if (tls_layout.thread_bytes == 0)
        return;
    tls_visit_words(thread, tls_layout.thread_bytes, visit, arg);
    tls_visit_specific(thread, visit, arg);
}

#endif
