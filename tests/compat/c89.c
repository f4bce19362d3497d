/* The headers in a C89 program: they compile, and the calls do what they do.
 *
 * SPDX-License-Identifier: MIT */
#define GC_THREADS
#include <gc.h>
#include <gc/gc_gcj.h>
#include <gc/gc_inline.h>
#include <gc/gc_mark.h>
#include <gc/gc_typed.h>
#include <gc/gc_version.h>
#include <gc/javaxfc.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    char *text;
    int *number;
    GC_INIT();
    text = GC_STRDUP("kept");
    number = GC_NEW_ATOMIC(int);
    *number = 5;
    GC_gcollect();
    printf("%s %d %d\n", text, *number, (int)GC_size(number) >= (int)sizeof *number);
    return 0;
}
