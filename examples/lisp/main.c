/* main.c -- lisp [FILE [ARGUMENT ...]]: runs a file, or holds a dialogue.
 *
 * SPDX-License-Identifier: MIT */
#include "lisp.h"

int main(int argc, char **argv)
{
    int rest = argc > 2 ? argc - 2 : 0;
    if (lisp_init(rest, argv + argc - rest) != 0)
        return 1;
    if (argc > 1)
        return lisp_run_file(argv[1]) == 0 ? 0 : 1;
    repl_run();
    return 0;
}
