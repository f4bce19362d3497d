/* server_address.h -- addresses to serve on, and the headers that name them.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_SERVER_ADDRESS_H
#define GCXI_DIAG_TELEMETRY_SERVER_ADDRESS_H

#include <sys/socket.h>

#include "base/base.h"

struct gcxi_address {
    struct sockaddr_storage socket_address;
    socklen_t bytes;
    bool is_loopback;
};

/* "127.0.0.1:80", "[::1]:80", "localhost:80", ":80" (every address of this
 * machine). No other names: asking for them may take long. False if it is none. */
bool gcxi_address_parse(struct gcxi_address *address, const char *text);

int gcxi_address_port(const struct gcxi_address *address);

/* Is the Host header this machine's? A page of another site can have its own
 * name lead here, but it cannot choose these: localhost and loopback addresses,
 * and where other machines may ask every literal address and the host's name. */
bool gcxi_address_is_host(const char *host, bool is_remote);

/* Does the Origin header name the same site as the Host header? */
bool gcxi_address_is_origin(const char *origin, const char *host);

#endif
