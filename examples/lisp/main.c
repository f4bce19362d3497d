/* main.c -- lisp [FILE [ARGUMENT ...]]: runs a file, or holds a dialogue, with a
 * line editor where one was found when it was built: LISP_EDITLINE or
 * LISP_READLINE is 1 then.
 *
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "lisp.h"

#if LISP_EDITLINE
#include <editline/readline.h>
#elif LISP_READLINE
#include <readline/history.h>
#include <readline/readline.h>
#else
#define add_history(line) ((void)(line))

static char *readline(const char *prompt)
{
    char *line = NULL;
    size_t room = 0;
    fputs(prompt, stdout);
    fflush(stdout);
    if (getline(&line, &room, stdin) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        return line;
    }
    free(line);
    return NULL;
}
#endif

/* Parentheses that are still open, strings and comments left out. */
static bool is_complete(const char *text)
{
    int depth = 0;
    bool in_string = false;
    for (; *text != '\0'; text++) {
        if (*text == '\\' && text[1] != '\0')
            text++;
        else if (*text == '"')
            in_string = !in_string;
        else if (!in_string && *text == ';')
            text += strcspn(text, "\n") - (strchr(text, '\n') == NULL);
        else if (!in_string)
            depth += (*text == '(') - (*text == ')');
    }
    return depth <= 0 && !in_string;
}

/* More lines until the form is whole; NULL at the end of the input. */
static char *repl_read(void)
{
    char *text = readline("> ");
    while (text != NULL && !is_complete(text)) {
        char *line = readline(". "), *both = NULL;
        if (line == NULL || asprintf(&both, "%s\n%s", text, line) < 0)
            break;
        free(line);
        free(text);
        text = both;
    }
    return text;
}

static void repl_run(void)
{
    for (char *text; (text = repl_read()) != NULL; free(text)) {
        if (text[0] != '\0')
            add_history(text);
        lisp_run("repl", text, true);
        fflush(stdout);
    }
    fputc('\n', stdout);
}

int main(int argc, char **argv)
{
    int rest = argc > 2 ? argc - 2 : 0;
    if (lisp_init(rest, argv + argc - rest) != 0)
        return 1;
    if (argc > 1)
        return lisp_run(argv[1], NULL, false) == 0 ? 0 : 1;
    repl_run();
    return 0;
}
