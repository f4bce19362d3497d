/* strings.c -- text and other data without pointers.
 *
 * noscan memory is never searched for pointers: faster, and bytes that look
 * like an address keep nothing alive. Never put a pointer there. */
#include <gcx/gcx.h>

#include <stdio.h>
#include <string.h>

/* The pieces with a separator between them, in a fresh string. */
static char *join(char *const *pieces, size_t n, char separator)
{
    size_t bytes = 1;
    for (size_t i = 0; i < n; i++)
        bytes += strlen(pieces[i]) + 1;
    char *joined = gcx_alloc_noscan(bytes); /* not zeroed */
    if (joined == NULL)
        return NULL;
    char *at = joined;
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(pieces[i]);
        memcpy(at, pieces[i], len);
        at += len;
        *at++ = separator;
    }
    if (n > 0)
        at--;
    *at = '\0';
    return joined;
}

int main(void)
{
    /* The array holds pointers, so it is scanned; the strings are not. */
    enum { N = 1000 };
    char **pieces = gcx_calloc(N, sizeof *pieces);
    if (pieces == NULL)
        return 1;
    for (int i = 0; i < N; i++) {
        if (gcx_asprintf(&pieces[i], "%d", i) < 0)
            return 1;
    }
    gcx_collect(GCX_FULL);

    char *joined = join(pieces, N, ',');
    char *head = joined != NULL ? gcx_strndup(joined, 9) : NULL;
    char *copy = gcx_strdup("a copy");
    if (head == NULL || copy == NULL)
        return 1;

    /* Grows in place where the slot has room, and keeps its kind. */
    copy = gcx_realloc(copy, 64);
    if (copy == NULL)
        return 1;
    strcat(copy, " that grew");

    printf("%s... has %zu bytes; %s\n", head, strlen(joined), copy);
    return strcmp(head, "0,1,2,3,4") == 0 && strlen(joined) == 3889 &&
                   strcmp(copy, "a copy that grew") == 0
               ? 0
               : 1;
}
