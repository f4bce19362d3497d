/* pacer_promote.h -- whether minor cycles trace: arithmetic, part of the pacer.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_PACER_PROMOTE_H
#define GCXI_GC_PACER_PROMOTE_H

#include "gc/pacer.h"

/* After a minor cycle that has traced: plans those until the next that does. */
void gcxi_pacer_weigh_promotion(struct gcxi_pacer *pacer,
                                const struct gcxi_pacer_settings *settings,
                                const struct gcxi_pacer_cycle *cycle);

/* After one that has promoted all. */
void gcxi_pacer_count_promotion(struct gcxi_pacer *pacer, const struct gcxi_pacer_cycle *cycle);

#endif
