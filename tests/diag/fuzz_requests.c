/* fuzz_requests.c -- whatever is sent, the server lives on and is in order.
 *
 * The first byte of an input chooses what the rest is given to: the functions
 * that read addresses, Host and Origin headers and parameters, one by one; or, as
 * the bytes of a connection, to a server that runs in this process, library and
 * libgcx-diag.so under the sanitizers and with coverage:
 *
 *   cmake --preset fuzz && cmake --build --preset fuzz --target fuzz_requests
 *   GCX_DIAG_LIBRARY=$PWD/build/fuzz/libgcx-diag.so.0 build/fuzz/tests/diag/fuzz_requests \
 *       -dict=tests/diag/fuzz_requests.dict -max_len=2048 -max_total_time=600 CORPUS
 *
 * SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdint.h>

#include <gcx/debug.h>
#include <gcx/profile.h>

#include "diag/telemetry/server_address.h"
#include "diag/telemetry/server_query.h"
#include "diag/telemetry/server_text.h"
#include "http_client.h"

#define TEXT_BYTES 4096u
#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int port;
static void *volatile sink;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    gcx_profile_set_rate(1024);
    if (gcx_debug_serve("127.0.0.1:0") != 0) {
        perror("gcx_debug_serve");
        exit(1);
    }
    for (int i = 0; i < 1000; i++)
        sink = gcx_alloc(64);
    port = gcx_debug_port();
    return 0;
}

/* ---- The functions ---- */

static void read_address(const char *text)
{
    struct gcxi_address address;
    if (gcxi_address_parse(&address, text))
        CHECK(gcxi_address_port(&address) >= 0 && gcxi_address_port(&address) <= 65535);
    gcxi_address_is_origin(text, "localhost:80");
    /* What is ours from here alone is so from everywhere. */
    CHECK(!gcxi_address_is_host(text, false) || gcxi_address_is_host(text, true));
}

/* "name=value", or a name alone. */
static void read_parameter(char *text)
{
    struct gcxi_query query = {0};
    char problem[GCXI_QUERY_PROBLEM_BYTES] = "";
    char *value = strchr(text, '=');
    if (value != NULL)
        *value++ = '\0';
    bool is_taken = gcxi_query_take(&query, GCXI_ANY - 1, text, value, problem);
    CHECK(is_taken == (*problem == '\0'));
    CHECK(memchr(problem, '\0', sizeof problem) != NULL);
    if (is_taken)
        CHECK(query.seconds <= GCXI_SECONDS_MAX && query.debug <= 2 && query.is_gc <= 1);
}

static void write_json(const char *text)
{
    struct gcxi_text json = {0};
    gcxi_text_json(&json, text);
    CHECK(json.length >= 2 && json.bytes[0] == '"' && json.bytes[json.length - 1] == '"');
    for (size_t i = 1; i + 1 < json.length; i++)
        CHECK((unsigned char)json.bytes[i] >= 0x20);
    gcxi_text_free(&json);
}

/* ---- The server ---- */

/* It may be waiting for more, or work for long: neither is waited for here. An
 * answer begins as one, and a forbidden Host's is never 200. */
static void send_bytes(const char *bytes, size_t count)
{
    struct timeval short_time = {.tv_usec = 20000};
    struct linger at_once = {.l_onoff = 1}; /* no connection is left in TIME_WAIT */
    char answer[512];
    int fd = http_connect(port);
    CHECK(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof short_time);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    http_send(fd, bytes, count);
    shutdown(fd, SHUT_WR);
    ssize_t n = recv(fd, answer, sizeof answer, 0);
    if (n >= 12)
        CHECK(memcmp(answer, "HTTP/1.", 7) == 0 && answer[9] >= '1' && answer[9] <= '5');
    while (n > 0)
        n = recv(fd, answer, sizeof answer, 0);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_BYTES + 1];
    if (size == 0 || size > TEXT_BYTES)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 8) {
    case 0:
        read_address(text);
        break;
    case 1:
        read_parameter(text);
        break;
    case 2:
        write_json(text);
        break;
    default:
        send_bytes(text, size - 1);
    }
    return 0;
}
