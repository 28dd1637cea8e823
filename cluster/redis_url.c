/*
 * redis_url: see redis_url.h.
 */
#include "cluster/redis_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DB_MAX = 65535
};

static int refuse(char *error, size_t error_size, const char *why)
{
    snprintf(error, error_size, "%s", why);
    return -1;
}

static int hex_value(char digit)
{
    const char *digits = "0123456789abcdef";
    const char *place = digit == '\0' ? NULL : strchr(digits, digit | 0x20);

    return place ? (int)(place - digits) : -1;
}

/* Decodes %XX. 0, or -1: too long, NUL or no hexadecimal digits. */
static int decode(const char *text, size_t length, char *out, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        int byte = (unsigned char)text[i];

        if (byte == '%') {
            int high = i + 2 < length ? hex_value(text[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_value(text[i + 2]);

            if (low < 0)
                return -1;
            byte = 16 * high + low;
            i += 2;
        }
        if (byte == 0 || used + 1 >= size)
            return -1;
        out[used++] = (char)byte;
    }
    out[used] = '\0';
    return 0;
}

/* USER:PASSWORD of `length` bytes. */
static int read_secrets(const char *text, size_t length, struct redis_url *url)
{
    const char *colon = memchr(text, ':', length);

    if (!colon)
        return -1;
    if (decode(text, (size_t)(colon - text), url->user, sizeof url->user) < 0)
        return -1;
    if (decode(colon + 1, length - (size_t)(colon + 1 - text), url->password,
               sizeof url->password) < 0)
        return -1;
    return url->password[0] == '\0' ? -1 : 0;
}

/* Digits alone; -1: it is no number, or over `max`. */
static long read_number(const char *text, size_t length, long max)
{
    long number = 0;

    if (length == 0 || length > 9)
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        number = 10 * number + (text[i] - '0');
    }
    return number > max ? -1 : number;
}

/* HOST[:PORT] of `length` bytes. */
static int read_host(const char *text, size_t length, struct redis_url *url)
{
    bool has_brackets = length > 0 && text[0] == '[';
    const char *host = has_brackets ? text + 1 : text;
    const char *end = text + length;
    const char *host_end = memchr(host, has_brackets ? ']' : ':', (size_t)(end - host));
    const char *port = host_end;

    if (has_brackets) {
        if (!host_end)
            return -1;
        port = host_end + 1 < end ? host_end + 1 : NULL;
    } else if (!host_end) {
        host_end = end;
    }
    if (host_end == host || (size_t)(host_end - host) >= sizeof url->host)
        return -1;
    for (const char *c = host; c < host_end; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return -1;
    }
    memcpy(url->host, host, (size_t)(host_end - host));
    url->host[host_end - host] = '\0';
    if (!port) {
        snprintf(url->port, sizeof url->port, "6379");
        return 0;
    }
    if (*port != ':' || read_number(port + 1, (size_t)(end - port - 1), 65535) < 1 ||
        (size_t)(end - port) > sizeof url->port)
        return -1;
    memcpy(url->port, port + 1, (size_t)(end - port - 1));
    return 0;
}

static int read_inet(const char *place, struct redis_url *url, char *error, size_t error_size)
{
    const char *slash = strchr(place, '/');
    size_t length = slash ? (size_t)(slash - place) : strlen(place);

    if (read_host(place, length, url) < 0)
        return refuse(error, error_size,
                      "the URL of Redis has no HOST, or no PORT that is a number");
    if (slash && slash[1] != '\0') {
        long db = read_number(slash + 1, strlen(slash + 1), DB_MAX);

        if (db < 0)
            return refuse(error, error_size,
                          "in the URL of Redis only the number of a database "
                          "may follow the host");
        url->db = (int)db;
    }
    return 0;
}

static int read_unix(const char *place, struct redis_url *url, char *error, size_t error_size)
{
    const char *query = strchr(place, '?');
    size_t length = query ? (size_t)(query - place) : strlen(place);

    if (length < 2 || place[0] != '/' || length >= sizeof url->path)
        return refuse(error, error_size,
                      "the URL of Redis names no unix socket, or one whose path is too long");
    memcpy(url->path, place, length);
    url->path[length] = '\0';
    if (query) {
        long db =
            strncmp(query, "?db=", 4) == 0 ? read_number(query + 4, strlen(query + 4), DB_MAX) : -1;

        if (db < 0)
            return refuse(error, error_size,
                          "in the URL of Redis only ?db=NUMBER may follow the path");
        url->db = (int)db;
    }
    return 0;
}

int redis_url_read(const char *text, struct redis_url *url, char *error, size_t error_size)
{
    bool is_unix = strncmp(text, "unix://", 7) == 0;
    const char *place;
    const char *at;

    memset(url, 0, sizeof *url);
    url->has_tls = strncmp(text, "rediss://", 9) == 0;
    if (!is_unix && !url->has_tls && strncmp(text, "redis://", 8) != 0)
        return refuse(error, error_size,
                      "the URL of Redis must begin redis://, rediss:// or unix://");
    place = strstr(text, "://") + 3;
    at = strrchr(place, '@'); /* a password may hold one that is not encoded */
    if (at) {
        if (read_secrets(place, (size_t)(at - place), url) < 0)
            return refuse(error, error_size,
                          "what stands before @ in the URL of Redis is not "
                          "USER:PASSWORD (USER may be empty)");
        place = at + 1;
    }
    return is_unix ? read_unix(place, url, error, error_size)
                   : read_inet(place, url, error, error_size);
}
