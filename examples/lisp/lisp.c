/* lisp.c -- the runtime as a whole: starting it, running texts, errors.
 *
 * An error leaves what is being run by longjmp. All that it held is garbage from
 * then on: there is nothing to undo.
 *
 * SPDX-License-Identifier: MIT */
#include "lisp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>

/* ---- Errors ------------------------------------------------------------- */

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

/* ---- Running ------------------------------------------------------------ */

static void text_run(const char *text, bool echo)
{
    struct reader reader = {.at = text};
    for (val form; (form = read_form(&reader)) != END_OF_FILE;) {
        val v = run(compile(form));
        if (echo && v != UNSPECIFIED) {
            print(stdout, v, true);
            fputc('\n', stdout);
        }
    }
}

int lisp_run_text(const char *name, const char *text, bool echo)
{
    struct error_frame frame = {.up = error_top};
    error_top = &frame;
    if (setjmp(frame.jump) == 0) {
        text_run(text, echo);
        error_top = frame.up;
        return 0;
    }
    error_top = frame.up;
    error_report(name);
    return -1;
}

/* The text is not in the heap: a system call does not write to collected memory. */
int lisp_run_file(const char *path)
{
    char *text = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "r");
    bool is_read = file != NULL && getdelim(&text, &room, '\0', file) >= 0;
    int status = -1;
    if (!is_read)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    else
        status = lisp_run_text(path, text, false);
    if (file != NULL)
        fclose(file);
    free(text);
    return status;
}

int lisp_init(int argc, char **argv)
{
    if (!heap_init())
        return -1;
    compile_init();
    builtins_init(argc, argv);
    return lisp_run_text("prelude", lisp_prelude, false);
}
