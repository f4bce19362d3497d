/* exec.h -- exec past our own interposition, searching PATH.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_EXEC_H
#define GCXI_OS_EXEC_H

#include "base/base.h"

typedef int gcxi_exec_function(const char *file, char *const argv[], char *const envp[]);

/* In a program linked with --wrap: the C library's execvpe. Its definition is
 * linked only there (api/interpose_exec.c); null elsewhere. */
extern gcxi_exec_function *const gcxi_execvpe_wrapped __attribute__((weak));

/* The system calls, and the C library's. -1 with errno. */
int gcxi_execve(const char *path, char *const argv[], char *const envp[]);
int gcxi_fexecve(int fd, char *const argv[], char *const envp[]);
int gcxi_execvpe(const char *file, char *const argv[], char *const envp[]);

#endif
