/* string.c -- copies and formatted strings.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/alloc.h"
#include "gc/scope.h"

static char *copy_string(const char *s, size_t length, const void *site)
{
    char *copy = gcxi_alloc_for(GCXI_NOSCAN, length + 1, site);
    if (copy == NULL)
        return NULL;
    memcpy(copy, s, length);
    copy[length] = '\0';
    return copy;
}

char *gcx_strdup(const char *s)
{
    return s != NULL ? copy_string(s, strlen(s), GCXI_SITE()) : (errno = EINVAL, NULL);
}

char *gcx_strndup(const char *s, size_t max_bytes)
{
    return s != NULL ? copy_string(s, strnlen(s, max_bytes), GCXI_SITE()) : (errno = EINVAL, NULL);
}

/* A copy holds pointers that no barrier has seen. */
static bool self_verifies(void)
{
    const struct gcxi_mutator *self = gcxi_mutator_self();
    return self != NULL && self->scopes.verified != 0;
}

void *gcx_memdup(const void *src, size_t n_bytes)
{
    if (src == NULL && n_bytes != 0) {
        errno = EINVAL;
        return NULL;
    }
    void *copy = gcxi_alloc_for(GCXI_SCAN, n_bytes, GCXI_SITE());
    if (copy != NULL && n_bytes != 0)
        memcpy(copy, src, n_bytes);
    if (self_verifies())
        gcxi_scope_give_up(gcxi_mutator_self());
    return copy;
}

static int print(char **out, const char *format, va_list args, const void *site)
{
    char buffer[256];
    va_list again;
    if (out == NULL || format == NULL) {
        if (out != NULL)
            *out = NULL;
        errno = EINVAL;
        return -1;
    }
    va_copy(again, args);
    int length = vsnprintf(buffer, sizeof buffer, format, args);
    *out = length >= 0 ? gcxi_alloc_for(GCXI_NOSCAN, (size_t)length + 1, site) : NULL;
    if (*out != NULL && (size_t)length < sizeof buffer)
        memcpy(*out, buffer, (size_t)length + 1);
    else if (*out != NULL)
        vsnprintf(*out, (size_t)length + 1, format, again);
    va_end(again);
    return *out != NULL ? length : -1;
}

int gcx_vasprintf(char **out, const char *format, va_list args)
{
    return print(out, format, args, GCXI_SITE());
}

int gcx_asprintf(char **out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = print(out, format, args, GCXI_SITE());
    va_end(args);
    return length;
}
