/* corpus.c -- runs the case that is named, and ends as programs do.
 *
 * Usage: leak_corpus CASE [PLUGIN]
 *
 * SPDX-License-Identifier: MIT */
#include "corpus.h"

#include <stdio.h>

const char *corpus_plugin;

/* Returned frames still hold addresses: nothing may find them later. */
CASE void corpus_clear_stack(void)
{
    volatile char unused[64 * 1024];
    memset((char *)unused, 0, sizeof unused);
    use((char *)unused);
}

static void run(const struct corpus_case *all, const char *name)
{
    for (const struct corpus_case *c = all; c->name != NULL; c++) {
        if (strcmp(c->name, name) != 0)
            continue;
        c->run();
        corpus_clear_stack();
        exit(0);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    corpus_plugin = argc > 2 ? argv[2] : "";
    run(corpus_lost, argv[1]);
    run(corpus_kept, argv[1]);
    fprintf(stderr, "no case %s\n", argv[1]);
    return 2;
}
