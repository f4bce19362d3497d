/* exec_linux.c -- see exec.h. A forked child may call these, so execvpe is looked
 * up when the library is loaded: dlsym takes a lock.
 *
 * SPDX-License-Identifier: MIT */
#include "os/exec.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

static gcxi_exec_function *exec_searching;

__attribute__((constructor)) static void exec_find(void)
{
    void *next = GCXI_SHARED ? dlsym(RTLD_NEXT, "execvpe") : NULL;

    exec_searching = execvpe;
    if (&gcxi_execvpe_wrapped != NULL)
        exec_searching = gcxi_execvpe_wrapped;
    else if (next != NULL)
        *(void **)(void *)&exec_searching = next;
}

int gcxi_execve(const char *path, char *const argv[], char *const envp[])
{
    return (int)syscall(SYS_execve, path, argv, envp);
}

int gcxi_fexecve(int fd, char *const argv[], char *const envp[])
{
    return (int)syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
}

int gcxi_execvpe(const char *file, char *const argv[], char *const envp[])
{
    if (exec_searching == NULL)
        exec_find();
    return exec_searching(file, argv, envp);
}
