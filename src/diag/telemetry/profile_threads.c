/* profile_threads.c -- the thread profile as a file.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "diag/telemetry/profile_cpu.h"

struct gcxi_profile_file *gcxi_threads_file(void)
{
    const struct gcxi_profile_head head = {
        .types = {{"threads", "count"}},
        .type_count = 1,
        .period_type = {"threads", "count"},
        .period = 1,
    };
    struct gcxi_tally tally = {0};
    unsigned silent;
    int error = gcxi_threads_tally(&tally, &silent);
    struct gcxi_profile_file *file = error == 0 ? gcxi_tally_file(&tally, &head, 1) : NULL;
    gcxi_tally_free(&tally);
    if (file == NULL)
        errno = error != 0 ? error : ENOMEM;
    return file;
}

int gcxi_threads_write(int fd)
{
    return gcxi_profile_file_end(gcxi_threads_file(), fd);
}
