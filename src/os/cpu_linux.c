/* cpu_linux.c -- what the machine is, from the scheduler and from /sys.
 *
 * The nursery follows the last-level cache and the mark workers follow the
 * number of processors, so both are asked once at start. /sys is read with
 * plain open and read: stdio would allocate.
 *
 * The cache of one core is what its last level holds, even where that level is
 * shared: a program that allocates on one thread, the common case, has it to
 * itself. But no core reaches more than the cache of its own complex, and some
 * virtual machines report the sum of all (512 MiB was seen), so what is told is
 * limited to 32 MiB. Virtual machines often report none; then sysconf is asked (which on
 * x86-64 asks the processor), then 8 MiB is assumed.
 *
 * Every first use of a part of the C library makes 64 KiB of it count as the process's.
 * So the calls here are, where there is a choice, of those parts that others use too.
 *
 * SPDX-License-Identifier: MIT */
#include "os/cpu.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* Not every C library has these; sysconf answers -1 to names it does not know. */
#ifndef _SC_LEVEL3_CACHE_SIZE
#define _SC_LEVEL3_CACHE_SIZE (-1)
#define _SC_LEVEL2_CACHE_SIZE (-1)
#endif

#define CPU_CACHE_DIR "/sys/devices/system/cpu/cpu0/cache/index"
#define CPU_CACHE_INDICES 8
#define CPU_CACHE_DEFAULT_BYTES (8 * GCXI_MIB)
#define CPU_CACHE_MAX_BYTES (32 * GCXI_MIB)
#define CPU_PATH_BYTES 96
#define CPU_TEXT_BYTES 32

unsigned gcxi_cpu_count(void)
{
    unsigned long set[GCXI_CPU_SET_WORDS];
    const long bytes = syscall(SYS_sched_getaffinity, 0, sizeof set, set);
    unsigned count = 0;

    for (size_t i = 0; bytes > 0 && i < (size_t)bytes / sizeof set[0]; i++)
        count += (unsigned)__builtin_popcountl(set[i]);
    return count > 0 ? count : 1;
}

/* Reads the first bytes of a file as a string. */
static bool cpu_read_text(const char *path, char *text, size_t bytes)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return false;
    n = read(fd, text, bytes - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    return true;
}

static bool cpu_read_cache_file(unsigned index, const char *name, char *text, size_t bytes)
{
    const char digit[2] = {(char)('0' + index), '\0'};
    char path[CPU_PATH_BYTES];

    strcpy(path, CPU_CACHE_DIR);
    strcat(path, digit);
    strcat(path, "/");
    strcat(path, name);
    return cpu_read_text(path, text, bytes);
}

/* A decimal number with an optional K or M behind it. */
static size_t cpu_parse_size(const char *text)
{
    size_t value = 0;

    while (*text >= '0' && *text <= '9')
        value = value * 10 + (size_t)(*text++ - '0');
    if (*text == 'K')
        return value * GCXI_KIB;
    return *text == 'M' ? value * GCXI_MIB : value;
}

/* The largest cache that is not for instructions only; 0 if none is listed. */
static size_t cpu_cache_from_sys(void)
{
    char text[CPU_TEXT_BYTES];
    size_t largest = 0;

    for (unsigned i = 0; i < CPU_CACHE_INDICES; i++) {
        if (!cpu_read_cache_file(i, "type", text, sizeof text))
            break;
        if (text[0] == 'I')
            continue;
        if (cpu_read_cache_file(i, "size", text, sizeof text))
            largest = gcxi_max(largest, cpu_parse_size(text));
    }
    return largest;
}

static size_t cpu_sysconf_bytes(int name)
{
    const long value = sysconf(name);

    return value > 0 ? (size_t)value : 0;
}

size_t gcxi_cpu_cache_bytes(void)
{
    size_t bytes = cpu_cache_from_sys();

    if (bytes == 0)
        bytes = cpu_sysconf_bytes(_SC_LEVEL3_CACHE_SIZE);
    if (bytes == 0)
        bytes = cpu_sysconf_bytes(_SC_LEVEL2_CACHE_SIZE);
    return bytes != 0 ? gcxi_min(bytes, CPU_CACHE_MAX_BYTES) : CPU_CACHE_DEFAULT_BYTES;
}

uint64_t gcxi_cpu_memory_bytes(void)
{
    struct sysinfo machine;

    return sysinfo(&machine) == 0 ? (uint64_t)machine.totalram * machine.mem_unit : 0;
}
