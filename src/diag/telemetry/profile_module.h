/* profile_module.h -- which file of code each address is in.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_PROFILE_MODULE_H
#define GCXI_DIAG_TELEMETRY_PROFILE_MODULE_H

#include <stddef.h>
#include <stdint.h>

struct gcxi_profile_module {
    uintptr_t lo; /* of an executable segment */
    uintptr_t hi;
    uint64_t file_offset;
    char *path;
    char build_id[65]; /* hexadecimal; "" for none */
};

/* The loaded modules, the program first; NULL without memory. */
struct gcxi_profile_module *gcxi_profile_modules(size_t *count);
void gcxi_profile_modules_free(struct gcxi_profile_module *modules, size_t count);

#endif
