/* gc_mark.h -- kinds of one's own, mark procedures, further roots.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GC_MARK_H
#define GC_MARK_H

#include <gc/gc.h>

#ifdef __cplusplus
extern "C" {
#endif

struct GC_ms_entry;
typedef struct GC_ms_entry *(*GC_mark_proc)(GC_word *addr, struct GC_ms_entry *top,
                                            struct GC_ms_entry *limit, GC_word env);
#define GC_PROC_BYTES 100
#define GC_LOG_MAX_MARK_PROCS 6
#define GC_MAX_MARK_PROCS (1 << GC_LOG_MAX_MARK_PROCS)
#define GC_RESERVED_MARK_PROCS 8
#define GC_GCJ_RESERVED_MARK_PROC_INDEX 0

/* The low bits of a descriptor say how it is meant. */
#define GC_DS_TAG_BITS 2
#define GC_DS_TAGS ((1 << GC_DS_TAG_BITS) - 1)
#define GC_DS_LENGTH 0     /* so many bytes hold pointers */
#define GC_DS_BITMAP 1     /* one bit a word, the topmost for the first */
#define GC_DS_PROC 2       /* a mark procedure */
#define GC_DS_PER_OBJECT 3 /* stands in the object, or in its first word's target */
#define GC_INDIR_PER_OBJ_BIAS 0x10
#define GC_MAKE_PROC(index, env) \
    ((((((GC_word)(env)) << GC_LOG_MAX_MARK_PROCS) | (index)) << GC_DS_TAG_BITS) | GC_DS_PROC)

GC_API void *GC_least_plausible_heap_addr;
GC_API void *GC_greatest_plausible_heap_addr;
GC_API struct GC_ms_entry *GC_mark_and_push(void *, struct GC_ms_entry *, struct GC_ms_entry *,
                                            void **);
#define GC_MARK_AND_PUSH(obj, top, limit, source)                    \
    ((GC_word)(obj) >= (GC_word)GC_least_plausible_heap_addr &&      \
             (GC_word)(obj) <= (GC_word)GC_greatest_plausible_heap_addr \
         ? GC_mark_and_push(obj, top, limit, source)                 \
         : (top))

GC_API const size_t GC_debug_header_size;
GC_API size_t GC_get_debug_header_size(void);
#define GC_USR_PTR_FROM_BASE(p) ((void *)((char *)(p) + GC_get_debug_header_size()))

GC_API void **GC_new_free_list(void);
GC_API void **GC_new_free_list_inner(void);
GC_API unsigned GC_new_kind(void **, GC_word, int, int);
GC_API unsigned GC_new_kind_inner(void **, GC_word, int, int);
GC_API unsigned GC_new_proc(GC_mark_proc);
GC_API unsigned GC_new_proc_inner(GC_mark_proc);
GC_API void *GC_generic_malloc(size_t, int) GC_ATTR_MALLOC;
GC_API void *GC_generic_malloc_ignore_off_page(size_t, int) GC_ATTR_MALLOC;
GC_API void *GC_generic_malloc_uncollectable(size_t, int) GC_ATTR_MALLOC;
GC_API void *GC_generic_or_special_malloc(size_t, int) GC_ATTR_MALLOC;
GC_API void *GC_debug_generic_or_special_malloc(size_t, int, GC_EXTRA_PARAMS) GC_ATTR_MALLOC;
#ifdef GC_DEBUG
#define GC_GENERIC_OR_SPECIAL_MALLOC(sz, kind) \
    GC_debug_generic_or_special_malloc(sz, kind, GC_EXTRAS)
#else
#define GC_GENERIC_OR_SPECIAL_MALLOC(sz, kind) GC_generic_or_special_malloc(sz, kind)
#endif
GC_API int GC_get_kind_and_size(const void *, size_t *);

#define GC_TYPE_DESCR_LEN 40
typedef void (*GC_describe_type_fn)(void *, char *);
GC_API void GC_register_describe_type_fn(int, GC_describe_type_fn);
GC_API void *GC_clear_stack(void *);
typedef void (*GC_start_callback_proc)(void);
GC_API void GC_set_start_callback(GC_start_callback_proc);
GC_API GC_start_callback_proc GC_get_start_callback(void);
GC_API int GC_is_marked(const void *);
GC_API void GC_clear_mark_bit(const void *);
GC_API void GC_set_mark_bit(const void *);
GC_API void GC_push_all(void *, void *);
GC_API void GC_push_all_eager(void *, void *);
GC_API void GC_push_conditional(void *, void *, int);
GC_API void GC_push_finalizer_structures(void);
typedef void (*GC_push_other_roots_proc)(void);
GC_API GC_push_other_roots_proc GC_push_other_roots;
GC_API void GC_set_push_other_roots(GC_push_other_roots_proc);
GC_API GC_push_other_roots_proc GC_get_push_other_roots(void);
typedef void (*GC_reachable_object_proc)(void *, size_t, void *);
GC_API void GC_enumerate_reachable_objects_inner(GC_reachable_object_proc, void *);

#ifdef __cplusplus
}
#endif
#endif
