/*
 * cookie: see cookie.h.
 */
#include "common/cookie.h"

#include <string.h>

/* Reads `length` bytes between two semicolons. */
static bool read_pair(const char *text, size_t length, struct cookie *cookie)
{
    const char *end = text + length;
    const char *equals;

    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    equals = end > text ? memchr(text, '=', (size_t)(end - text)) : NULL;
    if (equals == NULL)
        return false;
    *cookie = (struct cookie){.name = text,
                              .name_length = (size_t)(equals - text),
                              .value = equals + 1,
                              .value_length = (size_t)(end - equals - 1)};
    return true;
}

bool cookie_next(const char **header, struct cookie *cookie)
{
    while (**header != '\0') {
        const char *text = *header;
        size_t length = strcspn(text, ";");

        *header += length + (text[length] == ';');
        if (read_pair(text, length, cookie))
            return true;
    }
    return false;
}

size_t cookie_find(const char *header, const char *name, char *out, size_t size)
{
    struct cookie cookie;

    out[0] = '\0';
    while (cookie_next(&header, &cookie)) {
        if (cookie.name_length != strlen(name) ||
            memcmp(cookie.name, name, cookie.name_length) != 0)
            continue;
        if (cookie.value_length < size) {
            memcpy(out, cookie.value, cookie.value_length);
            out[cookie.value_length] = '\0';
        }
        return cookie.value_length;
    }
    return 0;
}
