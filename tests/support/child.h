/* child.h -- runs a part of a test in a process of its own.
 *
 * What is decided when the library starts (the environment, gcx_init) and
 * what harms the process (resource limits) is tested in children: the test
 * executes itself again as "<self> --child <name>" with variables added to
 * the environment. main() starts with
 *
 *     if (child_is(argc, argv)) { return child_main(argv, table, count); }
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_CHILD_H
#define GCX_TESTS_CHILD_H

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct child_entry {
    const char *name;
    int (*run)(const char *arg);
};

struct child_result {
    int exit_code; /* -1 if a signal ended it */
    int signal;    /* 0, or what ended it */
    char out[64 * 1024];
    char err[64 * 1024];
};

extern char **environ;

static inline int child_is(int argc, char **argv)
{
    return argc > 2 && strcmp(argv[1], "--child") == 0;
}

static inline int child_main(char **argv, const struct child_entry *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(argv[2], table[i].name) == 0) {
            return table[i].run(argv[3] != NULL ? argv[3] : "");
        }
    }
    fprintf(stderr, "no child called %s\n", argv[2]);
    return 127;
}

static inline void child_read(int file, char *text, size_t text_bytes)
{
    ssize_t n = pread(file, text, text_bytes - 1, 0);
    text[n > 0 ? (size_t)n : 0] = '\0';
    close(file);
}

/* variables: "NAME=value", up to 8, NULL at the end; NULL for none. GCX_*
 * variables of the test itself are not handed on. The child is killed after
 * 120 seconds. */
static inline void child_run(struct child_result *result, const char *name, const char *arg,
                             const char *const *variables)
{
    size_t count = 0;
    size_t n = 0;
    while (environ[count] != NULL) {
        count++;
    }
    char **env = calloc(count + 9, sizeof *env);
    if (env == NULL) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        if (strncmp(environ[i], "GCX_", 4) != 0) {
            env[n++] = environ[i];
        }
    }
    for (size_t i = 0; variables != NULL && variables[i] != NULL && i < 8; i++) {
        env[n++] = strdup(variables[i]);
    }
    size_t first_own = n;
    for (size_t i = 0; variables != NULL && variables[i] != NULL && i < 8; i++) {
        first_own--;
    }
    int out = memfd_create("out", 0);
    int err = memfd_create("err", 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0 || out < 0 || err < 0) {
        abort();
    }
    if (pid == 0) {
        char *args[] = {(char *)(uintptr_t) "/proc/self/exe", (char *)(uintptr_t) "--child",
                        (char *)(uintptr_t)name, (char *)(uintptr_t)arg, NULL};
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        alarm(120);
        execve("/proc/self/exe", args, env);
        _exit(126);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    child_read(out, result->out, sizeof result->out);
    child_read(err, result->err, sizeof result->err);
    for (size_t i = first_own; i < n; i++) {
        free(env[i]);
    }
    free(env);
}

/* Says what the child said when it did not end with 0. */
static inline int child_ok(const struct child_result *result)
{
    if (result->exit_code == 0) {
        return 1;
    }
    fprintf(stderr, "child: exit code %d, signal %d\nstdout: %s\nstderr: %s\n", result->exit_code,
            result->signal, result->out, result->err);
    return 0;
}

/* Whether the child ends with 0 with the explicit barrier. */
static inline int child_passes_with_barrier(const char *name)
{
    static const char *const variables[] = {"GCX_BARRIER=explicit", NULL};
    struct child_result result;
    child_run(&result, name, NULL, variables);
    return child_ok(&result);
}

#endif
