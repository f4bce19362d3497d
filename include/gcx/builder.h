/* builder.h -- strings built piece by piece, as Go's strings.Builder.
 *
 *     struct gcx_builder b = GCX_BUILDER_INIT;
 *     gcx_builder_write_string(&b, "x = ");
 *     gcx_builder_printf(&b, "%d", x);
 *     char *s = gcx_builder_string(&b);       no copy
 *
 * The bytes are noscan memory: pointers must not be written into a builder.
 *
 * A builder belongs to the place where it was first written: a copy of a used
 * one is refused and reported, with both places in the source, and the
 * original is as it was. gcx_builder_string hands the bytes over; after it the
 * builder is read-only until gcx_builder_reset, and writes are refused in the
 * same way. So no string that was handed out ever changes.
 *
 * Errors: -1 or NULL with errno; nothing is written then. ENOMEM; EINVAL for a
 * copied or finished builder, a NULL argument or a negative number of bytes.
 * Threads: one at a time.
 *
 * Example: examples/builder.c
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_BUILDER_H
#define GCX_BUILDER_H

#include <string.h>

#include <gcx/gcx.h>
#include <gcx/detail/extend.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero is an empty builder. The fields are for the functions below. */
struct gcx_builder {
    char *data;
    size_t len;
    size_t cap;       /* bytes that fit before the final NUL; 0 also: go the slow way */
    uintptr_t owner;  /* complement of its own address, once written; less 1: finished */
    const char *site; /* where it was first written, or finished */
};
#define GCX_BUILDER_INIT \
    {                    \
        0, 0, 0, 0, 0    \
    }

/* Appends n bytes, which may be the builder's own. [collects] */
GCX_API int gcx_builder_write_slow(struct gcx_builder *b, const void *bytes, size_t n,
                                   const char *site) __attribute__((cold));
static inline __attribute__((unused)) int
gcx_builder_write_at(struct gcx_builder *b, const void *bytes, size_t n, const char *site)
{
    if (GCX_LIKELY(b != 0 && n < b->cap - b->len && b->owner == ~(uintptr_t)b && bytes != 0)) {
        memcpy(b->data + b->len, bytes, n);
        b->len += n;
        return 0;
    }
    return gcx_builder_write_slow(b, bytes, n, site);
}
#define gcx_builder_write(b, bytes, n) gcx_builder_write_at((b), (bytes), (n), GCX_DETAIL_SITE)

/* Appends a string without its NUL. [collects] */
GCX_API int gcx_builder_write_string_at(struct gcx_builder *b, const char *s, const char *site);
#define gcx_builder_write_string(b, s) gcx_builder_write_string_at((b), (s), GCX_DETAIL_SITE)

/* Appends one byte. [collects] */
static inline __attribute__((unused)) int gcx_builder_write_byte_at(struct gcx_builder *b,
                                                                    char byte, const char *site)
{
    return gcx_builder_write_at(b, &byte, 1, site);
}
#define gcx_builder_write_byte(b, byte) gcx_builder_write_byte_at((b), (byte), GCX_DETAIL_SITE)

/* Appends what printf would print. No argument may be the builder's own text,
 * which ends with no NUL and is written behind meanwhile. [collects] */
GCX_API int gcx_builder_printf_at(struct gcx_builder *b, const char *site, const char *format, ...)
    GCX_PRINTF(3, 4);
GCX_API int gcx_builder_vprintf_at(struct gcx_builder *b, const char *site, const char *format,
                                   va_list args) GCX_PRINTF(3, 0);
#define gcx_builder_printf(b, ...) gcx_builder_printf_at((b), GCX_DETAIL_SITE, __VA_ARGS__)
#define gcx_builder_vprintf(b, format, args) \
    gcx_builder_vprintf_at((b), GCX_DETAIL_SITE, (format), (args))

/* Makes room for n more bytes, so that writing them allocates nothing. */
GCX_API int gcx_builder_grow_at(struct gcx_builder *b, size_t n, const char *site);
#define gcx_builder_grow(b, n) gcx_builder_grow_at((b), (n), GCX_DETAIL_SITE)

/* Bytes written; 0 for NULL. */
GCX_API size_t gcx_builder_len(const struct gcx_builder *b);

/* The string, NUL at its end, not copied; "" of its own for an empty builder.
 * Finishes the builder; again gives the same. NULL with errno. */
GCX_API char *gcx_builder_string_at(struct gcx_builder *b, const char *site);
#define gcx_builder_string(b) gcx_builder_string_at((b), GCX_DETAIL_SITE)

/* Empty again, as if new; strings that were handed out stay. NULL is a no-op.
 * Also makes a copy of another builder into one of its own. */
GCX_API void gcx_builder_reset(struct gcx_builder *b);

#ifdef __cplusplus
}
#endif
#endif
