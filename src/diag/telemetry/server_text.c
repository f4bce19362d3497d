/* server_text.c -- see server_text.h.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/server_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 512u

void gcxi_text_free(struct gcxi_text *text)
{
    free(text->bytes);
    memset(text, 0, sizeof *text);
}

static bool reserve(struct gcxi_text *text, size_t count)
{
    if (text->has_failed)
        return false;
    if (text->length + count <= text->capacity)
        return true;
    size_t capacity = gcxi_max(gcxi_max(2 * text->capacity, FIRST_BYTES), text->length + count);
    char *bytes = realloc(text->bytes, capacity);
    text->has_failed = bytes == NULL;
    if (bytes == NULL)
        return false;
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

void gcxi_text_put(struct gcxi_text *text, const void *bytes, size_t count)
{
    if (count == 0 || !reserve(text, count))
        return;
    memcpy(text->bytes + text->length, bytes, count);
    text->length += count;
}

void gcxi_text_add(struct gcxi_text *text, const char *string)
{
    gcxi_text_put(text, string, strlen(string));
}

void gcxi_text_format(struct gcxi_text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n >= 0 && reserve(text, (size_t)n + 1)) {
        vsnprintf(text->bytes + text->length, (size_t)n + 1, format, again);
        text->length += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void gcxi_text_decimal(struct gcxi_text *text, uint64_t value, unsigned digits)
{
    uint64_t unit = 1;
    for (unsigned i = 0; i < digits; i++)
        unit *= 10;
    uint64_t fraction = value % unit;
    gcxi_text_format(text, "%" PRIu64, value / unit);
    for (; fraction != 0 && fraction % 10 == 0; digits--)
        fraction /= 10;
    if (fraction != 0)
        gcxi_text_format(text, ".%0*" PRIu64, (int)digits, fraction);
}

/* ---- JSON ---- */

/* Bytes of the character that begins here; 0 if it is no UTF-8. */
static size_t utf8_bytes(const unsigned char *s)
{
    size_t n = s[0] < 0x80   ? 1
               : s[0] < 0xc2 ? 0
               : s[0] < 0xe0 ? 2
               : s[0] < 0xf0 ? 3
               : s[0] < 0xf5 ? 4
                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool is_overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool is_surrogate = s[0] == 0xed && s[1] > 0x9f;
    bool is_too_large = s[0] == 0xf4 && s[1] > 0x8f;
    return is_overlong || is_surrogate || is_too_large ? 0 : n;
}

void gcxi_text_json(struct gcxi_text *text, const char *string)
{
    gcxi_text_add(text, "\"");
    for (const unsigned char *s = (const unsigned char *)string; *s != '\0';) {
        size_t n = utf8_bytes(s);
        if (*s == '"' || *s == '\\')
            gcxi_text_format(text, "\\%c", *s);
        else if (*s < 0x20 || *s == 0x7f)
            gcxi_text_format(text, "\\u%04x", *s);
        else if (n == 0)
            gcxi_text_add(text, "?");
        else
            gcxi_text_put(text, s, n);
        s += n != 0 ? n : 1;
    }
    gcxi_text_add(text, "\"");
}
