/*
 * request: one HTTP request as FastCGI hands it over: parameters and a body, read through two
 * function pointers so that this is pure and tested without libfcgi. Must not know rooms.
 */
#ifndef PONG_API_REQUEST_H
#define PONG_API_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/random.h"
#include "common/seat_cookies.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_OPTIONS,
    HTTP_OTHER_METHOD
};

/* Bytes of a body. */
enum {
    REQUEST_BODY_MAX = 4096
};

enum request_error {
    REQUEST_OK = 0,
    REQUEST_BAD_LENGTH = -1,     /* CONTENT_LENGTH is no number, or the body is shorter */
    REQUEST_TOO_LARGE = -2,      /* over REQUEST_BODY_MAX */
    REQUEST_BAD_MEDIA_TYPE = -3, /* a body that says it is not JSON */
    REQUEST_BAD_JSON = -4,       /* not exactly one JSON object */
};

/* Where a request comes from. */
struct request_source {
    /* The parameter's value, or NULL. It stays valid as long as the request is worked on. */
    const char *(*param)(void *arg, const char *name);
    /* Reads up to `size` bytes of the body; returns how many, fewer only at its end. */
    size_t (*read)(void *arg, char *out, size_t size);
    void *arg;
};

/* What the headers say. Strings are the source's, never NULL. */
struct request {
    const struct request_source *source;
    enum http_method method;
    const char *path; /* decoded, without the query */
    bool is_tls;
    const char *bearer; /* what follows "Authorization: Bearer", "" without it */
    bool has_bearer;
    char seat_cookies[SEAT_COOKIES][SEAT_TOKEN_SIZE]; /* see seat_cookies_read */
};

/* Reads the parameters; the source must outlive the request. Any thread. */
void request_init(struct request *request, const struct request_source *source);

/* The value of a parameter, "" without one. */
const char *request_param(const struct request *request, const char *name);

/*
 * Reads the body as JSON; an empty one is an empty object. Returns 0 and an object that the caller
 * owns, or a negative enum request_error. Call once a request.
 */
int request_read_json(const struct request *request, json_t **object);

#endif
