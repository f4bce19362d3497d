/* profile_threads.c -- the thread profile as a file.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "diag/telemetry/profile_cpu.h"

static void each(void (*visit)(void *arg, int tid), void *arg, void *whom)
{
    (void)whom;
    gcxi_each_thread(visit, arg);
}

static void take(void *arg, int tid, const uintptr_t *pcs, unsigned depth)
{
    (void)tid;
    gcxi_tally_add(arg, pcs, depth, 1);
}

int gcxi_threads_tally(struct gcxi_tally *tally, unsigned *silent)
{
    int error = gcxi_threads_ask(each, NULL, take, tally, silent);
    return error != 0 ? error : tally->has_failed ? ENOMEM : 0;
}

struct gcxi_profile_file *gcxi_threads_tally_file(struct gcxi_tally *tally, int error)
{
    const struct gcxi_profile_head head = {
        .types = {{"threads", "count"}},
        .type_count = 1,
        .period_type = {"threads", "count"},
        .period = 1,
    };
    struct gcxi_profile_file *file = error == 0 ? gcxi_tally_file(tally, &head, 1) : NULL;
    gcxi_tally_free(tally);
    if (file == NULL)
        errno = error != 0 ? error : ENOMEM;
    return file;
}

struct gcxi_profile_file *gcxi_threads_file(void)
{
    struct gcxi_tally tally = {0};
    unsigned silent;
    int error = gcxi_threads_tally(&tally, &silent);
    return gcxi_threads_tally_file(&tally, error);
}

int gcxi_threads_write(int fd)
{
    return gcxi_profile_file_end(gcxi_threads_file(), fd);
}
