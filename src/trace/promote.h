/* promote.h -- a minor cycle that traces nothing.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_TRACE_PROMOTE_H
#define GCXI_TRACE_PROMOTE_H

/* World stopped, instead of marking: all that is young counts as reached, and is old
 * after the census. What of it is garbage stays until a full cycle. */
void gcxi_promote_all_stw(void);

#endif
