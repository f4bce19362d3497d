/* profile_file.h -- a profile on its way to a file: gathers samples, then
 * writes gzipped profile.proto.
 *
 * Memory comes from malloc; running out of it shows when the file is written.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_PROFILE_FILE_H
#define GCXI_DIAG_TELEMETRY_PROFILE_FILE_H

#include <stddef.h>
#include <stdint.h>

#define GCXI_PROFILE_VALUES 4u

struct gcxi_profile_type {
    const char *type;
    const char *unit;
};

/* Constant texts. */
struct gcxi_profile_head {
    struct gcxi_profile_type types[GCXI_PROFILE_VALUES];
    unsigned type_count;
    const char *default_type; /* NULL: the last */
    struct gcxi_profile_type period_type;
    int64_t period;
    uint64_t duration_ns;
    const char *label_key; /* of the number that each sample may have; NULL: none */
    const char *label_unit;
    const char *drop_frames; /* or NULL */
};

struct gcxi_profile_file;

struct gcxi_profile_file *gcxi_profile_file_create(const struct gcxi_profile_head *head);
void gcxi_profile_file_destroy(struct gcxi_profile_file *file);

/* pcs are return addresses, but for the first if leaf_is_exact. label 0: none. */
void gcxi_profile_file_add(struct gcxi_profile_file *file, const uintptr_t *pcs, unsigned depth,
                           int leaf_is_exact, const int64_t *values, int64_t label);

/* The bytes of the file, to be freed; NULL with errno. */
void *gcxi_profile_file_pack(struct gcxi_profile_file *file, size_t *bytes);

/* Writes and destroys; NULL is -1 with the errno there is, fd -1 writes nowhere. */
int gcxi_profile_file_end(struct gcxi_profile_file *file, int fd);

/* As gcxi_profile_file_pack, into a descriptor. 0, or -1 with errno. */
int gcxi_profile_file_write(struct gcxi_profile_file *file, int fd);

#endif
