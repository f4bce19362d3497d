/* server_text.h -- a text that grows. Running out of memory shows at the end.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_SERVER_TEXT_H
#define GCXI_DIAG_TELEMETRY_SERVER_TEXT_H

#include "base/base.h"

/* All zero is an empty one. */
struct gcxi_text {
    char *bytes; /* by malloc; length of them */
    size_t length;
    size_t capacity;
    bool has_failed;
};

void gcxi_text_free(struct gcxi_text *text); /* and makes it empty */
void gcxi_text_put(struct gcxi_text *text, const void *bytes, size_t count);
void gcxi_text_add(struct gcxi_text *text, const char *string);
void gcxi_text_format(struct gcxi_text *text, const char *format, ...) GCXI_PRINTF(2, 3);

/* value / 10^digits, exactly, without zeros at the end, and with a point whatever
 * the program's locale. */
void gcxi_text_decimal(struct gcxi_text *text, uint64_t value, unsigned digits);

/* As a JSON string in its quotes; what is no UTF-8 becomes '?'. */
void gcxi_text_json(struct gcxi_text *text, const char *string);

#endif
