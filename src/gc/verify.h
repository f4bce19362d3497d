/* verify.h -- walks the whole heap and checks the invariants.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_VERIFY_H
#define GCXI_GC_VERIFY_H

#include "base/base.h"

/* World stopped. Does nothing unless GCX_CHECK=1 or in checked builds; panics
 * with the invariant's number when one is broken. when: for the message. */
void gcxi_verify_stw(const char *when);

/* In checked builds, when all is marked and nothing swept yet: what is kept leads to
 * nothing that is not. Of a heap of some MiB; of any in the second stop of a full
 * cycle that marked beside the program. */
void gcxi_verify_marked_stw(bool is_second_stop);

/* Around a minor cycle between the stops of such a cycle, the marker halted: no
 * slot is marked for it meanwhile. */
void gcxi_verify_between_begin_stw(void);
void gcxi_verify_between_end_stw(void);

#endif
