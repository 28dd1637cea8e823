/*
 * query: one argument of a request's query string, decoded (RFC 3986, 2.1). Pure. Must not know what an
 * argument means.
 */
#ifndef PONG_API_QUERY_H
#define PONG_API_QUERY_H

#include <stddef.h>

enum query_error {
    QUERY_ABSENT = -1,  /* no argument has that name */
    QUERY_BAD = -2,     /* a percent sign that begins no byte, or begins a NUL */
    QUERY_TOO_LONG = -3 /* does not fit */
};

/*
 * Finds the first argument called `name` in `query` (what follows the question mark) and decodes its
 * value into `out`, ended by NUL. Names are compared as they are written; without a '=' they have no
 * value and are passed over. Returns the value's length, or a negative enum query_error; out[] is ""
 * then. A '+' stays one: tokens have no blanks. Any thread.
 */
long query_argument(const char *query, const char *name, char *out, size_t size);

#endif
