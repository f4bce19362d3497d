/* verify.h -- walks the whole heap and checks the invariants.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_VERIFY_H
#define GCXI_GC_VERIFY_H

#include "base/base.h"

/* World stopped. Does nothing unless GCX_CHECK=1 or in checked builds; panics
 * with the invariant's number when one is broken. when: for the message. */
void gcxi_verify_stw(const char *when);

#endif
