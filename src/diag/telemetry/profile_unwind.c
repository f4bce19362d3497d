/* profile_unwind.c -- by libunwind as for another process, whose stack is the
 * sample's copy and whose code is our own.
 *
 * What the copy does not hold is read by a system call, for a damaged or cut
 * stack may lead anywhere. A piece at once, which is kept for the rest of the
 * sample: libunwind reads the tables of code byte by byte, and one call for each
 * made a sample cost 290 microseconds, so 3 % of what is profiled.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/profile_unwind.h"

#include <libunwind.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PIECES = 8, PIECE_BYTES = 4096 }; /* no page is smaller */

struct piece {
    uintptr_t addr; /* 0: none */
    char bytes[PIECE_BYTES];
};

struct gcxi_unwinder {
    unw_addr_space_t space;
    const struct gcxi_thread_sample *sample;
    struct piece pieces[PIECES]; /* by address, one for all that share a place */
};

static int find_code(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *info, int is_needed,
                     void *arg)
{
    (void)space;
    return unw_get_accessors(unw_local_addr_space)
        ->find_proc_info(unw_local_addr_space, ip, info, is_needed, arg);
}

static void drop_code(unw_addr_space_t space, unw_proc_info_t *info, void *arg)
{
    (void)space;
    unw_get_accessors(unw_local_addr_space)->put_unwind_info(unw_local_addr_space, info, arg);
}

static int no_list(unw_addr_space_t space, unw_word_t *list, void *arg)
{
    (void)space, (void)list, (void)arg;
    return -UNW_ENOINFO;
}

static bool read_memory(void *to, uintptr_t addr, size_t bytes)
{
    struct iovec here = {to, bytes};
    struct iovec there = {(void *)addr, bytes}; /* NOLINT: an address */
    return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)bytes;
}

static bool read_elsewhere(struct gcxi_unwinder *unwinder, uintptr_t addr, unw_word_t *value)
{
    uintptr_t offset = addr % PIECE_BYTES;
    struct piece *piece = &unwinder->pieces[addr / PIECE_BYTES % PIECES];
    if (offset > PIECE_BYTES - sizeof *value)
        return read_memory(value, addr, sizeof *value);
    if (piece->addr != addr - offset) {
        piece->addr = 0;
        if (!read_memory(piece->bytes, addr - offset, PIECE_BYTES))
            return false;
        piece->addr = addr - offset;
    }
    memcpy(value, piece->bytes + offset, sizeof *value);
    return true;
}

static void forget_pieces(struct gcxi_unwinder *unwinder)
{
    for (size_t i = 0; i < PIECES; i++)
        unwinder->pieces[i].addr = 0;
}

static int read_word(unw_addr_space_t space, unw_word_t addr, unw_word_t *value, int is_write,
                     void *arg)
{
    struct gcxi_unwinder *unwinder = arg;
    const struct gcxi_thread_sample *sample = unwinder->sample;
    uintptr_t offset = (uintptr_t)addr - sample->registers[gcxi_register_sp];
    (void)space;
    if (is_write)
        return -UNW_EINVAL;
    if (offset < sample->stack_bytes && sample->stack_bytes - offset >= sizeof *value) {
        memcpy(value, sample->stack + offset, sizeof *value);
        return 0;
    }
    return read_elsewhere(unwinder, (uintptr_t)addr, value) ? 0 : -UNW_EINVAL;
}

static int read_register(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value,
                         int is_write, void *arg)
{
    const struct gcxi_thread_sample *sample = ((struct gcxi_unwinder *)arg)->sample;
    (void)space;
    if (is_write || number < 0 || (unsigned)number >= GCXI_REGISTERS)
        return -UNW_EBADREG;
    *value = sample->registers[number];
    return 0;
}

static int no_float(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int is_write,
                    void *arg)
{
    (void)space, (void)number, (void)value, (void)is_write, (void)arg;
    return -UNW_EBADREG;
}

static int no_resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg)
{
    (void)space, (void)cursor, (void)arg;
    return -UNW_EINVAL;
}

static int no_name(unw_addr_space_t space, unw_word_t addr, char *name, size_t bytes,
                   unw_word_t *offset, void *arg)
{
    (void)space, (void)addr, (void)name, (void)bytes, (void)offset, (void)arg;
    return -UNW_ENOINFO;
}

struct gcxi_unwinder *gcxi_unwinder_create(void)
{
    unw_accessors_t accessors = {.find_proc_info = find_code,
                                 .put_unwind_info = drop_code,
                                 .get_dyn_info_list_addr = no_list,
                                 .access_mem = read_word,
                                 .access_reg = read_register,
                                 .access_fpreg = no_float,
                                 .resume = no_resume,
                                 .get_proc_name = no_name};
    struct gcxi_unwinder *unwinder = calloc(1, sizeof *unwinder);
    if (unwinder == NULL)
        return NULL;
    unwinder->space = unw_create_addr_space(&accessors, 0);
    if (unwinder->space == NULL) {
        free(unwinder);
        return NULL;
    }
    unw_set_caching_policy(unwinder->space, UNW_CACHE_GLOBAL);
    return unwinder;
}

void gcxi_unwinder_destroy(struct gcxi_unwinder *unwinder)
{
    if (unwinder == NULL)
        return;
    unw_destroy_addr_space(unwinder->space);
    free(unwinder);
}

unsigned gcxi_unwinder_walk(struct gcxi_unwinder *unwinder, const struct gcxi_thread_sample *sample,
                            uintptr_t pcs[GCXI_PROFILE_DEPTH])
{
    unw_cursor_t cursor;
    unsigned depth = 0;
    unwinder->sample = sample;
    forget_pieces(unwinder);
    if (unw_init_remote(&cursor, unwinder->space, unwinder) != 0)
        return 0;
    do {
        unw_word_t ip;
        if (unw_get_reg(&cursor, UNW_REG_IP, &ip) != 0 || ip == 0)
            break;
        pcs[depth++] = (uintptr_t)ip;
    } while (depth < GCXI_PROFILE_DEPTH && unw_step(&cursor) > 0);
    return depth;
}
