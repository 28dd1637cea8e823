/*
 * cors: which pages of other hosts may use the REST interface from a browser (Fetch standard, "CORS
 * protocol"). Pure. It lets pages read answers; it must not be taken for a check of who is calling.
 */
#ifndef PONG_API_CORS_H
#define PONG_API_CORS_H

#include <stdbool.h>
#include <stddef.h>

#include "api-fcgi/request.h"
#include "api-fcgi/response.h"

enum {
    CORS_ORIGINS_MAX = 32,
    CORS_ORIGIN_SIZE = 280, /* a scheme, a host of 253 bytes, a port */
    CORS_MAX_AGE_SECONDS = 600,
};

struct cors_config {
    size_t count; /* 0: off */
    char origins[CORS_ORIGINS_MAX][CORS_ORIGIN_SIZE];
};

/*
 * Adds an origin, such as https://www.example.org:8443: scheme, host and port as browsers write them.
 * Returns 0, or -1 and a sentence in error[] for anything else ("*" and "null" are none).
 */
int cors_add(struct cors_config *config, const char *origin, char *error, size_t error_size);

/*
 * Adds what a page of the request's origin needs to read the answer, cookies included, where it may;
 * and, where CORS is on, that answers differ by origin. Any thread.
 */
void cors_apply(const struct cors_config *config, const struct request *request,
                struct response *response);

/*
 * Answers a preflight of an origin that may come: 200 with what it may send. `methods` are those of the
 * path, as in Allow. False: it is none, or nobody's who may; nothing was done. Any thread.
 */
bool cors_preflight(const struct cors_config *config, const struct request *request,
                    const char *methods, struct response *response);

#endif
