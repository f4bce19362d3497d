/* boehm_env.h -- the GC_* environment variables of the Boehm interface.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_COMPAT_BOEHM_ENV_H
#define GCXI_COMPAT_BOEHM_ENV_H

#include "gcx/gcx.h"

/* Those that decide how the library starts, and those that need it started.
 * Nonsense is warned of and ignored. */
void gcxi_boehm_env_before(struct gcx_options *options);
void gcxi_boehm_env_after(void);

/* For the next start: 0 leaves it to the library. */
void gcxi_boehm_env_set_markers(unsigned count);

/* Of boehm_control.c: from now on a line in the log for each cycle. */
void gcxi_boehm_log_cycles(void);

#endif
