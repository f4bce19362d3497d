/* proc.h -- what the system says about the test's own process.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_PROC_H
#define GCX_TESTS_PROC_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#else
#define SANITIZED 0
#endif

static inline size_t proc_status_kib(const char *key)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    size_t value = 0;
    if (file == NULL) {
        return 0;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            value = (size_t)strtoull(line + strlen(key) + 1, NULL, 10);
            break;
        }
    }
    fclose(file);
    return value;
}

static inline size_t proc_rss_bytes(void)
{
    return proc_status_kib("VmRSS") * 1024;
}

static inline size_t proc_address_space_bytes(void)
{
    return proc_status_kib("VmSize") * 1024;
}

static inline size_t proc_maps_count(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    size_t lines = 0;
    int c;
    if (file == NULL) {
        return 0;
    }
    while ((c = getc(file)) != EOF) {
        lines += c == '\n' ? 1u : 0u;
    }
    fclose(file);
    return lines;
}

static inline size_t proc_dir_entries(const char *path)
{
    DIR *dir = opendir(path);
    size_t count = 0;
    if (dir == NULL) {
        return 0;
    }
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

#endif
