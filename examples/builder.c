/* builder.c -- a string from many pieces, without a copy for each. */
#include <gcx/builder.h>

#include <stdio.h>
#include <string.h>

static char *list(int n)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    for (int i = 0; i < n; i++) {
        if (i > 0)
            gcx_builder_write_string(&b, ", ");
        gcx_builder_printf(&b, "%d", i);
    }
    return gcx_builder_string(&b); /* NULL if memory ran out; not copied */
}

int main(void)
{
    char *text = list(20);
    if (text == NULL)
        return 1;
    printf("%s\n", text);
    return strlen(text) == 68 && strcmp(text + 62, "18, 19") == 0 ? 0 : 1;
}
