/* server_page.h -- the files of page/.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_TELEMETRY_SERVER_PAGE_H
#define GCXI_DIAG_TELEMETRY_SERVER_PAGE_H

#include <stddef.h>

extern const unsigned char gcxi_page_html[], gcxi_page_css[], gcxi_page_js[];
extern const size_t gcxi_page_html_bytes, gcxi_page_css_bytes, gcxi_page_js_bytes;

#endif
