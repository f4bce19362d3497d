/* tables.c -- attributes of objects, and a table of symbols, that vanish. */
#include <gcx/table.h>

#include <stdio.h>
#include <string.h>

enum { COUNT = 1000 };

static gcx_table *attributes, *symbols; /* static data: roots */
static void *held[COUNT];

static uint64_t string_hash(const void *key)
{
    uint64_t hash = 5381;
    for (const unsigned char *s = key; *s != 0; s++)
        hash = hash * 33 + *s;
    return hash;
}

static int string_equal(const void *a, const void *b)
{
    return strcmp(a, b) == 0;
}

/* The one symbol of that name. */
static char *intern(const char *name)
{
    char *symbol = gcx_table_get(symbols, name);
    if (symbol == NULL) {
        symbol = gcx_strdup(name);
        if (symbol == NULL || gcx_table_put(symbols, gcx_strdup(name), symbol) != 0)
            return NULL;
    }
    return symbol;
}

static int add_one(void *key, void *value, void *arg)
{
    (void)key;
    (void)value;
    ++*(int *)arg;
    return 0;
}

static int __attribute__((noinline)) fill(void)
{
    for (int i = 0; i < COUNT; i++) {
        void *object = gcx_alloc(48);
        void **attribute = gcx_alloc(sizeof *attribute);
        if (object == NULL || attribute == NULL)
            return 0;
        *attribute = object; /* its value leads to the key, and does not keep it */
        if (gcx_table_put(attributes, object, attribute) != 0)
            return 0;
        if (i % 10 == 0)
            held[i] = object;
        char name[32];
        snprintf(name, sizeof name, "name-%d", i);
        if (intern(name) != intern(name))
            return 0;
    }
    return 1;
}

int main(void)
{
    static const struct gcx_table_keys strings = {string_hash, string_equal};
    attributes = gcx_table_create(GCX_TABLE_WEAK_KEYS, NULL);
    symbols = gcx_table_create(GCX_TABLE_WEAK_VALUES, &strings);
    if (attributes == NULL || symbols == NULL || !fill())
        return 1;
    gcx_collect(GCX_FULL);

    int entries = 0;
    gcx_table_each(attributes, add_one, &entries);
    printf("%d attributes and %zu symbols are left\n", entries, gcx_table_count(symbols));
    for (int i = 0; i < COUNT; i += 10) {
        void **attribute = gcx_table_get(attributes, held[i]);
        if (attribute == NULL || *attribute != held[i])
            return 1;
    }
    int removed = gcx_table_remove(attributes, held[0]);
    return removed && gcx_table_get(attributes, held[0]) == NULL && entries >= COUNT / 10 &&
                   entries < COUNT / 5 && gcx_table_count(symbols) < COUNT / 5
               ? 0
               : 1;
}
