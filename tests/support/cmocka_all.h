/* cmocka_all.h -- cmocka with the headers that it needs before it.
 *
 * cmocka installs a handler for SIGSEGV before every test. It would replace
 * that of the collector, which finds written pages by faults where the kernel
 * has nothing better (GCX_DIRTY=mprotect). The signal() below, which cmocka
 * calls, leaves these two signals alone: a crash then ends the program.
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
    if (number == SIGSEGV || number == SIGBUS) {
        return SIG_DFL;
    }
    return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

#endif
