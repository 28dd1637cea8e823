/*
 * query: see query.h.
 */
#include "api-fcgi/query.h"

#include <string.h>

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* Takes one byte off *text, which is before `end`. Returns it, or -1. */
static int next_byte(const char **text, const char *end)
{
    int high;
    int low;

    if (**text != '%')
        return (unsigned char)*(*text)++;
    if (end - *text < 3)
        return -1;
    high = hex_value((*text)[1]);
    low = hex_value((*text)[2]);
    *text += 3;
    return high < 0 || low < 0 || high + low == 0 ? -1 : high * 16 + low;
}

static long decode(const char *text, size_t length, char *out, size_t size)
{
    const char *end = text + length;
    size_t written = 0;

    while (text < end) {
        int byte = next_byte(&text, end);

        if (byte < 0 || written + 1 == size) {
            out[0] = '\0';
            return byte < 0 ? QUERY_BAD : QUERY_TOO_LONG;
        }
        out[written++] = (char)byte;
    }
    out[written] = '\0';
    return (long)written;
}

long query_argument(const char *query, const char *name, char *out, size_t size)
{
    size_t name_length = strlen(name);

    out[0] = '\0';
    while (*query != '\0') {
        size_t length = strcspn(query, "&");
        size_t here = strcspn(query, "=&");

        if (here < length && here == name_length && memcmp(query, name, name_length) == 0)
            return decode(query + here + 1, length - here - 1, out, size);
        query += length + (query[length] == '&');
    }
    return QUERY_ABSENT;
}
