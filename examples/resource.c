/* resource.c -- files that are closed, and the ones that were forgotten. */
#include <gcx/defer.h>
#include <gcx/resource.h>

#include <stdio.h>

enum { COUNT = 100 };

/* What the program passes around; it leads to the resource, which holds the
 * FILE. The FILE itself is not collected, and leads back to nothing. */
struct file {
    gcx_resource *resource;
    const char *name;
};

static void close_stream(void *arg)
{
    fclose(arg);
}

static struct file *file_open(const char *name)
{
    struct file *f = gcx_alloc(sizeof *f);
    FILE *stream = f != NULL ? fopen(name, "rb") : NULL;
    if (stream == NULL)
        return NULL;
    f->name = name;
    f->resource = gcx_resource_open(close_stream, stream);
    if (f->resource == NULL)
        fclose(stream);
    return f->resource != NULL ? f : NULL;
}

static int first_byte(const char *name)
{
    struct file *f = file_open(name);
    if (f == NULL)
        return -1;
    GCX_DEFER(gcx_resource_end, f->resource); /* however this block is left */
    return getc(gcx_resource_get(f->resource));
}

static int __attribute__((noinline)) forget_some(const char *name)
{
    for (int i = 0; i < COUNT; i++) {
        struct file *f = file_open(name);
        if (f == NULL)
            return -1;
        if (i % 2 == 0)
            gcx_resource_close(f->resource);
    }
    return 0;
}

static int print(const struct gcx_resource_counts *site, void *arg)
{
    (void)arg;
    printf("%s: %d opened, %d forgotten\n", site->site, (int)site->opened, (int)site->forgotten);
    return 0;
}

int main(int argc, char **argv)
{
    struct gcx_options options = GCX_OPTIONS_DEFAULT;
    options.finalizers = GCX_FINALIZERS_ON_DEMAND; /* without it, on a thread */
    if (argc < 1 || gcx_init(&options) != 0 || first_byte(argv[0]) < 0 || forget_some(argv[0]) != 0)
        return 1;

    gcx_collect(GCX_FULL);
    gcx_run_finalizers();
    gcx_resource_each(print, NULL);

    /* The stack may still hold a few of them. */
    struct gcx_resource_counts all = gcx_resource_count();
    return all.closed == COUNT / 2 + 1 && all.forgotten > COUNT / 2 - 10 ? 0 : 1;
}
