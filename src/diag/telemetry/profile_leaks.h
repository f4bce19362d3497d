/* profile_leaks.h -- the threads that wait for what cannot come.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_PROFILE_LEAKS_H
#define GCXI_DIAG_TELEMETRY_PROFILE_LEAKS_H

#include "base/base.h"
#include "diag/telemetry/profile_stack.h"
#include "diag/telemetry/profile_tally.h"

#define GCXI_LEAK_OBJECTS 8u /* that are told of */

struct gcxi_leaked_thread {
    int tid; /* 0: a suspended stack */
    char name[16];
    size_t object_count;
    uintptr_t objects[GCXI_LEAK_OBJECTS]; /* complemented: for people, and no reference */
    unsigned depth;
    uintptr_t pcs[GCXI_PROFILE_DEPTH]; /* the first of an instruction, then return addresses */
};

/* Mapped; all zero is an empty one. */
struct gcxi_leaked_threads {
    struct gcxi_leaked_thread *list;
    size_t count, capacity;
    bool has_failed;
};

/* Searches (gcx/wait.h); not in a blocking section. 0, or an error number. To be
 * freed in any case. */
int gcxi_leaked_find(struct gcxi_leaked_threads *leaked);

/* Then, in one: asks them for their stacks, and keeps what gcxi_leaked_find has
 * learnt of those that do not answer. */
void gcxi_leaked_ask(struct gcxi_leaked_threads *leaked);

/* How many there are of each stack. */
void gcxi_leaked_tally(const struct gcxi_leaked_threads *leaked, struct gcxi_tally *tally);

void gcxi_leaked_free(struct gcxi_leaked_threads *leaked);

#endif
