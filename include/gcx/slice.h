/* slice.h -- growing arrays, as Go's slices.
 *
 * A slice is a small value: where its elements are, how many there are, and
 * how many fit. Copies and sub-slices share the elements; what grows past its
 * capacity gets elements of its own, copied. Old elements stay where they are
 * for whoever still looks at them, so no pointer into them ever dangles.
 *
 *     GCX_SLICE_DEFINE_NOSCAN(ints, int);     at file level
 *
 *     struct ints s = ints_make(0, 100);      0 elements, room for 100
 *     ints_append(&s, 42);
 *     int *first = ints_at(&s, 0);            NULL if out of bounds
 *     struct ints tail = ints_sub(s, 1, 1);
 *
 * The same without types: gcx_slice_make(sizeof(int), 0, 100) and so on. A
 * zeroed typed slice is an empty one and ready for use.
 *
 * Growth: to what is needed if that is more than double, else to the double
 * below 256 elements, and by (capacity + 768) / 4 from there; then up to the
 * size class. An array that gcx_slice_make made smaller than its size class
 * grows inside it without a copy: two copies of one slice that both grow so
 * share the new elements as well.
 *
 * Errors: a call that fails returns -1, NULL or an empty slice, sets errno
 * (ERANGE: out of bounds; EINVAL: a capacity that is negative or below the
 * length, elements of 0 bytes, slices of different elements, a NULL argument;
 * ENOMEM) and changes nothing. With GCX_CHECK=1, ERANGE and EINVAL are reported
 * on stderr with the place of the call and the place where the slice was made;
 * for typed slices these are the place where the type was defined.
 *
 * Threads: a slice is as thread-safe as the variable that it is. The write
 * barrier is taken care of.
 *
 * Example: examples/slice.c
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_SLICE_H
#define GCX_SLICE_H

#include <gcx/gcx.h>
#include <gcx/detail/extend.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gcx_slice {
    void *data;
    size_t len; /* elements */
    size_t cap; /* elements that fit */
    uint32_t elem_bytes;
    uint16_t flags; /* GCX_DETAIL_SLICE_ */
    uint16_t site;  /* with GCX_CHECK=1: where it was made */
};

/* len zeroed elements of elem_bytes with room for cap, scanned for pointers.
 * cap 0 counts as len. data is NULL, with errno, if that fails. [collects] */
GCX_API struct gcx_slice gcx_slice_make_at(size_t elem_bytes, size_t len, size_t cap,
                                           const char *site);
#define gcx_slice_make(elem_bytes, len, cap) \
    gcx_slice_make_at((elem_bytes), (len), (cap), GCX_DETAIL_SITE)

/* The same for elements without pointers, which are never scanned. */
GCX_API struct gcx_slice gcx_slice_make_noscan_at(size_t elem_bytes, size_t len, size_t cap,
                                                  const char *site);
#define gcx_slice_make_noscan(elem_bytes, len, cap) \
    gcx_slice_make_noscan_at((elem_bytes), (len), (cap), GCX_DETAIL_SITE)

/* Appends n elements at elems, which may lie in s itself; n 0 does nothing. 0,
 * or -1 with errno. [collects] */
GCX_API int gcx_slice_append_n_at(struct gcx_slice *s, const void *elems, size_t n,
                                  const char *site);
#define gcx_slice_append_n(s, elems, n) gcx_slice_append_n_at((s), (elems), (n), GCX_DETAIL_SITE)

/* Appends the element at elem. */
#define gcx_slice_append(s, elem) gcx_slice_append_n_at((s), (elem), 1, GCX_DETAIL_SITE)

/* Appends all of from, which has elements of the same size. [collects] */
GCX_API int gcx_slice_append_slice_at(struct gcx_slice *s, struct gcx_slice from, const char *site);
#define gcx_slice_append_slice(s, from) gcx_slice_append_slice_at((s), (from), GCX_DETAIL_SITE)

/* Makes room for n more elements. 0, or -1 with errno. [collects] */
GCX_API int gcx_slice_reserve_at(struct gcx_slice *s, size_t n, const char *site);
#define gcx_slice_reserve(s, n) gcx_slice_reserve_at((s), (n), GCX_DETAIL_SITE)

/* The element with that index, in place; NULL with ERANGE from len on. s must
 * not be NULL, which is not checked here, nor by the typed functions below. */
GCX_API void *gcx_slice_at_at(const struct gcx_slice *s, size_t index, const char *site);
#define gcx_slice_at(s, index) gcx_slice_at_at((s), (index), GCX_DETAIL_SITE)

/* Copies the element at elem over the one with that index. 0, or -1 with
 * ERANGE, or EINVAL for NULL. */
GCX_API int gcx_slice_set_at(struct gcx_slice *s, size_t index, const void *elem, const char *site);
#define gcx_slice_set(s, index, elem) gcx_slice_set_at((s), (index), (elem), GCX_DETAIL_SITE)

/* Elements [lo, hi) of s, with s's room behind them: lo <= hi <= capacity. An
 * empty slice with errno ERANGE otherwise. */
GCX_API struct gcx_slice gcx_slice_sub_at(struct gcx_slice s, size_t lo, size_t hi,
                                          const char *site);
#define gcx_slice_sub(s, lo, hi) gcx_slice_sub_at((s), (lo), (hi), GCX_DETAIL_SITE)

/* The same with room up to max only, hi <= max <= capacity: what is appended
 * past it does not overwrite s. */
GCX_API struct gcx_slice gcx_slice_sub_max_at(struct gcx_slice s, size_t lo, size_t hi, size_t max,
                                              const char *site);
#define gcx_slice_sub_max(s, lo, hi, max) \
    gcx_slice_sub_max_at((s), (lo), (hi), (max), GCX_DETAIL_SITE)

/* Copies as many elements as both hold from src to dst, which may overlap, and
 * returns how many; 0 with EINVAL if their sizes differ. */
GCX_API size_t gcx_slice_copy_at(struct gcx_slice dst, struct gcx_slice src, const char *site);
#define gcx_slice_copy(dst, src) gcx_slice_copy_at((dst), (src), GCX_DETAIL_SITE)

/* ---- Typed slices -------------------------------------------------------- */

#define GCX_DETAIL_SLICE_NOSCAN 1u
#define GCX_DETAIL_SLICE_TAIL 2u /* the rest of the object belongs to it */
#define GCX_DETAIL_UNUSED __attribute__((unused))

/* The write barrier for an element just stored. */
static inline GCX_DETAIL_UNUSED void gcx_detail_slice_note(const void *elem, unsigned flags)
{
    if ((flags & GCX_DETAIL_SLICE_NOSCAN) == 0 && gcx_detail_cards.size != 0)
        gcx_dirty(elem);
}

/* Defines struct name and static functions name_make, name_append,
 * name_append_n, name_at, name_set, name_sub, name_reserve and name_copy for
 * elements of the type. A wrong element type is an error of the compiler's at
 * the call, in the caller's words. */
#define GCX_SLICE_DEFINE(name, type) GCX_DETAIL_SLICE_DEFINE(name, type, 0u)

/* The same for a type without pointers in it. */
#define GCX_SLICE_DEFINE_NOSCAN(name, type) \
    GCX_DETAIL_SLICE_DEFINE(name, type, GCX_DETAIL_SLICE_NOSCAN)

#define GCX_DETAIL_SLICE_DEFINE(name, type, kind)                                                \
    struct name {                                                                                \
        type *data;                                                                              \
        size_t len;                                                                              \
        size_t cap;                                                                              \
        uint16_t flags;                                                                          \
        uint16_t site;                                                                           \
    };                                                                                           \
    static inline GCX_DETAIL_UNUSED struct gcx_slice name##_untyped(struct name s)               \
    {                                                                                            \
        struct gcx_slice any = {                                                                 \
            s.data, s.len, s.cap, (uint32_t)sizeof(type), (uint16_t)(s.flags | (kind)), s.site}; \
        return any;                                                                              \
    }                                                                                            \
    static inline GCX_DETAIL_UNUSED struct name name##_typed(struct gcx_slice any)               \
    {                                                                                            \
        struct name s = {(type *)any.data, any.len, any.cap, any.flags, any.site};               \
        return s;                                                                                \
    }                                                                                            \
    static inline GCX_DETAIL_UNUSED struct name name##_make(size_t len, size_t cap)              \
    {                                                                                            \
        return name##_typed(                                                                     \
            (kind) != 0u ? gcx_slice_make_noscan_at(sizeof(type), len, cap, GCX_DETAIL_SITE)     \
                         : gcx_slice_make_at(sizeof(type), len, cap, GCX_DETAIL_SITE));          \
    }                                                                                            \
    static inline GCX_DETAIL_UNUSED int name##_append_n(struct name *s, type const *elems,       \
                                                        size_t n)                                \
    {                                                                                            \
        struct gcx_slice any = name##_untyped(*s);                                               \
        int status = gcx_slice_append_n_at(&any, elems, n, GCX_DETAIL_SITE);                     \
        *s = name##_typed(any);                                                                  \
        return status;                                                                           \
    }                                                                                            \
    static inline GCX_DETAIL_UNUSED int name##_append(struct name *s, type elem)                 \
    {                                                                                            \
        if (GCX_LIKELY(s->len < s->cap)) {                                                       \
            type *slot = &s->data[s->len++];                                                     \
            *slot = elem;                                                                        \
            gcx_detail_slice_note(slot, kind);                                                   \
            return 0;                                                                            \
        }                                                                                        \
        return name##_append_n(s, &elem, 1);                                                     \
    }                                                                                            \
    static inline GCX_DETAIL_UNUSED int name##_reserve(struct name *s, size_t n)                 \
    {                                                                                            \
        struct gcx_slice any = name##_untyped(*s);                                               \
        int status = gcx_slice_reserve_at(&any, n, GCX_DETAIL_SITE);                             \
        *s = name##_typed(any);                                                                  \
        return status;                                                                           \
    }                                                                                            \
    static inline GCX_DETAIL_UNUSED type *name##_at_from(const struct name *s, size_t index,     \
                                                         const char *site)                       \
    {                                                                                            \
        if (GCX_LIKELY(index < s->len))                                                          \
            return &s->data[index];                                                              \
        struct gcx_slice any = name##_untyped(*s);                                               \
        return (type *)gcx_slice_at_at(&any, index, site);                                       \
    }                                                                                            \
    static inline GCX_DETAIL_UNUSED type *name##_at(const struct name *s, size_t index)          \
    {                                                                                            \
        return name##_at_from(s, index, GCX_DETAIL_SITE);                                        \
    }                                                                                            \
    static inline GCX_DETAIL_UNUSED int name##_set(struct name *s, size_t index, type elem)      \
    {                                                                                            \
        struct gcx_slice any = name##_untyped(*s);                                               \
        return gcx_slice_set_at(&any, index, &elem, GCX_DETAIL_SITE);                            \
    }                                                                                            \
    static inline GCX_DETAIL_UNUSED struct name name##_sub(struct name s, size_t lo, size_t hi)  \
    {                                                                                            \
        return name##_typed(gcx_slice_sub_at(name##_untyped(s), lo, hi, GCX_DETAIL_SITE));       \
    }                                                                                            \
    static inline GCX_DETAIL_UNUSED size_t name##_copy(struct name dst, struct name src)         \
    {                                                                                            \
        return gcx_slice_copy_at(name##_untyped(dst), name##_untyped(src), GCX_DETAIL_SITE);     \
    }                                                                                            \
    struct name /* takes the semicolon */

#ifdef __cplusplus
}
#endif
#endif
