/* slice.c -- see gcx/slice.h.
 *
 * V1  Elements [0, cap) lie in one object, from data on; data may be anywhere
 *     in it.
 * V2  With TAIL set, what the object holds past them belongs to this slice and
 *     to its copies, and is zero unless noscan.
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/slice.h>

#include <string.h>

#include "ext/ext.h"
#include "ext/site.h"

#define SLICE_LINEAR_FROM 256u /* elements; below, capacities double */

static const struct gcx_slice slice_nothing = {NULL, 0, 0, 0, 0, 0};

static GCXI_EXT_COLD int fault(const struct gcx_slice *s, const char *site, int error,
                               const char *what)
{
    if ((error == ERANGE || error == EINVAL) && gcx_detail_is_checked())
        gcx_detail_error("slice made at %s: %s at %s (length %zu, capacity %zu)",
                         gcxi_site_name(s->site), what, site != NULL ? site : "?", s->len, s->cap);
    errno = error;
    return -1;
}

static char *element(const struct gcx_slice *s, size_t index)
{
    return (char *)s->data + index * s->elem_bytes;
}

/* After elements were written: the barrier for the object that holds them. */
static void note(const struct gcx_slice *s, const void *written)
{
    if ((s->flags & GCX_DETAIL_SLICE_NOSCAN) == 0)
        gcxi_ext_note_all(written);
}

/* ---- Making ---- */

static void *alloc(const struct gcx_slice *like, size_t bytes)
{
    return (like->flags & GCX_DETAIL_SLICE_NOSCAN) != 0 ? gcx_alloc_noscan(bytes)
                                                        : gcx_alloc(bytes);
}

static struct gcx_slice make(size_t elem_bytes, size_t len, size_t cap, unsigned flags,
                             const char *site)
{
    struct gcx_slice s = slice_nothing;
    size_t bytes;
    s.flags = (uint16_t)flags;
    cap = cap == 0 ? len : cap;
    if (elem_bytes == 0 || elem_bytes > UINT32_MAX || cap < len || cap > PTRDIFF_MAX) {
        s.len = len;
        s.cap = cap;
        fault(&s, site, EINVAL, "bad element size, length or capacity");
        return slice_nothing;
    }
    s.data = gcxi_ext_mul(elem_bytes, cap, &bytes) ? alloc(&s, bytes) : NULL;
    if (s.data == NULL) {
        errno = ENOMEM;
        return slice_nothing;
    }
    if ((flags & GCX_DETAIL_SLICE_NOSCAN) != 0)
        memset(s.data, 0, len * elem_bytes);
    s.len = len;
    s.cap = cap;
    s.elem_bytes = (uint32_t)elem_bytes;
    s.flags |= GCX_DETAIL_SLICE_TAIL;
    s.site = gcxi_site_number(site);
    return s;
}

struct gcx_slice gcx_slice_make_at(size_t elem_bytes, size_t len, size_t cap, const char *site)
{
    return make(elem_bytes, len, cap, 0, site);
}

struct gcx_slice gcx_slice_make_noscan_at(size_t elem_bytes, size_t len, size_t cap,
                                          const char *site)
{
    return make(elem_bytes, len, cap, GCX_DETAIL_SLICE_NOSCAN, site);
}

/* ---- Growing ---- */

static size_t grown_cap(size_t cap, size_t needed)
{
    if (cap > PTRDIFF_MAX / 2 || needed > 2 * cap)
        return needed;
    if (cap < SLICE_LINEAR_FROM)
        return 2 * cap;
    while (cap < needed)
        cap += (cap + 3 * SLICE_LINEAR_FROM) / 4;
    return cap;
}

/* Elements that the object at its base can hold, from data on. */
static size_t room(const struct gcx_slice *s)
{
    size_t bytes;
    const char *base = gcx_detail_object(s->data, &bytes);
    size_t before = (size_t)((const char *)s->data - base);
    return base != NULL ? (bytes - before) / s->elem_bytes : 0;
}

/* V2: the rest of the object, where nobody else writes. */
static bool grow_in_place(struct gcx_slice *s, size_t needed)
{
    if ((s->flags & GCX_DETAIL_SLICE_TAIL) == 0 || s->data == NULL)
        return false;
    size_t cap = room(s);
    if (cap < needed)
        return false;
    s->cap = cap;
    return true;
}

/* The old elements stay where they are. */
static bool grow_by_copy(struct gcx_slice *s, size_t needed)
{
    size_t bytes;
    struct gcx_slice grown = *s;
    grown.cap = grown_cap(s->cap, needed);
    if (!gcxi_ext_mul(grown.cap, s->elem_bytes, &bytes))
        return false;
    grown.data = alloc(s, bytes);
    if (grown.data == NULL)
        return false;
    if (s->len != 0)
        memcpy(grown.data, s->data, s->len * s->elem_bytes);
    note(&grown, grown.data);
    grown.flags |= GCX_DETAIL_SLICE_TAIL;
    grown.cap = room(&grown);
    *s = grown;
    return true;
}

static GCXI_EXT_NOINLINE int grow(struct gcx_slice *s, size_t n, const char *site)
{
    size_t needed;
    if (s->elem_bytes == 0)
        return fault(s, site, EINVAL, "no slice to append to");
    if (!gcxi_ext_add(s->len, n, &needed) ||
        (!grow_in_place(s, needed) && !grow_by_copy(s, needed)))
        return fault(s, site, ENOMEM, "no memory");
    return 0;
}

static GCXI_EXT_COLD int no_argument(const struct gcx_slice *s, const char *site)
{
    return fault(s != NULL ? s : &slice_nothing, site, EINVAL, "a NULL argument");
}

int gcx_slice_reserve_at(struct gcx_slice *s, size_t n, const char *site)
{
    if (GCXI_EXT_UNLIKELY(s == NULL))
        return no_argument(s, site);
    return n <= s->cap - s->len ? 0 : grow(s, n, site);
}

int gcx_slice_append_n_at(struct gcx_slice *s, const void *elems, size_t n, const char *site)
{
    if (n == 0)
        return 0;
    if (GCXI_EXT_UNLIKELY(s == NULL || elems == NULL))
        return no_argument(s, site);
    if (n > s->cap - s->len && grow(s, n, site) != 0)
        return -1;
    char *to = element(s, s->len);
    memmove(to, elems, n * s->elem_bytes);
    note(s, to);
    gcx_keep_alive(elems);
    s->len += n;
    return 0;
}

int gcx_slice_append_slice_at(struct gcx_slice *s, struct gcx_slice from, const char *site)
{
    if (from.len != 0 && s != NULL && from.elem_bytes != s->elem_bytes)
        return fault(s, site, EINVAL, "slices of different elements");
    return gcx_slice_append_n_at(s, from.data, from.len, site);
}

/* ---- Access ---- */

void *gcx_slice_at_at(const struct gcx_slice *s, size_t index, const char *site)
{
    if (GCXI_EXT_LIKELY(index < s->len))
        return element(s, index);
    fault(s, site, ERANGE, "index out of bounds");
    return NULL;
}

int gcx_slice_set_at(struct gcx_slice *s, size_t index, const void *elem, const char *site)
{
    if (GCXI_EXT_UNLIKELY(s == NULL || elem == NULL))
        return no_argument(s, site);
    void *to = gcx_slice_at_at(s, index, site);
    if (to == NULL)
        return -1;
    memmove(to, elem, s->elem_bytes);
    note(s, to);
    return 0;
}

static struct gcx_slice sub(const struct gcx_slice *s, size_t lo, size_t hi, size_t max,
                            const char *site)
{
    if (lo > hi || hi > max || max > s->cap) {
        fault(s, site, ERANGE, "sub-slice out of bounds");
        return slice_nothing;
    }
    struct gcx_slice part = *s;
    part.data = s->data != NULL ? element(s, lo) : NULL;
    part.len = hi - lo;
    part.cap = max - lo;
    if (part.cap == 0) /* one past the end must not keep the neighbour alive */
        part.data = s->data;
    if (max < s->cap || part.cap == 0)
        part.flags &= (uint16_t)~GCX_DETAIL_SLICE_TAIL;
    return part;
}

struct gcx_slice gcx_slice_sub_at(struct gcx_slice s, size_t lo, size_t hi, const char *site)
{
    return sub(&s, lo, hi, s.cap, site);
}

struct gcx_slice gcx_slice_sub_max_at(struct gcx_slice s, size_t lo, size_t hi, size_t max,
                                      const char *site)
{
    struct gcx_slice part = sub(&s, lo, hi, max, site);
    part.flags &= (uint16_t)~GCX_DETAIL_SLICE_TAIL;
    return part;
}

size_t gcx_slice_copy_at(struct gcx_slice dst, struct gcx_slice src, const char *site)
{
    size_t n = dst.len < src.len ? dst.len : src.len;
    if (n != 0 && dst.elem_bytes != src.elem_bytes) {
        fault(&dst, site, EINVAL, "slices of different elements");
        return 0;
    }
    if (n != 0) {
        memmove(dst.data, src.data, n * dst.elem_bytes);
        note(&dst, dst.data);
    }
    gcx_keep_alive(src.data);
    return n;
}
