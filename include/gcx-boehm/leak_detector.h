/* leak_detector.h -- see gc/leak_detector.h.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_BOEHM_LEAK_DETECTOR_H
#define GCX_BOEHM_LEAK_DETECTOR_H

#include <gc/leak_detector.h>
#endif
