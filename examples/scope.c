/* scope.c -- what is allocated for a request goes with it, but for what is kept. */
#include <gcx/scope.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word {
    struct word *next;
    char *text;
};

static struct word *longest_ever;

static struct word *split(const char *line)
{
    struct word *words = NULL;
    while (*(line += strspn(line, " ")) != '\0') {
        size_t bytes = strcspn(line, " ");
        struct word *word = gcx_scope_alloc(sizeof *word);
        char *text = gcx_scope_alloc_noscan(bytes + 1);
        if (word == NULL || text == NULL)
            exit(1);
        memcpy(text, line, bytes);
        text[bytes] = '\0';
        word->text = text;
        word->next = words;
        words = word;
        line += bytes;
    }
    return words;
}

static void serve(const char *line)
{
    GCX_SCOPE_AS(request, GCX_PROMISE_TRUSTED)
    {
        struct word *longest = longest_ever;
        for (struct word *word = split(line); word != NULL; word = word->next)
            if (longest == NULL || strlen(word->text) > strlen(longest->text))
                longest = word;
        if (longest == longest_ever)
            return; /* ends the scope, too */
        longest->next = NULL;
        longest_ever = gcx_escape(longest); /* stays, and its text with it */
    }
}

int main(void)
{
    for (int i = 0; i < 100000; i++)
        serve(i % 1000 != 0 ? "a line of words" : "now and then one with much longer words");

    /* Where the macro does not suit. Nothing is promised: the word may leave. */
    struct gcx_scope scope;
    if (gcx_scope_begin(&scope, GCX_PROMISE_QUARANTINED) != 0)
        return 1;
    const struct word *last = split("the end");
    gcx_scope_end(&scope);

    /* Made to last: minor cycles need not look at it as something new. */
    char *table = gcx_alloc_hint(4096, GCX_HINT_LONG_LIVED | GCX_HINT_NOSCAN);
    printf("%s, %s\n", longest_ever->text, last->text);
    return table != NULL && strcmp(longest_ever->text, "longer") == 0 &&
                   strcmp(last->text, "end") == 0 &&
                   gcx_set_promise(GCX_PROMISE_DEFAULT) == GCX_PROMISE_QUARANTINED
               ? 0
               : 1;
}
