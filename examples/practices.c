/* practices.c -- nine habits that are kind to the collector, each before and
 * after; docs/guide/practices.md explains them.
 *
 *     practices           a short run, which checks itself
 *     practices 1000000   so many rounds of each, for figures */
#include <gcx/builder.h>
#include <gcx/map.h>
#include <gcx/pool.h>
#include <gcx/scope.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile uint64_t sink; /* what was computed was needed */

static uint64_t now_ns(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct gcx_stats stats_now(void)
{
    struct gcx_stats stats = {.struct_bytes = sizeof stats};
    gcx_get_stats(&stats);
    return stats;
}

/* ---- 1 Composite types --------------------------------------------------- */

struct point {
    double x, y;
};
struct line_of_pointers {
    struct point *from, *to;
};
struct line {
    struct point from, to;
};

static uint64_t lines_of_pointers(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        struct line_of_pointers *l = gcx_alloc(sizeof *l);
        l->from = gcx_alloc_noscan(sizeof *l->from);
        l->to = gcx_alloc_noscan(sizeof *l->to);
        l->from->x = l->to->x = (double)i;
        sink += (uint64_t)l->to->x;
    }
    return n;
}

static uint64_t lines(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        struct line *l = gcx_alloc_noscan(sizeof *l);
        l->from.x = l->to.x = (double)i;
        sink += (uint64_t)l->to.x;
    }
    return n;
}

/* ---- 2 Fewer allocations ------------------------------------------------- */

static uint64_t concatenated(uint64_t n)
{
    for (uint64_t i = 0; i < n; i += 100) {
        char *text = gcx_strdup("");
        for (int k = 0; k < 100; k++) {
            char *longer = gcx_alloc_noscan(strlen(text) + 5);
            strcat(strcpy(longer, text), "item");
            text = longer;
        }
        sink += strlen(text);
    }
    return n;
}

static uint64_t built(uint64_t n)
{
    for (uint64_t i = 0; i < n; i += 100) {
        struct gcx_builder b = GCX_BUILDER_INIT;
        gcx_builder_grow(&b, 400);
        for (int k = 0; k < 100; k++)
            gcx_builder_write_string(&b, "item");
        sink += strlen(gcx_builder_string(&b));
    }
    return n;
}

/* ---- 3 What does not escape ---------------------------------------------- */

struct token {
    struct token *next;
    uint64_t value, more[4];
};

static uint64_t __attribute__((noinline)) parse_on_heap(uint64_t n)
{
    struct token *list = NULL;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        struct token *t = gcx_alloc(sizeof *t);
        t->next = list;
        t->value = i;
        list = t;
    }
    for (; list != NULL; list = list->next)
        sum += list->value;
    return sum;
}

static uint64_t __attribute__((noinline)) parse_in_scope(uint64_t n)
{
    struct token *list = NULL;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        struct token *t = gcx_scope_alloc(sizeof *t);
        t->next = list;
        t->value = i;
        list = t;
    }
    for (; list != NULL; list = list->next)
        sum += list->value;
    return sum;
}

static uint64_t requests_on_heap(uint64_t n)
{
    for (uint64_t i = 0; i < n; i += 1000)
        sink += parse_on_heap(1000);
    return n;
}

static uint64_t requests_in_scopes(uint64_t n)
{
    for (uint64_t i = 0; i < n; i += 1000)
        GCX_SCOPE_AS(request, GCX_PROMISE_TRUSTED) /* nothing of it is used afterwards */
        {
            sink += parse_in_scope(1000);
        }
    return n;
}

/* ---- 4 Globals are roots ------------------------------------------------- */

enum { TABLE = 1 << 20, CYCLES = 20 };

static void **heap_table; /* old after its first cycle: only what was written is looked at */

static uint64_t minor_cycles_ns(void)
{
    uint64_t begin = now_ns();
    for (int i = 0; i < CYCLES; i++) {
        sink += (uintptr_t)gcx_alloc(64) & 1;
        gcx_collect(GCX_MINOR);
    }
    return (now_ns() - begin) / CYCLES;
}

/* Scanned by every cycle, as a whole, until it is removed: so are static data that
 * nobody can track. */
static uint64_t with_global_table(uint64_t n)
{
    void **table = calloc(TABLE, sizeof *table);
    (void)n;
    if (table == NULL || gcx_root_add(table, table + TABLE) != 0)
        exit(1);
    for (size_t i = 0; i < TABLE; i++)
        table[i] = gcx_alloc(16);
    gcx_collect(GCX_FULL);
    uint64_t ns = minor_cycles_ns();
    gcx_root_remove(table, table + TABLE);
    free(table);
    return ns;
}

static uint64_t with_heap_table(uint64_t n)
{
    (void)n;
    heap_table = gcx_alloc(TABLE * sizeof *heap_table);
    for (size_t i = 0; i < TABLE; i++)
        gcx_store(heap_table, &heap_table[i], gcx_alloc(16));
    gcx_collect(GCX_FULL);
    uint64_t ns = minor_cycles_ns();
    heap_table = NULL;
    return ns;
}

/* ---- 5 Pointers and noscan ----------------------------------------------- */

enum { NODES = 1 << 18 };

struct node_by_pointer {
    struct node_by_pointer *left, *right;
};
struct node_by_index {
    uint32_t left, right; /* in the array; no pointers: never scanned */
};

static uint64_t full_cycle_ns(void)
{
    gcx_collect(GCX_FULL);
    uint64_t begin = now_ns();
    for (int i = 0; i < CYCLES / 4; i++)
        gcx_collect(GCX_FULL);
    return (now_ns() - begin) / (CYCLES / 4);
}

static uint64_t nodes_by_pointer(uint64_t n)
{
    struct node_by_pointer **nodes = gcx_alloc(NODES * sizeof *nodes);
    (void)n;
    for (uint32_t i = 0; i < NODES; i++) {
        struct node_by_pointer *node = gcx_alloc(sizeof *node);
        node->left = i > 0 ? nodes[i - 1] : NULL;
        gcx_store(nodes, (void **)&nodes[i], node);
    }
    uint64_t ns = full_cycle_ns();
    gcx_keep_alive(nodes);
    return ns;
}

static uint64_t nodes_by_index(uint64_t n)
{
    struct node_by_index *nodes = gcx_alloc_noscan(NODES * sizeof *nodes);
    (void)n;
    for (uint32_t i = 0; i < NODES; i++)
        nodes[i] = (struct node_by_index){i > 0 ? i - 1 : i, i};
    uint64_t ns = full_cycle_ns();
    gcx_keep_alive(nodes);
    return ns;
}

/* ---- 6 Measuring first --------------------------------------------------- */

/* Allocations per call of a piece of code: two numbers of one thread. */
static uint64_t allocations_of(uint64_t (*run)(uint64_t n), uint64_t n)
{
    uint64_t before = stats_now().total_allocs;
    run(n);
    return stats_now().total_allocs - before;
}

static uint64_t measured_concatenated(uint64_t n)
{
    return allocations_of(concatenated, n) * 100 / n;
}

static uint64_t measured_built(uint64_t n)
{
    return allocations_of(built, n) * 100 / n;
}

/* ---- 7 Explicit release -------------------------------------------------- */

enum { IMAGE = 1 << 20 };

static uint64_t images_left_to_the_collector(uint64_t n)
{
    uint64_t count = n / 1000 + 1;
    for (uint64_t i = 0; i < count; i++) {
        char *image = gcx_alloc_noscan(IMAGE);
        memset(image, (int)i, IMAGE);
        sink += (uint64_t)image[i % IMAGE];
    }
    return count;
}

static uint64_t images_released(uint64_t n)
{
    uint64_t count = n / 1000 + 1;
    for (uint64_t i = 0; i < count; i++) {
        char *image = gcx_alloc_noscan(IMAGE);
        memset(image, (int)i, IMAGE);
        sink += (uint64_t)image[i % IMAGE];
        gcx_free(image); /* its end is known here */
    }
    return count;
}

/* ---- 8 Bounded growth ---------------------------------------------------- */

GCX_MAP_DEFINE_NOSCAN(answers, uint64_t, uint64_t);

static uint64_t cache_kib(uint64_t n, size_t max_items)
{
    struct answers cache = answers_create(max_items);
    for (uint64_t i = 0; i < n; i++)
        answers_insert(cache, i, i * i);
    gcx_collect(GCX_FULL);
    uint64_t live = stats_now().live_bytes;
    if (max_items != 0 && answers_len(cache) > max_items)
        exit(1);
    gcx_keep_alive(cache.map);
    return live / 1024;
}

static uint64_t unbounded_cache(uint64_t n)
{
    return cache_kib(n, 0);
}

static uint64_t bounded_cache(uint64_t n)
{
    return cache_kib(n, 1000);
}

/* ---- 9 Pools ------------------------------------------------------------- */

enum { BUFFER = 16 * 1024 };

static uint64_t fresh_buffers(uint64_t n)
{
    uint64_t count = n / 10;
    for (uint64_t i = 0; i < count; i++) {
        char *buf = gcx_alloc(BUFFER);
        buf[i % BUFFER] = (char)i;
        sink += (uint64_t)buf[0];
    }
    return count;
}

static uint64_t pooled_buffers(uint64_t n)
{
    uint64_t count = n / 10;
    for (uint64_t i = 0; i < count; i++) {
        char *buf = gcx_bufpool_get(BUFFER);
        buf[i % BUFFER] = (char)i;
        sink += (uint64_t)buf[0];
        gcx_bufpool_put(buf);
    }
    return count;
}

/* ---- All of them --------------------------------------------------------- */

enum what { NS_EACH, RESULT }; /* the time for each of those returned, or what is returned */

struct practice {
    const char *name;
    const char *unit;
    enum what what;
    uint64_t (*before)(uint64_t n);
    uint64_t (*after)(uint64_t n);
};

static const struct practice practices[] = {
    {"composite types", "ns a line", NS_EACH, lines_of_pointers, lines},
    {"fewer allocations", "ns a string", NS_EACH, concatenated, built},
    {"escape", "ns a token", NS_EACH, requests_on_heap, requests_in_scopes},
    {"globals", "ns a minor cycle", RESULT, with_global_table, with_heap_table},
    {"noscan", "ns a full cycle", RESULT, nodes_by_pointer, nodes_by_index},
    {"profiling", "allocations for 100 strings", RESULT, measured_concatenated, measured_built},
    {"release", "ns an image", NS_EACH, images_left_to_the_collector, images_released},
    {"bounds", "KiB live", RESULT, unbounded_cache, bounded_cache},
    {"pools", "ns a buffer", NS_EACH, fresh_buffers, pooled_buffers},
};

static uint64_t measure(const struct practice *p, uint64_t (*run)(uint64_t n), uint64_t n)
{
    gcx_collect(GCX_FULL);
    uint64_t begin = now_ns();
    uint64_t result = run(n);
    return p->what == RESULT ? result : (now_ns() - begin) / result;
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
    if (n < 1000)
        return 2;
    for (size_t i = 0; i < sizeof practices / sizeof practices[0]; i++) {
        const struct practice *p = &practices[i];
        uint64_t before = measure(p, p->before, n);
        uint64_t after = measure(p, p->after, n);
        printf("%-18s %10llu %10llu %s\n", p->name, (unsigned long long)before,
               (unsigned long long)after, p->unit);
    }
    return 0;
}
