/* cmocka_all.h -- cmocka with the headers that it needs before it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_CMOCKA_ALL_H
#define GCX_TESTS_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
