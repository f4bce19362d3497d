/* test_model.c -- random programs against a model of what they can reach.
 *
 * A graph of collected objects is kept twice: once in the objects, and once
 * as a shadow in malloc memory, where objects are numbers and addresses are
 * complemented, so that the shadow keeps nothing alive. Random operations
 * change both. After cycles every object that the shadow can reach from its
 * roots has to be where it was, with the pointers and the pattern that were
 * put into it; after a full cycle the others have to be gone, all but what
 * stale words keep.
 *
 *   M1  An object is used only if it was found by walking from a root now.
 *   M2  The words of an object are: slots (the shadow knows every target),
 *       then the pattern of its seed up to the size that was asked for.
 *   M3  Graphs share no edges. A thread's own graph is touched by that thread
 *       alone, the shared one under its lock.
 *   M4  Between its birth and its first reference an object is held by a local
 *       variable of the operation: another thread may collect at any time.
 *   M5  Before objects are counted all threads clear their stacks and wait.
 *   M6  With MODEL_FREE=0 nothing is released by hand. Then no word leads to what
 *       came to lie where an object was, and in checked builds the collector proves
 *       after marking that what is kept leads to nothing that is not (gc/verify.c).
 *
 *   M7  What only an ephemeron leads to is reached if its key is in another way. It
 *       is looked at, but never walked to; keys and values are not released by hand.
 *
 * One run is settled by MODEL_SEED, MODEL_THREADS, MODEL_STEPS, MODEL_FREE and the
 * GCX_* variables; a failure prints the line that repeats it (several threads
 * repeat their programs, not their interleaving). Without MODEL_SEED the
 * program is a driver: it runs itself over seeds x modes x threads for
 * MODEL_SECONDS (20), in MODEL_JOBS (2) processes at a time, up to MODEL_SEEDS
 * seeds of each. For odd seeds full cycles mark beside the program: for one half
 * many of them begin, and are ended early, at every Nth allocation (GCX_STRESS), for
 * the other the pacer begins them, under a limit that is too low; and faults count
 * as cheap for one half, as dear for the other (GCX_FAULT_NS). Of two in three seeds
 * nothing is released by hand (MODEL_FREE). The seed is that of the delays as well
 * (GCX_DELAYS, in checked builds). Variables that are set beforehand are not varied.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"

/* ---- The shadow -------------------------------------------------------------- */

enum {
    MOST_THREADS = 8,
    PLACE_SLOTS = 24,
    MOST_PLACES = 5,
    WIDE_WORDS = 5 * 512,   /* from one slot of a wide place to the next */
    ADDED_WORDS = 11 * 512, /* the same of an added range: more than 1 MiB in all */
    MOST_ROOT_OBJECTS = 6,
    MOST_SLOTS = 64,
    MOST_OBJECTS = 1500, /* reachable; then roots are dropped */
};

enum kind { SCANNED, NOSCAN, ROOT, EPHEMERON };

#define NOBODY UINT32_MAX

struct edge {
    uint32_t target; /* number of an object, or NOBODY */
    uint32_t offset; /* the slot holds its address plus this */
};

struct object {
    hidden_ptr addr;
    size_t size; /* as asked for */
    uint64_t seed;
    struct edge *slots;
    uint32_t slot_count;
    struct edge key, value; /* of an ephemeron, until its key is gone (M7) */
    uint32_t epoch;         /* reached in this search */
    enum kind kind;
    uint8_t is_used; /* the number stands for an object */
};

/* PLACE_SLOTS pointers that are roots: on a stack, static or thread-local. Of a wide
 * place, static data or an added range, few pages are written from one cycle to the
 * next. */
struct place {
    void *volatile *slots;
    size_t stride; /* from one to the next */
    struct edge edges[PLACE_SLOTS];
    int is_stack; /* one past the end counts here */
    int is_added;
};

struct graph {
    struct object *objects;
    uint32_t count;
    uint32_t capacity;
    uint32_t *work; /* numbers still to search from */
    uint32_t epoch;
    struct place places[MOST_PLACES];
    uint32_t place_count;
    uint32_t root_objects[MOST_ROOT_OBJECTS]; /* or NOBODY */
    uint32_t reachable;
    size_t reachable_bytes;
    uint64_t cycles; /* that had run when it was checked last */
    struct random random;
    const char *name;
};

static int is_explicit;
static int has_free = 1;
static int steps = 4000;
static int thread_count = 1;
static uint64_t first_seed = 1;
static uint64_t dead_seen;     /* unreachable objects that were looked for */
static uint64_t dead_retained; /* of those, still there */
static pthread_barrier_t gate;
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static struct graph graphs[MOST_THREADS + 1]; /* the last is shared */

static void *global_slots[MOST_THREADS + 1][PLACE_SLOTS];
static void *wide_slots[MOST_THREADS + 1][PLACE_SLOTS * WIDE_WORDS];
static __thread void *thread_slots[PLACE_SLOTS];

static const char *env_or(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value != NULL ? value : otherwise;
}

static void print_repeat_line(void)
{
    fprintf(stderr, "  repeat: MODEL_SEED=%ju MODEL_THREADS=%d MODEL_STEPS=%d",
            (uintmax_t)first_seed, thread_count, steps);
    static const char *const names[] = {
        "MODEL_FREE", "GCX_DIRTY",  "GCX_BARRIER", "GCX_MARK_WORKERS", "GCX_CONCURRENT",
        "GCX_DELAYS", "GCX_STRESS", "GCX_NURSERY", "GCX_MEMORY_LIMIT", "GCX_FAULT_NS"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (getenv(names[i]) != NULL) {
            fprintf(stderr, " %s=%s", names[i], getenv(names[i]));
        }
    }
    fprintf(stderr, " test_model\n");
}

static _Noreturn void lose(const struct graph *g, uint32_t number, const char *what)
{
    const struct object *o = &g->objects[number];
    fprintf(stderr, "model: %s: object %u (kind %d, %zu bytes, %u slots, at %p): %s\n", g->name,
            number, (int)o->kind, o->size, o->slot_count, reveal(o->addr), what);
    /* Told later once more: a loss stays, a race does not. */
    usleep(20000);
    fprintf(stderr, "  a little later its base is %p and its size %zu\n", gcx_base(reveal(o->addr)),
            gcx_size(reveal(o->addr)));
    print_repeat_line();
    abort();
}

static void *must(void *p)
{
    if (p == NULL) {
        fprintf(stderr, "model: an allocation was refused: %s\n", strerror(errno));
        print_repeat_line();
        abort();
    }
    return p;
}

static void *edge_address(const struct graph *g, struct edge e)
{
    return e.target == NOBODY ? NULL : (char *)reveal(g->objects[e.target].addr) + e.offset;
}

/* ---- Stores ------------------------------------------------------------------ */

/* A pointer into a slot of an object, the way that the barrier asks for. */
static void store(struct graph *g, uint32_t number, uint32_t slot, struct edge e)
{
    struct object *o = &g->objects[number];
    void **words = reveal(o->addr);
    void *value = edge_address(g, e);
    o->slots[slot] = e;
    if (!is_explicit || o->kind == NOSCAN) {
        *(void *volatile *)&words[slot] = value;
    } else if (random_percent(&g->random, 70)) {
        gcx_store(words, &words[slot], value);
    } else if (random_percent(&g->random, 50)) {
        gcx_dirty(words);
        *(void *volatile *)&words[slot] = value;
    } else {
        *(void *volatile *)&words[slot] = value;
        gcx_dirty(&words[slot]);
    }
    gcx_keep_alive(value);
}

static void set_root(struct graph *g, uint32_t place, uint32_t slot, struct edge e)
{
    g->places[place].edges[slot] = e;
    g->places[place].slots[slot * g->places[place].stride] = edge_address(g, e);
}

/* ---- Search and check ---------------------------------------------------------- */

static void reach(struct graph *g, uint32_t number, uint32_t *pending)
{
    struct object *o = &g->objects[number];
    if (number != NOBODY && o->epoch != g->epoch) {
        o->epoch = g->epoch;
        g->work[(*pending)++] = number;
        g->reachable++;
        g->reachable_bytes += gcx_size(reveal(o->addr));
    }
}

static void reach_from_objects(struct graph *g, uint32_t pending)
{
    while (pending > 0) {
        const struct object *o = &g->objects[g->work[--pending]];
        for (uint32_t i = 0; o->kind != NOSCAN && i < o->slot_count; i++) {
            if (o->slots[i].target != NOBODY) {
                reach(g, o->slots[i].target, &pending);
            }
        }
    }
}

static int is_reached(const struct graph *g, uint32_t number)
{
    return number != NOBODY && g->objects[number].epoch == g->epoch;
}

/* M7. Values of those whose key is reached, and is not NOBODY. */
static uint32_t reach_values(struct graph *g)
{
    uint32_t pending = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        const struct object *o = &g->objects[i];
        if (o->is_used && o->kind == EPHEMERON && is_reached(g, i) &&
            is_reached(g, o->key.target)) {
            reach(g, o->value.target, &pending);
        }
    }
    return pending;
}

static void search(struct graph *g)
{
    uint32_t pending = 0;
    g->epoch++;
    g->reachable = 0;
    g->reachable_bytes = 0;
    for (uint32_t p = 0; p < g->place_count; p++) {
        for (uint32_t i = 0; i < PLACE_SLOTS; i++) {
            if (g->places[p].edges[i].target != NOBODY) {
                reach(g, g->places[p].edges[i].target, &pending);
            }
        }
    }
    for (uint32_t i = 0; i < MOST_ROOT_OBJECTS; i++) {
        if (g->root_objects[i] != NOBODY) {
            reach(g, g->root_objects[i], &pending);
        }
    }
    do {
        reach_from_objects(g, pending);
        pending = reach_values(g);
    } while (pending > 0);
}

/* The pattern of a large object is checked at its edges and at one place more
 * each time: there are many checks. */
static int tail_intact(const struct object *o, const char *tail, size_t length, uint64_t where)
{
    if (length <= 1024) {
        return pattern_intact(tail, length, o->seed);
    }
    size_t middle = (size_t)(where * 64 % (length - 512)) & ~(size_t)7;
    size_t end = (length - 256) & ~(size_t)7;
    return pattern_part_intact(tail, 0, 256, o->seed) &&
           pattern_part_intact(tail, middle, 256, o->seed) &&
           pattern_part_intact(tail, end, length - end, o->seed);
}

static void check_ephemeron(const struct graph *g, uint32_t number)
{
    const struct object *o = &g->objects[number];
    gcx_ephemeron *e = reveal(o->addr);
    if (!is_reached(g, o->key.target)) {
        return;
    }
    if (gcx_ephemeron_key(e) != edge_address(g, o->key)) {
        lose(g, number, "an ephemeron lost its key");
    }
    if (gcx_ephemeron_value(e) != edge_address(g, o->value)) {
        lose(g, number, "an ephemeron lost its value");
    }
}

static void check_object(const struct graph *g, uint32_t number)
{
    const struct object *o = &g->objects[number];
    char *p = reveal(o->addr);
    if (gcx_base(p) != p || (o->size > 0 && gcx_base(p + o->size - 1) != p)) {
        lose(g, number, "no object for the collector");
    }
    if (gcx_size(p) < o->size) {
        lose(g, number, "smaller than asked for");
    }
    if (o->kind != NOSCAN) {
        for (uint32_t i = 0; i < o->slot_count; i++) {
            if (((void **)(void *)p)[i] != edge_address(g, o->slots[i])) {
                lose(g, number, "a pointer changed");
            }
        }
    }
    if (o->kind == EPHEMERON) {
        check_ephemeron(g, number);
    }
    size_t head = o->slot_count * sizeof(void *);
    if (!tail_intact(o, p + head, o->size - head, g->epoch * 7919u + number)) {
        lose(g, number, "its pattern changed");
    }
}

static NOINLINE void check_graph(struct graph *g)
{
    search(g);
    for (uint32_t i = 0; i < g->count; i++) {
        if (g->objects[i].is_used && g->objects[i].epoch == g->epoch) {
            check_object(g, i);
        }
    }
    for (uint32_t p = 0; p < g->place_count; p++) {
        for (uint32_t i = 0; i < PLACE_SLOTS; i++) {
            const struct place *place = &g->places[p];
            if (place->slots[i * place->stride] != edge_address(g, place->edges[i])) {
                fprintf(stderr, "model: a root of the model itself was changed\n");
                abort();
            }
        }
    }
}

static uint64_t cycles_now(void)
{
    struct gcx_stats stats = stats_now();
    return stats.minor_cycles + stats.full_cycles;
}

static void check_graph_if_collected(struct graph *g)
{
    uint64_t cycles = cycles_now();
    if (cycles != g->cycles) {
        g->cycles = cycles;
        check_graph(g);
    }
}

static void forget(struct object *o)
{
    free(o->slots);
    memset(o, 0, sizeof *o);
}

/* Is the object still what it was, though nothing leads to it? Its memory may
 * be of another object by now, or of none. */
static int is_retained(const struct object *o)
{
    char *p = reveal(o->addr);
    size_t head = o->slot_count * sizeof(void *);
    return gcx_base(p) == p && gcx_size(p) >= o->size && o->size > head + 8 &&
           tail_intact(o, p + head, o->size - head, 0);
}

/* M7. Of a key that is to be forgotten, its number may be another's soon. */
static void empty_ephemerons(struct graph *g)
{
    for (uint32_t i = 0; i < g->count; i++) {
        struct object *o = &g->objects[i];
        if (o->kind == EPHEMERON && !is_reached(g, o->key.target)) {
            o->key.target = o->value.target = NOBODY;
        }
    }
}

/* After a full cycle: what the shadow cannot reach is looked for and then
 * forgotten. */
static NOINLINE void count_dead(struct graph *g)
{
    check_graph(g);
    empty_ephemerons(g);
    for (uint32_t i = 0; i < g->count; i++) {
        struct object *o = &g->objects[i];
        if (o->is_used && o->epoch != g->epoch) {
            dead_seen++;
            dead_retained += is_retained(o) ? 1u : 0u;
            forget(o);
        }
    }
}

/* ---- Walks (M1) ------------------------------------------------------------------ */

static struct edge random_root(struct graph *g)
{
    uint32_t at = random_below(&g->random, g->place_count * PLACE_SLOTS + MOST_ROOT_OBJECTS);
    if (at < g->place_count * PLACE_SLOTS) {
        return g->places[at / PLACE_SLOTS].edges[at % PLACE_SLOTS];
    }
    return (struct edge){g->root_objects[at - g->place_count * PLACE_SLOTS], 0};
}

/* An object that can be reached, or NOBODY after a few tries. */
static uint32_t walk(struct graph *g)
{
    uint32_t found = NOBODY;
    for (int try = 0; try < 8 && found == NOBODY; try++) {
        found = random_root(g).target;
    }
    for (uint32_t left = random_below(&g->random, 12); left > 0 && found != NOBODY; left--) {
        const struct object *o = &g->objects[found];
        if (o->kind == NOSCAN || o->slot_count == 0) {
            break;
        }
        uint32_t next = o->slots[random_below(&g->random, o->slot_count)].target;
        if (next != NOBODY) {
            found = next;
        }
    }
    return found;
}

static struct edge edge_to(struct graph *g, uint32_t number)
{
    struct edge e = {number, 0};
    if (number != NOBODY && random_percent(&g->random, 30) && g->objects[number].size > 0) {
        e.offset = random_below(&g->random, (uint32_t)g->objects[number].size);
    }
    return e;
}

/* ---- Operations ------------------------------------------------------------------- */

static uint32_t new_number(struct graph *g)
{
    for (int try = 0; try < 4 && g->count > 0; try++) {
        uint32_t number = random_below(&g->random, g->count);
        if (!g->objects[number].is_used) {
            return number;
        }
    }
    if (g->count == g->capacity) {
        g->capacity = g->capacity == 0 ? 256 : 2 * g->capacity;
        g->objects = realloc(g->objects, g->capacity * sizeof *g->objects);
        g->work = realloc(g->work, g->capacity * sizeof *g->work);
        if (g->objects == NULL || g->work == NULL) {
            abort();
        }
    }
    memset(&g->objects[g->count], 0, sizeof g->objects[0]);
    return g->count++;
}

static size_t random_size(struct random *r)
{
    uint32_t which = random_below(r, 1000);
    if (which < 700) {
        return random_below(r, 260);
    }
    if (which < 930) {
        return random_below(r, 2100);
    }
    if (which < 990) {
        return random_below(r, 40000);
    }
    return random_below(r, which == 999 ? 700000 : 140000);
}

static NOINLINE void *allocate(struct graph *g, enum kind kind, size_t size)
{
    struct random *r = &g->random;
    if (kind == NOSCAN) {
        return gcx_alloc_noscan(size);
    }
    if (kind == ROOT) {
        return gcx_alloc_root(size);
    }
    switch (random_below(r, 12)) {
    case 0:
        return gcx_alloc_aligned((size_t)1 << random_below(r, random_percent(r, 5) ? 21 : 13),
                                 size);
    case 1:
        return gcx_calloc(1, size);
    case 2:
        return gcx_realloc(NULL, size);
    default:
        return gcx_alloc(size);
    }
}

/* A fresh object; its slots hold pointers to what can be reached. *keep is
 * its address (M4). */
static NOINLINE uint32_t create(struct graph *g, enum kind kind, void **keep)
{
    uint32_t number = new_number(g);
    size_t size = random_size(&g->random);
    char *p = must(allocate(g, kind, size));
    struct object *o = &g->objects[number];
    if (kind != NOSCAN && size > 0 && !all_bytes(p, size, 0)) {
        o->addr = hide(p);
        o->size = size;
        lose(g, number, "not zero at birth");
    }
    size_t most = size / sizeof(void *) < MOST_SLOTS ? size / sizeof(void *) : MOST_SLOTS;
    o->addr = hide(p);
    o->size = size;
    o->kind = kind;
    o->seed = random_next(&g->random);
    o->slot_count = most == 0 ? 0 : random_below(&g->random, (uint32_t)most + 1);
    o->slots = calloc(o->slot_count + 1u, sizeof *o->slots);
    if (o->slots == NULL) {
        abort();
    }
    o->is_used = 1;
    o->epoch = g->epoch; /* not dead yet */
    for (uint32_t i = 0; i < o->slot_count; i++) {
        o->slots[i].target = NOBODY;
    }
    size_t head = o->slot_count * sizeof(void *);
    pattern_fill(p + head, size - head, o->seed);
    for (uint32_t i = 0; i < o->slot_count; i++) {
        struct edge e = {NOBODY, 0};
        if (i < 3 || random_percent(&g->random, 10)) {
            e = edge_to(g, walk(g));
        }
        if (kind == NOSCAN) {
            /* Bait: a pointer that must keep nothing alive. */
            ((void **)(void *)p)[i] = edge_address(g, e);
        } else {
            store(g, number, i, e);
        }
    }
    *keep = p;
    return number;
}

static void op_create_at_root(struct graph *g, enum kind kind)
{
    void *keep = NULL;
    uint32_t number = create(g, kind, &keep);
    uint32_t place = random_below(&g->random, g->place_count);
    set_root(g, place, random_below(&g->random, PLACE_SLOTS), edge_to(g, number));
    gcx_keep_alive(keep);
}

/* The idiom that needs a barrier: the holder is older than the value. */
static void op_create_in_object(struct graph *g, enum kind kind)
{
    uint32_t holder = walk(g);
    if (holder == NOBODY || g->objects[holder].kind == NOSCAN ||
        g->objects[holder].slot_count == 0) {
        op_create_at_root(g, kind);
        return;
    }
    /* create() changes the new object only: the holder can still be reached. */
    void *keep = NULL;
    uint32_t number = create(g, kind, &keep);
    store(g, holder, random_below(&g->random, g->objects[holder].slot_count), edge_to(g, number));
    gcx_keep_alive(keep);
}

/* NOBODY also for what is released by hand. */
static uint32_t walk_to_collected(struct graph *g)
{
    uint32_t number = walk(g);
    return number != NOBODY && g->objects[number].kind == ROOT ? NOBODY : number;
}

static void op_create_ephemeron(struct graph *g)
{
    void *keep[2] = {NULL, NULL};
    uint32_t place = random_below(&g->random, g->place_count);
    uint32_t key = walk_to_collected(g);
    if (key == NOBODY || random_percent(&g->random, 50)) {
        key = create(g, random_percent(&g->random, 70) ? NOSCAN : SCANNED, &keep[0]);
        set_root(g, place, random_below(&g->random, PLACE_SLOTS), edge_to(g, key));
    }
    uint32_t value =
        random_percent(&g->random, 80) ? create(g, SCANNED, &keep[1]) : walk_to_collected(g);
    uint32_t number = new_number(g);
    struct object *o = &g->objects[number];
    o->key = edge_to(g, key);
    o->value = edge_to(g, value);
    void *p = must(gcx_ephemeron_create(edge_address(g, o->key), edge_address(g, o->value)));
    o->addr = hide(p);
    o->kind = EPHEMERON;
    o->is_used = 1;
    o->epoch = g->epoch;
    set_root(g, random_below(&g->random, g->place_count), random_below(&g->random, PLACE_SLOTS),
             (struct edge){number, 0});
    gcx_keep_alive(keep[0]);
    gcx_keep_alive(keep[1]);
    gcx_keep_alive(p);
}

static int is_watched(const struct graph *g, uint32_t number)
{
    for (uint32_t i = 0; i < g->count; i++) {
        const struct object *o = &g->objects[i];
        if (o->is_used && o->kind == EPHEMERON &&
            (i == number || o->key.target == number || o->value.target == number)) {
            return 1;
        }
    }
    return 0;
}

static void op_link(struct graph *g)
{
    uint32_t from = walk(g);
    uint32_t to = random_percent(&g->random, 80) ? walk(g) : NOBODY;
    if (from != NOBODY && g->objects[from].kind != NOSCAN && g->objects[from].slot_count > 0) {
        store(g, from, random_below(&g->random, g->objects[from].slot_count), edge_to(g, to));
    }
}

/* Moves a root from one place to another: stack, static, thread-local. */
static void op_move_root(struct graph *g)
{
    uint32_t from = random_below(&g->random, g->place_count);
    uint32_t to = random_below(&g->random, g->place_count);
    uint32_t i = random_below(&g->random, PLACE_SLOTS);
    uint32_t k = random_below(&g->random, PLACE_SLOTS);
    struct edge e = g->places[from].edges[i];
    struct edge none = {NOBODY, 0};
    if (e.target != NOBODY) {
        size_t usable = gcx_size(reveal(g->objects[e.target].addr));
        e = edge_to(g, e.target);
        if (g->places[to].is_stack && random_percent(&g->random, 10)) {
            e.offset = (uint32_t)usable; /* one past the end */
        }
    }
    set_root(g, to, k, e);
    if (from != to || i != k) {
        set_root(g, from, i, none);
    }
}

/* From a place into an object of kind ROOT and back. */
static void op_swap_with_root_object(struct graph *g)
{
    uint32_t number = g->root_objects[random_below(&g->random, MOST_ROOT_OBJECTS)];
    if (number == NOBODY || g->objects[number].slot_count == 0) {
        return;
    }
    uint32_t slot = random_below(&g->random, g->objects[number].slot_count);
    uint32_t place = random_below(&g->random, g->place_count);
    uint32_t at = random_below(&g->random, PLACE_SLOTS);
    struct edge held = g->objects[number].slots[slot];
    struct edge rooted = g->places[place].edges[at];
    void *keep = edge_address(g, held);
    store(g, number, slot, rooted.target == NOBODY ? rooted : edge_to(g, rooted.target));
    set_root(g, place, at, held);
    gcx_keep_alive(keep);
}

static void *volatile *map_range(void)
{
    size_t bytes = PLACE_SLOTS * ADDED_WORDS * sizeof(void *);
    char *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || gcx_root_add(base, base + bytes) != 0) {
        abort();
    }
    return (void *volatile *)(void *)base;
}

static void unmap_range(void *volatile *slots)
{
    size_t bytes = PLACE_SLOTS * ADDED_WORDS * sizeof(void *);
    char *base = (char *)(uintptr_t)slots;
    if (gcx_root_remove(base, base + bytes) != 0) {
        abort();
    }
    munmap(base, bytes);
}

/* The added range goes, and another has what it held. */
static void op_move_range(struct graph *g)
{
    struct place *place = &g->places[random_below(&g->random, g->place_count)];
    if (!place->is_added) {
        return;
    }
    void *volatile *to = map_range();
    for (size_t i = 0; i < PLACE_SLOTS; i++) {
        to[i * place->stride] = place->slots[i * place->stride];
    }
    unmap_range(place->slots);
    place->slots = to;
}

static void op_drop_root(struct graph *g)
{
    struct edge none = {NOBODY, 0};
    set_root(g, random_below(&g->random, g->place_count), random_below(&g->random, PLACE_SLOTS),
             none);
}

/* Redirects whatever points at the object: to NULL, or to its new address. */
static void redirect(struct graph *g, uint32_t number, int is_gone)
{
    search(g);
    for (uint32_t p = 0; p < g->place_count; p++) {
        for (uint32_t i = 0; i < PLACE_SLOTS; i++) {
            struct edge e = g->places[p].edges[i];
            if (e.target == number) {
                e.offset = 0;
                e.target = is_gone ? NOBODY : number;
                set_root(g, p, i, e);
            }
        }
    }
    for (uint32_t i = 0; i < MOST_ROOT_OBJECTS; i++) {
        if (is_gone && g->root_objects[i] == number) {
            g->root_objects[i] = NOBODY;
        }
    }
    for (uint32_t i = 0; i < g->count; i++) {
        struct object *o = &g->objects[i];
        if (!o->is_used || o->kind == NOSCAN || o->epoch != g->epoch) {
            continue;
        }
        for (uint32_t k = 0; k < o->slot_count; k++) {
            if (o->slots[k].target == number) {
                struct edge e = {is_gone ? NOBODY : number, 0};
                store(g, i, k, e);
            }
        }
    }
}

/* Only the dead, which are not followed any more, may still lead to it. */
static void op_free(struct graph *g)
{
    uint32_t number = walk(g);
    if (number == NOBODY || is_watched(g, number)) {
        return;
    }
    void *p = reveal(g->objects[number].addr);
    redirect(g, number, 1);
    forget(&g->objects[number]);
    gcx_free(p);
}

static void op_create_root_object(struct graph *g)
{
    uint32_t at = random_below(&g->random, MOST_ROOT_OBJECTS);
    if (g->root_objects[at] == NOBODY) {
        void *keep = NULL;
        g->root_objects[at] = create(g, ROOT, &keep);
    } else if (has_free) {
        uint32_t number = g->root_objects[at];
        void *p = reveal(g->objects[number].addr);
        redirect(g, number, 1);
        forget(&g->objects[number]);
        gcx_free(p);
    }
}

static void op_realloc(struct graph *g)
{
    uint32_t number = walk(g);
    if (number == NOBODY || is_watched(g, number)) {
        return;
    }
    struct object *o = &g->objects[number];
    size_t old_size = o->size;
    size_t head = o->slot_count * sizeof(void *);
    size_t size = head + random_size(&g->random);
    char *p = must(gcx_realloc(reveal(o->addr), size));
    size_t common = size < old_size ? size : old_size;
    o->addr = hide(p);
    o->size = common;
    if (!pattern_intact(p + head, common - head, o->seed)) {
        lose(g, number, "its pattern changed in gcx_realloc");
    }
    o->size = size;
    if (o->kind != NOSCAN && !all_bytes(p + common, size - common, 0)) {
        lose(g, number, "what gcx_realloc added is not zero");
    }
    pattern_fill(p + head, size - head, o->seed);
    redirect(g, number, 0);
    gcx_keep_alive(p);
    check_object(g, number);
}

static void op_garbage(struct graph *g)
{
    churn(random_below(&g->random, 600) + 1, random_below(&g->random, 40));
}

/* Keeps the graph at a size that is quick to search. */
static void trim(struct graph *g)
{
    search(g);
    struct edge none = {NOBODY, 0};
    while (g->reachable > MOST_OBJECTS) {
        for (uint32_t p = 0; p < g->place_count; p++) {
            for (uint32_t i = 0; i < PLACE_SLOTS; i++) {
                if (random_percent(&g->random, 50)) {
                    set_root(g, p, i, none);
                }
            }
        }
        for (int i = 0; i < 20; i++) {
            uint32_t number = walk(g);
            if (number != NOBODY && g->objects[number].kind != NOSCAN) {
                for (uint32_t k = 0; k < g->objects[number].slot_count; k++) {
                    store(g, number, k, none);
                }
            }
        }
        search(g);
    }
}

static void step(struct graph *g)
{
    uint32_t which = random_below(&g->random, 1000);
    if (which < 250) {
        op_create_in_object(g, SCANNED);
    } else if (which < 320) {
        op_create_in_object(g, NOSCAN);
    } else if (which < 400) {
        op_create_at_root(g, which < 380 ? SCANNED : NOSCAN);
    } else if (which < 430) {
        op_create_ephemeron(g);
    } else if (which < 700) {
        op_link(g);
    } else if (which < 800) {
        op_move_root(g);
    } else if (which < 840) {
        op_swap_with_root_object(g);
    } else if (which < 885) {
        op_drop_root(g);
    } else if (which < 890) {
        op_move_range(g);
    } else if (which < 900) {
        op_create_root_object(g);
    } else if (which < 940 && !has_free) {
        op_link(g);
    } else if (which < 912) {
        op_free(g);
    } else if (which < 940) {
        op_realloc(g);
    } else if (which < 980) {
        op_garbage(g);
    } else if (which < 998) {
        gcx_collect(GCX_MINOR);
        check_graph_if_collected(g);
    } else {
        gcx_collect(GCX_FULL);
        check_graph_if_collected(g);
    }
}

static void graph_init(struct graph *g, const char *name, uint64_t seed)
{
    memset(g, 0, sizeof *g);
    g->name = name;
    g->random.state = seed;
    for (uint32_t p = 0; p < MOST_PLACES; p++) {
        for (uint32_t i = 0; i < PLACE_SLOTS; i++) {
            g->places[p].edges[i].target = NOBODY;
        }
    }
    for (uint32_t i = 0; i < MOST_ROOT_OBJECTS; i++) {
        g->root_objects[i] = NOBODY;
    }
    g->capacity = 256;
    g->objects = calloc(g->capacity, sizeof *g->objects);
    g->work = calloc(g->capacity, sizeof *g->work);
    if (g->objects == NULL || g->work == NULL) {
        abort();
    }
}

static void graph_add_place(struct graph *g, void *volatile *slots, size_t stride, int is_stack)
{
    g->places[g->place_count].slots = slots;
    g->places[g->place_count].stride = stride;
    g->places[g->place_count].is_stack = is_stack;
    g->place_count++;
}

static void graph_add_range(struct graph *g)
{
    g->places[g->place_count].is_added = 1;
    graph_add_place(g, map_range(), ADDED_WORDS, 0);
}

static void graph_fini(struct graph *g)
{
    for (uint32_t i = 0; i < g->count; i++) {
        free(g->objects[i].slots);
    }
    free(g->objects);
    free(g->work);
}

/* ---- Threads -------------------------------------------------------------------- */

static uint64_t live_before;
static uint64_t excess_bytes;
static uint64_t expected_bytes;

/* All threads wait (M5): one collects and counts. */
static NOINLINE void count_everything(void)
{
    clear_stack();
    gcx_collect(GCX_FULL);
    uint64_t live = stats_now().live_bytes;
    uint64_t reachable = 0;
    for (int i = 0; i <= MOST_THREADS; i++) {
        if (graphs[i].objects != NULL) {
            count_dead(&graphs[i]);
            reachable += graphs[i].reachable_bytes;
        }
    }
    if (live < reachable) {
        fprintf(stderr, "model: %ju bytes can be reached, only %ju were found live\n",
                (uintmax_t)reachable, (uintmax_t)live);
        print_repeat_line();
        abort();
    }
    expected_bytes += reachable;
    excess_bytes += live > reachable + live_before ? live - reachable - live_before : 0;
}

static NOINLINE void run_steps(struct graph *own, struct graph *shared, int count)
{
    for (int i = 0; i < count; i++) {
        if (shared != NULL && random_percent(&own->random, 25)) {
            pthread_mutex_lock(&shared_lock);
            step(shared);
            check_graph_if_collected(shared);
            if (i % 200 == 0) {
                trim(shared);
            }
            pthread_mutex_unlock(&shared_lock);
        } else {
            step(own);
        }
        check_graph_if_collected(own);
        if (i % 200 == 0) {
            trim(own);
        }
    }
}

enum { ROUND = 1000 };

static void *run_thread(void *arg)
{
    void *volatile stack_slots[PLACE_SLOTS];
    int index = *(int *)arg;
    struct graph *own = &graphs[index];
    struct graph *shared = thread_count > 1 ? &graphs[MOST_THREADS] : NULL;
    for (int i = 0; i < PLACE_SLOTS; i++) {
        stack_slots[i] = NULL;
    }
    gcx_thread_register();
    graph_add_place(own, stack_slots, 1, 1);
    graph_add_place(own, global_slots[index], 1, 0);
    graph_add_place(own, thread_slots, 1, 0);
    graph_add_place(own, wide_slots[index], WIDE_WORDS, 0);
    graph_add_range(own);
    for (int done = 0; done < steps; done += ROUND) {
        run_steps(own, shared, steps - done < ROUND ? steps - done : ROUND);
        clear_stack();
        pthread_barrier_wait(&gate);
        if (index == 0) {
            count_everything();
        }
        pthread_barrier_wait(&gate);
    }
    check_graph(own);
    for (uint32_t i = 0; i < MOST_ROOT_OBJECTS; i++) {
        if (own->root_objects[i] != NOBODY) {
            gcx_free(reveal(own->objects[own->root_objects[i]].addr));
        }
    }
    return NULL;
}

/* The programs make no mistakes: a report of one is a mistake of the library. */
static void on_error(const char *message, void *arg)
{
    (void)arg;
    fprintf(stderr, "model: the collector complains: %s\n", message);
    print_repeat_line();
    abort();
}

/* One random program; aborts when an object is lost. */
static int run_model(void)
{
    struct gcx_events events = {.error = on_error};
    pthread_t threads[MOST_THREADS];
    int indexes[MOST_THREADS];
    struct random r = {first_seed};
    gcx_set_event_listener(&events);
    collect_full();
    struct gcx_stats stats = stats_now();
    is_explicit = strcmp(stats.dirty_backend, "explicit") == 0;
    live_before = stats.live_bytes;
    pthread_barrier_init(&gate, NULL, (unsigned)thread_count);
    for (int i = 0; i < thread_count; i++) {
        indexes[i] = i;
        graph_init(&graphs[i], "own graph", random_next(&r));
    }
    graph_init(&graphs[MOST_THREADS], "shared graph", random_next(&r));
    graph_add_place(&graphs[MOST_THREADS], global_slots[MOST_THREADS], 1, 0);
    graph_add_place(&graphs[MOST_THREADS], wide_slots[MOST_THREADS], WIDE_WORDS, 0);
    graph_add_range(&graphs[MOST_THREADS]);
    for (int i = 1; i < thread_count; i++) {
        if (pthread_create(&threads[i], NULL, run_thread, &indexes[i]) != 0) {
            return 1;
        }
    }
    run_thread(&indexes[0]);
    for (int i = 1; i < thread_count; i++) {
        pthread_join(threads[i], NULL);
    }
    if (getenv("MODEL_VERBOSE") != NULL) {
        fprintf(stderr,
                "model: %s: %ju cycles; of %ju dead objects %ju were retained; "
                "%ju KiB reachable, %ju KiB more live\n",
                stats.dirty_backend, (uintmax_t)cycles_now(), (uintmax_t)dead_seen,
                (uintmax_t)dead_retained, (uintmax_t)expected_bytes / 1024,
                (uintmax_t)excess_bytes / 1024);
    }
    for (int i = 0; i <= MOST_THREADS; i++) {
        graph_fini(&graphs[i]);
    }
    /* One stale word can keep a whole piece of graph for one count, and a root on
     * the stack keeps its neighbour too (one past the end); over all counts
     * half has to go. */
    if (steps >= ROUND &&
        (dead_retained > dead_seen / 2 + 50 || excess_bytes > 2 * expected_bytes + (16u << 20))) {
        fprintf(
            stderr,
            "model: of %ju dead objects %ju were retained; %ju bytes reachable, %ju more live\n",
            (uintmax_t)dead_seen, (uintmax_t)dead_retained, (uintmax_t)expected_bytes,
            (uintmax_t)excess_bytes);
        print_repeat_line();
        return 1;
    }
    return 0;
}

/* ---- Driver ---------------------------------------------------------------------- */

struct mode {
    const char *dirty;
    const char *barrier;
    const char *workers;
    const char *threads;
};

static const struct mode modes[] = {
    {"uffd", "auto", "1", "1"},      {"mprotect", "auto", "2", "1"}, {"none", "auto", "1", "2"},
    {"uffd", "explicit", "2", "2"},  {"uffd", "auto", "2", "8"},     {"mprotect", "auto", "4", "8"},
    {"uffd", "none", "4", "8"},      {"mprotect", "auto", "1", "2"}, {"uffd", "explicit", "4", "8"},
    {"uffd", "auto", "4", "2"},      {"uffd", "explicit", "1", "1"}, {"none", "auto", "4", "1"},
    {"softdirty", "auto", "2", "2"}, {"none", "auto", "2", "8"},     {"uffd", "none", "1", "1"},
    {"softdirty", "auto", "1", "8"}, {"auto", "auto", "2", "1"},     {"auto", "auto", "2", "8"},
};

enum { MOST_VARIABLES = 12 };

struct job {
    pid_t pid; /* 0 for a free one */
    size_t variables;
    char variable[MOST_VARIABLES][64]; /* NAME=value */
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What is set beforehand stays. */
static void job_set(struct job *job, const char *name, const char *value)
{
    snprintf(job->variable[job->variables++], sizeof job->variable[0], "%s=%s", name,
             env_or(name, value));
}

static void job_set_number(struct job *job, const char *name, int value)
{
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    job_set(job, name, text);
}

/* What the program asks for gives up a full cycle that marks beside it, so others
 * have to come often. */
static void job_set_pace(struct job *job, int seed)
{
    job_set(job, "GCX_CONCURRENT", seed % 2 != 0 ? "1" : "0");
    if (seed % 4 == 1)
        job_set_number(job, "GCX_STRESS", 20 + seed * 37 % 200);
    if (seed % 4 == 3) {
        job_set(job, "GCX_NURSERY", "64KiB");
        job_set(job, "GCX_MEMORY_LIMIT", "1MiB");
    }
}

static void start_job(struct job *job, int seed, const struct mode *mode)
{
    job->variables = 0;
    job_set_number(job, "MODEL_SEED", seed);
    job_set(job, "MODEL_THREADS", mode->threads);
    job_set(job, "MODEL_FREE", seed % 3 == 0 ? "1" : "0");
    job_set(job, "GCX_DIRTY", mode->dirty);
    job_set(job, "GCX_BARRIER", mode->barrier);
    job_set(job, "GCX_MARK_WORKERS", mode->workers);
    job_set_number(job, "GCX_DELAYS", seed);
    job_set(job, "GCX_FAULT_NS", (seed / 2 + seed / 4) % 2 == 0 ? "900" : "20000");
    job_set_pace(job, seed);
    fflush(NULL);
    job->pid = fork();
    if (job->pid == 0) {
        for (size_t i = 0; i < job->variables; i++) {
            putenv(job->variable[i]);
        }
        execl("/proc/self/exe", "test_model", (char *)NULL);
        _exit(126);
    }
    if (job->pid < 0) {
        abort();
    }
}

static void tell_failure(const struct job *job, int status)
{
    fprintf(stderr,
            "FAILED (exit code %d, signal %d%s):", WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            WIFSIGNALED(status) ? WTERMSIG(status) : 0,
            WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? ": it hung" : "");
    for (size_t i = 0; i < job->variables; i++) {
        fprintf(stderr, " %s", job->variable[i]);
    }
    fprintf(stderr, " test_model\n");
}

/* Waits for one of the jobs; returns whether it went well. */
static int end_job(struct job *jobs, size_t count)
{
    int status = 0;
    pid_t pid;
    do {
        pid = waitpid(-1, &status, 0);
    } while (pid < 0 && errno == EINTR);
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].pid == pid) {
            jobs[i].pid = 0;
            if (status == 0) {
                return 1;
            }
            tell_failure(&jobs[i], status);
        }
    }
    return 0;
}

static void test_random_programs(void **state)
{
    (void)state;
    enum { MOST_JOBS = 64 };
    struct job jobs[MOST_JOBS];
    size_t job_count = strtoul(env_or("MODEL_JOBS", "2"), NULL, 10);
    double end = seconds_now() + strtod(env_or("MODEL_SECONDS", "20"), NULL);
    int seeds = atoi(env_or("MODEL_SEEDS", "1000000"));
    int done = 0;
    int failed = 0;
    size_t running = 0;
    memset(jobs, 0, sizeof jobs);
    job_count = job_count < 1 ? 1 : job_count > MOST_JOBS ? MOST_JOBS : job_count;
    for (int seed = 1; seed <= seeds; seed++) {
        for (size_t m = 0; m < COUNT_OF(modes); m++) {
            if (seconds_now() >= end || failed >= 10) {
                seed = seeds;
                break;
            }
            if (running == job_count) {
                failed += end_job(jobs, job_count) ? 0 : 1;
                running--;
            }
            struct job *job = jobs;
            while (job->pid != 0) {
                job++;
            }
            start_job(job, seed, &modes[m]);
            running++;
            done++;
        }
    }
    for (; running > 0; running--) {
        failed += end_job(jobs, job_count) ? 0 : 1;
    }
    fprintf(stderr, "model: %d programs, %d failed\n", done, failed);
    assert_int_equal(failed, 0);
    assert_true(done > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_programs),
    };
    thread_count = atoi(env_or("MODEL_THREADS", "1"));
    thread_count = thread_count < 1 ? 1 : thread_count > MOST_THREADS ? MOST_THREADS : thread_count;
    has_free = atoi(env_or("MODEL_FREE", "1"));
    steps = getenv("GCX_STRESS") != NULL ? 1000 : thread_count > 2 ? 2000 : 4000;
    steps = getenv("MODEL_STEPS") != NULL ? atoi(getenv("MODEL_STEPS")) : steps;
    if (getenv("MODEL_SEED") != NULL) {
        first_seed = strtoull(getenv("MODEL_SEED"), NULL, 10);
        alarm((unsigned)atoi(env_or("MODEL_ALARM", "120")));
        return run_model();
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
