/* profile_file.c -- see profile_file.h. The structures are those that protoc-c
 * makes from profile.proto; packing is protobuf-c's, compression zlib's.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/profile_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/base.h"
#include "diag/telemetry/profile_module.h"
#include "diag/telemetry/profile_symbol.h"
#include <profile.pb-c.h> /* made from profile.proto */

/* An array of pointers to structures made one by one, as protobuf-c wants it. */
struct list {
    void **items;
    size_t count;
    size_t capacity;
};

/* From a key, a text or a number, to an index of a list plus 1. */
struct index {
    size_t *slots;
    size_t capacity; /* a power of two */
    size_t count;
};

struct gcxi_profile_file {
    struct gcxi_profile_head head;
    struct list texts, samples, locations, functions, mappings;
    struct index text_index, location_index, function_index;
    bool has_failed;
};

/* ---- Lists ---- */

static bool list_push(struct gcxi_profile_file *file, struct list *list, void *item)
{
    if (item != NULL && list->count == list->capacity) {
        size_t capacity = list->capacity != 0 ? 2 * list->capacity : 64;
        void **items = realloc(list->items, capacity * sizeof *items);
        list->items = items != NULL ? items : list->items;
        list->capacity = items != NULL ? capacity : list->capacity;
    }
    if (item == NULL || list->count == list->capacity) {
        file->has_failed = true;
        free(item);
        return false;
    }
    list->items[list->count++] = item;
    return true;
}

static void list_free(struct list *list, void (*free_members)(void *item))
{
    for (size_t i = 0; i < list->count; i++) {
        if (free_members != NULL)
            free_members(list->items[i]);
        free(list->items[i]);
    }
    free(list->items);
}

/* ---- Indices ---- */

static uint64_t hash_bytes(const void *key, size_t bytes)
{
    const unsigned char *p = key;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return hash ^ (hash >> 32);
}

typedef uint64_t hash_of_item(const void *item);

static bool index_grow(struct index *index, const struct list *list, hash_of_item *hash)
{
    size_t capacity = index->capacity != 0 ? 2 * index->capacity : 256;
    size_t *slots = calloc(capacity, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        size_t at = hash(list->items[i]) & (capacity - 1);
        while (slots[at] != 0)
            at = (at + 1) & (capacity - 1);
        slots[at] = i + 1;
    }
    free(index->slots);
    index->slots = slots;
    index->capacity = capacity;
    return true;
}

/* The slot of an equal item, or the empty one where it belongs; NULL without memory. */
static size_t *index_find(struct gcxi_profile_file *file, struct index *index,
                          const struct list *list, hash_of_item *hash,
                          bool (*equals)(const void *item, const void *key), const void *key)
{
    if (2 * list->count >= index->capacity && !index_grow(index, list, hash)) {
        file->has_failed = true;
        return NULL;
    }
    size_t at = hash(key) & (index->capacity - 1);
    while (index->slots[at] != 0 && !equals(list->items[index->slots[at] - 1], key))
        at = (at + 1) & (index->capacity - 1);
    return &index->slots[at];
}

/* ---- Texts ---- */

static uint64_t text_hash(const void *text)
{
    return hash_bytes(text, strlen(text));
}

static bool text_equals(const void *text, const void *key)
{
    return strcmp(text, key) == 0;
}

static int64_t text_of(struct gcxi_profile_file *file, const char *text)
{
    size_t *slot = index_find(file, &file->text_index, &file->texts, text_hash, text_equals, text);
    if (slot == NULL)
        return 0;
    if (*slot == 0 && list_push(file, &file->texts, strdup(text)))
        *slot = file->texts.count;
    return *slot != 0 ? (int64_t)*slot - 1 : 0;
}

/* ---- Locations ---- */

static uint64_t location_hash(const void *location)
{
    uint64_t address = ((const Gcxi__Location *)location)->address;
    return hash_bytes(&address, sizeof address);
}

static bool location_equals(const void *location, const void *key)
{
    return ((const Gcxi__Location *)location)->address == ((const Gcxi__Location *)key)->address;
}

/* Its number; 0 without memory. */
static uint64_t location_of(struct gcxi_profile_file *file, uintptr_t address)
{
    Gcxi__Location key;
    gcxi__location__init(&key);
    key.address = address;
    size_t *slot = index_find(file, &file->location_index, &file->locations, location_hash,
                              location_equals, &key);
    if (slot == NULL)
        return 0;
    if (*slot == 0) {
        Gcxi__Location *location = malloc(sizeof *location);
        if (location != NULL)
            *location = key;
        if (list_push(file, &file->locations, location))
            *slot = location->id = file->locations.count;
    }
    return *slot;
}

static void location_free_members(void *item)
{
    Gcxi__Location *location = item;
    for (size_t i = 0; i < location->n_line; i++)
        free(location->line[i]);
    free(location->line);
}

/* ---- Samples ---- */

static void sample_free_members(void *item)
{
    Gcxi__Sample *sample = item;
    free(sample->location_id);
    free(sample->value);
    if (sample->label != NULL)
        free(sample->label[0]);
    free(sample->label);
}

static bool sample_set_label(struct gcxi_profile_file *file, Gcxi__Sample *sample, int64_t number)
{
    Gcxi__Label *label = malloc(sizeof *label);
    sample->label = malloc(sizeof *sample->label);
    if (label == NULL || sample->label == NULL) {
        free(label);
        free(sample->label);
        sample->label = NULL;
        return false;
    }
    gcxi__label__init(label);
    label->key = text_of(file, file->head.label_key);
    label->num = number;
    label->num_unit = text_of(file, file->head.label_unit);
    sample->label[0] = label;
    sample->n_label = 1;
    return true;
}

static bool sample_fill(struct gcxi_profile_file *file, Gcxi__Sample *sample, unsigned depth,
                        const int64_t *values)
{
    unsigned n = file->head.type_count;
    sample->location_id = malloc((depth + 1) * sizeof *sample->location_id);
    sample->value = malloc(n * sizeof *sample->value);
    if (sample->location_id == NULL || sample->value == NULL)
        return false;
    memcpy(sample->value, values, n * sizeof *values);
    sample->n_value = n;
    sample->n_location_id = depth;
    return true;
}

void gcxi_profile_file_add(struct gcxi_profile_file *file, const uintptr_t *pcs, unsigned depth,
                           int leaf_is_exact, const int64_t *values, int64_t label)
{
    Gcxi__Sample *sample = malloc(sizeof *sample);
    if (sample != NULL)
        gcxi__sample__init(sample);
    if (!list_push(file, &file->samples, sample))
        return;
    if (!sample_fill(file, sample, depth, values) ||
        (file->head.label_key != NULL && label != 0 && !sample_set_label(file, sample, label))) {
        file->has_failed = true;
        return;
    }
    for (unsigned i = 0; i < depth; i++)
        sample->location_id[i] = location_of(file, pcs[i] - (i != 0 || !leaf_is_exact));
}

/* ---- Mappings and functions ---- */

static void add_mappings(struct gcxi_profile_file *file)
{
    size_t count;
    struct gcxi_profile_module *modules = gcxi_profile_modules(&count);
    file->has_failed |= modules == NULL;
    for (size_t i = 0; modules != NULL && i < count; i++) {
        Gcxi__Mapping *mapping = malloc(sizeof *mapping);
        if (mapping != NULL)
            gcxi__mapping__init(mapping);
        if (!list_push(file, &file->mappings, mapping))
            break;
        mapping->id = i + 1;
        mapping->memory_start = modules[i].lo;
        mapping->memory_limit = modules[i].hi;
        mapping->file_offset = modules[i].file_offset;
        mapping->filename = text_of(file, modules[i].path);
        mapping->build_id = text_of(file, modules[i].build_id);
        mapping->has_functions = 1; /* until one of its addresses has none */
    }
    gcxi_profile_modules_free(modules, count);
}

static Gcxi__Mapping *mapping_of(struct gcxi_profile_file *file, uint64_t address)
{
    for (size_t i = 0; i < file->mappings.count; i++) {
        Gcxi__Mapping *mapping = file->mappings.items[i];
        if (address - mapping->memory_start < mapping->memory_limit - mapping->memory_start)
            return mapping;
    }
    return NULL;
}

static uint64_t function_hash(const void *item)
{
    const Gcxi__Function *function = item;
    int64_t key[2] = {function->name, function->filename};
    return hash_bytes(key, sizeof key);
}

static bool function_equals(const void *item, const void *key)
{
    const Gcxi__Function *a = item, *b = key;
    return a->name == b->name && a->filename == b->filename;
}

static uint64_t function_of(struct gcxi_profile_file *file, const struct gcxi_profile_line *line)
{
    Gcxi__Function key;
    gcxi__function__init(&key);
    key.name = key.system_name = text_of(file, line->function != NULL ? line->function : "?");
    key.filename = text_of(file, line->file != NULL ? line->file : "");
    size_t *slot = index_find(file, &file->function_index, &file->functions, function_hash,
                              function_equals, &key);
    if (slot == NULL)
        return 0;
    if (*slot == 0) {
        Gcxi__Function *function = malloc(sizeof *function);
        if (function != NULL)
            *function = key;
        if (list_push(file, &file->functions, function))
            *slot = function->id = file->functions.count;
    }
    return *slot;
}

static bool location_set_lines(struct gcxi_profile_file *file, Gcxi__Location *location,
                               const struct gcxi_profile_line *found, unsigned count)
{
    location->line = calloc(count, sizeof(Gcxi__Line *));
    for (unsigned i = 0; location->line != NULL && i < count; i++) {
        Gcxi__Line *line = malloc(sizeof *line);
        if (line == NULL)
            return false;
        gcxi__line__init(line);
        line->function_id = function_of(file, &found[i]);
        line->line = found[i].line;
        location->line[location->n_line++] = line;
    }
    return location->line != NULL;
}

static void locate(struct gcxi_profile_file *file, struct gcxi_profile_symbols *symbols,
                   Gcxi__Location *location)
{
    struct gcxi_profile_line lines[GCXI_PROFILE_INLINED];
    Gcxi__Mapping *mapping = mapping_of(file, location->address);
    unsigned count = 0;
    if (symbols != NULL)
        count = gcxi_profile_symbols_find(symbols, (uintptr_t)location->address, lines);
    if (count != 0 && !location_set_lines(file, location, lines, count))
        file->has_failed = true;
    if (mapping == NULL)
        return;
    location->mapping_id = mapping->id;
    mapping->has_functions &= count != 0;
    mapping->has_filenames |= count != 0 && lines[0].file != NULL;
    mapping->has_line_numbers = mapping->has_inline_frames = mapping->has_filenames;
}

static void locate_all(struct gcxi_profile_file *file)
{
    struct gcxi_profile_symbols *symbols = gcxi_profile_symbols_open();
    add_mappings(file);
    for (size_t i = 0; i < file->locations.count; i++)
        locate(file, symbols, file->locations.items[i]);
    gcxi_profile_symbols_close(symbols);
}

/* ---- Packing ---- */

struct gcxi_profile_file *gcxi_profile_file_create(const struct gcxi_profile_head *head)
{
    struct gcxi_profile_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return NULL;
    file->head = *head;
    text_of(file, ""); /* the first */
    return file;
}

void gcxi_profile_file_destroy(struct gcxi_profile_file *file)
{
    if (file == NULL)
        return;
    list_free(&file->texts, NULL);
    list_free(&file->samples, sample_free_members);
    list_free(&file->locations, location_free_members);
    list_free(&file->functions, NULL);
    list_free(&file->mappings, NULL);
    free(file->text_index.slots);
    free(file->location_index.slots);
    free(file->function_index.slots);
    free(file);
}

static void *compress_gzip(const void *plain, size_t plain_bytes, size_t *bytes)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    uLong bound = deflateBound(&stream, (uLong)plain_bytes);
    void *packed = malloc(bound);
    union {
        const void *in;
        Bytef *out; /* zlib does not say const */
    } input = {plain};
    stream.next_in = input.out;
    stream.avail_in = (uInt)plain_bytes;
    stream.next_out = packed;
    stream.avail_out = (uInt)bound;
    int status = packed != NULL ? deflate(&stream, Z_FINISH) : Z_MEM_ERROR;
    *bytes = stream.total_out;
    deflateEnd(&stream);
    if (status == Z_STREAM_END)
        return packed;
    free(packed);
    return NULL;
}

static void fill_type(struct gcxi_profile_file *file, Gcxi__ValueType *to,
                      const struct gcxi_profile_type *from)
{
    gcxi__value_type__init(to);
    to->type = text_of(file, from->type);
    to->unit = text_of(file, from->unit);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fill_head(struct gcxi_profile_file *file, Gcxi__Profile *profile,
                      Gcxi__ValueType *types, Gcxi__ValueType **type_list)
{
    const struct gcxi_profile_head *head = &file->head;
    for (unsigned i = 0; i < head->type_count; i++) {
        fill_type(file, &types[i], &head->types[i]);
        type_list[i] = &types[i];
    }
    fill_type(file, &types[GCXI_PROFILE_VALUES], &head->period_type);
    profile->n_sample_type = head->type_count;
    profile->sample_type = type_list;
    profile->period_type = &types[GCXI_PROFILE_VALUES];
    profile->period = head->period;
    profile->duration_nanos = (int64_t)head->duration_ns;
    profile->time_nanos = now_ns() - profile->duration_nanos;
    if (head->default_type != NULL)
        profile->default_sample_type = text_of(file, head->default_type);
    if (head->drop_frames != NULL)
        profile->drop_frames = text_of(file, head->drop_frames);
}

static void fill_lists(const struct gcxi_profile_file *file, Gcxi__Profile *profile)
{
    profile->n_sample = file->samples.count;
    profile->sample = (Gcxi__Sample **)(void *)file->samples.items;
    profile->n_mapping = file->mappings.count;
    profile->mapping = (Gcxi__Mapping **)(void *)file->mappings.items;
    profile->n_location = file->locations.count;
    profile->location = (Gcxi__Location **)(void *)file->locations.items;
    profile->n_function = file->functions.count;
    profile->function = (Gcxi__Function **)(void *)file->functions.items;
    profile->n_string_table = file->texts.count;
    profile->string_table = (char **)(void *)file->texts.items;
}

void *gcxi_profile_file_pack(struct gcxi_profile_file *file, size_t *bytes)
{
    Gcxi__Profile profile;
    Gcxi__ValueType types[GCXI_PROFILE_VALUES + 1], *type_list[GCXI_PROFILE_VALUES];
    void *packed = NULL;
    gcxi__profile__init(&profile);
    locate_all(file);
    fill_head(file, &profile, types, type_list);
    fill_lists(file, &profile);
    if (!file->has_failed) {
        size_t plain_bytes = gcxi__profile__get_packed_size(&profile);
        uint8_t *plain = malloc(plain_bytes);
        if (plain != NULL)
            packed = compress_gzip(plain, gcxi__profile__pack(&profile, plain), bytes);
        free(plain);
    }
    if (packed == NULL)
        errno = ENOMEM;
    return packed;
}

static int write_all(int fd, const char *bytes, size_t left)
{
    while (left > 0) {
        ssize_t n = write(fd, bytes, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes += n;
        left -= (size_t)n;
    }
    return 0;
}

int gcxi_profile_file_write(struct gcxi_profile_file *file, int fd)
{
    size_t bytes;
    void *packed = gcxi_profile_file_pack(file, &bytes);
    if (packed == NULL)
        return -1;
    int status = write_all(fd, packed, bytes);
    int saved_errno = errno;
    free(packed);
    errno = saved_errno;
    return status;
}

int gcxi_profile_file_end(struct gcxi_profile_file *file, int fd)
{
    if (file == NULL)
        return -1;
    int status = fd >= 0 ? gcxi_profile_file_write(file, fd) : 0;
    int saved_errno = errno;
    gcxi_profile_file_destroy(file);
    errno = saved_errno;
    return status;
}
