/*
 * Looks for "key": and reads what follows.
 */
#include "bench/load/scan.h"

#include <string.h>

const char *scan_find(const char *text, size_t length, const char *key)
{
    const char *end = text + length;
    const size_t size = strlen(key);
    for (const char *at = text; at < end; at++) {
        at = memmem(at, (size_t)(end - at), key, size);
        if (!at)
            return NULL;
        const char *after = at + size;
        if (at == text || at[-1] != '"' || after >= end || *after != '"')
            continue;
        for (after++; after < end && *after == ' ';)
            after++;
        if (after >= end || *after != ':')
            continue;
        for (after++; after < end && *after == ' ';)
            after++;
        return after < end ? after : NULL;
    }
    return NULL;
}

bool scan_number(const char *text, size_t length, const char *key, double *number)
{
    const char *end = text + length;
    const char *at = scan_find(text, length, key);
    if (!at)
        return false;
    const bool is_negative = *at == '-';
    at += is_negative;
    double value = 0;
    double unit = 0;
    const char *first = at;
    for (; at < end && ((*at >= '0' && *at <= '9') || (*at == '.' && unit == 0)); at++) {
        if (*at == '.') {
            unit = 1;
            continue;
        }
        value = value * 10 + (*at - '0');
        unit *= 10;
    }
    if (at == first)
        return false;
    if (unit > 1)
        value /= unit;
    *number = is_negative ? -value : value;
    return true;
}

bool scan_string(const char *text, size_t length, const char *key, char *out, size_t size)
{
    const char *at = scan_find(text, length, key);
    if (!at || *at != '"')
        return false;
    at++;
    const size_t left = length - (size_t)(at - text);
    const char *end = memchr(at, '"', left);
    const size_t width = end ? (size_t)(end - at) : size;
    if (width >= size || memchr(at, '\\', width))
        return false;
    memcpy(out, at, width);
    out[width] = '\0';
    return true;
}

bool scan_is_true(const char *text, size_t length, const char *key)
{
    const char *at = scan_find(text, length, key);
    return at && (size_t)(text + length - at) >= 4 && memcmp(at, "true", 4) == 0;
}
