/* interpose_exec.c -- the program's exec calls wait for a collection to end and
 * keep others from beginning: see gc/exec.c.
 *
 * As symbols of the shared library these come before the C library's; with the
 * static one -Wl,--wrap=NAME for all of them leads here (docs/guide-linking.md).
 *
 * SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>

#include "gc/exec.h"
#include "gcx/gcx.h"
#include "os/exec.h"

#if GCXI_SHARED
#define INTERPOSED(name) name
#else
#define INTERPOSED(name) __wrap_##name

int __real_execvpe(const char *file, char *const argv[], char *const envp[]);
gcxi_exec_function *const gcxi_execvpe_wrapped = __real_execvpe;
#endif

extern char **environ;

GCX_API int INTERPOSED(execve)(const char *path, char *const argv[], char *const envp[]);
GCX_API int INTERPOSED(execv)(const char *path, char *const argv[]);
GCX_API int INTERPOSED(execvp)(const char *file, char *const argv[]);
GCX_API int INTERPOSED(execvpe)(const char *file, char *const argv[], char *const envp[]);
GCX_API int INTERPOSED(fexecve)(int fd, char *const argv[], char *const envp[]);
GCX_API int INTERPOSED(execl)(const char *path, const char *arg, ...);
GCX_API int INTERPOSED(execlp)(const char *file, const char *arg, ...);
GCX_API int INTERPOSED(execle)(const char *path, const char *arg, ...);

static int exec_by(gcxi_exec_function *exec, const char *path, char *const argv[],
                   char *const envp[])
{
    bool is_begun = gcxi_exec_begin();
    int result = exec(path, argv, envp);
    if (is_begun)
        gcxi_exec_end();
    return result;
}

int INTERPOSED(execve)(const char *path, char *const argv[], char *const envp[])
{
    return exec_by(gcxi_execve, path, argv, envp);
}

int INTERPOSED(execv)(const char *path, char *const argv[])
{
    return exec_by(gcxi_execve, path, argv, environ);
}

int INTERPOSED(execvp)(const char *file, char *const argv[])
{
    return exec_by(gcxi_execvpe, file, argv, environ);
}

int INTERPOSED(execvpe)(const char *file, char *const argv[], char *const envp[])
{
    return exec_by(gcxi_execvpe, file, argv, envp);
}

int INTERPOSED(fexecve)(int fd, char *const argv[], char *const envp[])
{
    bool is_begun = gcxi_exec_begin();
    int result = gcxi_fexecve(fd, argv, envp);
    if (is_begun)
        gcxi_exec_end();
    return result;
}

/* ---- Arguments one by one ---- */

/* The first argument and those of args, up to NULL; how many that are. */
static size_t count_args(const char *arg, va_list args)
{
    size_t count = 0;
    for (; arg != NULL; arg = va_arg(args, const char *))
        count++;
    return count;
}

/* On the stack: a forked child may not allocate. */
static void take_args(const char **argv, size_t count, const char *arg, va_list args)
{
    for (size_t i = 0; i <= count; i++) {
        argv[i] = arg;
        arg = i < count ? va_arg(args, const char *) : NULL;
    }
}

/* The list is read twice; after it execle has the environment. */
static int exec_list(gcxi_exec_function *exec, const char *path, const char *arg, va_list args,
                     bool has_environment)
{
    va_list again;
    va_copy(again, args);
    size_t count = count_args(arg, again);
    va_end(again);
    const char *argv[count + 1];
    take_args(argv, count, arg, args);
    char *const *envp = has_environment ? va_arg(args, char *const *) : environ;
    return exec_by(exec, path, (char *const *)(uintptr_t)argv, envp);
}

int INTERPOSED(execl)(const char *path, const char *arg, ...)
{
    va_list args;
    va_start(args, arg);
    int result = exec_list(gcxi_execve, path, arg, args, false);
    va_end(args);
    return result;
}

int INTERPOSED(execlp)(const char *file, const char *arg, ...)
{
    va_list args;
    va_start(args, arg);
    int result = exec_list(gcxi_execvpe, file, arg, args, false);
    va_end(args);
    return result;
}

int INTERPOSED(execle)(const char *path, const char *arg, ...)
{
    va_list args;
    va_start(args, arg);
    int result = exec_list(gcxi_execve, path, arg, args, true);
    va_end(args);
    return result;
}
