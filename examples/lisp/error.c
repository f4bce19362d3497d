/* error.c -- errors leave what is being run by longjmp. All that it held is
 * garbage from then on: there is nothing to undo.
 *
 * SPDX-License-Identifier: MIT */
#include "lisp.h"

struct error_frame {
    struct error_frame *up;
    jmp_buf jump;
};

static struct error_frame *error_top;
static const char *error_message;
static val error_culprit; /* static data is a root */

void error_raise(const char *message, val culprit)
{
    error_message = message;
    error_culprit = culprit;
    longjmp(error_top->jump, 1);
}

void heap_exhausted(void)
{
    error_raise("out of memory", NULL);
}

static void error_report(const char *where)
{
    fflush(stdout);
    fprintf(stderr, "%s: error: %s", where, error_message);
    if (error_culprit != NULL) {
        fputs(": ", stderr);
        print(stderr, error_culprit, true);
    }
    fputc('\n', stderr);
    error_culprit = NULL;
}

int error_catch(const char *where, void (*body)(void *arg), void *arg)
{
    struct error_frame frame;
    frame.up = error_top;
    error_top = &frame;
    if (setjmp(frame.jump) == 0) {
        body(arg);
        error_top = frame.up;
        return 0;
    }
    error_top = frame.up;
    error_report(where);
    return -1;
}
