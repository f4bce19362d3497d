/* profile.c -- which part of the program has the memory, in a file for pprof. */
#include <gcx/profile.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char *words[2000];

static void read_words(void)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        words[i] = gcx_alloc_noscan(4096); /* stays */
        strcpy(words[i], "word");
        memset(gcx_alloc(2048), 1, 2048); /* garbage */
    }
}

int main(void)
{
    if (gcx_profile_set_rate(64 * 1024) < 0) {
        int is_absent = errno == ENOTSUP; /* libgcx-diag.so is not here */
        perror("gcx_profile_set_rate");
        return is_absent ? 0 : 1;
    }
    read_words();

    const char *path = "profile-example.pb.gz";
    if (gcx_profile_heap(path, GCX_PROFILE_COLLECT) != 0) {
        perror(path);
        return 1;
    }
    gcx_profile_set_rate(0);
    printf("see: go tool pprof -top %s\n", path);
    return remove(path) == 0 ? 0 : 1;
}
