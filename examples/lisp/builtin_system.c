/* builtin_system.c -- output, control, the collector; how builtins are defined.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <time.h>

#include "lisp.h"

static int system_argc;
static char **system_argv;

static val builtin_display(size_t n, val *args)
{
    (void)n;
    print(stdout, args[0], false);
    return UNSPECIFIED;
}

static val builtin_write(size_t n, val *args)
{
    (void)n;
    print(stdout, args[0], true);
    return UNSPECIFIED;
}

static val builtin_newline(size_t n, val *args)
{
    (void)n, (void)args;
    fputc('\n', stdout);
    return UNSPECIFIED;
}

/* (error "message" culprit): the message lives on in the culprit's place. */
static val builtin_error(size_t n, val *args)
{
    val all = NIL;
    while (n > 0)
        all = cons(args[--n], all);
    error_raise("raised by the program", all);
}

static val builtin_exit(size_t n, val *args)
{
    exit(n > 0 && is_fixnum(args[0]) ? (int)fixnum_of(args[0]) : 0);
}

static val builtin_load(size_t n, val *args)
{
    const struct string *path = check_type(args[0], TYPE_STRING, "not a string");
    (void)n;
    if (lisp_run_file(path->text) != 0)
        error_raise("not loaded", args[0]);
    return UNSPECIFIED;
}

static val builtin_collect(size_t n, val *args)
{
    (void)n, (void)args;
    heap_collect();
    return UNSPECIFIED;
}

/* Collections so far and the milliseconds they took. */
static val builtin_collections(size_t n, val *args)
{
    uint64_t cycles, pause_total_ns;
    (void)n, (void)args;
    heap_stats(&cycles, &pause_total_ns);
    val pause = cons(make_double((double)pause_total_ns / 1e6), NIL);
    return cons(make_integer((int64_t)cycles), pause);
}

static val builtin_runtime(size_t n, val *args)
{
    struct timespec now;
    (void)n, (void)args;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return make_double((double)now.tv_sec + (double)now.tv_nsec / 1e9);
}

/* What follows the file on the command line. */
static val builtin_command_line(size_t n, val *args)
{
    val list = NIL;
    (void)n, (void)args;
    for (int i = system_argc; i > 0; i--)
        list = cons(make_string(system_argv[i - 1], strlen(system_argv[i - 1])), list);
    return list;
}

void builtins_define(const struct builtin_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct builtin_entry *entry = &entries[i];
        struct symbol *symbol = intern(entry->name, strlen(entry->name));
        struct builtin *builtin = heap_alloc(HEAP_PLAIN, sizeof *builtin);
        *builtin = (struct builtin){{TYPE_BUILTIN, 0}, entry->name,     entry->fn,
                                    entry->args_min,   entry->args_max, entry->special};
        heap_store(symbol, &symbol->global, builtin);
    }
}

void builtins_init_system(int argc, char **argv)
{
    static const struct builtin_entry entries[] = {
        {"display", builtin_display, 1, 1, SPECIAL_NONE},
        {"write", builtin_write, 1, 1, SPECIAL_NONE},
        {"newline", builtin_newline, 0, 0, SPECIAL_NONE},
        {"error", builtin_error, 1, ANY, SPECIAL_NONE},
        {"exit", builtin_exit, 0, 1, SPECIAL_NONE},
        {"load", builtin_load, 1, 1, SPECIAL_NONE},
        {"collect", builtin_collect, 0, 0, SPECIAL_NONE},
        {"collections", builtin_collections, 0, 0, SPECIAL_NONE},
        {"runtime", builtin_runtime, 0, 0, SPECIAL_NONE},
        {"command-line", builtin_command_line, 0, 0, SPECIAL_NONE},
        {"call/cc", NULL, 1, 1, SPECIAL_CALLCC},
        {"call-with-current-continuation", NULL, 1, 1, SPECIAL_CALLCC},
        {"apply", NULL, 2, ANY, SPECIAL_APPLY},
        {"eval", NULL, 1, 2, SPECIAL_EVAL},
    };
    system_argc = argc;
    system_argv = argv;
    builtins_define(entries, sizeof entries / sizeof *entries);
}
