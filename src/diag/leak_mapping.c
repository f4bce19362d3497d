/* leak_mapping.c -- memory that the program mapped itself, and what of it can
 * be read.
 *
 * An allocator of the program's own (Python's arenas) keeps pointers to blocks
 * in memory that it got from mmap. The preloaded library sees those calls, not
 * the C library's and the collector's. Protection may have changed since and
 * parts may have gone by other ways, so at a check only what /proc/self/maps
 * calls readable counts.
 *
 * Locking: gcxi_leak_lock.
 *
 * SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "diag/leak.h"
#include "os/vm.h"

#define MAPPINGS_MIN 512u

struct mapping {
    uintptr_t lo;
    uintptr_t hi;
};

static struct {
    struct mapping *ranges;
    size_t count;
    size_t capacity;
} mappings;

static bool mappings_grow(void)
{
    size_t capacity = mappings.capacity != 0 ? 2 * mappings.capacity : MAPPINGS_MIN;
    struct mapping *ranges = gcxi_vm_map(capacity * sizeof *ranges);
    if (ranges == NULL)
        return false;
    if (mappings.count != 0)
        memcpy(ranges, mappings.ranges, mappings.count * sizeof *ranges);
    if (mappings.ranges != NULL)
        gcxi_vm_unmap(mappings.ranges, mappings.capacity * sizeof *ranges);
    mappings.ranges = ranges;
    mappings.capacity = capacity;
    return true;
}

static void mapping_push(uintptr_t lo, uintptr_t hi)
{
    if (lo >= hi || (mappings.count == mappings.capacity && !mappings_grow()))
        return;
    mappings.ranges[mappings.count++] = (struct mapping){lo, hi};
}

void gcxi_leak_mapping_add(uintptr_t lo, uintptr_t hi)
{
    gcxi_leak_mapping_remove(lo, hi);
    mapping_push(lo, hi);
}

void gcxi_leak_mapping_remove(uintptr_t lo, uintptr_t hi)
{
    for (size_t i = 0; i < mappings.count;) {
        struct mapping m = mappings.ranges[i];
        if (m.hi <= lo || m.lo >= hi) {
            i++;
            continue;
        }
        mappings.ranges[i] = mappings.ranges[--mappings.count];
        mapping_push(m.lo, m.lo < lo ? lo : m.lo);
        mapping_push(m.hi > hi ? hi : m.hi, m.hi);
    }
}

/* ---- What can be read ---- */

struct mapping_walk {
    void (*visit)(uintptr_t lo, uintptr_t hi, void *arg);
    void *arg;
};

static void mapping_readable(const struct mapping_walk *walk, uintptr_t lo, uintptr_t hi)
{
    for (size_t i = 0; i < mappings.count; i++) {
        uintptr_t from = gcxi_max(lo, mappings.ranges[i].lo);
        uintptr_t to = gcxi_min(hi, mappings.ranges[i].hi);
        if (from < to)
            walk->visit(from, to, walk->arg);
    }
}

static const char *parse_hex(const char *p, uintptr_t *value)
{
    *value = 0;
    for (;; p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (*p >= 'a' && *p <= 'f')
            digit = (unsigned)(*p - 'a') + 10;
        else if (digit > 9)
            return p;
        *value = *value << 4 | digit;
    }
}

/* A line: "lo-hi rw-p ...". */
static void mapping_line(const struct mapping_walk *walk, const char *line)
{
    uintptr_t lo, hi;
    line = parse_hex(line, &lo);
    if (*line != '-')
        return;
    line = parse_hex(line + 1, &hi);
    if (line[0] == ' ' && line[1] == 'r')
        mapping_readable(walk, lo, hi);
}

/* Lines in the buffer are handled, and what is left of the last moves to the
 * front. */
static size_t mapping_lines(const struct mapping_walk *walk, char *buffer, size_t bytes)
{
    char *start = buffer, *end = buffer + bytes, *newline;
    while ((newline = memchr(start, '\n', (size_t)(end - start))) != NULL) {
        *newline = '\0';
        mapping_line(walk, start);
        start = newline + 1;
    }
    memmove(buffer, start, (size_t)(end - start));
    return (size_t)(end - start);
}

bool gcxi_leak_mapping_each(void (*visit)(uintptr_t lo, uintptr_t hi, void *arg), void *arg)
{
    char buffer[8192];
    struct mapping_walk walk = {visit, arg};
    size_t held = 0;
    ssize_t n;
    if (mappings.count == 0)
        return true;
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    while ((n = read(file, buffer + held, sizeof buffer - held)) > 0)
        held = mapping_lines(&walk, buffer, held + (size_t)n);
    close(file);
    return n == 0;
}
