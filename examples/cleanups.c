/* cleanups.c -- closing what belongs to an object when the object is gone. */
#include <gcx/gcx.h>

#include <stdio.h>
#include <stdlib.h>

struct file {
    int *handle; /* stands for what the collector knows nothing of */
};

static int open_handles;

static void handle_close(void *arg)
{
    free(arg);
    open_handles--;
}

static struct file *file_open(void)
{
    struct file *f = gcx_alloc(sizeof *f);
    int *handle = malloc(sizeof *handle);
    if (f == NULL || handle == NULL || gcx_cleanup_add(f, handle_close, handle) != 0)
        exit(1);
    f->handle = handle;
    open_handles++;
    return f;
}

/* Closed by hand, it needs no cleanup any more. */
static void file_close(struct file *f)
{
    if (gcx_cleanup_cancel(f, handle_close, f->handle) == 0)
        handle_close(f->handle);
}

static void *saved; /* static data: a root */
static int finalized;

static void save(void *obj, void *arg)
{
    saved = obj; /* reachable again */
    *(int *)arg = 1;
}

static void __attribute__((noinline)) use_files(void)
{
    for (int i = 0; i < 1000; i++) {
        struct file *f = file_open();
        if (i % 4 == 0)
            file_close(f);
    }
    if (gcx_finalizer_set(gcx_alloc(64), save, &finalized) != 0)
        exit(1);
}

static void ring(void *arg)
{
    *(int *)arg = 1; /* a program would write to a pipe here */
}

int main(void)
{
    struct gcx_options options = GCX_OPTIONS_DEFAULT;
    options.finalizers = GCX_FINALIZERS_ON_DEMAND; /* without it, on a thread */
    int rang = 0;
    if (gcx_init(&options) != 0 || gcx_set_finalizer_notifier(ring, &rang) != 0)
        return 1;

    use_files();
    printf("%d handles are open\n", open_handles);
    gcx_collect(GCX_FULL);
    size_t called = gcx_run_finalizers();
    printf("%zu callbacks ran, %d handles are open\n", called, open_handles);
    printf("finalized: %d, saved: %s\n", finalized, saved != NULL ? "yes" : "no");

    /* The stack may still hold a few of them. */
    return rang && open_handles < 10 && called > 740 ? 0 : 1;
}
