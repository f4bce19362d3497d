/* parse.h -- numbers and sizes as people write them in the environment.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_PARSE_H
#define GCXI_PARSE_H

#include "base/base.h"

/* A whole decimal number, "off" being -1. False if text is anything else. */
bool gcxi_parse_int(const char *text, int64_t *value);

/* Digits alone, of a value of at most max. */
bool gcxi_parse_count(const char *text, int64_t max, int64_t *value);

/* A size in bytes: digits, then nothing or B, K, KB, KiB, M, MB, MiB, G, GB,
 * GiB, T, TB, TiB (all powers of 1024). False on nonsense or overflow. */
bool gcxi_parse_bytes(const char *text, int64_t *bytes);

/* A path in which the first %p stands for the process's number. False if it is
 * longer than size, its end included. */
bool gcxi_parse_path(char *path, size_t size, const char *pattern);

#endif
