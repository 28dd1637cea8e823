/*
 * response: one HTTP answer put together in bounded memory: status, headers, a body (JSON, but for
 * /metrics), cookies. Pure. A header's value that could end its line is refused here, so that no caller can let one
 * through.
 */
#ifndef PONG_API_RESPONSE_H
#define PONG_API_RESPONSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes. A body holds the largest IPC reply; an answer has two cookies and a few short headers. */
enum {
    RESPONSE_BODY_MAX = 65536 + 1024,
    RESPONSE_HEADERS_MAX = 2048,
    RESPONSE_HEAD_MAX = RESPONSE_HEADERS_MAX + 256,
    SEAT_COOKIE_SECONDS = 86400,
};

struct response {
    int status;
    const char *content_type;
    char *text; /* a body with memory of its own, in the place of body[]; mostly NULL */
    size_t headers_length;
    size_t body_length;
    char headers[RESPONSE_HEADERS_MAX];
    char body[RESPONSE_BODY_MAX];
};

/* An answer without a body or headers yet. */
void response_init(struct response *response);

/* Adds a header. Returns 0, or -1 when the name is no token, the value has a control character, or
 * there is no room. */
int response_header(struct response *response, const char *name, const char *value);

struct seat_cookie {
    int seat;           /* 1 or 2 */
    const char *token;  /* a seat token */
    const char *path;   /* e.g. "/api/room/" */
    const char *domain; /* "" for the host alone */
    bool is_secure;     /* came in over TLS */
};

/* Adds a Set-Cookie; returns as response_header, and -1 for a token, path or domain that would
 * change the cookie's meaning. */
int response_seat_cookie(struct response *response, const struct seat_cookie *cookie);

/* Sets status and body. One that is NULL or too large becomes a 500 that says so. */
void response_json(struct response *response, int status, const json_t *body);

/* Adds a field to a body that response_json() has made of an object with fields: `json` is JSON text,
 * and is not looked at. A body that gets too large becomes a 500 that says so. */
void response_json_add(struct response *response, const char *field, const char *json);

/* Sets status and the body {"success": false, "error": sentence, "code": code}. */
void response_error(struct response *response, int status, const char *code, const char *sentence);

/* Sets status and a body that is no JSON: `text` of `length` bytes, allocated, which the response
 * takes over. `content_type` is a constant. */
void response_text(struct response *response, int status, const char *content_type, char *text,
                   size_t length);

/* The body; its length is body_length. */
const char *response_body(const struct response *response);

/* Frees what a response holds, once it was written. */
void response_free(struct response *response);

/* Writes the CGI header block, the empty line included. Returns its length; out has
 * RESPONSE_HEAD_MAX bytes. */
size_t response_write_head(const struct response *response, char out[RESPONSE_HEAD_MAX]);

#endif
