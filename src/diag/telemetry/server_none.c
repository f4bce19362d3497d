/* server_none.c -- instead of the server where libmicrohttpd is missing.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "diag/telemetry/server_calls.h"

int gcxi_server_serve(const char *address, bool is_remote)
{
    (void)address;
    (void)is_remote;
    errno = ENOTSUP;
    return -1;
}

int gcxi_server_stop(void)
{
    errno = ENOTSUP;
    return -1;
}

int gcxi_server_port(void)
{
    return 0;
}
