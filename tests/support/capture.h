/* capture.h -- collects what is written to stderr meanwhile.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_CAPTURE_H
#define GCX_TESTS_CAPTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct capture {
    int file;
    int saved;
    char text[16 * 1024];
};

static inline void capture_begin(struct capture *c)
{
    fflush(stderr);
    c->file = memfd_create("stderr", 0);
    c->saved = dup(STDERR_FILENO);
    if (c->file < 0 || c->saved < 0 || dup2(c->file, STDERR_FILENO) < 0) {
        abort();
    }
    c->text[0] = '\0';
}

static inline const char *capture_end(struct capture *c)
{
    fflush(stderr);
    if (dup2(c->saved, STDERR_FILENO) < 0) {
        abort();
    }
    ssize_t n = pread(c->file, c->text, sizeof c->text - 1, 0);
    c->text[n > 0 ? (size_t)n : 0] = '\0';
    close(c->saved);
    close(c->file);
    return c->text;
}

#endif
