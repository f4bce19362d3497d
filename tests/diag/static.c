/* static.c -- linked with -static: such a program has no diagnostics, though the
 * library is there, and runs.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gcx/debug.h>
#include <gcx/profile.h>

#define SAID "gcx: no diagnostics: the program is linked with -static\n"

static int child(void)
{
    if (gcx_alloc(16) == NULL)
        return 1;
    if (gcx_profile_set_rate(1) != -1 || errno != ENOTSUP)
        return 2;
    if (gcx_profile_heap("/dev/null", 0) != -1 || errno != ENOTSUP)
        return 3;
    return gcx_debug_serve("127.0.0.1:0") == -1 && errno == ENOTSUP ? 0 : 4;
}

/* Runs it again with the variable; false if it fails or says anything else. */
static int runs_with(const char *variable, const char *value)
{
    char text[1024] = "";
    size_t used = 0;
    int ends[2], status = -1;
    if (pipe(ends) != 0)
        return 0;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        setenv(variable, value, 1);
        execl("/proc/self/exe", "static", "child", NULL);
        _exit(126);
    }
    close(ends[1]);
    for (ssize_t n = 1; n > 0 && used<sizeof text - 1; used += n> 0 ? (size_t)n : 0)
        n = read(ends[0], text + used, sizeof text - 1 - used);
    close(ends[0]);
    waitpid(pid, &status, 0);
    int is_fine = status == 0 && strcmp(text, SAID) == 0;
    if (!is_fine)
        printf("%s: status %#x, \"%s\"\n", variable, (unsigned)status, text);
    return is_fine;
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return child();
    int is_fine = runs_with("GCX_HEAP_PROFILE", "/dev/null");
    is_fine &= runs_with("GCX_CPU_PROFILE", "/dev/null");
    is_fine &= runs_with("GCX_DEBUG_ADDR", "127.0.0.1:0");
    is_fine &= runs_with("GCX_KEEPER", "0");
    return is_fine ? 0 : 1;
}
