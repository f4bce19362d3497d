/* pool.c -- objects that are used again instead of allocated again. */
#include <gcx/pool.h>

#include <stdio.h>
#include <string.h>

struct request {
    char path[200];
    int status;
};

static int made;

static void *make_request(void *arg)
{
    (void)arg;
    made++;
    return gcx_alloc_noscan(sizeof(struct request));
}

/* At put: what the next user must not see. */
static void clear_request(void *item, void *arg)
{
    (void)arg;
    memset(item, 0, sizeof(struct request));
}

static int serve(gcx_pool *pool, int number)
{
    struct request *r = gcx_pool_get(pool);
    if (r == NULL)
        return -1;
    snprintf(r->path, sizeof r->path, "/page/%d", number);
    r->status = 200;
    int ok = strncmp(r->path, "/page/", 6) == 0 && r->status == 200;
    gcx_pool_put(pool, r); /* r is the pool's from here on */
    return ok ? 0 : -1;
}

int main(void)
{
    struct gcx_pool_options options = GCX_POOL_OPTIONS_DEFAULT;
    options.name = "requests"; /* for reports */
    options.create = make_request;
    options.reset = clear_request;
    options.max_items = 100; /* never more than these are kept */
    gcx_pool *pool = gcx_pool_create(&options);
    if (pool == NULL)
        return 1;

    for (int i = 0; i < 10000; i++)
        if (serve(pool, i) != 0)
            return 1;

    struct gcx_pool_stats stats;
    gcx_pool_get_stats(pool, &stats);
    printf("10000 requests, %d objects made, %lu times used again\n", made,
           (unsigned long)(stats.hits + stats.victim_hits));

    /* What nobody uses survives one full cycle and is gone after the second. */
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_FULL);
    gcx_pool_get_stats(pool, &stats);
    return stats.items == 0 && made < 100 ? 0 : 1;
}
