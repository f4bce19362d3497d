/* lisp.c -- the runtime as a whole: starting it, running texts and files.
 *
 * SPDX-License-Identifier: MIT */
#include "lisp.h"

#include <errno.h>
#include <stdlib.h>

#include "run.h"

struct text {
    struct reader reader;
    bool echo;
};

static void text_run(void *arg)
{
    struct text *text = arg;
    for (val form; (form = read_form(&text->reader)) != END_OF_FILE;) {
        val v = run(compile(form));
        if (text->echo && v != UNSPECIFIED) {
            print(stdout, v, true);
            fputc('\n', stdout);
        }
    }
}

int lisp_run_text(const char *name, const char *text, size_t length_bytes, bool echo)
{
    struct text run = {.reader = {.at = text, .end = text + length_bytes}, .echo = echo};
    return error_catch(name, text_run, &run);
}

/* The whole file, or NULL with errno. Not in the heap: the reader's text is not
 * to move or go, and a system call does not write to collected memory. */
static char *file_read(const char *path, size_t *length_bytes)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    if (file == NULL)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        rewind(file);
        text = end >= 0 ? malloc((size_t)end + 1) : NULL;
        *length_bytes = text != NULL ? fread(text, 1, (size_t)end, file) : 0;
        if (text != NULL)
            text[*length_bytes] = '\0';
    }
    fclose(file);
    return text;
}

int lisp_run_file(const char *path)
{
    size_t length_bytes;
    char *text = file_read(path, &length_bytes);
    if (text == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    int status = lisp_run_text(path, text, length_bytes, false);
    free(text);
    return status;
}

static void define_all(void *arg)
{
    compile_init();
    builtins_init_number();
    builtins_init_list();
    builtins_init_string();
    builtins_init_table();
    (void)arg;
}

int lisp_init(int argc, char **argv)
{
    if (!heap_init() || error_catch("builtins", define_all, NULL) != 0)
        return -1;
    builtins_init_system(argc, argv);
    return lisp_run_text("boot", lisp_boot, strlen(lisp_boot), false);
}
