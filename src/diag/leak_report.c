/* leak_report.c -- what has leaked, merged by stack, for people and programs.
 *
 *   gcx: leaked 96 bytes in 4 blocks, allocated at
 *       #0 0x55d0c3a0119b make (/bin/prog+0x119b) prog.c:12
 *
 * Locking: none; the blocks are a copy, and stacks do not change.
 *
 * SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/sort.h"
#include "diag/leak.h"
#include "os/signals.h"
#include "os/thread.h"
#include "os/vm.h"

#define PATH_BYTES 1024

struct gcxi_leak_place (*gcxi_leak_place)(uintptr_t pc);

/* ---- Merging ---- */

struct group {
    uint32_t stack;
    bool is_inner;
    size_t blocks;
    size_t bytes;
};

static bool by_stack(const void *a, const void *b)
{
    const struct gcxi_leak_block *x = a, *y = b;
    return x->stack != y->stack ? x->stack < y->stack : x->is_inner < y->is_inner;
}

/* Direct ones first, the largest first. */
static bool by_weight(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if (x->is_inner != y->is_inner)
        return !x->is_inner;
    return x->bytes != y->bytes ? x->bytes > y->bytes : x->stack < y->stack;
}

static size_t merge_groups(const struct gcxi_leak_found *found, struct group *groups)
{
    size_t n = 0;
    for (size_t i = 0; i < found->count; i++) {
        const struct gcxi_leak_block *block = &found->blocks[i];
        if (n == 0 || groups[n - 1].stack != block->stack ||
            groups[n - 1].is_inner != block->is_inner)
            groups[n++] = (struct group){block->stack, block->is_inner, 0, 0};
        groups[n - 1].blocks++;
        groups[n - 1].bytes += block->bytes;
    }
    return n;
}

static void hand_over(const struct group *group,
                      void (*report)(const struct gcx_leak *leak, void *arg), void *arg)
{
    struct gcx_leak leak = {
        .blocks = group->blocks, .bytes = group->bytes, .is_indirect = group->is_inner};
    leak.depth = gcxi_leak_stack_get(group->stack, &leak.frames);
    report(&leak, arg);
}

int gcxi_leak_merge(const struct gcxi_leak_found *found,
                    void (*report)(const struct gcx_leak *leak, void *arg), void *arg)
{
    size_t bytes = gcxi_align_up((found->count + 1) * sizeof(struct group), gcxi_vm_page_bytes());
    struct group *groups = gcxi_vm_map(bytes);
    if (groups == NULL) {
        errno = ENOMEM;
        return -1;
    }
    gcxi_sort(found->blocks, found->count, sizeof *found->blocks, by_stack);
    size_t n = merge_groups(found, groups);
    gcxi_sort(groups, n, sizeof *groups, by_weight);
    for (size_t i = 0; i < n; i++)
        hand_over(&groups[i], report, arg);
    gcxi_vm_unmap(groups, bytes);
    return 0;
}

/* ---- Printing ---- */

struct log {
    int file;
    int error; /* of the first write that failed; none follows it */
};

static void print(struct log *log, const char *format, ...) GCXI_PRINTF(2, 3);

static void print(struct log *log, const char *format, ...)
{
    char line[2 * PATH_BYTES];
    va_list args;
    if (log->error != 0)
        return;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t left = n < 0 ? 0 : gcxi_min((size_t)n, sizeof line - 1);
    for (const char *p = line; left > 0;) {
        ssize_t written = write(log->file, p, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            log->error = written < 0 ? errno : ENOSPC;
            return;
        }
        p += written;
        left -= (size_t)written;
    }
}

/* The call is the instruction before the address it returns to. */
static void print_frame(struct log *log, size_t number, const char *pc)
{
    Dl_info info = {0};
    struct gcxi_leak_place place = {0};
    bool is_known = dladdr(pc - 1, &info) != 0;
    if (gcxi_leak_place != NULL)
        place = gcxi_leak_place((uintptr_t)pc - 1);
    if (place.function == NULL)
        place.function = info.dli_sname;
    print(log, "    #%zu %p", number, (const void *)pc);
    if (place.function != NULL)
        print(log, " %s", place.function);
    if (is_known)
        print(log, " (%s+0x%zx)", info.dli_fname, (size_t)(pc - (const char *)info.dli_fbase));
    if (place.file != NULL)
        print(log, " %s:%d", place.file, place.line);
    print(log, "\n");
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void print_leak(const struct gcx_leak *leak, void *arg)
{
    struct log *log = arg;
    print(log, "gcx: leaked %zu byte%s in %zu block%s%s, allocated at\n", leak->bytes,
          plural(leak->bytes), leak->blocks, plural(leak->blocks),
          leak->is_indirect ? " that only leaked ones lead to" : "");
    for (size_t i = 0; i < leak->depth; i++)
        print_frame(log, i, leak->frames[i]);
    if (leak->depth == 0)
        print(log, "    a place that is not known\n");
}

/* GCX_LEAK_LOG with %p replaced by the process number. */
static int log_open(void)
{
    char path[PATH_BYTES];
    const char *pattern = getenv("GCX_LEAK_LOG");
    if (pattern == NULL || *pattern == '\0')
        return STDERR_FILENO;
    if (gcxi_parse_path(path, sizeof path, pattern)) {
        int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (file >= 0)
            return file;
    }
    gcxi_report("GCX_LEAK_LOG: %s cannot be opened", pattern);
    return STDERR_FILENO;
}

static void *print_found(void *arg)
{
    const struct gcxi_leak_found *found = arg;
    size_t bytes = 0;
    struct log log = {log_open(), 0};
    gcxi_leak_is_busy = true;
    for (size_t i = 0; i < found->count; i++)
        bytes += found->blocks[i].bytes;
    if (gcxi_leak_merge(found, print_leak, &log) != 0)
        gcxi_report("no memory to merge leaks by stack");
    print(&log, "gcx: process %d leaked %zu byte%s in %zu block%s\n", (int)getpid(), bytes,
          plural(bytes), found->count, plural(found->count));
    if (log.error != 0)
        gcxi_report("GCX_LEAK_LOG: not all of the report is written: %s", strerror(log.error));
    if (log.file != STDERR_FILENO)
        close(log.file);
    return NULL;
}

/* On a stack of its own: elfutils need more than a fiber may have. */
void gcxi_leak_print(struct gcxi_leak_found *found)
{
    pthread_t thread;
    sigset_t all, old;
    sigfillset(&all);
    gcxi_sigmask(SIG_SETMASK, &all, &old);
    int error = gcxi_thread_create(&thread, NULL, print_found, found);
    gcxi_sigmask(SIG_SETMASK, &old, NULL);
    if (error != 0)
        print_found(found);
    else
        pthread_join(thread, NULL);
}
