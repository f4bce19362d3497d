/* special.h -- scanning of objects whose words are not all alike.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_TRACE_SPECIAL_H
#define GCXI_TRACE_SPECIAL_H

#include "heap/kind.h"
#include "trace/mark.h"

/* True while the calling thread is inside a trace callback of the program. */
extern __thread bool gcxi_is_tracing __attribute__((tls_model("initial-exec")));

/* Pushes what the marked object in that slot of a special block leads to.
 * Any mark worker; never drains. Hot. */
void gcxi_special_scan(struct gcxi_marker *m, const struct gcxi_block *block, uint32_t slot);

/* The same beside the program. False if the object has to wait for the stop:
 * trace functions would see writes half done, and references are dealt with
 * there all together. */
bool gcxi_special_scan_beside(struct gcxi_marker *m, const struct gcxi_block *block, uint32_t slot);

/* The same for a part of an object with a pointer bitmap. */
void gcxi_special_scan_range(struct gcxi_marker *m, uintptr_t lo, uintptr_t hi);

/* As gcxi_special_scan, for what lies in [lo, hi) of an old object of the
 * program's kinds; drains when the stack fills up. A callback sees the object
 * whole, and once for neighbouring ranges. */
void gcxi_special_show(struct gcxi_marker *m, const struct gcxi_block *block, uint32_t slot,
                       uintptr_t lo, uintptr_t hi);

/* A word that may be an address, from inside gcxi_special_scan: pushed, or with
 * the stack full its object is marked and recover will find it. */
void gcxi_special_push(struct gcxi_marker *m, uintptr_t word);

/* A word that may be an address, from elsewhere: never dropped, so it may
 * drain. */
void gcxi_special_push_root(struct gcxi_marker *m, uintptr_t word);

/* addr lies in an object with a pointer bitmap. Hot. */
GCXI_INLINE bool gcxi_special_owns(uintptr_t addr)
{
    uint8_t kind = gcxi_map.kind[gcxi_addr_unit(addr)];
    return kind >= GCXI_KINDS && kind != 0xff && gcxi_kinds[kind]->trace == NULL;
}

#endif
