/* read_profile.h -- reads a profile file as pprof does.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_READ_PROFILE_H
#define GCX_TESTS_READ_PROFILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include <profile.pb-c.h>

/* NULL if it is no profile. */
static inline Gcxi__Profile *profile_read(const char *path)
{
    gzFile file = gzopen(path, "rb");
    unsigned char *bytes = NULL;
    size_t used = 0;
    int n = 1;
    while (file != NULL && n > 0) {
        bytes = realloc(bytes, used + 65536);
        n = gzread(file, bytes + used, 65536);
        used += n > 0 ? (size_t)n : 0;
    }
    int is_whole = file != NULL && gzclose(file) == Z_OK && n == 0 && used != 0;
    Gcxi__Profile *profile = is_whole ? gcxi__profile__unpack(NULL, used, bytes) : NULL;
    free(bytes);
    return profile;
}

/* The same, of a file that is no longer wanted. */
static inline Gcxi__Profile *profile_take(const char *path)
{
    Gcxi__Profile *profile = profile_read(path);
    unlink(path);
    return profile;
}

static inline void profile_drop(Gcxi__Profile *profile)
{
    gcxi__profile__free_unpacked(profile, NULL);
}

static inline const char *profile_text(const Gcxi__Profile *p, int64_t index)
{
    return index >= 0 && (size_t)index < p->n_string_table ? p->string_table[index] : "(no text)";
}

/* Index of a sample type, or -1. */
static inline int profile_type(const Gcxi__Profile *p, const char *type)
{
    for (size_t i = 0; i < p->n_sample_type; i++)
        if (strcmp(profile_text(p, p->sample_type[i]->type), type) == 0)
            return (int)i;
    return -1;
}

static inline int location_is_in(const Gcxi__Profile *p, uint64_t id, const char *function)
{
    const Gcxi__Location *location = p->location[id - 1];
    for (size_t i = 0; i < location->n_line; i++)
        if (strcmp(profile_text(p, p->function[location->line[i]->function_id - 1]->name),
                   function) == 0)
            return 1;
    return 0;
}

/* What the samples with that function in their stacks add up to; all for NULL. */
static inline double profile_sum(const Gcxi__Profile *p, const char *type, const char *function)
{
    double sum = 0;
    int index = profile_type(p, type);
    for (size_t i = 0; index >= 0 && i < p->n_sample; i++) {
        int is_in = function == NULL;
        for (size_t j = 0; j < p->sample[i]->n_location_id && !is_in; j++)
            is_in = location_is_in(p, p->sample[i]->location_id[j], function);
        sum += is_in ? (double)p->sample[i]->value[index] : 0;
    }
    return sum;
}

#endif
