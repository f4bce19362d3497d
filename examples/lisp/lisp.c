/* lisp.c -- the runtime as a whole: starting it, running texts, errors.
 *
 * An error leaves what is being run by longjmp. All that it held is garbage from
 * then on: there is nothing to undo.
 *
 * SPDX-License-Identifier: MIT */
#include "lisp.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf error_jump;
static const char *error_message;
static val error_culprit; /* static data is a root */

void error_raise(const char *message, val culprit)
{
    error_message = message;
    error_culprit = culprit;
    longjmp(error_jump, 1);
}

void heap_exhausted(void)
{
    error_raise("out of memory", NULL);
}

/* Calls the prelude's function of that name. */
static void show(const char *function, val v)
{
    val quoted = list_of(2, (val[]){intern("quote", 5), v});
    run(compile(list_of(2, (val[]){intern(function, strlen(function)), quoted})));
}

/* An error while the culprit is shown is reported without one. */
static void error_report(const char *where)
{
    static bool is_showing;
    bool is_shown = error_culprit != NULL && !is_showing;
    fflush(stdout);
    fprintf(stderr, "%s: error: %s%s", where, error_message, is_shown ? ": " : "");
    is_showing = is_shown;
    if (is_shown)
        show("%write-error", error_culprit);
    is_showing = false;
    error_culprit = NULL;
    fputc('\n', stderr);
}

static void text_run(const char *text, bool echo)
{
    for (val form; (form = read_form(&text)) != END_OF_FILE;) {
        val v = run(compile(form));
        if (echo && v != UNSPECIFIED)
            show("%echo", v);
    }
}

/* The text is copied: a system call does not write to collected memory. */
void lisp_load(const char *path)
{
    char *text = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "r");
    ssize_t length = file != NULL ? getdelim(&text, &room, '\0', file) : -1;
    if (file != NULL)
        fclose(file);
    struct string *copy = length >= 0 ? make_string(text, (size_t)length) : NULL;
    free(text);
    if (copy == NULL)
        error_raise("no file that can be read", make_string(path, strlen(path)));
    text_run(copy->text, false);
}

int lisp_run(const char *name, const char *text, bool echo)
{
    if (setjmp(error_jump) != 0) {
        error_report(name);
        return -1;
    }
    if (text != NULL)
        text_run(text, echo);
    else
        lisp_load(name);
    return 0;
}

int lisp_init(int argc, char **argv)
{
    if (!heap_init())
        return -1;
    if (setjmp(error_jump) != 0) {
        error_report("start");
        return -1;
    }
    compile_init();
    builtins_init(argc, argv);
    return lisp_run("prelude", lisp_prelude, false);
}
