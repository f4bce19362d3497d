/* scopes.h -- what a thread knows of its open scopes; see scope.c.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_SCOPES_H
#define GCXI_GC_SCOPES_H

#include "base/base.h"

struct gcx_stack;

/* An array that grows, in memory that is no root. */
struct gcxi_scope_array {
    void *items;
    uint32_t count;
    uint32_t max;
};

/* An open scope. */
struct gcxi_scope {
    uint64_t serial;         /* never used again in the process */
    uintptr_t frame;         /* an address in the frame that it belongs to */
    struct gcx_stack *stack; /* that it was begun on */
    uint64_t voids;          /* of the thread, when it began */
    uint64_t alarm;          /* gcxi_scoped_alarm, when it began */
    uint32_t places_first;   /* where lanes stood: places[places_first ...] */
    uint32_t pins_first;
    uint8_t promise; /* enum gcx_promise, the effective one */
    bool is_over;    /* ended out of order */
    const char *site;
};

/* Where a lane stood. */
struct gcxi_scope_place {
    uint32_t unit; /* of its block */
    uint32_t slot;
    uint8_t part; /* of gcxi_local.chained */
    uint8_t class_index;
};

struct gcxi_scopes {
    struct gcxi_scope_array open;   /* of struct gcxi_scope, the innermost last */
    struct gcxi_scope_array places; /* of struct gcxi_scope_place, by scope */
    struct gcxi_scope_array pins;   /* of uintptr_t: objects that leave, by scope */
    uint64_t voids; /* moves when no open scope may be set back; the collector, too */
    uint64_t serial;
    uint32_t promising; /* open ones that are not quarantined */
    uint32_t verified;  /* of those, verified */
};

/* Gives the memory back; counts open verified scopes off. */
void gcxi_scopes_fini(struct gcxi_scopes *scopes);

#endif
