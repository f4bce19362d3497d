/* server_address.c -- see server_address.h.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/server_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/parse.h"

#define NAME_BYTES 256u

struct parts {
    char name[NAME_BYTES];
    const char *port; /* NULL: none */
    bool is_bracketed;
};

static bool split(struct parts *parts, const char *text)
{
    const char *end;
    parts->is_bracketed = *text == '[';
    if (parts->is_bracketed)
        end = strchr(++text, ']');
    else
        end = text + strcspn(text, ":");
    if (end == NULL || (size_t)(end - text) >= sizeof parts->name)
        return false;
    memcpy(parts->name, text, (size_t)(end - text));
    parts->name[end - text] = '\0';
    end += parts->is_bracketed;
    parts->port = *end == ':' ? end + 1 : NULL;
    return *end == ':' || *end == '\0';
}

/* -1 for anything but 0 to 65535. */
static int parse_port(const char *text)
{
    int64_t port;
    return strlen(text) <= 5 && gcxi_parse_count(text, 65535, &port) ? (int)port : -1;
}

/* ---- Literal addresses ---- */

static bool set_v4(struct gcxi_address *address, const char *name)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address->socket_address;
    if (inet_pton(AF_INET, name, &v4->sin_addr) != 1)
        return false;
    v4->sin_family = AF_INET;
    address->bytes = sizeof *v4;
    address->is_loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return true;
}

static bool set_v6(struct gcxi_address *address, const char *name)
{
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->socket_address;
    if (inet_pton(AF_INET6, name, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    address->bytes = sizeof *v6;
    address->is_loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    return true;
}

static bool set_literal(struct gcxi_address *address, const struct parts *parts)
{
    memset(address, 0, sizeof *address);
    return parts->is_bracketed ? set_v6(address, parts->name) : set_v4(address, parts->name);
}

bool gcxi_address_parse(struct gcxi_address *address, const char *text)
{
    struct parts parts;
    if (!split(&parts, text) || parts.port == NULL)
        return false;
    int port = parse_port(parts.port);
    if (!parts.is_bracketed && strcasecmp(parts.name, "localhost") == 0)
        strcpy(parts.name, "127.0.0.1");
    if (!parts.is_bracketed && *parts.name == '\0')
        strcpy(parts.name, "0.0.0.0");
    if (port < 0 || !set_literal(address, &parts))
        return false;
    if (address->socket_address.ss_family == AF_INET)
        ((struct sockaddr_in *)&address->socket_address)->sin_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in6 *)&address->socket_address)->sin6_port = htons((uint16_t)port);
    return true;
}

int gcxi_address_port(const struct gcxi_address *address)
{
    const struct sockaddr_storage *any = &address->socket_address;
    if (any->ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)any)->sin_port);
    return ntohs(((const struct sockaddr_in6 *)any)->sin6_port);
}

/* ---- Headers ---- */

static bool is_own_name(const char *name)
{
    char own[NAME_BYTES] = "";
    return gethostname(own, sizeof own - 1) == 0 && *own != '\0' && strcasecmp(name, own) == 0;
}

bool gcxi_address_is_host(const char *host, bool is_remote)
{
    struct parts parts;
    struct gcxi_address address;
    if (!split(&parts, host) || (parts.port != NULL && parse_port(parts.port) < 0))
        return false;
    if (set_literal(&address, &parts))
        return is_remote || address.is_loopback;
    if (parts.is_bracketed)
        return false;
    return strcasecmp(parts.name, "localhost") == 0 || (is_remote && is_own_name(parts.name));
}

bool gcxi_address_is_origin(const char *origin, const char *host)
{
    static const char scheme[] = "http://";
    size_t bytes = sizeof scheme - 1;
    return host != NULL && strncasecmp(origin, scheme, bytes) == 0 &&
           strcasecmp(origin + bytes, host) == 0;
}
