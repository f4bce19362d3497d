/* gc_config_macros.h -- for sources that include it: all is in gc.h.
 *
 * SPDX-License-Identifier: MIT */
#include <gc/gc.h>
