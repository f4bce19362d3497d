/* cmocka_all.h -- cmocka with the headers that it needs before it.
 *
 * cmocka installs a handler for SIGSEGV before every test, by signal(). In the
 * shared library that leads to ours, which keeps the collector's handler first.
 * A program with the static library has its own calls wrapped, but not those of
 * libcmocka.so: the signal() below makes them its own.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TESTS_CMOCKA_ALL_H
#define GCX_TESTS_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <signal.h>
#include <string.h>

#include <cmocka.h>

void (*signal(int number, void (*handler)(int)))(int)
{
    struct sigaction action;
    struct sigaction old;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

#endif
