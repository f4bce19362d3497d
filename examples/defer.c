/* defer.c -- what was opened is closed, however the block is left. */
#include <gcx/defer.h>

#include <stdio.h>
#include <stdlib.h>

static int closed;

static void close_file(void *file)
{
    fclose(file);
    closed++;
}

static long file_bytes(const char *name)
{
    FILE *file = fopen(name, "rb");
    if (file == NULL)
        return -1;
    GCX_DEFER(close_file, file);

    char *buf = malloc(4096);
    if (buf == NULL)
        return -1; /* closes file */
    GCX_DEFER(free, buf);

    size_t n, total = 0;
    while ((n = fread(buf, 1, 4096, file)) > 0)
        total += n;
    return ferror(file) ? -1 : (long)total; /* frees buf, then closes file */
}

int main(int argc, char **argv)
{
    if (argc < 1)
        return 1;
    long bytes = file_bytes(argv[0]);
    printf("%s has %ld bytes\n", argv[0], bytes);
    return bytes > 0 && closed == 1 && file_bytes("/no/such/file") == -1 && closed == 1 ? 0 : 1;
}
