/* lisp.c -- what collection costs a language runtime: the Scheme of
 * examples/lisp on libgcx, by precise kinds, and on the Boehm collector.
 *
 * --program=0 is trees.scm with --size as depth, 1 closures.scm, 2 deriv.scm,
 * 3 metacircular.scm. What the programs print goes to stderr, so that the line of
 * results is all there is on stdout; its checksum is the size.
 *
 * SPDX-License-Identifier: MIT */
#include "alloc_layer.h"

#include <unistd.h>

#include "lisp.h"

static const struct {
    const char *file;
    uint64_t size;
    uint64_t quick; /* size with --quick */
} lisp_programs[] = {
    {LISP_PROGRAMS "/trees.scm", 18, 14},
    {LISP_PROGRAMS "/closures.scm", 10000000, 500000},
    {LISP_PROGRAMS "/deriv.scm", 30000, 1000},
    {LISP_PROGRAMS "/metacircular.scm", 25, 17},
};

static bool is_quick(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            return true;
    }
    return false;
}

/* Runs a program with what it prints on stderr. */
static void lisp_run_program(const char *file)
{
    int out = dup(STDOUT_FILENO);
    if (out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        bench_die("no stdout");
    if (lisp_run(file, NULL, false) != 0)
        bench_die("the program failed");
    fflush(stdout);
    if (dup2(out, STDOUT_FILENO) < 0)
        bench_die("no stdout");
    close(out);
}

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {{"program", 0, 0}, {"size", 0, 0}};
    char size[32];
    char *args[] = {size};
    bench_flags_parse(argc, argv, flags, 2);
    size_t program = flags[0].value, count = sizeof lisp_programs / sizeof *lisp_programs;
    if (program >= count)
        bench_die("--program is 0 to 3");
    if (flags[1].value == 0)
        flags[1].value =
            is_quick(argc, argv) ? lisp_programs[program].quick : lisp_programs[program].size;
    snprintf(size, sizeof size, "%" PRIu64, flags[1].value);
    peer_init();
    if (lisp_init(1, args) != 0)
        return 1;
    uint64_t begin_ns = bench_now_ns();
    lisp_run_program(lisp_programs[program].file);
    uint64_t took_ns = bench_now_ns() - begin_ns;
    struct peer_stats stats;
    peer_get_stats(&stats);
    bench_result_begin(took_ns, 1, flags[1].value, &stats);
    bench_result_end();
    return 0;
}
