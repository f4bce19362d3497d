/* server_page.h -- the files of page/.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_SERVER_PAGE_H
#define GCXI_DIAG_TELEMETRY_SERVER_PAGE_H

#include <stddef.h>

struct gcxi_page_file {
    const char *name;
    const unsigned char *bytes;
    size_t count;
};

extern const struct gcxi_page_file gcxi_page_files[];

#endif
