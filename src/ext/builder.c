/* builder.c -- see gcx/builder.h.
 *
 *   NEW --write--> OPEN --string--> DONE --reset--> NEW
 *
 * B1  OPEN: owner is the complement of the builder's address, so that a copy
 *     is told from it and the builder is no pointer to itself. cap > 0, and
 *     data has cap bytes besides one for the NUL.
 * B2  DONE: owner is that less its lowest bit, which no address has, and cap is 0,
 *     so that writes come here.
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/builder.h>

#include <stdio.h>

#include "ext/ext.h"

#define BUILDER_FIRST_BYTES ((size_t)32)
#define BUILDER_DOUBLES_TO ((size_t)256)

static bool is_own(const struct gcx_builder *b)
{
    return b->owner == 0 || b->owner == ~(uintptr_t)b;
}

static uintptr_t done_owner(const struct gcx_builder *b)
{
    return ~(uintptr_t)b - 1;
}

static GCXI_EXT_COLD int refuse(const struct gcx_builder *b, const char *site)
{
    if (b != NULL && !is_own(b))
        gcx_detail_error("builder %p at %s: %s at %s", (const void *)b, site,
                         b->owner == done_owner(b) ? "it was finished"
                         : (b->owner & 1) == 0     ? "it is a copy of one finished"
                                                   : "it is a copy of one first written",
                         b->site != NULL ? b->site : "?");
    errno = EINVAL;
    return -1;
}

/* As slices do, and up to the size class. */
static size_t grown_bytes(size_t bytes, size_t needed)
{
    if (needed > 2 * bytes)
        return needed;
    return bytes < BUILDER_DOUBLES_TO ? 2 * bytes : bytes + bytes / 4 + BUILDER_DOUBLES_TO;
}

/* Room for n more bytes and the NUL. */
static int make_room(struct gcx_builder *b, size_t n, const char *site)
{
    size_t needed;
    if (b->cap != 0 && n <= b->cap - b->len)
        return 0;
    if (!gcxi_ext_add(b->len, n, &needed) || !gcxi_ext_add(needed, 1, &needed))
        return errno = ENOMEM, -1;
    size_t bytes = b->cap + 1;
    while (bytes < needed)
        bytes = grown_bytes(bytes < BUILDER_FIRST_BYTES ? BUILDER_FIRST_BYTES : bytes, needed);
    char *data = gcx_alloc_noscan(bytes);
    if (data == NULL)
        return -1;
    if (b->len != 0)
        memcpy(data, b->data, b->len);
    if (b->owner == 0)
        b->site = site;
    b->data = data;
    gcxi_ext_note(&b->data, data);
    b->cap = gcx_size(data) - 1;
    b->owner = ~(uintptr_t)b;
    return 0;
}

int gcx_builder_write_slow(struct gcx_builder *b, const void *bytes, size_t n, const char *site)
{
    if (b == NULL || !is_own(b) || n > PTRDIFF_MAX || (bytes == NULL && n != 0))
        return refuse(b, site);
    if (make_room(b, n, site) != 0)
        return -1;
    if (n != 0)
        memmove(b->data + b->len, bytes, n);
    b->len += n;
    return 0;
}

int gcx_builder_write_string_at(struct gcx_builder *b, const char *s, const char *site)
{
    return gcx_builder_write_at(b, s, s != NULL ? strlen(s) : 1, site);
}

int gcx_builder_grow_at(struct gcx_builder *b, size_t n, const char *site)
{
    if (b == NULL || !is_own(b) || n > PTRDIFF_MAX)
        return refuse(b, site);
    return make_room(b, n, site);
}

/* ---- printf ---- */

int gcx_builder_vprintf_at(struct gcx_builder *b, const char *site, const char *format,
                           va_list args)
{
    va_list again;
    if (b == NULL || !is_own(b) || format == NULL)
        return refuse(b, site);
    if (b->cap == 0 && make_room(b, 1, site) != 0)
        return -1;
    va_copy(again, args);
    int n = vsnprintf(b->data + b->len, b->cap - b->len + 1, format, args);
    if (n >= 0 && (size_t)n > b->cap - b->len) {
        n = make_room(b, (size_t)n, site) == 0 ? n : -1;
        if (n >= 0)
            vsnprintf(b->data + b->len, b->cap - b->len + 1, format, again);
    }
    va_end(again);
    b->len += n >= 0 ? (size_t)n : 0;
    return n >= 0 ? 0 : -1;
}

int gcx_builder_printf_at(struct gcx_builder *b, const char *site, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int status = gcx_builder_vprintf_at(b, site, format, args);
    va_end(args);
    return status;
}

/* ---- The end ---- */

size_t gcx_builder_len(const struct gcx_builder *b)
{
    return b != NULL ? b->len : 0;
}

char *gcx_builder_string_at(struct gcx_builder *b, const char *site)
{
    if (b != NULL && b->owner == done_owner(b))
        return b->data;
    if (b == NULL || !is_own(b)) {
        refuse(b, site);
        return NULL;
    }
    if (b->cap == 0 && make_room(b, 0, site) != 0)
        return NULL;
    b->data[b->len] = '\0';
    b->owner = done_owner(b);
    b->cap = 0;
    b->site = site;
    return b->data;
}

void gcx_builder_reset(struct gcx_builder *b)
{
    if (b != NULL)
        *b = (struct gcx_builder)GCX_BUILDER_INIT;
}
