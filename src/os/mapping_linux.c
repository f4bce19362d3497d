/* mapping_linux.c -- see mapping.h. By /proc/self/maps, of which a line is
 * "lo-hi rw-p offset device inode path": the p says private, inode 0 no file.
 *
 * Rejected: the kernel's query of a single mapping, which is newer than what else
 * is needed here.
 *
 * SPDX-License-Identifier: MIT */
#include "os/mapping.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAPPING_BUFFER_BYTES 8192u /* longer than any line */

struct mapping_search {
    uintptr_t lo; /* what is not known to be private yet */
    uintptr_t hi;
    bool may_be_file;
    bool is_over;
};

static const char *mapping_number(const char *p, unsigned base, uintptr_t *value)
{
    for (*value = 0;; p++) {
        unsigned digit = (unsigned)(*p - '0');

        if (*p >= 'a' && *p <= 'f')
            digit = (unsigned)(*p - 'a') + 10;
        if (digit >= base)
            return p;
        *value = *value * base + digit;
    }
}

/* Behind the next space. */
static const char *mapping_next_field(const char *p)
{
    while (*p != '\0' && *p != ' ')
        p++;
    return *p == ' ' ? p + 1 : p;
}

static bool mapping_line_is_private(const char *permissions, bool may_be_file)
{
    uintptr_t inode;
    const char *p = permissions, *end;

    if (strnlen(p, 4) < 4 || p[3] != 'p')
        return false;
    for (int fields = 0; fields < 3; fields++)
        p = mapping_next_field(p);
    end = mapping_number(p, 10, &inode);
    return end > p && (*end == ' ' || *end == '\0') && (may_be_file || inode == 0);
}

/* Mappings come in ascending order. */
static void mapping_line(struct mapping_search *search, const char *line)
{
    uintptr_t lo, hi;

    line = mapping_number(line, 16, &lo);
    if (*line != '-')
        return;
    line = mapping_number(line + 1, 16, &hi);
    if (hi <= search->lo)
        return;
    if (*line == ' ' && lo <= search->lo && mapping_line_is_private(line + 1, search->may_be_file))
        search->lo = hi;
    else
        search->is_over = true;
    if (search->lo >= search->hi)
        search->is_over = true;
}

/* What is left of the last line moves to the front. */
static size_t mapping_lines(struct mapping_search *search, char *buffer, size_t bytes)
{
    char *start = buffer, *end = buffer + bytes, *newline;

    while (!search->is_over && (newline = memchr(start, '\n', (size_t)(end - start))) != NULL) {
        *newline = '\0';
        mapping_line(search, start);
        start = newline + 1;
    }
    memmove(buffer, start, (size_t)(end - start));
    return (size_t)(end - start);
}

bool gcxi_mapping_is_private(uintptr_t lo, uintptr_t hi, bool may_be_file)
{
    struct mapping_search search = {.lo = lo, .hi = hi, .may_be_file = may_be_file};
    char buffer[MAPPING_BUFFER_BYTES];
    size_t held = 0;
    ssize_t n;
    int file;

    if (lo >= hi)
        return true;
    file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    while (!search.is_over && held < sizeof buffer &&
           (n = read(file, buffer + held, sizeof buffer - held)) > 0)
        held = mapping_lines(&search, buffer, held + (size_t)n);
    close(file);
    return search.lo >= search.hi;
}
