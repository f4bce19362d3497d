/* pacer_promote.h -- whether minor cycles trace: arithmetic, part of the pacer.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_PACER_PROMOTE_H
#define GCXI_GC_PACER_PROMOTE_H

#include "gc/pacer.h"

/* Whether a minor cycle traces nothing. Extra: it was not planned for what was allocated,
 * but begins a full cycle or a pass. Between: a full cycle marks. */
bool gcxi_pacer_promotes_all(const struct gcxi_pacer *pacer, bool is_extra, bool is_between);

/* Nobody who set limits himself waits for garbage that is left lying. */
bool gcxi_pacer_may_promote_all(const struct gcxi_pacer_settings *settings);

/* After a minor cycle: if it has traced, how many shall not until the next that does. */
void gcxi_pacer_note_promotion(struct gcxi_pacer *pacer, const struct gcxi_pacer_settings *settings,
                               const struct gcxi_pacer_cycle *cycle);

#endif
