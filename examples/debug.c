/* debug.c -- a program that can be watched while it runs.
 *
 *     ./debug 60        and meanwhile open the address that it prints
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gcx/debug.h>

struct message {
    struct message *next;
    char text[200];
};

/* Makes messages and keeps the last few thousand. */
static void work(double seconds)
{
    struct message *kept = NULL;
    size_t count = 0;
    clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);
    while (clock() < end) {
        struct message *message = gcx_alloc(sizeof *message);
        if (message == NULL) {
            return;
        }
        message->next = kept;
        kept = ++count % 5000 == 0 ? NULL : message;
    }
    printf("%zu messages\n", count);
}

int main(int argc, char **argv)
{
    if (gcx_debug_serve("127.0.0.1:0") != 0) {
        printf("not served: %s\n", strerror(errno));
        return errno == ENOTSUP ? 0 : 1;
    }
    printf("http://127.0.0.1:%d/\n", gcx_debug_port());
    fflush(stdout);
    work(argc > 1 ? atof(argv[1]) : 0.1);
    return gcx_debug_stop() == 0 ? 0 : 1;
}
